//! zip as a stream (PKWARE's APPNOTE, 4.3.7): a header before each member. The directory at the end is not needed: what it
//! leaves out is looked at too.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::DeflateDecoder;

use super::{Budget, Member, damaged, drain};

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Bits of the flags: encrypted; sizes follow the content.
const ENCRYPTED: u16 = 1;
const SIZES_FOLLOW: u16 = 8;

/// Gives every member that can be read to the visitor.
pub(super) fn each(source: &mut dyn Read, budget: &mut Budget, visit: &mut Member<'_>) -> io::Result<()> {
    let mut source = BufReader::new(source);
    loop {
        let mut magic = [0; 4];
        if source.read_exact(&mut magic).is_err() {
            return Ok(());
        }
        if magic == DESCRIPTOR {
            skip_descriptor(&mut source)?;
            continue;
        }
        // The directory follows the last member.
        if magic != LOCAL || budget.members == 0 || budget.bytes == 0 {
            return Ok(());
        }
        budget.members -= 1;
        let mut header = [0; 26];
        source.read_exact(&mut header)?;
        let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let size = u64::from(u32::from_le_bytes([header[14], header[15], header[16], header[17]]));
        let mut name = vec![0; usize::from(short(22))];
        source.read_exact(&mut name)?;
        io::copy(&mut (&mut source).take(u64::from(short(24))), &mut io::sink())?;
        let (flags, method) = (short(2), short(4));
        if flags & ENCRYPTED != 0 || !matches!(method, STORED | DEFLATED) {
            if flags & SIZES_FOLLOW != 0 {
                return Err(damaged("zip, or one that can only be read from its end"));
            }
            drain(&mut (&mut source).take(size), budget)?;
        } else if method == DEFLATED {
            let limit = budget.bytes;
            let mut content = DeflateDecoder::new(&mut source).take(limit);
            visit(&name, &mut content, budget)?;
            // Also what the visitor did not want: the next member begins where this ends.
            io::copy(&mut content, &mut io::sink())?;
            budget.bytes = budget.bytes.min(content.limit());
        } else {
            if flags & SIZES_FOLLOW != 0 && size == 0 && !name.ends_with(b"/") {
                return Err(damaged("zip, or one that can only be read from its end"));
            }
            let mut content = (&mut source).take(size);
            visit(&name, &mut content, budget)?;
            drain(&mut content, budget)?;
        }
    }
}

/// Passes what follows content of unknown size: checksum and two sizes, of eight bytes each in large archives.
fn skip_descriptor(source: &mut impl BufRead) -> io::Result<()> {
    let mut bytes = [0; 12];
    source.read_exact(&mut bytes)?;
    let follows = source.fill_buf()?.get(..2).map(<[u8]>::to_vec);
    if follows.is_some_and(|next| next != b"PK") {
        let mut more = [0; 8];
        source.read_exact(&mut more)?;
    }
    Ok(())
}
