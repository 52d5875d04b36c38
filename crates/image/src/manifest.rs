//! Manifests and indexes: OCI image-spec 1.1 and Docker's image manifest version 2, schema 2.

use std::collections::BTreeMap;

use fargard_model::foreign::shown;
use serde::{Deserialize, Serialize, de::IgnoredAny};

use self::media_type::{DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};
use crate::{Digest, ImageError, Platform, json};

/// Media types of manifests, indexes and layers.
pub mod media_type {
    /// OCI manifest.
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// OCI index.
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// Docker manifest, schema 2.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker manifest list.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// A layer that is not packed.
    pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

    /// Whether layers of that type are kept elsewhere by their maker's wish and may not be distributed.
    #[must_use]
    pub fn is_foreign(media_type: &str) -> bool {
        media_type.starts_with("application/vnd.docker.image.rootfs.foreign.")
            || media_type.starts_with("application/vnd.oci.image.layer.nondistributable.")
    }
}

/// A pointer to content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    #[serde(default)]
    pub media_type: String,
    /// Of the bytes as they are stored.
    pub digest: Digest,
    /// Bytes as they are stored.
    pub size: u64,
    /// What it is for; in indexes only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Names and remarks.
    #[serde(default, deserialize_with = "json::or_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Where foreign layers are.
    #[serde(default, deserialize_with = "json::or_default", skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
}

/// An image for one platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// As it names itself; may be empty.
    #[serde(default)]
    pub media_type: String,
    /// The configuration.
    pub config: Descriptor,
    /// The layers, the lowest first.
    #[serde(default, deserialize_with = "json::or_default")]
    pub layers: Vec<Descriptor>,
}

/// Images by platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// As it names itself; may be empty.
    #[serde(default)]
    pub media_type: String,
    /// Manifests, or indexes again.
    #[serde(default, deserialize_with = "json::or_default")]
    pub manifests: Vec<Descriptor>,
}

/// One of the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// An image for one platform.
    Manifest(Manifest),
    /// Images by platform.
    Index(Index),
}

/// What tells documents apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    schema_version: Option<u64>,
    media_type: Option<String>,
    manifests: Option<IgnoredAny>,
    config: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
}

impl Document {
    /// Reads a manifest or an index. A document that could be taken for both, or that is not what it or `said` (the
    /// descriptor's media type, or the answer's) names it, is refused: tools would differ in what they see in it.
    ///
    /// # Errors
    /// That, or it is malformed, or of Docker's schema 1.
    pub fn parse(what: &str, said: &str, bytes: &[u8]) -> Result<Self, ImageError> {
        let shape: Shape = json::parse(what, bytes)?;
        if shape.schema_version == Some(1) || said.contains("distribution.manifest.v1") {
            return Err(ImageError::Unsupported {
                what: what.to_owned(),
                found: "a manifest of schema 1".to_owned(),
                instead: "push the image again with a current tool",
            });
        }
        let own = shape.media_type.unwrap_or_default();
        let named = |types: [&str; 2]| [own.as_str(), said].iter().any(|name| types.contains(name));
        let says_index = named([OCI_INDEX, DOCKER_LIST]);
        let says_manifest = named([OCI_MANIFEST, DOCKER_MANIFEST]);
        let looks_index = shape.manifests.is_some();
        let looks_manifest = shape.config.is_some() || shape.layers.is_some();
        if (says_index || looks_index) && (says_manifest || looks_manifest) {
            return Err(ImageError::malformed(what, "it could be taken for an index and for a manifest"));
        }
        if looks_index {
            json::parse(what, bytes).map(Self::Index)
        } else if looks_manifest {
            json::parse(what, bytes).map(Self::Manifest)
        } else {
            Err(ImageError::malformed(what, "it is neither a manifest nor an index of images"))
        }
    }
}

impl Index {
    /// The image for a platform: the first that serves it, the one with the same variant before others. Manifests of
    /// attestations are no images. One image without a platform is taken for whatever its configuration says.
    pub(crate) fn choose(&self, wanted: &Platform) -> Result<&Descriptor, ImageError> {
        let images = || {
            self.manifests.iter().filter(|manifest| {
                !manifest.annotations.contains_key("vnd.docker.reference.type")
                    && !manifest.platform.as_ref().is_some_and(Platform::is_unknown)
            })
        };
        let serving =
            || images().filter(|image| image.platform.as_ref().is_some_and(|has| has.serves(wanted)));
        let exact = serving().find(|image| image.platform.as_ref() == Some(wanted));
        if let Some(found) = exact.or_else(|| serving().next()) {
            return Ok(found);
        }
        let mut all = images();
        match (all.next(), all.next()) {
            (Some(only), None) if only.platform.is_none() => Ok(only),
            _ => Err(ImageError::Platform { wanted: wanted.clone(), available: self.platforms() }),
        }
    }

    fn platforms(&self) -> String {
        let mut names: Vec<_> = self
            .manifests
            .iter()
            .filter_map(|manifest| manifest.platform.as_ref())
            .filter(|platform| !platform.is_unknown())
            .take(32)
            .map(|platform| shown(platform.to_string().as_bytes(), 64))
            .collect();
        names.dedup();
        if names.is_empty() { "none that is named".to_owned() } else { names.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::{Document, Index, Platform, media_type::OCI_INDEX};

    fn parse(said: &str, text: &str) -> Result<Document, String> {
        Document::parse("the manifest", said, text.as_bytes()).map_err(|error| error.to_string())
    }

    fn index(platforms: &[&str]) -> Index {
        let manifests: Vec<_> = platforms
            .iter()
            .enumerate()
            .map(|(number, platform)| {
                let platform = match platform.parse::<Platform>() {
                    Ok(platform) => format!(r#","platform":{}"#, serde_json::to_string(&platform).unwrap()),
                    Err(_) => String::new(),
                };
                format!(r#"{{"mediaType":"x","digest":"sha256:{number:064}","size":1{platform}}}"#)
            })
            .collect();
        serde_json::from_str(&format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, manifests.join(",")))
            .unwrap()
    }

    fn chosen(platforms: &[&str], wanted: &str) -> Result<usize, String> {
        let index = index(platforms);
        let chosen = index.choose(&wanted.parse().unwrap()).map_err(|error| error.to_string())?;
        Ok(chosen.digest.hex().parse().unwrap())
    }

    #[test]
    fn what_is_two_things_or_none_is_refused() {
        let manifest = format!(
            r#"{{"schemaVersion":2,"config":{{"digest":"sha256:{:064}","size":2}},"layers":null}}"#,
            0
        );
        assert!(matches!(parse("", &manifest), Ok(Document::Manifest(_))));
        assert!(parse(OCI_INDEX, &manifest).unwrap_err().contains("an index and for a manifest"));
        assert!(matches!(parse("", r#"{"manifests":[]}"#), Ok(Document::Index(_))));
        for (text, reason) in [
            (r#"{"manifests":[],"layers":[]}"#, "an index and for a manifest"),
            (r#"{"schemaVersion":1,"fsLayers":[]}"#, "schema 1, which is not supported"),
            (r#"{"schemaVersion":2}"#, "neither a manifest nor an index"),
            (r#"{"manifests":[],"manifests":[]}"#, "duplicate field `manifests` at line 1"),
            (r#"{"config":{"digest":"sha256:1","size":-1}}"#, "the manifest is malformed"),
            ("[", "EOF while parsing"),
        ] {
            let error = parse("", text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(parse("", &"[".repeat(100_000)).is_err());
    }

    #[test]
    fn the_platform_decides() {
        let usual = ["linux/amd64", "unknown/unknown", "linux/arm64/v8", "windows/amd64"];
        assert_eq!(chosen(&usual, "linux/arm64"), Ok(2));
        assert_eq!(chosen(&usual, "linux/amd64"), Ok(0));
        assert_eq!(chosen(&["linux/arm/v6", "linux/arm/v7"], "linux/arm/v7"), Ok(1));
        assert_eq!(
            chosen(&usual, "linux/s390x"),
            Err(
                "the image has no variant for linux/s390x; it has linux/amd64, linux/arm64/v8, windows/amd64"
                    .to_owned()
            )
        );
        assert_eq!(chosen(&["-"], "linux/s390x"), Ok(0));
        assert!(chosen(&["-", "-"], "linux/s390x").is_err() && chosen(&[], "linux/amd64").is_err());
    }
}
