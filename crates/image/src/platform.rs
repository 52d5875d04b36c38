//! Platforms of images.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What an image is made for, in the words of Go: `linux/arm64/v8`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    /// `linux`, `windows`.
    #[serde(default)]
    pub os: String,
    /// `amd64`, `arm64`.
    #[serde(default)]
    pub architecture: String,
    /// `v8` and the like; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub variant: String,
}

/// A text is no platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no platform; write it as linux/amd64 or linux/arm64")]
pub struct PlatformError(String);

impl Platform {
    /// `linux/amd64`, the default of Fargate.
    #[must_use]
    pub fn linux_amd64() -> Self {
        Self::new("linux", "amd64")
    }

    /// `linux/arm64`: Graviton.
    #[must_use]
    pub fn linux_arm64() -> Self {
        Self::new("linux", "arm64")
    }

    fn new(os: &str, architecture: &str) -> Self {
        Self { os: os.to_owned(), architecture: architecture.to_owned(), variant: String::new() }
    }

    /// Whether an image of this platform runs where `wanted` is asked for. 64-bit ARM is `v8` also where that is not
    /// said; other variants must be the same where one is asked for.
    #[must_use]
    pub fn serves(&self, wanted: &Self) -> bool {
        let variant = |platform: &Self| match (platform.architecture.as_str(), platform.variant.as_str()) {
            ("arm64", "v8") | ("amd64", "v1") => String::new(),
            (_, variant) => variant.to_owned(),
        };
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && (variant(self) == variant(wanted)
                || (wanted.variant.is_empty() && wanted.architecture == "arm"))
    }

    /// Whether it says nothing: manifests of attestations in an index are `unknown/unknown`.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self.architecture.as_str(), "" | "unknown")
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let mut parts = text.split('/');
        let os = parts.next().unwrap_or_default();
        let architecture = match parts.next().unwrap_or_default() {
            "x86_64" | "x86-64" => "amd64",
            "aarch64" => "arm64",
            architecture => architecture,
        };
        let variant = parts.next().unwrap_or_default();
        let word = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if os.is_empty()
            || architecture.is_empty()
            || parts.next().is_some()
            || ![os, architecture, variant].into_iter().all(word)
        {
            return Err(PlatformError(text.chars().take(80).collect()));
        }
        Ok(Self { os: os.to_owned(), architecture: architecture.to_owned(), variant: variant.to_owned() })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, "/{}", self.variant) }
    }
}

#[cfg(test)]
mod tests {
    use super::Platform;

    fn serves(has: &str, wanted: &str) -> bool {
        has.parse::<Platform>().unwrap().serves(&wanted.parse().unwrap())
    }

    #[test]
    fn arm64_is_v8_and_amd64_is_not_v3() {
        assert!(serves("linux/arm64/v8", "linux/arm64") && serves("linux/arm64", "linux/aarch64/v8"));
        assert!(serves("linux/amd64", "linux/x86_64") && !serves("linux/amd64/v3", "linux/amd64"));
        assert!(serves("linux/arm/v7", "linux/arm") && !serves("linux/arm/v7", "linux/arm/v6"));
        assert!(!serves("windows/amd64", "linux/amd64") && !serves("linux/arm64", "linux/amd64"));
    }

    #[test]
    fn what_is_no_platform_is_refused() {
        for text in ["", "linux", "linux/", "/amd64", "linux/a/b/c", "linux/a b"] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }
}
