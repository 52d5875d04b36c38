//! Images of a registry.

use std::{io::Read, sync::Arc};

use ureq::http::header;

use super::{RegistryProblem, client::Client, http};
use crate::{
    Blobs, Descriptor, Digest, Image, ImageError, Limits, Platform, Reference,
    digest::Mismatch,
    manifest::media_type::{DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, is_foreign},
    source::documents::{self, Documents, Part, Resolved},
};

/// Bytes beyond the promised ones that are let through, so that their number is found wrong and not the connection.
const SPARE: u64 = 1024;

/// One repository of a registry.
#[derive(Debug)]
struct Repository {
    client: Arc<Client>,
    reference: Reference,
    layers: Vec<Descriptor>,
    /// The document that the reference names.
    first: Option<(Digest, Vec<u8>)>,
}

/// Finds the image for a platform.
pub(super) fn open(
    client: &Arc<Client>,
    reference: &Reference,
    platform: &Platform,
) -> Result<Image, ImageError> {
    let mut repository = Repository {
        client: Arc::clone(client),
        reference: reference.clone(),
        layers: Vec::new(),
        first: None,
    };
    let start = repository.start()?;
    let Resolved { manifest_digest, manifest, config } = documents::resolve(&repository, &start, platform)?;
    repository.layers.clone_from(&manifest.layers);
    repository.first = None;
    Ok(Image {
        place: reference.host().to_owned(),
        digest: Some(start.digest),
        manifest_digest: Some(manifest_digest),
        config_digest: Some(manifest.config.digest),
        layers: Image::pair(&reference.to_string(), manifest.layers, &config)?,
        config,
        blobs: Some(Box::new(repository)),
    })
}

impl Repository {
    fn failed(&self, problem: RegistryProblem) -> ImageError {
        ImageError::Registry { host: self.reference.host().to_owned(), problem }
    }

    fn not_found(&self, wanted: &str) -> ImageError {
        let place = format!("{}/{}", self.reference.host(), self.reference.repository());
        ImageError::NotFound { wanted: wanted.to_owned(), place, available: String::new() }
    }

    /// Fetches what the reference names. What comes for a digest must have it; what comes for a tag must have the one
    /// that the registry says.
    fn start(&mut self) -> Result<Descriptor, ImageError> {
        let target = self.reference.target();
        let (bytes, media_type, said) = self.manifest(&target)?;
        let expected = self.reference.digest().cloned().or(said);
        let digest = expected.unwrap_or_else(|| Digest::of(&bytes));
        if !digest.matches(&bytes) {
            return Err(ImageError::Changed {
                what: format!("the manifest of {}", self.reference),
                mismatch: Mismatch::Digest { expected: digest, found: Digest::of(&bytes) },
            });
        }
        let size = bytes.len() as u64;
        self.first = Some((digest.clone(), bytes));
        Ok(Descriptor {
            media_type,
            digest,
            size,
            platform: None,
            annotations: std::collections::BTreeMap::new(),
            urls: Vec::new(),
        })
    }

    /// A manifest or index with its media type and the digest that the registry says.
    fn manifest(&self, target: &str) -> Result<(Vec<u8>, String, Option<Digest>), ImageError> {
        let accept = [OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST].join(", ");
        let path = format!("manifests/{target}");
        let answer =
            self.client.get(&self.reference, &path, &accept, 0).map_err(|problem| self.failed(problem))?;
        let answer = answer.ok_or_else(|| self.not_found(target))?;
        let text =
            |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let media_type = text(header::CONTENT_TYPE.as_str()).unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_owned();
        let said = text("docker-content-digest").and_then(|digest| digest.parse().ok());
        let bytes = http::body(answer, Limits::DOCUMENT).map_err(|problem| self.failed(problem))?;
        Ok((bytes, media_type, said))
    }

    fn blob(&self, descriptor: &Descriptor) -> Result<Box<dyn Read>, ImageError> {
        let path = format!("blobs/{}", descriptor.digest);
        let answer = self.client.get(&self.reference, &path, "", descriptor.size);
        let answer = answer.map_err(|problem| self.failed(problem))?;
        let answer = answer.ok_or_else(|| self.not_found(&descriptor.digest.to_string()))?;
        Ok(Box::new(
            answer.into_body().into_with_config().limit(descriptor.size.saturating_add(SPARE)).reader(),
        ))
    }
}

impl Documents for Repository {
    fn fetch(&self, descriptor: &Descriptor, part: Part) -> Result<Vec<u8>, ImageError> {
        if let Some((digest, bytes)) = &self.first
            && *digest == descriptor.digest
        {
            return Ok(bytes.clone());
        }
        match part {
            Part::Manifest => Ok(self.manifest(&descriptor.digest.to_string())?.0),
            Part::Config => fargard_model::bounded::read_from(self.blob(descriptor)?, Limits::DOCUMENT)
                .map_err(|error| {
                    let reason = format!("the answer broke off: {error}");
                    self.failed(RegistryProblem::Unreachable(reason))
                }),
        }
    }
}

impl Blobs for Repository {
    fn layer(&self, number: usize) -> Result<Box<dyn Read + '_>, ImageError> {
        let missing = || ImageError::malformed(self.reference.to_string(), "there is no such layer");
        let blob = self.blob(self.layers.get(number).ok_or_else(missing)?)?;
        Ok(blob)
    }

    fn has(&self, number: usize) -> bool {
        self.layers.get(number).is_some_and(|layer| !is_foreign(&layer.media_type))
    }
}
