//! From a descriptor to the manifest and configuration for a platform.

use crate::{
    Descriptor, Digest, ImageConfig, ImageError, Limits, Manifest, Platform, digest::Mismatch,
    manifest::Document,
};

/// Gives documents by digest; at most [`Limits::DOCUMENT`] bytes each.
pub(crate) trait Documents {
    /// The bytes of a document, not yet checked.
    fn fetch(&self, descriptor: &Descriptor, part: Part) -> Result<Vec<u8>, ImageError>;
}

/// Which document: registries keep them in different places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A manifest or an index.
    Manifest,
    Config,
}

/// What a descriptor leads to.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) manifest_digest: Digest,
    pub(crate) manifest: Manifest,
    pub(crate) config: ImageConfig,
}

/// Follows a descriptor through indexes to the image for the platform. All documents are checked against their digests.
pub(crate) fn resolve(
    documents: &dyn Documents,
    start: &Descriptor,
    platform: &Platform,
) -> Result<Resolved, ImageError> {
    let mut at = start.clone();
    for _ in 0..=Limits::INDEX_DEPTH {
        let what = format!("the manifest {}", at.digest);
        let bytes = checked(documents, &at, Part::Manifest, &what)?;
        match Document::parse(&what, &at.media_type, &bytes)? {
            Document::Index(index) => at = index.choose(platform)?.clone(),
            Document::Manifest(manifest) => {
                let bytes = checked(documents, &manifest.config, Part::Config, "the image configuration")?;
                let config = ImageConfig::parse(&bytes)?;
                let has = &config.platform;
                if !has.is_unknown() && !has.serves(platform) {
                    return Err(ImageError::Platform {
                        wanted: platform.clone(),
                        available: has.to_string(),
                    });
                }
                return Ok(Resolved { manifest_digest: at.digest, manifest, config });
            }
        }
    }
    Err(ImageError::Limit {
        what: "the nesting of indexes".to_owned(),
        limit: format!("{} levels", Limits::INDEX_DEPTH),
    })
}

/// Fetches a document and checks its size and digest.
fn checked(
    documents: &dyn Documents,
    descriptor: &Descriptor,
    part: Part,
    what: &str,
) -> Result<Vec<u8>, ImageError> {
    if descriptor.size > Limits::DOCUMENT as u64 {
        return Err(ImageError::Limit {
            what: format!("{what} ({} bytes)", descriptor.size),
            limit: format!("{} bytes", Limits::DOCUMENT),
        });
    }
    let bytes = documents.fetch(descriptor, part)?;
    check(descriptor, &bytes, what)?;
    Ok(bytes)
}

/// Whether bytes are what a descriptor promises.
pub(crate) fn check(descriptor: &Descriptor, bytes: &[u8], what: &str) -> Result<(), ImageError> {
    let mismatch = if bytes.len() as u64 != descriptor.size {
        Mismatch::Size { expected: descriptor.size, found: bytes.len() as u64 }
    } else if !descriptor.digest.matches(bytes) {
        Mismatch::Digest { expected: descriptor.digest.clone(), found: Digest::of(bytes) }
    } else {
        return Ok(());
    };
    Err(ImageError::Changed { what: what.to_owned(), mismatch })
}
