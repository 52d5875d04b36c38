//! Where images come from.

mod archive;
mod docker_archive;
pub(crate) mod documents;
mod file;
mod inspect;
mod oci_layout;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use crate::{Image, ImageError, Platform, Reference};

/// A place that images are read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `docker-archive:FILE[:NAME]`: what `docker save` writes, also packed with gzip or zstd.
    DockerArchive {
        /// The archive.
        path: PathBuf,
        /// The image in it, where it holds several.
        name: Option<String>,
    },
    /// `oci:DIR[:NAME]`: an OCI image layout, as a directory or as a tar archive of one.
    OciLayout {
        /// The directory or archive.
        path: PathBuf,
        /// The image in it (`org.opencontainers.image.ref.name`), where it holds several.
        name: Option<String>,
    },
    /// `inspect:FILE`: what `docker image inspect` prints. A configuration without layers.
    Inspect {
        /// The file.
        path: PathBuf,
    },
}

/// A text names no source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no image source; use docker-archive:FILE, oci:DIR or inspect:FILE")]
pub struct SourceError(String);

impl Source {
    /// The image for a platform. `wanted` names it where the source holds several; a name given with the source counts
    /// before it.
    ///
    /// # Errors
    /// The source cannot be read, is malformed, or holds no such image.
    pub fn open(&self, wanted: Option<&Reference>, platform: &Platform) -> Result<Image, ImageError> {
        let place = self.to_string();
        match self {
            Self::DockerArchive { path, name } => {
                docker_archive::open(&place, path, &Wanted::new(name.as_deref(), wanted), platform)
            }
            Self::OciLayout { path, name } => {
                oci_layout::open(&place, path, &Wanted::new(name.as_deref(), wanted), platform)
            }
            Self::Inspect { path } => inspect::open(&place, path, &Wanted::new(None, wanted), platform),
        }
    }
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let bad = || SourceError(text.chars().take(300).collect());
        let (kind, rest) = text.split_once(':').filter(|(_, rest)| !rest.is_empty()).ok_or_else(bad)?;
        match kind {
            "docker-archive" => {
                let (path, name) = named(rest);
                Ok(Self::DockerArchive { path, name })
            }
            "oci" | "oci-archive" => {
                let (path, name) = named(rest);
                Ok(Self::OciLayout { path, name })
            }
            "inspect" => Ok(Self::Inspect { path: rest.into() }),
            _ => Err(bad()),
        }
    }
}

/// A path, or a path and a name behind the first colon before which there is a file.
fn named(text: &str) -> (PathBuf, Option<String>) {
    if !Path::new(text).exists() {
        for (colon, _) in text.match_indices(':') {
            if let (Some(path), Some(name)) = (text.get(..colon), text.get(colon + 1..))
                && !name.is_empty()
                && Path::new(path).exists()
            {
                return (path.into(), Some(name.to_owned()));
            }
        }
    }
    (text.into(), None)
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, path, name) = match self {
            Self::DockerArchive { path, name } => ("docker-archive", path, name.as_deref()),
            Self::OciLayout { path, name } => ("oci", path, name.as_deref()),
            Self::Inspect { path } => ("inspect", path, None),
        };
        write!(f, "{kind}:{}", path.display())?;
        name.map_or(Ok(()), |name| write!(f, ":{name}"))
    }
}

/// Which of a source's images is meant.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// As written.
    text: Option<String>,
    reference: Option<Reference>,
}

impl Wanted {
    fn new(name: Option<&str>, reference: Option<&Reference>) -> Self {
        match name {
            Some(name) => Self { text: Some(name.to_owned()), reference: name.parse().ok() },
            None => Self { text: reference.map(ToString::to_string), reference: reference.cloned() },
        }
    }

    /// Whether any image will do.
    pub(crate) fn is_any(&self) -> bool {
        self.text.is_none()
    }

    /// Whether an image of that name, which may be a tag alone, is meant.
    pub(crate) fn is(&self, name: &str) -> bool {
        let same = self.text.as_deref() == Some(name);
        same || self.reference.as_ref().is_some_and(|wanted| {
            let named = name.parse::<Reference>();
            named.is_ok_and(|named| {
                (named.host(), named.repository(), named.tag())
                    == (wanted.host(), wanted.repository(), wanted.tag())
            }) || (wanted.tag() == Some(name) && !name.contains(['/', ':']))
        })
    }

    /// The digest that is asked for.
    pub(crate) fn digest(&self) -> Option<&crate::Digest> {
        self.reference.as_ref().and_then(Reference::digest)
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.as_deref().unwrap_or("an image"))
    }
}

/// Names of images for a message.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let shown: Vec<_> =
        names.into_iter().take(16).map(|name| fargard_model::foreign::shown(name.as_bytes(), 300)).collect();
    shown.join(", ")
}
