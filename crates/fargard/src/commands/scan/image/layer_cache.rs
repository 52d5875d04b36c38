//! What layers gave, kept by their digest, so that a layer that many images share is read once.
//!
//! A file holds a mark, the SHA-256 of the rest, the length of the harvest, the harvest (JSON), and the layer's members. Its name
//! is a digest of everything the harvest depends on: the layer, the checks, and this program itself, so another build asks
//! anew. What is damaged is as good as missing.

use std::{
    fs::{self, File},
    io::{self, Cursor, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use fargard_image::{Digest, Known};
use fargard_model::bounded;

use super::super::harvest::Harvest;

/// Mark of the form; another form has another.
const MARK: &[u8; 8] = b"FGLAYER1";
/// Longest file, and most bytes of all of them together.
pub(super) const MAX_FILE: usize = 128 << 20;
const MAX_TOTAL: u64 = 1 << 30;

/// A directory of harvests.
#[derive(Debug)]
pub(super) struct LayerCache {
    directory: PathBuf,
    /// What the harvests depend on besides their layers.
    context: String,
    most: u64,
    /// What was found damaged.
    pub(super) warnings: Vec<String>,
}

/// What is kept of a layer.
pub(super) struct Kept {
    pub(super) harvest: Harvest,
    pub(super) known: Known,
}

impl LayerCache {
    /// Opens or makes the directory. `context` names checks and limits.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn open(directory: &Path, context: &str) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let context = format!("{} {context}", program()?);
        Ok(Self { directory: directory.to_owned(), context, most: MAX_TOTAL, warnings: Vec::new() })
    }

    fn path(&self, layer: &Digest) -> PathBuf {
        self.directory.join(Digest::of(format!("{} {layer}", self.context).as_bytes()).hex())
    }

    /// What is kept of a layer.
    pub(super) fn get(&mut self, layer: &Digest) -> Option<Kept> {
        let path = self.path(layer);
        let bytes = match bounded::read(&path, MAX_FILE) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => return self.damaged(&path, &error.to_string()),
        };
        match take_apart(&bytes) {
            Some(kept) => {
                // When it was used last says what is thrown away first.
                if let Ok(file) = File::open(&path) {
                    let _ = file.set_modified(SystemTime::now());
                }
                Some(kept)
            }
            None => self.damaged(&path, "it is damaged"),
        }
    }

    fn damaged(&mut self, path: &Path, reason: &str) -> Option<Kept> {
        self.warnings.push(format!("{} is not used: {reason}; the layer is read anew", path.display()));
        let _ = fs::remove_file(path);
        None
    }

    /// Keeps what a layer gave. What cannot be written is not kept.
    pub(super) fn put(&self, layer: &Digest, harvest: &Harvest, members: &[u8], unpacked: u64) {
        // Nobody but the one who scans misses it.
        let _ = self.write(layer, harvest, members, unpacked);
    }

    fn write(&self, layer: &Digest, harvest: &Harvest, members: &[u8], unpacked: u64) -> io::Result<()> {
        let text = serde_json::to_vec(harvest)?;
        let mut rest = Vec::with_capacity(16 + text.len() + members.len());
        rest.extend_from_slice(&unpacked.to_be_bytes());
        rest.extend_from_slice(&(text.len() as u64).to_be_bytes());
        rest.extend_from_slice(&text);
        rest.extend_from_slice(members);
        if rest.len() + 128 > MAX_FILE {
            return Ok(());
        }
        self.make_room(rest.len() as u64)?;
        let path = self.path(layer);
        let beside = path.with_extension(format!("{}.part", std::process::id()));
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        let written = file
            .write_all(MARK)
            .and_then(|()| file.write_all(Digest::of(&rest).hex().as_bytes()))
            .and_then(|()| file.write_all(&rest))
            .and_then(|()| fs::rename(&beside, &path));
        if written.is_err() {
            fs::remove_file(&beside)?;
        }
        written
    }

    /// Throws away what was not used for longest until there is room for so many bytes.
    fn make_room(&self, bytes: u64) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_file() {
                files.push((metadata.mtime(), metadata.mtime_nsec(), metadata.len(), entry.path()));
            }
        }
        let mut total: u64 = files.iter().map(|(_, _, length, _)| length).sum();
        files.sort();
        for (_, _, length, path) in files {
            if total + bytes <= self.most {
                break;
            }
            fs::remove_file(path)?;
            total -= length;
        }
        Ok(())
    }
}

fn take_apart(bytes: &[u8]) -> Option<Kept> {
    let rest = bytes.strip_prefix(MARK.as_slice())?;
    let (digest, rest) = rest.split_at_checked(64)?;
    if digest != Digest::of(rest).hex().as_bytes() {
        return None;
    }
    let (unpacked, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<8>()?;
    let (text, members) = rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)?;
    let harvest = serde_json::from_slice(text).ok()?;
    let members = Box::new(Cursor::new(members.to_vec()));
    Some(Kept { harvest, known: Known { members, unpacked: u64::from_be_bytes(*unpacked) } })
}

/// Which build this is: detectors change with it, and a version has many builds.
fn program() -> io::Result<String> {
    let metadata = fs::metadata("/proc/self/exe")?;
    Ok(format!(
        "{} {} {}.{}",
        env!("CARGO_PKG_VERSION"),
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec()
    ))
}

/// `fargard/layers` in the user's cache directory (XDG base directories).
pub(super) fn default_directory() -> Option<PathBuf> {
    let named = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = named.or_else(|| std::env::home_dir().map(|home| home.join(".cache")))?;
    Some(cache.join("fargard/layers"))
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Read as _};

    use super::{Digest, Harvest, LayerCache};

    fn harvest(files: u64) -> Harvest {
        Harvest { files, ..Harvest::default() }
    }

    #[test]
    fn what_is_kept_comes_back_for_the_same_checks_only() {
        let directory = tempfile::tempdir().unwrap();
        let mut cache = LayerCache::open(directory.path(), "all").unwrap();
        let layer = Digest::of(b"layer");
        assert!(cache.get(&layer).is_none() && cache.warnings.is_empty());
        cache.put(&layer, &harvest(3), b"members", 9);
        let mut kept = cache.get(&layer).unwrap();
        let mut members = String::new();
        kept.known.members.read_to_string(&mut members).unwrap();
        assert_eq!((kept.harvest, members.as_str(), kept.known.unpacked), (harvest(3), "members", 9));
        assert!(cache.get(&Digest::of(b"other")).is_none());
        assert!(LayerCache::open(directory.path(), "some").unwrap().get(&layer).is_none());
    }

    #[test]
    fn what_is_damaged_is_said_and_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let mut cache = LayerCache::open(directory.path(), "all").unwrap();
        let layer = Digest::of(b"layer");
        cache.put(&layer, &harvest(3), b"members", 9);
        let path = cache.path(&layer);
        let whole = fargard_model::bounded::read(&path, 1 << 20).unwrap();
        for at in (0..whole.len()).step_by(3) {
            let mut bent = whole.clone();
            bent[at] ^= 1;
            for bytes in [&bent[..], &whole[..at]] {
                fs::write(&path, bytes).unwrap();
                assert!(cache.get(&layer).is_none(), "{at}");
                assert!(cache.warnings.pop().unwrap().contains("read anew"));
                assert!(!path.exists());
            }
        }
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let directory = tempfile::tempdir().unwrap();
        let mut cache = LayerCache::open(directory.path(), "all").unwrap();
        let layers = [Digest::of(b"1"), Digest::of(b"2"), Digest::of(b"3")];
        cache.put(&layers[0], &harvest(1), &[0; 1000], 1);
        cache.put(&layers[1], &harvest(2), &[0; 1000], 1);
        cache.most = 2 * 1300;
        assert!(cache.get(&layers[0]).is_some());
        cache.put(&layers[2], &harvest(3), &[0; 1000], 1);
        let there = layers.map(|layer| cache.get(&layer).is_some());
        assert_eq!(there, [true, false, true]);
    }
}
