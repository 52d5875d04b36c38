//! Images of a registry.

use std::{io::Read, sync::Arc};

use fargard_model::bounded;
use ureq::{
    Body,
    http::{Response, header},
};

use super::{
    RegistryProblem,
    client::Client,
    http::{self, Request},
};
use crate::{
    Blobs, Descriptor, Digest, Image, ImageError, Limits, Platform, Reference,
    digest::Mismatch,
    manifest::media_type::is_foreign,
    source::documents::{self, Documents, Part, Resolved},
};

/// Indexes and manifests of both kinds (`manifest::media_type`).
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";
/// Bytes beyond the promised ones that are let through, so that their number is found wrong and not the connection.
const SPARE: u64 = 1024;

/// One repository of a registry.
#[derive(Debug)]
struct Repository {
    client: Arc<Client>,
    reference: Reference,
    /// The secret that holds the login, where one is named.
    secret: Option<String>,
    layers: Vec<Descriptor>,
    /// The document that the reference names.
    first: Option<(Digest, Vec<u8>)>,
}

/// Finds the image for a platform.
pub(super) fn open(
    client: &Arc<Client>,
    reference: &Reference,
    secret: Option<&str>,
    platform: &Platform,
) -> Result<Image, ImageError> {
    let mut repository = Repository {
        client: Arc::clone(client),
        reference: reference.clone(),
        secret: secret.map(str::to_owned),
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
        let known = match self.reference.digest() {
            Some(digest) => self.client.cache.get(digest).map(|bytes| (digest.clone(), bytes)),
            None => self.kept(&target)?,
        };
        let (bytes, media_type, said) = match known {
            Some((digest, bytes)) => (bytes, String::new(), Some(digest)),
            None => self.manifest(&target)?,
        };
        let expected = self.reference.digest().cloned().or(said);
        let digest = expected.unwrap_or_else(|| Digest::of(&bytes));
        if !digest.matches(&bytes) {
            return Err(ImageError::Changed {
                what: format!("the manifest of {}", self.reference),
                mismatch: Mismatch::Digest { expected: digest, found: Digest::of(&bytes) },
            });
        }
        self.client.cache.put(&digest, &bytes);
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

    /// What is kept of the digest that a tag has now. Asking for the digest alone costs less: Docker Hub counts only
    /// manifests that are sent.
    fn kept(&self, tag: &str) -> Result<Option<(Digest, Vec<u8>)>, ImageError> {
        if !self.client.cache.is_on() {
            return Ok(None);
        }
        let answer =
            self.ask(&format!("manifests/{tag}"), Request { headers_only: true, ..self.for_manifest() })?;
        let digest = digest_header(&answer.ok_or_else(|| self.not_found(tag))?);
        Ok(digest.and_then(|digest| self.client.cache.get(&digest).map(|bytes| (digest, bytes))))
    }

    fn for_manifest(&self) -> Request<'static> {
        Request { accept: ACCEPT, ..Request::default() }
    }

    fn ask(&self, rest: &str, request: Request<'_>) -> Result<Option<Response<Body>>, ImageError> {
        let secret = self.secret.as_deref();
        self.client.ask(&self.reference, secret, rest, request).map_err(|problem| self.failed(problem))
    }

    /// A manifest or index with its media type and the digest that the registry says.
    fn manifest(&self, target: &str) -> Result<(Vec<u8>, String, Option<Digest>), ImageError> {
        let answer = self.ask(&format!("manifests/{target}"), self.for_manifest())?;
        let answer = answer.ok_or_else(|| self.not_found(target))?;
        let media_type = answer.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type =
            media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_owned();
        let said = digest_header(&answer);
        let bytes = http::body(answer, Limits::DOCUMENT).map_err(|problem| self.failed(problem))?;
        Ok((bytes, media_type, said))
    }

    fn blob(&self, descriptor: &Descriptor) -> Result<Box<dyn Read>, ImageError> {
        let request = Request { expected: descriptor.size, ..Request::default() };
        let answer = self.ask(&format!("blobs/{}", descriptor.digest), request)?;
        let answer = answer.ok_or_else(|| self.not_found(&descriptor.digest.to_string()))?;
        let most = descriptor.size.saturating_add(SPARE);
        Ok(Box::new(answer.into_body().into_with_config().limit(most).reader()))
    }
}

fn digest_header(answer: &Response<Body>) -> Option<Digest> {
    answer.headers().get("docker-content-digest")?.to_str().ok()?.parse().ok()
}

impl Documents for Repository {
    fn fetch(&self, descriptor: &Descriptor, part: Part) -> Result<Vec<u8>, ImageError> {
        if let Some((digest, bytes)) = &self.first
            && *digest == descriptor.digest
        {
            return Ok(bytes.clone());
        }
        if let Some(kept) = self.client.cache.get(&descriptor.digest) {
            return Ok(kept);
        }
        let bytes = match part {
            Part::Manifest => self.manifest(&descriptor.digest.to_string())?.0,
            Part::Config => {
                bounded::read_from(self.blob(descriptor)?, Limits::DOCUMENT).map_err(|error| {
                    let reason = format!("the answer broke off: {error}");
                    self.failed(RegistryProblem::Unreachable(reason))
                })?
            }
        };
        self.client.cache.put(&descriptor.digest, &bytes);
        Ok(bytes)
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
