//! Unpacking archives: a tar of a root file system, or of an image as `docker save` writes it.
//!
//! Paths that leave the target are refused, device files are left out, and sizes are bounded, since images come
//! from strangers.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File},
    io::{self, BufReader, Read, Seek, SeekFrom},
    os::unix::ffi::OsStrExt,
    path::{Component, Path, PathBuf},
};

use tar::{Archive, Entry, EntryType};

use super::image::{ImageConfig, Manifest};

/// Most bytes an archive may unpack to.
const MAX_BYTES: u64 = 16 << 30;
/// Most files in an archive.
const MAX_ENTRIES: usize = 1_000_000;
/// Most bytes of a manifest or image configuration.
const MAX_DOCUMENT: u64 = 4 << 20;
/// Most layers of an image.
const MAX_LAYERS: usize = 256;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Unpacks an archive into a directory that must not exist yet; gives the image's configuration if it is an image.
pub(super) fn unpack(path: &Path, into: &Path) -> Result<Option<ImageConfig>, String> {
    unpack_file(path, into).map_err(|error| with_causes(&error))
}

fn unpack_file(path: &Path, into: &Path) -> io::Result<Option<ImageConfig>> {
    super::super::scratch::directory(into, 0o755)?;
    let into = into.canonicalize()?;
    let mut file = File::open(path)?;
    // Layers are found by position, so a compressed archive is unpacked as a whole first.
    let whole = into.with_extension("archive");
    if decompress(&mut file, &whole)? {
        file = File::open(&whole)?;
        fs::remove_file(&whole)?;
    }
    let index = Index::read(&mut file)?;
    let mut budget = Budget { bytes: MAX_BYTES, entries: MAX_ENTRIES };
    let Some(manifest) = index.manifest(&mut file)? else {
        file.rewind()?;
        apply(BufReader::new(&mut file), &into, false, &mut budget)?;
        return Ok(None);
    };
    if manifest.layers.len() > MAX_LAYERS {
        return Err(wrong(format!("the image has more than {MAX_LAYERS} layers")));
    }
    for layer in &manifest.layers {
        let range = index.find(layer)?;
        let kind = compression(&mut section(&mut file, range)?)?;
        apply(decoder(kind, section(&mut file, range)?)?, &into, true, &mut budget)?;
    }
    let configuration = read_document(&mut file, index.find(&manifest.config)?)?;
    let name = manifest.config.rsplit('/').next().unwrap_or_default();
    let id = format!("sha256:{}", name.strip_suffix(".json").unwrap_or(name));
    Ok(Some(ImageConfig::read(&configuration, id)?))
}

/// An error and why it happened; the tar reader keeps the reason apart.
fn with_causes(error: &io::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.get_ref().and_then(std::error::Error::source);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

fn wrong(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.into())
}

#[derive(Clone, Copy)]
enum Compression {
    None,
    Gzip,
    Zstd,
}

fn compression(stream: &mut impl Read) -> io::Result<Compression> {
    let mut magic = Vec::new();
    stream.take(4).read_to_end(&mut magic)?;
    Ok(if magic.starts_with(GZIP) {
        Compression::Gzip
    } else if magic.starts_with(ZSTD) {
        Compression::Zstd
    } else {
        Compression::None
    })
}

fn decoder<'a>(kind: Compression, stream: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let decoder: Box<dyn Read + 'a> = match kind {
        Compression::None => Box::new(stream),
        Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(stream)),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::new(stream)?),
    };
    Ok(Box::new(Bounded { inner: decoder, left: MAX_BYTES }))
}

/// Writes the content of a compressed file to another; false if it is not compressed.
fn decompress(file: &mut File, whole: &Path) -> io::Result<bool> {
    let kind = compression(file)?;
    file.rewind()?;
    if matches!(kind, Compression::None) {
        return Ok(false);
    }
    io::copy(&mut decoder(kind, file)?, &mut File::create_new(whole)?)?;
    Ok(true)
}

/// Fails when more than a number of bytes is read.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(count as u64)
            .ok_or_else(|| wrong(format!("unpacks to more than {MAX_BYTES} bytes")))?;
        Ok(count)
    }
}

/// Where the files of an archive are.
#[derive(Default)]
struct Index {
    files: BTreeMap<PathBuf, (u64, u64)>,
    links: BTreeMap<PathBuf, PathBuf>,
}

impl Index {
    fn read(file: &mut File) -> io::Result<Self> {
        let mut index = Self::default();
        let mut archive = Archive::new(&mut *file);
        for (count, entry) in archive.entries_with_seek()?.enumerate() {
            if count >= MAX_ENTRIES {
                return Err(wrong(format!("more than {MAX_ENTRIES} files")));
            }
            let entry = entry.map_err(|error| wrong(format!("not a tar archive: {error}")))?;
            let path = normal(&entry.path()?);
            match entry.header().entry_type() {
                EntryType::Regular => {
                    index.files.insert(path, (entry.raw_file_position(), entry.size()));
                }
                EntryType::Symlink | EntryType::Link => {
                    if let Some(target) = entry.link_name()? {
                        let base = match entry.header().entry_type() {
                            EntryType::Symlink => path.parent().map(Path::to_owned).unwrap_or_default(),
                            _ => PathBuf::new(),
                        };
                        let target = normal(&base.join(target));
                        index.links.insert(path, target);
                    }
                }
                _ => {}
            }
        }
        if index.files.is_empty() && index.links.is_empty() {
            return Err(wrong("not a tar archive with files in it"));
        }
        Ok(index)
    }

    fn find(&self, path: &str) -> io::Result<(u64, u64)> {
        let path = normal(Path::new(path));
        let target = self.links.get(&path).unwrap_or(&path);
        self.files.get(target).copied().ok_or_else(|| {
            wrong(format!("the image's manifest names {:?}, which is missing", path.display()))
        })
    }

    /// The image's manifest, if this is an image archive.
    fn manifest(&self, file: &mut File) -> io::Result<Option<Manifest>> {
        let Some(range) = self.files.get(Path::new("manifest.json")) else { return Ok(None) };
        let bytes = read_document(file, *range)?;
        // A root file system may have a manifest.json of its own; only one that names layers makes an image.
        let Ok(manifests) = serde_json::from_slice::<Vec<Manifest>>(&bytes) else { return Ok(None) };
        if manifests.len() > 1 {
            return Err(wrong("holds several images; save one image only"));
        }
        Ok(manifests.into_iter().next())
    }
}

/// The path with `.` and `..` resolved by name.
fn normal(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => result.push(name),
            Component::ParentDir => {
                result.pop();
            }
            _ => {}
        }
    }
    result
}

fn section(file: &mut File, (start, length): (u64, u64)) -> io::Result<impl Read> {
    file.seek(SeekFrom::Start(start))?;
    Ok(BufReader::new(file).take(length))
}

fn read_document(file: &mut File, (start, length): (u64, u64)) -> io::Result<Vec<u8>> {
    if length > MAX_DOCUMENT {
        return Err(wrong(format!("a manifest of {length} bytes")));
    }
    let mut bytes = Vec::new();
    section(file, (start, length))?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

struct Budget {
    bytes: u64,
    entries: usize,
}

impl Budget {
    fn take(&mut self, bytes: u64) -> io::Result<()> {
        let entries = self.entries.checked_sub(1);
        self.entries = entries.ok_or_else(|| wrong(format!("more than {MAX_ENTRIES} files")))?;
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.ok_or_else(|| wrong(format!("unpacks to more than {MAX_BYTES} bytes")))?;
        Ok(())
    }
}

/// Unpacks one tar over what is there; in a layer, names beginning with `.wh.` remove.
fn apply(stream: impl Read, into: &Path, is_layer: bool, budget: &mut Budget) -> io::Result<()> {
    let mut archive = Archive::new(stream);
    archive.set_preserve_ownerships(rustix::process::geteuid().is_root());
    archive.set_preserve_permissions(true);
    archive.set_mask(0);
    for entry in archive.entries()? {
        let mut entry = entry?;
        budget.take(entry.size())?;
        let path = normal(&entry.path()?);
        let name = path.file_name().map(OsStr::as_bytes).unwrap_or_default();
        if is_layer && let Some(removed) = name.strip_prefix(b".wh.") {
            whiteout(into, &path, removed)?;
        } else if !matches!(entry.header().entry_type(), EntryType::Block | EntryType::Char | EntryType::Fifo)
        {
            place(&mut entry, into, &path)?;
        }
    }
    Ok(())
}

fn place(entry: &mut Entry<'_, impl Read>, into: &Path, path: &Path) -> io::Result<()> {
    let target = into.join(path);
    if target != into
        && let Ok(existing) = fs::symlink_metadata(&target)
        && parent_inside(into, path)?.is_some()
    {
        let is_directory = entry.header().entry_type().is_dir();
        if is_directory && !existing.is_dir() {
            // A directory entry over a link to a directory (merged /usr) keeps the link.
            if fs::metadata(&target).is_ok_and(|target| target.is_dir()) {
                return Ok(());
            }
            fs::remove_file(&target)?;
        } else if !is_directory && existing.is_dir() {
            fs::remove_dir_all(&target)?;
        }
    }
    if !entry.unpack_in(into)? {
        return Err(wrong(format!("the path {:?} leaves the archive", entry.path()?.display())));
    }
    Ok(())
}

/// The real directory that holds the path, if it is within the root and exists.
fn parent_inside(root: &Path, path: &Path) -> io::Result<Option<PathBuf>> {
    let parent = root.join(path.parent().unwrap_or(Path::new("")));
    match parent.canonicalize() {
        Ok(real) if real.starts_with(root) => Ok(Some(real)),
        Ok(_) => Err(wrong(format!("the path {:?} leaves the archive", path.display()))),
        Err(_) => Ok(None),
    }
}

fn whiteout(root: &Path, path: &Path, removed: &[u8]) -> io::Result<()> {
    let Some(parent) = parent_inside(root, path)? else { return Ok(()) };
    let remove = |target: &Path| match fs::symlink_metadata(target) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(target),
        Ok(_) => fs::remove_file(target),
        Err(_) => Ok(()),
    };
    if removed == b".wh..opq" {
        for child in fs::read_dir(parent)? {
            remove(&child?.path())?;
        }
        return Ok(());
    }
    match normal(Path::new(OsStr::from_bytes(removed))) {
        name if name.components().count() == 1 => remove(&parent.join(name)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write, path::Path};

    use super::unpack;

    fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in files {
            let mut header = tar::Header::new_gnu();
            // The builder refuses paths that leave; hostile archives do not.
            let name = path.as_bytes();
            header.as_old_mut().name[..name.len()].copy_from_slice(name);
            header.set_mode(0o755);
            header.set_uid(0);
            header.set_gid(0);
            header.set_size(content.len() as u64);
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn link(path: &str, target: &str) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        header.set_uid(0);
        header.set_gid(0);
        builder.append_link(&mut header, path, target).unwrap();
        builder.into_inner().unwrap()
    }

    fn read(path: &Path) -> String {
        fargard_model::bounded::read_to_string(path, 100).unwrap()
    }

    #[test]
    fn every_compression_is_unpacked() {
        let plain = tar(&[("bin/app", b"hello"), ("./etc/passwd", b"root")]);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&plain).unwrap();
        for bytes in [plain.clone(), gzip.finish().unwrap(), zstd::encode_all(&plain[..], 1).unwrap()] {
            let directory = tempfile::tempdir().unwrap();
            fs::write(directory.path().join("a"), bytes).unwrap();
            let into = directory.path().join("root");
            assert_eq!(unpack(&directory.path().join("a"), &into), Ok(None));
            assert_eq!(read(&into.join("bin/app")), "hello");
            assert_eq!(read(&into.join("etc/passwd")), "root");
            assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing else is left");
        }
    }

    #[test]
    fn an_image_is_its_layers_and_its_configuration() {
        let lower = tar(&[("bin/app", b"one"), ("etc/gone", b"x"), ("data/old", b"x"), ("turns", b"file")]);
        let upper = tar(&[
            ("bin/app", b"two"),
            ("etc/.wh.gone", b""),
            ("data/.wh..wh..opq", b""),
            ("data/new", b"y"),
        ]);
        let config = br#"{"config":{"Entrypoint":["/bin/app"],"Env":["A=1"]}}"#;
        let manifest = br#"[{"Config":"blobs/sha256/abc","RepoTags":["app:1"],"Layers":["l1","l2"]}]"#;
        let image = tar(&[
            ("l1", &lower),
            ("blobs/sha256/abc", config),
            ("l2", &zstd::encode_all(&upper[..], 1).unwrap()),
            ("manifest.json", manifest),
        ]);
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("a"), image).unwrap();
        let into = directory.path().join("root");
        let config = unpack(&directory.path().join("a"), &into).unwrap().unwrap();
        assert_eq!(config.process.entry_point, ["/bin/app"]);
        assert_eq!(config.id, "sha256:abc");
        assert_eq!(read(&into.join("bin/app")), "two");
        assert!(!into.join("etc/gone").exists() && !into.join("data/old").exists());
        assert!(into.join("data/new").exists());
    }

    #[test]
    fn nothing_is_written_outside() {
        let outside = tempfile::tempdir().unwrap();
        let mut through_link = link("out", &outside.path().display().to_string());
        through_link.truncate(512);
        through_link.extend(tar(&[("out/file", b"x")]));
        for bytes in [tar(&[("../../escaped", b"x")]), through_link] {
            let directory = tempfile::tempdir().unwrap();
            fs::write(directory.path().join("a"), bytes).unwrap();
            let error = unpack(&directory.path().join("a"), &directory.path().join("root")).unwrap_err();
            assert!(error.contains("leaves the archive") || error.contains("outside"), "{error}");
        }
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_no_archive_says_so() {
        for bytes in [&b""[..], b"hello world", &[0x1f, 0x8b, 1, 2, 3], &[0x28, 0xb5, 0x2f, 0xfd, 9]] {
            let directory = tempfile::tempdir().unwrap();
            fs::write(directory.path().join("a"), bytes).unwrap();
            let error = unpack(&directory.path().join("a"), &directory.path().join("root")).unwrap_err();
            assert!(!error.is_empty());
        }
    }
}
