//! What embedding asks of images, answered from a lock file, from archives and layouts, and from registries.

use std::{cell::RefCell, collections::HashMap, fmt, str::FromStr};

use fargard_taskdef::embed::{self, FailureKind, ImageLookup, LookupFailure};

use crate::{
    Image, ImageError, LockFile, LockedImage, Platform, Reference, Registry, RegistryProblem, Source,
    SourceError,
};

/// Where an image may be found.
#[derive(Clone, Debug)]
pub enum Origin {
    /// An archive, a layout or a description.
    File(Source),
    /// The registry that the reference names.
    Registry,
}

/// A text names no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}, or registry")]
pub struct OriginError(SourceError);

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        if text == "registry" {
            return Ok(Self::Registry);
        }
        text.parse().map(Self::File).map_err(OriginError)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(source) => source.fmt(f),
            Self::Registry => f.write_str("registry"),
        }
    }
}

/// What is asked: an image, its platform, and the secret that holds the login to its registry.
type Question = (String, Platform, Option<String>);
/// Answers that were given.
type Answers = HashMap<Question, Result<embed::ImageConfig, LookupFailure>>;

/// Looks images up: first in the lock file, then in the origins in their order. Each image is looked for once.
#[derive(Debug)]
pub struct Lookup {
    origins: Vec<Origin>,
    registry: Registry,
    lock: RefCell<Lock>,
    answers: RefCell<Answers>,
}

#[derive(Debug)]
struct Lock {
    file: LockFile,
    changed: bool,
}

impl Lookup {
    /// Looks in these places.
    #[must_use]
    pub fn new(lock: LockFile, origins: Vec<Origin>, registry: Registry) -> Self {
        Self {
            origins,
            registry,
            lock: RefCell::new(Lock { file: lock, changed: false }),
            answers: RefCell::default(),
        }
    }

    /// The lock file with what was found since; `None` where nothing was.
    #[must_use]
    pub fn news(&self) -> Option<LockFile> {
        let lock = self.lock.borrow();
        lock.changed.then(|| lock.file.clone())
    }

    fn find(&self, (image, platform, secret): &Question) -> Result<embed::ImageConfig, LookupFailure> {
        let reference: Reference = image.parse().map_err(|error| failure(&ImageError::Reference(error)))?;
        if let Some(locked) = self.lock.borrow().file.get(&reference, platform) {
            return Ok(answer(locked, Vec::new(), platform));
        }
        let mut first: Option<ImageError> = None;
        for origin in &self.origins {
            let opened = match origin {
                Origin::File(source) => source.open(Some(&reference), platform),
                Origin::Registry => match secret {
                    Some(secret) => self.registry.open_with(&reference, secret, platform),
                    None => self.registry.open(&reference, platform),
                },
            };
            match opened {
                Ok(found) => return Ok(self.note(&reference, platform, &found)),
                // What is no more than "not here" must not hide what is wrong elsewhere.
                Err(error) => match &first {
                    Some(before) if !matches!(before, ImageError::NotFound { .. }) => {}
                    _ => first = Some(error),
                },
            }
        }
        Err(first.as_ref().map_or_else(
            || LookupFailure {
                kind: FailureKind::NotFound,
                message: "it is not in the lock file; name a source with --image-source".to_owned(),
            },
            failure,
        ))
    }

    fn note(&self, reference: &Reference, platform: &Platform, image: &Image) -> embed::ImageConfig {
        let locked = LockedImage::new(image.digest.clone(), &image.config);
        let answer = answer(&locked, image.config.config.env.clone(), platform);
        let mut lock = self.lock.borrow_mut();
        lock.changed |= lock.file.put(reference, platform, locked);
        answer
    }
}

impl ImageLookup for Lookup {
    fn config(&self, image: &str, platform: &embed::Platform) -> Result<embed::ImageConfig, LookupFailure> {
        self.config_with(image, platform, None)
    }

    fn config_with(
        &self,
        image: &str,
        platform: &embed::Platform,
        secret: Option<&str>,
    ) -> Result<embed::ImageConfig, LookupFailure> {
        let platform = Platform {
            os: platform.os.clone(),
            architecture: platform.architecture.clone(),
            variant: String::new(),
        };
        let key = (image.to_owned(), platform, secret.map(str::to_owned));
        if let Some(known) = self.answers.borrow().get(&key) {
            return known.clone();
        }
        let found = self.find(&key);
        self.answers.borrow_mut().insert(key, found.clone());
        found
    }
}

fn answer(locked: &LockedImage, env: Vec<String>, platform: &Platform) -> embed::ImageConfig {
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    embed::ImageConfig {
        entrypoint: locked.entrypoint.clone(),
        cmd: locked.cmd.clone(),
        user: some(&locked.user),
        workdir: some(&locked.workdir),
        env,
        os: platform.os.clone(),
        architecture: locked.architecture.clone(),
        digest: locked.digest.as_ref().map(ToString::to_string),
    }
}

fn failure(error: &ImageError) -> LookupFailure {
    let kind = match error {
        ImageError::Reference(_) => FailureKind::BadReference,
        ImageError::NotFound { .. } | ImageError::Ambiguous { .. } => FailureKind::NotFound,
        ImageError::Platform { .. } => FailureKind::WrongPlatform,
        ImageError::Registry { problem, .. } => match problem {
            RegistryProblem::Unauthorized(_) | RegistryProblem::Forbidden(_) => FailureKind::Unauthorized,
            RegistryProblem::Credentials(_) => FailureKind::Credentials,
            RegistryProblem::RateLimited(_) => FailureKind::RateLimited,
            RegistryProblem::Unreachable(_) | RegistryProblem::Offline => FailureKind::Unreachable,
            RegistryProblem::Answer(_) => FailureKind::Invalid,
        },
        ImageError::Io { .. }
        | ImageError::Malformed { .. }
        | ImageError::Changed { .. }
        | ImageError::Unsupported { .. }
        | ImageError::Limit { .. } => FailureKind::Invalid,
    };
    LookupFailure { kind, message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use fargard_taskdef::embed::{FailureKind, ImageLookup, Platform};

    use super::Lookup;
    use crate::{
        LockFile, Registry, RegistryOptions,
        made::{self, archive, file},
    };

    fn lookup(lock: LockFile, origins: &[String]) -> Lookup {
        let options = RegistryOptions { docker_config: None, offline: true, ..RegistryOptions::default() };
        let origins = origins.iter().map(|origin| origin.parse().unwrap()).collect();
        Lookup::new(lock, origins, Registry::new(options).unwrap())
    }

    #[test]
    fn what_an_archive_says_is_locked_and_found_without_it() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("app.tar");
        std::fs::write(&path, made::saved(&["app:1"], &[archive(&[file("a", "1")])])).unwrap();
        let origin = format!("docker-archive:{}", path.display());
        let amd64 = Platform::linux(None);
        let first = lookup(LockFile::default(), &[origin, "registry".to_owned()]);
        let found = first.config("app:1", &amd64).unwrap();
        assert_eq!(
            (found.entrypoint.as_slice(), found.cmd.as_slice()),
            (&["/app".to_owned()][..], &["serve".to_owned()][..])
        );
        assert_eq!(found.user.as_deref(), Some("1000"));
        let error = first.config("app:2", &amd64).unwrap_err();
        assert_eq!(error.kind, FailureKind::Unreachable);
        assert!(error.message.contains("registry docker.io: it is not kept here"), "{}", error.message);
        assert_eq!(
            first.config("app:1", &Platform::linux(Some("ARM64"))).unwrap_err().kind,
            FailureKind::WrongPlatform
        );
        assert_eq!(first.config("App", &amd64).unwrap_err().kind, FailureKind::BadReference);

        let lock_path = scratch.path().join("fargard.lock.json");
        first.news().unwrap().write(&lock_path).unwrap();
        let text = fargard_model::bounded::read_to_string(&lock_path, 1 << 20).unwrap();
        insta::assert_snapshot!(text, @r#"
        {
          "version": 1,
          "images": {
            "docker.io/library/app:1": {
              "linux/amd64": {
                "entrypoint": [
                  "/app"
                ],
                "cmd": [
                  "serve"
                ],
                "user": "1000",
                "architecture": "amd64"
              }
            }
          }
        }
        "#);
        let lock = LockFile::read(&lock_path).unwrap();
        let second = lookup(lock, &[]);
        assert_eq!(second.config("docker.io/library/app:1", &amd64).unwrap().entrypoint, ["/app"]);
        assert!(second.news().is_none());
        assert_eq!(second.config("app:2", &amd64).unwrap_err().kind, FailureKind::NotFound);
    }

    #[test]
    fn other_files_are_no_lock_files() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("lock");
        assert_eq!(LockFile::read(&path).unwrap(), LockFile::default());
        for (text, reason) in [
            ("{", "EOF"),
            (r#"{"version":2,"images":{}}"#, "version 2, which is not supported"),
            (r#"{"version":1,"images":{},"more":1}"#, "unknown field `more`"),
            (
                r#"{"version":1,"images":{"a":{"linux/amd64":{"digest":"x","architecture":"amd64"}}}}"#,
                "no digest",
            ),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = LockFile::read(&path).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
