//! Maps of sparse files. Holes are not filled in: what is given is the data there is. The maps are read past.

use std::io::{self, Read};

use super::header::{BLOCK, Header};

/// Bytes a map may take (as Go's reader).
const MAX_MAP: usize = 1 << 20;

/// Reads past the blocks that continue a GNU sparse file's map. Bytes read.
pub(super) fn skip_gnu_map(first: Header<'_>, stream: &mut impl Read) -> io::Result<Option<u64>> {
    let mut read = 0;
    let mut goes_on = first.map_goes_on();
    let mut block = [0; BLOCK];
    while goes_on {
        if read >= MAX_MAP as u64 {
            return Ok(None);
        }
        stream.read_exact(&mut block)?;
        read += BLOCK as u64;
        goes_on = block.get(504).is_some_and(|byte| *byte != 0);
    }
    Ok(Some(read))
}

/// Reads past the map at the beginning of a sparse file's content (pax 1.0): decimal numbers in lines, the first their
/// pairs, padded to whole blocks. Bytes read; `None` where it is malformed or longer than the content.
pub(super) fn skip_pax_map(size: u64, stream: &mut impl Read) -> io::Result<Option<u64>> {
    let mut block = [0; BLOCK];
    let (mut read, mut number, mut digits) = (0_u64, 0_u64, 0);
    let mut lines_left: Option<u64> = None;
    loop {
        if read + BLOCK as u64 > size || read >= MAX_MAP as u64 {
            return Ok(None);
        }
        stream.read_exact(&mut block)?;
        read += BLOCK as u64;
        for byte in block {
            match byte {
                b'0'..=b'9' if digits < 19 => {
                    number = number * 10 + u64::from(byte - b'0');
                    digits += 1;
                }
                b'\n' if digits > 0 => {
                    let left = match lines_left {
                        None => number.checked_mul(2),
                        Some(left) => left.checked_sub(1),
                    };
                    if left.is_none_or(|left| left > MAX_MAP as u64) {
                        return Ok(None);
                    }
                    if left == Some(0) {
                        return Ok(Some(read));
                    }
                    lines_left = left;
                    (number, digits) = (0, 0);
                }
                _ => return Ok(None),
            }
        }
    }
}
