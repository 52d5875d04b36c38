//! What `docker save` writes (image-spec of moby, version 1.2): `manifest.json` names configurations and layers.

use std::{io::Read, path::Path};

use serde::Deserialize;

use super::{Wanted, archive::Archive, listed};
use crate::{
    Blobs, Descriptor, Digest, Image, ImageConfig, ImageError, Platform, digest::Mismatch, json,
    manifest::media_type,
};

/// One image of the archive.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default, deserialize_with = "json::or_default")]
    repo_tags: Vec<String>,
    #[serde(default, deserialize_with = "json::or_default")]
    layers: Vec<String>,
}

#[derive(Debug)]
struct ArchiveBlobs {
    archive: Archive,
    layers: Vec<String>,
}

/// Finds an image in the archive.
pub(super) fn open(
    place: &str,
    path: &Path,
    wanted: &Wanted,
    platform: &Platform,
) -> Result<Image, ImageError> {
    if wanted.digest().is_some() {
        return Err(ImageError::Unsupported {
            what: format!("{wanted} in {place}"),
            found: "a pinned image in an archive that keeps no digests".to_owned(),
            instead: "use an OCI layout (skopeo copy docker://IMAGE oci:DIR) or the registry",
        });
    }
    let archive = Archive::open(place, path)?;
    let images: Vec<Saved> =
        json::parse(&format!("manifest.json in {place}"), &archive.document("manifest.json")?)?;
    let saved = choose(place, images, wanted)?;
    let bytes = archive.document(&saved.config)?;
    let config_digest = checked_name(&saved.config, &bytes)?;
    let config = ImageConfig::parse(&bytes)?;
    let has = &config.platform;
    if !has.is_unknown() && !has.serves(platform) {
        return Err(ImageError::Platform { wanted: platform.clone(), available: has.to_string() });
    }
    let count = config.diff_ids().len();
    if count != saved.layers.len() {
        let reason = format!("it lists {} layers, its configuration {count}", saved.layers.len());
        return Err(ImageError::malformed(format!("manifest.json in {place}"), &reason));
    }
    let described = saved.layers.iter().zip(config.diff_ids()).map(|(name, digest)| Descriptor {
        media_type: media_type::OCI_LAYER.to_owned(),
        digest: digest.clone(),
        size: archive.position(name).map_or(0, |(_, size)| size),
        platform: None,
        annotations: std::collections::BTreeMap::new(),
        urls: Vec::new(),
    });
    Ok(Image {
        layers: Image::pair(place, described.collect(), &config)?,
        place: place.to_owned(),
        digest: None,
        manifest_digest: None,
        config_digest: Some(config_digest),
        config,
        blobs: Some(Box::new(ArchiveBlobs { archive, layers: saved.layers })),
    })
}

fn choose(place: &str, mut images: Vec<Saved>, wanted: &Wanted) -> Result<Saved, ImageError> {
    let fits = |image: &Saved| image.repo_tags.iter().any(|tag| wanted.is(tag));
    let unnamed_alone = images.len() == 1 && images.first().is_some_and(|image| image.repo_tags.is_empty());
    let found = match images.iter().position(fits) {
        Some(found) => Some(found),
        None if unnamed_alone || (wanted.is_any() && images.len() == 1) => Some(0),
        None => None,
    };
    if let Some(found) = found {
        return Ok(images.swap_remove(found));
    }
    let available = listed(images.iter().flat_map(|image| &image.repo_tags).map(String::as_str));
    Err(if wanted.is_any() && !images.is_empty() {
        ImageError::Ambiguous { place: place.to_owned(), available }
    } else {
        ImageError::NotFound { wanted: wanted.to_string(), place: place.to_owned(), available }
    })
}

/// The digest of a configuration, which must be the one that it is named after, if it is.
fn checked_name(name: &str, bytes: &[u8]) -> Result<Digest, ImageError> {
    let found = Digest::of(bytes);
    let stem = name.strip_suffix(".json").unwrap_or(name).rsplit('/').next().unwrap_or_default();
    match format!("sha256:{stem}").parse::<Digest>() {
        Ok(expected) if expected != found => Err(ImageError::Changed {
            what: "the image configuration".to_owned(),
            mismatch: Mismatch::Digest { expected, found },
        }),
        _ => Ok(found),
    }
}

impl ArchiveBlobs {
    fn name(&self, number: usize) -> &str {
        self.layers.get(number).map_or("", String::as_str)
    }
}

impl Blobs for ArchiveBlobs {
    fn layer(&self, number: usize) -> Result<Box<dyn Read + '_>, ImageError> {
        self.archive.read(self.name(number))
    }

    fn has(&self, number: usize) -> bool {
        self.archive.has(self.name(number))
    }

    fn position(&self, number: usize) -> u64 {
        self.archive.position(self.name(number)).map_or(u64::MAX, |(at, _)| at)
    }
}
