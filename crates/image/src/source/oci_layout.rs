//! OCI image layouts (image-spec 1.1, `image-layout.md`): `index.json` and `blobs/ALGORITHM/HEX`.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use fargard_model::bounded;

use super::{
    Wanted,
    archive::Archive,
    documents::{self, Documents, Part, Resolved},
    file, listed,
};
use crate::{Blobs, Descriptor, Digest, Image, ImageError, Index, Limits, Platform, json};

/// Annotations that name an image: the layout's own, and containerd's with the full reference.
const NAMES: [&str; 2] = ["org.opencontainers.image.ref.name", "io.containerd.image.name"];

/// A layout's files.
#[derive(Debug)]
enum Layout {
    Directory(PathBuf),
    Archive(Archive),
}

#[derive(Debug)]
struct LayoutBlobs {
    layout: Layout,
    place: String,
    layers: Vec<Digest>,
}

/// Finds an image in the layout.
pub(super) fn open(
    place: &str,
    path: &Path,
    wanted: &Wanted,
    platform: &Platform,
) -> Result<Image, ImageError> {
    let layout = if path.is_dir() {
        Layout::Directory(path.to_owned())
    } else {
        Layout::Archive(Archive::open(place, path)?)
    };
    let mut blobs = LayoutBlobs { layout, place: place.to_owned(), layers: Vec::new() };
    let index: Index = json::parse(&format!("index.json in {place}"), &blobs.document("index.json")?)?;
    let start = choose(place, &index, wanted, platform)?;
    let Resolved { manifest_digest, manifest, config } = documents::resolve(&blobs, start, platform)?;
    blobs.layers = manifest.layers.iter().map(|layer| layer.digest.clone()).collect();
    Ok(Image {
        digest: Some(start.digest.clone()),
        manifest_digest: Some(manifest_digest),
        config_digest: Some(manifest.config.digest),
        layers: Image::pair(place, manifest.layers, &config)?,
        place: place.to_owned(),
        config,
        blobs: Some(Box::new(blobs)),
    })
}

fn choose<'a>(
    place: &str,
    index: &'a Index,
    wanted: &Wanted,
    platform: &Platform,
) -> Result<&'a Descriptor, ImageError> {
    let names = |manifest: &'a Descriptor| {
        NAMES.iter().filter_map(|key| manifest.annotations.get(*key)).map(String::as_str)
    };
    let fits = |manifest: &&Descriptor| match wanted.digest() {
        Some(digest) => manifest.digest == *digest,
        None => NAMES.iter().filter_map(|key| manifest.annotations.get(*key)).any(|name| wanted.is(name)),
    };
    if let Some(found) = index.manifests.iter().find(fits) {
        return Ok(found);
    }
    let available = || listed(index.manifests.iter().flat_map(names));
    let nothing_named = available().is_empty();
    match index.manifests.as_slice() {
        [only] if wanted.is_any() || (nothing_named && wanted.digest().is_none()) => Ok(only),
        [] => Err(not_found(place, wanted, available())),
        // One image for several platforms, without an index of its own.
        _ if nothing_named && wanted.digest().is_none() => index.choose(platform),
        _ if wanted.is_any() => {
            Err(ImageError::Ambiguous { place: place.to_owned(), available: available() })
        }
        _ => Err(not_found(place, wanted, available())),
    }
}

fn not_found(place: &str, wanted: &Wanted, available: String) -> ImageError {
    ImageError::NotFound { wanted: wanted.to_string(), place: place.to_owned(), available }
}

fn blob_name(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm(), digest.hex())
}

impl LayoutBlobs {
    fn read(&self, name: &str) -> Result<Box<dyn Read + '_>, ImageError> {
        match &self.layout {
            Layout::Directory(root) => Ok(Box::new(file::open(&root.join(name))?)),
            Layout::Archive(archive) => archive.read(name),
        }
    }

    fn document(&self, name: &str) -> Result<Vec<u8>, ImageError> {
        bounded::read_from(self.read(name)?, Limits::DOCUMENT)
            .map_err(|error| ImageError::reading(format!("{name} in {}", self.place), error))
    }

    fn blob(&self, digest: &Digest) -> Result<Box<dyn Read + '_>, ImageError> {
        self.read(&blob_name(digest)).map_err(|error| match error {
            ImageError::Io { error, .. } if error.kind() == io::ErrorKind::NotFound => {
                ImageError::missing_blob(digest, &self.place)
            }
            ImageError::NotFound { .. } => ImageError::missing_blob(digest, &self.place),
            error => error,
        })
    }

    fn digest(&self, number: usize) -> Result<&Digest, ImageError> {
        self.layers.get(number).ok_or_else(|| ImageError::malformed(&self.place, "there is no such layer"))
    }
}

impl Documents for LayoutBlobs {
    fn fetch(&self, descriptor: &Descriptor, _: Part) -> Result<Vec<u8>, ImageError> {
        bounded::read_from(self.blob(&descriptor.digest)?, Limits::DOCUMENT)
            .map_err(|error| ImageError::reading(descriptor.digest.to_string(), error))
    }
}

impl Blobs for LayoutBlobs {
    fn layer(&self, number: usize) -> Result<Box<dyn Read + '_>, ImageError> {
        self.blob(self.digest(number)?)
    }

    fn has(&self, number: usize) -> bool {
        let Ok(digest) = self.digest(number) else { return false };
        match &self.layout {
            Layout::Directory(root) => root.join(blob_name(digest)).is_file(),
            Layout::Archive(archive) => archive.has(&blob_name(digest)),
        }
    }

    fn position(&self, number: usize) -> u64 {
        match (&self.layout, self.digest(number)) {
            (Layout::Archive(archive), Ok(digest)) => {
                archive.position(&blob_name(digest)).map_or(u64::MAX, |(at, _)| at)
            }
            _ => number as u64,
        }
    }
}
