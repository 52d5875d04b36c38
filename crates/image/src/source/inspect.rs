//! What `docker image inspect` prints: configurations without layers.

use std::path::Path;

use fargard_model::bounded;

use super::{Wanted, file, listed};
use crate::{Digest, Image, ImageError, Limits, Platform, Reference, config::Inspected, json};

/// Finds an image in the document.
pub(super) fn open(
    place: &str,
    path: &Path,
    wanted: &Wanted,
    platform: &Platform,
) -> Result<Image, ImageError> {
    let bytes = bounded::read_from(file::open(path)?, Limits::DOCUMENT)
        .map_err(|error| ImageError::reading(place, error))?;
    parse(place, &bytes, wanted, platform)
}

pub(super) fn parse(
    place: &str,
    bytes: &[u8],
    wanted: &Wanted,
    platform: &Platform,
) -> Result<Image, ImageError> {
    let images: Vec<Inspected> = json::parse(place, bytes)?;
    let names =
        |image: &Inspected| image.repo_tags.iter().chain(&image.repo_digests).cloned().collect::<Vec<_>>();
    let available: Vec<String> = images.iter().flat_map(names).collect();
    let available = listed(available.iter().map(String::as_str));
    let fits = |image: &Inspected| match wanted.digest() {
        Some(digest) => digests(image).any(|(_, found)| found == *digest),
        None => wanted.is_any() || image.repo_tags.iter().any(|tag| wanted.is(tag)),
    };
    let mut images: Vec<Inspected> = images.into_iter().filter(fits).collect();
    if images.len() > 1 {
        return Err(ImageError::Ambiguous { place: place.to_owned(), available });
    }
    let Some(image) = images.pop() else {
        return Err(ImageError::NotFound { wanted: wanted.to_string(), place: place.to_owned(), available });
    };
    let digest = wanted.digest().cloned().or_else(|| digests(&image).next().map(|(_, digest)| digest));
    let config_digest = image.id.as_deref().and_then(|id| id.parse().ok());
    let Some(config) = image.into_config().filter(|config| !config.platform.is_unknown()) else {
        let reason = "it describes no image; make it with `docker image inspect IMAGE`";
        return Err(ImageError::malformed(place, reason));
    };
    if !config.platform.serves(platform) {
        let available = config.platform.to_string();
        return Err(ImageError::Platform { wanted: platform.clone(), available });
    }
    Ok(Image {
        place: place.to_owned(),
        digest,
        manifest_digest: None,
        config_digest,
        config,
        layers: Vec::new(),
        blobs: None,
    })
}

/// Repositories and digests under which the image was pulled or pushed.
fn digests(image: &Inspected) -> impl Iterator<Item = (String, Digest)> {
    image.repo_digests.iter().filter_map(|name| {
        let reference: Reference = name.parse().ok()?;
        Some((reference.repository().to_owned(), reference.digest()?.clone()))
    })
}
