//! A package's header (rpm's format documentation, `docs/manual/format_header.md` and `tags.md`): the number of entries,
//! the length of the data, entries of tag, type, offset and count, the data. Numbers are big-endian.

use super::big_endian;
use crate::digest::Digest;

const NAME: u32 = 1000;
const FILE_STATES: u32 = 1029;
const FILE_MODES: u32 = 1030;
const FILE_DIGESTS: u32 = 1035;
const FILE_FLAGS: u32 = 1037;
const VERIFY_FLAGS: u32 = 1045;
const DIR_INDEXES: u32 = 1116;
const BASE_NAMES: u32 = 1117;
const DIR_NAMES: u32 = 1118;

/// Bits of the file flags: configuration; documentation, may be missing, ghost, licence, read-me.
const CONFIG: u32 = 1;
const OPTIONAL: u32 = 2 | 8 | 64 | 128 | 256;
/// Bits of the verify flags: digest, mode.
const VERIFY_DIGEST: u32 = 1;
const VERIFY_MODE: u32 = 64;

/// Most entries of a header; rpm's own limit.
const MAX_ENTRIES: u32 = 0xffff;

/// A package.
#[derive(Debug)]
pub(super) struct Package<'header> {
    pub(super) name: String,
    base_names: Vec<&'header [u8]>,
    dir_names: Vec<&'header [u8]>,
    digests: Vec<&'header [u8]>,
    fields: Fields<'header>,
}

/// A file of a package.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: Vec<u8>,
    pub(super) digest: Option<Digest>,
    pub(super) mode: Option<u32>,
    pub(super) is_config: bool,
    pub(super) is_optional: bool,
}

/// Entries and data of a header.
#[derive(Clone, Copy, Debug)]
struct Fields<'header> {
    entries: &'header [u8],
    data: &'header [u8],
}

impl<'header> Fields<'header> {
    /// The data from an entry's offset on, and its count.
    fn find(&self, tag: u32) -> Option<(&'header [u8], usize)> {
        let entry = self.entries.chunks_exact(16).find(|entry| big_endian(entry, 0) == Some(tag))?;
        let offset = usize::try_from(big_endian(entry, 8)?).ok()?;
        Some((self.data.get(offset..)?, usize::try_from(big_endian(entry, 12)?).ok()?))
    }

    /// A list of strings.
    fn strings(&self, tag: u32) -> Vec<&'header [u8]> {
        let Some((data, count)) = self.find(tag) else { return Vec::new() };
        // Every string ends with a zero, so there cannot be more than bytes.
        data.split(|byte| *byte == 0).take(count.min(data.len())).collect()
    }
}

impl<'header> Package<'header> {
    /// Takes a header apart; `None` when its parts do not fit together.
    pub(super) fn parse(header: &'header [u8]) -> Option<Self> {
        let count = big_endian(header, 0).filter(|count| *count <= MAX_ENTRIES)?;
        let length = usize::try_from(big_endian(header, 4)?).ok()?;
        let (entries, data) = header.get(8..)?.split_at_checked(usize::try_from(count).ok()? * 16)?;
        let fields = Fields { entries, data: data.get(..length)? };
        let name = fields.strings(NAME).first().map(|name| String::from_utf8_lossy(name).into_owned())?;
        Some(Self {
            name,
            base_names: fields.strings(BASE_NAMES),
            dir_names: fields.strings(DIR_NAMES),
            digests: fields.strings(FILE_DIGESTS),
            fields,
        })
    }

    /// Its files that should be on disk, directories among them without a digest.
    pub(super) fn files(&self) -> impl Iterator<Item = File> {
        let columns = Columns::of(&self.fields);
        self.base_names.iter().enumerate().filter_map(move |(index, base)| {
            let directory = word(columns.directories, index)?;
            let directory = self.dir_names.get(usize::try_from(directory).ok()?)?;
            let flags = word(columns.flags, index).unwrap_or_default();
            let verify = word(columns.verify, index).unwrap_or(u32::MAX);
            let mode = short(columns.modes, index);
            let is_regular = mode.is_none_or(|mode| mode & 0o170_000 == 0o100_000);
            let digest = self.digests.get(index).and_then(|digest| Digest::from_hex(digest));
            // States but 0 (normal): replaced by another package's, not installed, on a shared disk.
            let is_here = columns.states.is_none_or(|states| matches!(states.get(index), None | Some(0)));
            (is_regular && is_here).then(|| File {
                path: [directory, *base].concat(),
                digest: digest.filter(|_| verify & VERIFY_DIGEST != 0 && flags & 64 == 0),
                mode: mode.filter(|_| verify & VERIFY_MODE != 0).map(|mode| mode & 0o7777),
                is_config: flags & CONFIG != 0,
                is_optional: flags & OPTIONAL != 0,
            })
        })
    }
}

/// The lists with one element a file, found once.
#[derive(Clone, Copy)]
struct Columns<'header> {
    directories: Option<&'header [u8]>,
    flags: Option<&'header [u8]>,
    verify: Option<&'header [u8]>,
    modes: Option<&'header [u8]>,
    states: Option<&'header [u8]>,
}

impl<'header> Columns<'header> {
    fn of(fields: &Fields<'header>) -> Self {
        let column = |tag, width: usize| {
            let (data, count) = fields.find(tag)?;
            data.get(..count.checked_mul(width)?)
        };
        Self {
            directories: column(DIR_INDEXES, 4),
            flags: column(FILE_FLAGS, 4),
            verify: column(VERIFY_FLAGS, 4),
            modes: column(FILE_MODES, 2),
            states: column(FILE_STATES, 1),
        }
    }
}

/// An element of a list of 32-bit numbers.
fn word(column: Option<&[u8]>, index: usize) -> Option<u32> {
    big_endian(column?, index.checked_mul(4)?)
}

/// An element of a list of 16-bit numbers.
fn short(column: Option<&[u8]>, index: usize) -> Option<u32> {
    let at = index.checked_mul(2)?;
    column?.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes).map(u32::from)
}
