//! Image references as Docker reads them (grammar and defaults: `distribution/reference`).

use std::{fmt, str::FromStr};

use crate::digest::Digest;

/// Host of Docker Hub in normalised references.
pub const DOCKER_HUB: &str = "docker.io";
/// Longest repository path.
const MAX_REPOSITORY: usize = 255;
/// Longest tag.
const MAX_TAG: usize = 128;

/// A normalised reference: `alpine` is `docker.io/library/alpine` with the tag `latest`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    host: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// Why a text is no reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no image reference: {reason}; write it as [HOST[:PORT]/]NAME[:TAG][@sha256:HEX]")]
pub struct ReferenceError {
    text: String,
    reason: &'static str,
}

/// What kind of registry a host is, where that decides how to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistryKind {
    /// Docker Hub.
    DockerHub,
    /// A private registry of Amazon ECR.
    Ecr {
        /// Account, 12 digits.
        account: String,
        /// Region, as `eu-central-1`.
        region: String,
    },
    /// `public.ecr.aws`.
    EcrPublic,
    /// GitHub's registry.
    Ghcr,
    /// Anything else that speaks the distribution API.
    Other,
}

impl Reference {
    /// Host with port, as `docker.io` or `localhost:5000`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Path in the registry, as `library/alpine`.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Tag: the one given, `latest` where neither tag nor digest is.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Digest, where the reference is pinned.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// What a registry is asked for: the digest where there is one, else the tag.
    #[must_use]
    pub fn target(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".to_owned(),
        }
    }

    /// The same image pinned to a digest.
    #[must_use]
    pub fn pinned(&self, digest: Digest) -> Self {
        Self { digest: Some(digest), ..self.clone() }
    }

    /// What kind of registry holds it.
    #[must_use]
    pub fn registry(&self) -> RegistryKind {
        match self.host.as_str() {
            DOCKER_HUB => RegistryKind::DockerHub,
            "public.ecr.aws" => RegistryKind::EcrPublic,
            "ghcr.io" => RegistryKind::Ghcr,
            host => ecr(host).unwrap_or(RegistryKind::Other),
        }
    }
}

/// `123456789012.dkr.ecr[-fips].REGION.amazonaws.com[.cn]` or `123456789012.dkr-ecr[-fips].REGION.on.aws`.
fn ecr(host: &str) -> Option<RegistryKind> {
    let (account, rest) = host.split_once('.')?;
    let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let ends = |rest: &str| {
        [".amazonaws.com", ".amazonaws.com.cn"]
            .iter()
            .find_map(|end| rest.strip_suffix(end).map(str::to_owned))
    };
    let region = ["dkr.ecr.", "dkr.ecr-fips."]
        .iter()
        .find_map(|lead| rest.strip_prefix(lead))
        .and_then(ends)
        .or_else(|| {
            ["dkr-ecr.", "dkr-ecr-fips."]
                .iter()
                .find_map(|lead| rest.strip_prefix(lead))
                .and_then(|rest| rest.strip_suffix(".on.aws").map(str::to_owned))
        })?;
    let named = !region.is_empty() && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (digits && named).then(|| RegistryKind::Ecr { account: account.to_owned(), region })
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        parse(text).map_err(|reason| ReferenceError { text: text.chars().take(300).collect(), reason })
    }
}

fn parse(text: &str) -> Result<Reference, &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err("64 hexadecimal digits are an image id, not a name");
    }
    let (host, rest) = split_host(text);
    let (rest, digest) = match rest.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest.parse().map_err(|_| "the digest is malformed")?)),
        None => (rest, None),
    };
    let (path, tag) = match rest.split_once(':') {
        Some((path, tag)) => (path, Some(tag)),
        None => (rest, None),
    };
    if tag.is_some_and(|tag| !is_tag(tag)) {
        return Err(
            "a tag is 1 to 128 letters, digits, '_', '.' and '-', and begins with none of the last two",
        );
    }
    if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("the repository must be lower case");
    }
    let repository =
        if host == DOCKER_HUB && !path.contains('/') { format!("library/{path}") } else { path.to_owned() };
    if !repository.split('/').all(is_component) {
        return Err("the repository is malformed");
    }
    if repository.len() > MAX_REPOSITORY {
        return Err("the repository is longer than 255 bytes");
    }
    if !is_host(host) {
        return Err("the registry's host is malformed");
    }
    let tag = match (tag, &digest) {
        (None, None) => Some("latest"),
        (tag, _) => tag,
    };
    Ok(Reference { host: host.to_owned(), repository, tag: tag.map(str::to_owned), digest })
}

/// The first part is a host when it looks like one: a dot, a port, an upper-case letter, or `localhost`.
fn split_host(text: &str) -> (&str, &str) {
    match text.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.chars().any(char::is_uppercase) =>
        {
            (if first == "index.docker.io" { DOCKER_HUB } else { first }, rest)
        }
        _ => (DOCKER_HUB, text),
    }
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let port_fits =
        port.is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    port_fits && name.len() <= 255 && (is_ipv6(name) || name.split('.').all(is_label))
}

fn is_ipv6(name: &str) -> bool {
    name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).is_some_and(|inner| {
        !inner.is_empty() && inner.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':')
    })
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Lower-case letters and digits, in groups parted by one of `.`, `_`, `__` or any number of `-`.
fn is_component(component: &str) -> bool {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut rest = component.as_bytes();
    loop {
        let group = rest.iter().take_while(|byte| alphanumeric(byte)).count();
        rest = rest.get(group..).unwrap_or_default();
        if group == 0 {
            return false;
        }
        if rest.is_empty() {
            return true;
        }
        let separator = match rest {
            [b'_', b'_', ..] => 2,
            [b'_' | b'.', ..] => 1,
            _ => rest.iter().take_while(|byte| **byte == b'-').count(),
        };
        if separator == 0 {
            return false;
        }
        rest = rest.get(separator..).unwrap_or_default();
    }
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= MAX_TAG
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|byte| word(byte) || byte == b'.' || byte == b'-')
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
