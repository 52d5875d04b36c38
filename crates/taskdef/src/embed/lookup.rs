//! What must be known of an image to run its own program behind the sensor, and the seam to whoever knows it.
//!
//! Registries, archives and lock files are read elsewhere (crate `image`, which depends on this one and implements
//! [`ImageLookup`]); here nothing touches files or the network.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// The part of an image's configuration that says what runs, as the OCI image specification names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// `Entrypoint`; empty where the image has none.
    #[serde(default)]
    pub entrypoint: Vec<String>,
    /// `Cmd`; empty where the image has none.
    #[serde(default)]
    pub cmd: Vec<String>,
    /// `User`; `None` where absent or empty.
    #[serde(default)]
    pub user: Option<String>,
    /// `WorkingDir`; `None` where absent or empty.
    #[serde(default)]
    pub workdir: Option<String>,
    /// `Env`, as `NAME=value`.
    #[serde(default)]
    pub env: Vec<String>,
    /// `os`: `linux`, `windows`.
    #[serde(default)]
    pub os: String,
    /// `architecture`: `amd64`, `arm64`.
    #[serde(default)]
    pub architecture: String,
    /// `sha256:...` of what the reference names (index or manifest), where known: the digest to pin to.
    #[serde(default)]
    pub digest: Option<String>,
}

/// The platform a task runs on, in the words of images.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Platform {
    /// `linux`.
    pub os: String,
    /// `amd64` or `arm64`.
    pub architecture: String,
}

impl Platform {
    /// From `runtimePlatform.cpuArchitecture`; Fargate's default is `X86_64`.
    #[must_use]
    pub fn linux(cpu_architecture: Option<&str>) -> Self {
        let architecture = if cpu_architecture == Some("ARM64") { "arm64" } else { "amd64" };
        Self { os: "linux".to_owned(), architecture: architecture.to_owned() }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)
    }
}

/// Why an image's configuration is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The reference is not one.
    BadReference,
    /// No source has the image, or the registry says it does not exist.
    NotFound,
    /// The image exists, but not for this platform.
    WrongPlatform,
    /// The registry wants (other) credentials.
    Unauthorized,
    /// The login for the registry cannot be had.
    Credentials,
    /// The registry says "too many requests".
    RateLimited,
    /// No answer, or none in time.
    Unreachable,
    /// What was found is not an image, or not the one its digest names.
    Invalid,
}

/// An image whose configuration is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LookupFailure {
    /// The kind.
    pub kind: FailureKind,
    /// What was tried, what came of it, and what to do; without the image's name, which the caller knows.
    pub message: String,
}

/// Whoever knows image configurations.
pub trait ImageLookup {
    /// The configuration of an image on a platform. `image` is as written in the task definition, intrinsics
    /// resolved. Called once for each container, so an implementation remembers what cost it a request.
    ///
    /// # Errors
    /// The configuration is not known; the container is then left alone or watched from outside.
    fn config(&self, image: &str, platform: &Platform) -> Result<ImageConfig, LookupFailure>;

    /// The same of an image whose registry wants the login that a secret holds
    /// (`repositoryCredentials.credentialsParameter`: name or ARN). Who asks no registry needs no login.
    ///
    /// # Errors
    /// As [`ImageLookup::config`]; [`FailureKind::Credentials`] when the login cannot be had.
    fn config_with(
        &self,
        image: &str,
        platform: &Platform,
        secret: Option<&str>,
    ) -> Result<ImageConfig, LookupFailure> {
        let _ = secret;
        self.config(image, platform)
    }
}

/// Images by reference as written, for instance from a file that a build made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageTable(pub BTreeMap<String, ImageConfig>);

impl ImageLookup for ImageTable {
    fn config(&self, image: &str, platform: &Platform) -> Result<ImageConfig, LookupFailure> {
        let found = self.0.get(image).ok_or_else(|| LookupFailure {
            kind: FailureKind::NotFound,
            message: "it is not in the given image configurations; add it".to_owned(),
        })?;
        let fits = |known: &str, wanted: &str| known.is_empty() || known == wanted;
        if fits(&found.os, &platform.os) && fits(&found.architecture, &platform.architecture) {
            return Ok(found.clone());
        }
        let message = format!("it is for {}/{}, the task is for {platform}", found.os, found.architecture);
        Err(LookupFailure { kind: FailureKind::WrongPlatform, message })
    }
}

/// Knows no image.
impl ImageLookup for () {
    fn config(&self, _image: &str, _platform: &Platform) -> Result<ImageConfig, LookupFailure> {
        let message =
            "no source of image configurations is given; name one with --image-source, --lock-file or \
                       --image-config"
                .to_owned();
        Err(LookupFailure { kind: FailureKind::NotFound, message })
    }
}
