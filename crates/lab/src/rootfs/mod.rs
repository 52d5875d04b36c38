//! Root file systems: what a container's overlay has as its lower layer, and what the image says to run.

mod archive;
mod image;

use std::{
    io,
    path::{Component, Path, PathBuf},
};

pub(crate) use image::ImageConfig;

/// A container's lower layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rootfs {
    /// The directory.
    pub(crate) lower: PathBuf,
    /// It is the machine's own root.
    pub(crate) machine: bool,
    /// Configuration of the image it comes from.
    pub(crate) image: Option<ImageConfig>,
}

impl Rootfs {
    pub(crate) fn machine() -> Self {
        Self { lower: "/".into(), machine: true, image: None }
    }

    /// A directory as it is, or an archive unpacked into `into`.
    ///
    /// # Errors
    /// Why the path cannot be a root file system, for people.
    pub(crate) fn open(path: &Path, into: &Path) -> Result<Self, String> {
        let kind = std::fs::metadata(path).map_err(|error| error.to_string())?;
        if kind.is_dir() {
            let lower = path.canonicalize().map_err(|error| error.to_string())?;
            return Ok(Self { machine: lower == Path::new("/"), lower, image: None });
        }
        if !kind.is_file() {
            return Err("neither a directory nor a file".to_owned());
        }
        let image = archive::unpack(path, into)?;
        Ok(Self { lower: into.to_owned(), machine: false, image })
    }
}

impl Rootfs {
    /// Where the image's volumes are on the machine, and in the container. Links are not followed.
    pub(crate) fn volumes(&self) -> Vec<(PathBuf, PathBuf)> {
        let paths = self.image.iter().flat_map(|image| &image.volumes);
        paths.filter_map(|path| Some((self.directory(Path::new(path))?, PathBuf::from(path)))).collect()
    }

    fn directory(&self, path: &Path) -> Option<PathBuf> {
        let mut inside = self.lower.clone();
        for part in path.strip_prefix("/").ok()?.components() {
            let Component::Normal(name) = part else { return None };
            inside.push(name);
            if !std::fs::symlink_metadata(&inside).is_ok_and(|found| found.is_dir()) {
                return None;
            }
        }
        (inside != self.lower).then_some(inside)
    }
}

/// Reads a small file of a root file system without following links out of it.
pub(crate) fn read_inside(root: &Path, path: &str, limit: usize) -> io::Result<Vec<u8>> {
    use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
    let directory =
        rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = openat2(&directory, path, flags, Mode::empty(), ResolveFlags::IN_ROOT)?;
    let file = std::fs::File::from(file);
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    fargard_model::bounded::read_from(file, limit)
}
