//! rpm's database in its three forms: `SQLite`, ndb and Berkeley DB, each read in place without a library, as the file may
//! have been written by an attacker.

mod bdb;
mod header;
mod ndb;
mod sqlite;

use std::{fs::File, io, os::unix::fs::FileExt as _};

use fargard_model::foreign::printable;

use super::{Expected, Packages, Source};

/// Where distributions keep it, in the order in which one replaced the other.
const DIRECTORIES: [&str; 3] = ["/usr/lib/sysimage/rpm", "/usr/share/rpm", "/var/lib/rpm"];

/// A form of the database: its file, and what reads it.
type Form = (&'static str, fn(&dyn ReadAt, &mut Visitor<'_>) -> Result<(), Damage>);
const FORMS: [Form; 3] =
    [("rpmdb.sqlite", sqlite::each), ("Packages.db", ndb::each), ("Packages", bdb::each)];

/// Longest header of one package; the kernel's are some megabytes.
const MAX_HEADER: usize = 256 << 20;

/// What gets each package's header.
type Visitor<'visit> = dyn FnMut(&[u8]) + 'visit;

/// Why a database could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// It could not be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is not as its format says.
    #[error("not a sound rpm database: {0}")]
    Form(&'static str),
}

/// A file that is read at any place.
pub trait ReadAt {
    /// Its length in bytes.
    fn length(&self) -> u64;
    /// Fills the buffer from an offset.
    ///
    /// # Errors
    /// The file ends before, or cannot be read.
    fn fill_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

impl ReadAt for File {
    fn length(&self) -> u64 {
        self.metadata().map_or(0, |metadata| metadata.len())
    }

    fn fill_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }
}

impl ReadAt for &[u8] {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn fill_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let source = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..start.checked_add(buffer.len())?))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(source);
        Ok(())
    }
}

/// Reads the database if there is one.
pub(super) fn read(source: &dyn Source, packages: &mut Packages) {
    for directory in DIRECTORIES {
        for (name, each) in FORMS {
            let path = format!("{directory}/{name}");
            let file = match source.open(path.as_bytes()) {
                Ok(Some(opened)) if opened.content.length() > 0 => opened.content,
                Ok(_) | Err(_) => continue,
            };
            packages.kinds.push("rpm");
            let outcome = each(&file, &mut |header| add(header, packages));
            if let Err(error) = outcome {
                packages.troubles.push(format!("{}: {error}", printable(path.as_bytes())));
            }
            let log = format!("{path}-wal");
            if name == "rpmdb.sqlite"
                && matches!(source.open(log.as_bytes()), Ok(Some(log)) if log.content.length() > 0)
            {
                packages.troubles.push(format!("{log}: holds changes that are not in the database yet"));
            }
            return;
        }
    }
}

/// Adds the package of a header.
fn add(header: &[u8], packages: &mut Packages) {
    let Some(package) = header::Package::parse(header) else {
        packages.troubles.push("rpm: a package's header is damaged".to_owned());
        return;
    };
    let number = packages.begin(package.name.clone());
    for file in package.files() {
        let expected = Expected {
            digest: file.digest,
            mode: file.mode,
            package: number,
            config: file.is_config,
            optional: file.is_optional,
        };
        packages.expect(&file.path, expected);
    }
}

/// The packages in a database of any form, by its first bytes: name and number of files each. For tests with any bytes.
///
/// # Errors
/// The database is damaged.
pub fn list(database: &[u8]) -> Result<Vec<(String, usize)>, Damage> {
    let mut packages = Vec::new();
    headers(&database, &mut |bytes| {
        if let Some(package) = header::Package::parse(bytes) {
            let files = package.files().count();
            packages.push((package.name, files));
        }
    })?;
    Ok(packages)
}

/// Calls `visit` with each package's header in a database of any form, told by its first bytes.
///
/// # Errors
/// The database is damaged or cannot be read.
pub fn headers(database: &dyn ReadAt, visit: &mut dyn FnMut(&[u8])) -> Result<(), Damage> {
    let begins = |magic: &[u8]| {
        let mut head = [0; 16];
        head.get_mut(..magic.len()).is_some_and(|head| database.fill_at(head, 0).is_ok() && head == magic)
    };
    if begins(sqlite::MAGIC) {
        sqlite::each(database, visit)
    } else if begins(ndb::MAGIC) {
        ndb::each(database, visit)
    } else {
        bdb::each(database, visit)
    }
}

/// Four bytes as a number, most significant first.
fn big_endian(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// Four bytes as a number, least significant first.
fn little_endian(bytes: &[u8], at: usize) -> Option<u32> {
    big_endian(bytes, at).map(u32::swap_bytes)
}
