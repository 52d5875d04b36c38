//! Reading numbers and strings from bytes of unknown origin; all of a capture is little-endian.

use std::borrow::Cow;

/// Takes bytes from the front of a slice; `None` where there are not enough.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'b>(pub(crate) &'b [u8]);

impl<'b> Bytes<'b> {
    pub(crate) fn take(&mut self, len: usize) -> Option<&'b [u8]> {
        let (front, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(front)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (front, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*front)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    /// Bytes after their length in two bytes.
    pub(crate) fn counted(&mut self) -> Option<&'b [u8]> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }
}

/// A number of one to eight bytes without sign; `None` for another length.
pub(crate) fn unsigned(bytes: &[u8]) -> Option<u64> {
    let mut wide = [0; 8];
    match bytes.len() {
        1 | 2 | 4 | 8 => wide.get_mut(..bytes.len())?.copy_from_slice(bytes),
        _ => return None,
    }
    Some(u64::from_le_bytes(wide))
}

/// A number of one to eight bytes with sign; `None` for another length.
pub(crate) fn signed(bytes: &[u8]) -> Option<i64> {
    match *bytes {
        [a] => Some(i64::from(i8::from_le_bytes([a]))),
        [a, b] => Some(i64::from(i16::from_le_bytes([a, b]))),
        [a, b, c, d] => Some(i64::from(i32::from_le_bytes([a, b, c, d]))),
        [a, b, c, d, e, f, g, h] => Some(i64::from_le_bytes([a, b, c, d, e, f, g, h])),
        _ => None,
    }
}

/// Text up to the first NUL, invalid UTF-8 replaced.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    lossy(bytes.get(..end).unwrap_or(bytes))
}

/// As `String::from_utf8_lossy`, which is slow where nothing is to be replaced.
fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Bytes of arguments or of an environment that are kept, as many as Falco records.
const MAX_STRINGS: usize = 4096;

/// Strings that each end with NUL; what exceeds the longest list that Falco records is left out.
pub(crate) fn strings(bytes: &[u8]) -> impl Iterator<Item = Cow<'_, str>> {
    let bytes = bytes.get(..MAX_STRINGS).unwrap_or(bytes);
    let ended = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    let empty = bytes.is_empty();
    ended.split(|byte| *byte == 0).filter(move |_| !empty).map(lossy)
}

#[cfg(test)]
mod tests {
    use super::{signed, strings, text, unsigned};

    #[test]
    fn strings_end_with_nul_and_the_last_need_not() {
        for (bytes, expected) in [
            (&b""[..], &[][..]),
            (b"a\0", &["a"]),
            (b"a\0\0b c\0", &["a", "", "b c"]),
            (b"a\0b", &["a", "b"]),
            (b"\xff\0", &["\u{fffd}"]),
        ] {
            assert_eq!(strings(bytes).collect::<Vec<_>>(), expected);
        }
        assert_eq!(strings(&b"x\0".repeat(40_000)).count(), 2048);
        assert_eq!(text(b"/a\0rest"), "/a");
    }

    #[test]
    fn numbers_are_as_wide_as_their_bytes() {
        assert_eq!((signed(&[0xff]), unsigned(&[0xff])), (Some(-1), Some(255)));
        assert_eq!((signed(&[0xfe, 0xff]), signed(&[1, 0, 0, 0])), (Some(-2), Some(1)));
        assert_eq!((signed(&[0; 3]), unsigned(&[])), (None, None));
    }
}
