//! The 512 bytes before each member (POSIX ustar, GNU tar's and star's variants of it).

use super::{
    Entry, Kind,
    fields::{number, text},
};

/// Size of a header, and what everything is padded to.
pub(super) const BLOCK: usize = 512;

/// A header's fields by their offsets.
#[derive(Clone, Copy)]
pub(super) struct Header<'a>(pub(super) &'a [u8; BLOCK]);

/// Which dialect a header is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// Before POSIX: no magic.
    V7,
    Ustar,
    Star,
    Gnu,
}

impl<'a> Header<'a> {
    fn field(self, at: usize, length: usize) -> &'a [u8] {
        self.0.get(at..at + length).unwrap_or_default()
    }

    /// Whether there is nothing in it: two such blocks end an archive.
    pub(super) fn is_empty(self) -> bool {
        self.0.iter().all(|byte| *byte == 0)
    }

    /// Whether the checksum is right; old archives count bytes as signed.
    pub(super) fn checks(self) -> bool {
        let (mut unsigned, mut signed) = (0_i64, 0_i64);
        for (index, byte) in self.0.iter().enumerate() {
            let byte = if (148..156).contains(&index) { b' ' } else { *byte };
            unsigned += i64::from(byte);
            signed += i64::from(byte.cast_signed());
        }
        number(self.field(148, 8)).is_some_and(|sum| sum == unsigned || sum == signed)
    }

    /// The letter that says what follows.
    pub(super) fn flag(self) -> u8 {
        self.0.get(156).copied().unwrap_or_default()
    }

    /// Bytes that follow, as this header says.
    pub(super) fn size(self) -> Option<u64> {
        number(self.field(124, 12)).and_then(|size| u64::try_from(size).ok())
    }

    /// Puts what it says into an entry; `None` where a number is malformed.
    pub(super) fn read_into(self, entry: &mut Entry) -> Option<()> {
        let dialect = self.dialect();
        let prefix = match dialect {
            Dialect::Ustar => text(self.field(345, 155)),
            Dialect::Star => text(self.field(345, 131)),
            Dialect::V7 | Dialect::Gnu => &[],
        };
        entry.path.extend_from_slice(prefix);
        if !prefix.is_empty() {
            entry.path.push(b'/');
        }
        entry.path.extend_from_slice(text(self.field(0, 100)));
        entry.link.extend_from_slice(text(self.field(157, 100)));
        entry.mode = u16::try_from(number(self.field(100, 8))? & 0o7777).ok()?;
        entry.uid = number(self.field(108, 8))?.cast_unsigned();
        entry.gid = number(self.field(116, 8))?.cast_unsigned();
        entry.mtime = number(self.field(136, 12))?;
        entry.size = self.size()?;
        if dialect != Dialect::V7 && matches!(self.flag(), b'3' | b'4') {
            let part = |at| number(self.field(at, 8)).and_then(|part| u32::try_from(part).ok());
            entry.device = (part(329)?, part(337)?);
        }
        Some(())
    }

    fn dialect(self) -> Dialect {
        match (self.field(257, 6), self.field(263, 2), self.field(508, 4)) {
            (b"ustar\0", _, b"tar\0") => Dialect::Star,
            (b"ustar\0", _, _) => Dialect::Ustar,
            (b"ustar ", b" \0", _) => Dialect::Gnu,
            _ => Dialect::V7,
        }
    }

    /// Whether a sparse file's map may follow in this header (GNU).
    pub(super) fn is_gnu(self) -> bool {
        self.dialect() == Dialect::Gnu
    }

    /// Size of a GNU sparse file with its holes.
    pub(super) fn real_size(self) -> Option<u64> {
        number(self.field(483, 12)).and_then(|size| u64::try_from(size).ok())
    }

    /// Whether more of a GNU sparse file's map follows in blocks of its own.
    pub(super) fn map_goes_on(self) -> bool {
        self.0.get(482).is_some_and(|byte| *byte != 0)
    }
}

/// What a member is by its flag and name; `None` for what no unpacker makes a file of.
pub(super) fn kind(flag: u8, path: &[u8]) -> Option<Kind> {
    Some(match flag {
        // Before POSIX a directory was a file whose name ends so.
        0 if path.ends_with(b"/") => Kind::Directory,
        0 | b'0' | b'7' | b'S' => Kind::File,
        b'1' => Kind::Hardlink,
        b'2' => Kind::Symlink,
        b'3' => Kind::CharDevice,
        b'4' => Kind::BlockDevice,
        b'5' => Kind::Directory,
        b'6' => Kind::Fifo,
        _ => return None,
    })
}
