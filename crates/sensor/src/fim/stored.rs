//! The baseline on disk, so that the next sensor of the same container can tell what changed in between.
//!
//! The file lies where the watched program may write: it is authenticated with a key made of the enrolment token,
//! which the program does not get, and bounded and checked as any other input. Whoever can replace it can still put
//! an older one in its place, or remove it.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use fargard_model::{Container, Secret, Task, file_change::MAX_PATH};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    baseline::{Baseline, Known, MAX_FILES},
    policy::Policy,
    state::State,
};

const MAGIC: &[u8; 8] = b"FGFIM01\n";
const MAC: usize = 32;
/// Largest file that is read, and what it may unpack to.
const MAX_FILE: u64 = 16 << 20;
const MAX_BYTES: u64 = 64 << 20;
/// Longest line: a path of bytes as numbers.
const MAX_LINE: u64 = 32 << 10;
const LEVEL: i32 = 1;

/// Why a stored baseline cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoredError {
    /// It cannot be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It was not written with this key.
    #[error("it was changed, or made with another enrolment token")]
    Forged,
    /// It is not a baseline.
    #[error("it is no baseline: {0}")]
    Broken(&'static str),
    /// The policy is another one now.
    #[error("it was made with another policy")]
    OtherPolicy,
}

/// Where a container's baseline is stored.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    key: [u8; 32],
}

#[derive(Serialize, Deserialize)]
struct Header {
    policy: String,
    files: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Name {
    Text(String),
    Bytes(Vec<u8>),
}

/// One file: path, entry, mode, user, group, links, size, time of change, hash.
#[derive(Serialize, Deserialize)]
struct Line(Name, u16, u32, u32, u32, u32, u64, u64, Option<String>);

impl Place {
    /// The place in a directory for a container of that task and image. Without a token the baseline is only
    /// checked for damage.
    pub(crate) fn new(directory: &Path, token: Option<&Secret>, task: &Task, container: &Container) -> Self {
        let image =
            if container.image_digest.is_empty() { &container.image } else { &container.image_digest };
        let mut name = Sha256::new();
        for part in [&task.account, &task.cluster, &task.family, &container.name, image] {
            name.update((part.len() as u64).to_le_bytes());
            name.update(part);
        }
        let name: String = name.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        let mut key = Sha256::new_with_prefix(b"fargard file integrity baseline\0");
        key.update(token.map_or("", |token| token.reveal()));
        Self { path: directory.join(format!("fim-{name}.baseline")), key: key.finalize().into() }
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Stores a baseline.
    pub(crate) fn store(&self, policy_sha256: &str, baseline: &Baseline) -> Result<(), StoredError> {
        let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL)?;
        write_line(&mut encoder, &Header { policy: policy_sha256.to_owned(), files: baseline.len() })?;
        for (path, known) in baseline.iter() {
            write_line(&mut encoder, &Line::of(path, known))?;
        }
        let content = encoder.finish()?;
        let mut file = MAGIC.to_vec();
        file.extend_from_slice(&hmac(&self.key, &content));
        file.extend_from_slice(&content);
        let temporary = self.path.with_extension("new");
        // What lies there, maybe a link, goes; it is never written through.
        let _ = std::fs::remove_file(&temporary);
        let mut to = File::options().write(true).create_new(true).mode(0o600).open(&temporary)?;
        to.write_all(&file)?;
        to.sync_all()?;
        std::fs::rename(&temporary, &self.path)?;
        Ok(())
    }

    /// Reads the stored baseline; `None` when there is none.
    pub(crate) fn load(&self, policy: &Policy) -> Result<Option<Baseline>, StoredError> {
        let file = File::options()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(&self.path);
        let file = match file {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let data = file.metadata()?;
        if !data.is_file() || data.size() > MAX_FILE {
            return Err(StoredError::Broken("not a file, or too large"));
        }
        let mut bytes = Vec::new();
        file.take(MAX_FILE).read_to_end(&mut bytes)?;
        let rest = bytes.strip_prefix(MAGIC.as_slice()).ok_or(StoredError::Broken("another format"))?;
        let (mac, content) = rest.split_at_checked(MAC).ok_or(StoredError::Broken("cut off"))?;
        if mac != hmac(&self.key, content) {
            return Err(StoredError::Forged);
        }
        read(content, policy).map(Some)
    }
}

fn write_line(to: &mut impl io::Write, line: &impl Serialize) -> Result<(), StoredError> {
    serde_json::to_writer(&mut *to, line).map_err(io::Error::from)?;
    to.write_all(b"\n")?;
    Ok(())
}

fn read(content: &[u8], policy: &Policy) -> Result<Baseline, StoredError> {
    let mut lines = BufReader::new(zstd::Decoder::new(content)?.take(MAX_BYTES));
    let mut line = Vec::new();
    let mut next = |line: &mut Vec<u8>| -> io::Result<bool> {
        line.clear();
        lines.by_ref().take(MAX_LINE).read_until(b'\n', line)?;
        Ok(line.pop() == Some(b'\n'))
    };
    if !next(&mut line)? {
        return Err(StoredError::Broken("no header"));
    }
    let header: Header = serde_json::from_slice(&line).map_err(|_| StoredError::Broken("bad header"))?;
    if header.policy != policy.sha256 {
        return Err(StoredError::OtherPolicy);
    }
    let mut baseline = Baseline::default();
    while next(&mut line)? {
        let (path, known) = serde_json::from_slice::<Line>(&line)
            .ok()
            .and_then(Line::known)
            .ok_or(StoredError::Broken("bad line"))?;
        if usize::from(known.entry) >= policy.entries.len() || baseline.len() >= MAX_FILES {
            return Err(StoredError::Broken("out of bounds"));
        }
        baseline.put(&path, known);
    }
    if baseline.len() != header.files {
        return Err(StoredError::Broken("incomplete"));
    }
    Ok(baseline)
}

impl Line {
    fn of(path: Vec<u8>, known: &Known) -> Self {
        let state = &known.state;
        let name = String::from_utf8(path).map_or_else(|error| Name::Bytes(error.into_bytes()), Name::Text);
        let hash = state.hash.map(|hash| hash.iter().map(|byte| format!("{byte:02x}")).collect());
        Self(name, known.entry, state.mode, state.uid, state.gid, state.links, state.size, state.mtime, hash)
    }

    fn known(self) -> Option<(Vec<u8>, Known)> {
        let Self(name, entry, mode, uid, gid, links, size, mtime, hash) = self;
        let path = match name {
            Name::Text(text) => text.into_bytes(),
            Name::Bytes(bytes) => bytes,
        };
        let plain = path.first() == Some(&b'/') && path.len() <= MAX_PATH && !path.contains(&0);
        let hash = match hash {
            Some(text) => Some(digest(&text)?),
            None => None,
        };
        let state = State { hash, mode, uid, gid, links, size, inode: 0, mtime, ctime: 0 };
        plain.then_some((path, Known { state, entry }))
    }
}

fn digest(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(hash)
}

/// HMAC-SHA256 (RFC 2104) with a key of 32 bytes.
fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let pad = |byte: u8| {
        let mut block = [byte; 64];
        for (place, key) in block.iter_mut().zip(key) {
            *place ^= key;
        }
        block
    };
    let inner = Sha256::new_with_prefix(pad(0x36)).chain_update(message).finalize();
    Sha256::new_with_prefix(pad(0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, process::Command};

    use fargard_model::{Container, Secret, Task};

    use super::{Place, StoredError, hmac};
    use crate::fim::{
        baseline::{Baseline, Known},
        policy::Policy,
        state::State,
    };

    fn baseline() -> Baseline {
        let mut baseline = Baseline::default();
        for (number, path) in [&b"/etc/passwd"[..], b"/etc/\xff\n", b"/usr/bin/x"].iter().enumerate() {
            let state = State {
                hash: (number != 1).then_some([7; 32]),
                mode: 0o100_644,
                uid: 1,
                gid: 2,
                links: 1,
                size: 3,
                inode: 0,
                mtime: 4,
                ctime: 0,
            };
            baseline.put(path, Known { state, entry: 0 });
        }
        baseline
    }

    fn place(directory: &std::path::Path, token: &str) -> Place {
        Place::new(directory, Some(&Secret::new(token)), &Task::default(), &Container::default())
    }

    #[test]
    fn hmac_is_that_of_openssl() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("message");
        fs::write(&file, "what do ya want for nothing?").unwrap();
        let key: String = [0x0b_u8; 32].iter().map(|byte| format!("{byte:02x}")).collect();
        let output = Command::new("openssl")
            .args(["dgst", "-sha256", "-mac", "HMAC", "-macopt", &format!("hexkey:{key}")])
            .arg(&file)
            .output()
            .unwrap();
        let ours: String = hmac(&[0x0b; 32], b"what do ya want for nothing?")
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let theirs = String::from_utf8(output.stdout).unwrap();
        assert!(theirs.trim_end().ends_with(&ours), "{theirs} {ours}");
    }

    #[test]
    fn a_baseline_is_stored_and_read() {
        let directory = tempfile::tempdir().unwrap();
        let (policy, place) = (Policy::built_in().unwrap(), place(directory.path(), "secret"));
        assert!(place.load(&policy).unwrap().is_none());
        // A link laid out for us is not followed.
        symlink("/nowhere/x", place.path().with_extension("new")).unwrap();
        place.store(&policy.sha256, &baseline()).unwrap();
        let read = place.load(&policy).unwrap().unwrap();
        assert_eq!(read.iter().collect::<Vec<_>>(), baseline().iter().collect::<Vec<_>>());
    }

    #[test]
    fn what_others_made_of_it_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let (policy, own) = (Policy::built_in().unwrap(), place(directory.path(), "secret"));
        own.store(&policy.sha256, &baseline()).unwrap();
        let good = fargard_model::bounded::read(own.path(), 1 << 20).unwrap();
        assert!(matches!(place(directory.path(), "other").load(&policy), Err(StoredError::Forged)));
        let other = Policy { sha256: "x".into(), ..policy.clone() };
        assert!(matches!(own.load(&other), Err(StoredError::OtherPolicy)));
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(own.path(), &bad).unwrap();
            assert!(own.load(&policy).is_err(), "byte {at}");
        }
        for length in 0..good.len() {
            fs::write(own.path(), &good[..length]).unwrap();
            assert!(own.load(&policy).is_err(), "length {length}");
        }
        fs::remove_file(own.path()).unwrap();
        symlink("/etc/passwd", own.path()).unwrap();
        assert!(own.load(&policy).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_content_is_read_without_panic(content in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let policy = Policy::built_in().unwrap();
            let packed = zstd::encode_all(content.as_slice(), 1).unwrap();
            let _ = super::read(&content, &policy);
            let _ = super::read(&packed, &policy);
        }
    }
}
