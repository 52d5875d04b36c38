//! Lock files: which image a reference was when somebody looked, and what it runs. JSON in a stable order, to be kept
//! beside the task definitions.

use std::{collections::BTreeMap, fs, io, path::Path};

use fargard_model::bounded;
use serde::{Deserialize, Serialize};

use crate::{Digest, ImageConfig, ImageError, Platform, Reference, json};

/// Longest lock file read.
const MAX_BYTES: usize = 16 << 20;
/// The form that is written.
const VERSION: u32 = 1;

/// Images by reference and platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockFile {
    version: u32,
    images: BTreeMap<String, BTreeMap<String, LockedImage>>,
}

/// What is known of one image on one platform. Variables are not: they may hold what should not be in a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedImage {
    /// What the reference names: the digest to pin to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Entry point; empty where the image has none.
    #[serde(default)]
    pub entrypoint: Vec<String>,
    /// Command; empty where the image has none.
    #[serde(default)]
    pub cmd: Vec<String>,
    /// User; empty for root.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Directory it starts in; empty for `/`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub workdir: String,
    /// What it is made for.
    pub architecture: String,
}

impl Default for LockFile {
    fn default() -> Self {
        Self { version: VERSION, images: BTreeMap::new() }
    }
}

impl LockedImage {
    /// From a configuration and the digest of what the reference names.
    #[must_use]
    pub fn new(digest: Option<Digest>, config: &ImageConfig) -> Self {
        Self {
            digest,
            entrypoint: config.config.entrypoint.clone().unwrap_or_default(),
            cmd: config.config.cmd.clone().unwrap_or_default(),
            user: config.config.user.clone(),
            workdir: config.config.working_dir.clone(),
            architecture: config.platform.architecture.clone(),
        }
    }
}

impl LockFile {
    /// Reads a lock file; an empty one where there is none yet.
    ///
    /// # Errors
    /// It cannot be read, or is no lock file of this version.
    pub fn read(path: &Path) -> Result<Self, ImageError> {
        let what = || format!("the lock file {}", path.display());
        let bytes = match bounded::read(path, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(ImageError::reading(what(), error)),
        };
        let lock: Self = json::parse(&what(), &bytes)?;
        if lock.version == VERSION {
            Ok(lock)
        } else {
            Err(ImageError::Unsupported {
                what: what(),
                found: format!("version {}", lock.version),
                instead: "write it again with this version of fargard",
            })
        }
    }

    /// Writes it whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), ImageError> {
        let failed =
            |error: io::Error| ImageError::Io { what: format!("the lock file {}", path.display()), error };
        let mut text = serde_json::to_string_pretty(self).map_err(|error| failed(error.into()))?;
        text.push('\n');
        let beside = path.with_extension(format!("{}.part", std::process::id()));
        fs::write(&beside, text).and_then(|()| fs::rename(&beside, path)).map_err(failed)
    }

    /// What is known of an image.
    #[must_use]
    pub fn get(&self, reference: &Reference, platform: &Platform) -> Option<&LockedImage> {
        self.images.get(&reference.to_string())?.get(&platform.to_string())
    }

    /// Notes what an image is. Whether that is news.
    pub fn put(&mut self, reference: &Reference, platform: &Platform, image: LockedImage) -> bool {
        let platforms = self.images.entry(reference.to_string()).or_default();
        let before = platforms.insert(platform.to_string(), image);
        before.as_ref() != platforms.get(&platform.to_string())
    }
}
