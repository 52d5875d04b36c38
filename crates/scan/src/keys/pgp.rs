//! OpenPGP secret keys (RFC 4880 5.5.3, RFC 9580).

use super::Encoding;

/// The secret key packet that decoded bytes begin with.
pub(super) fn private_key(bytes: &[u8]) -> Option<Encoding> {
    let body = packet(bytes)?;
    let (&version, rest) = body.split_first()?;
    let (_created, rest) = rest.split_at_checked(4)?;
    let (&algorithm, rest) = rest.split_first()?;
    let rest = match version {
        4 => public_part(algorithm, rest)?,
        // Versions 5 and 6 say the length of the public part.
        5 | 6 => {
            let (length, rest) = rest.split_at_checked(4)?;
            rest.get(usize::try_from(u32::from_be_bytes(length.try_into().ok()?)).ok()?..)?
        }
        _ => return None,
    };
    let (&usage, secret) = rest.split_first()?;
    (secret.len() >= 16).then_some(Encoding { format: "OpenPGP", encrypted: usage != 0 })
}

/// The content of a first packet of tag 5 (secret key) or 7 (secret subkey).
fn packet(bytes: &[u8]) -> Option<&[u8]> {
    let (&first, rest) = bytes.split_first()?;
    if first & 0xc0 == 0xc0 {
        matches!(first & 0x3f, 5 | 7).then_some(())?;
        return match *rest.first()? {
            0..=191 => rest.get(1..),
            192..=223 => rest.get(2..),
            255 => rest.get(5..),
            _ => None,
        };
    }
    (first & 0x80 != 0 && matches!(first >> 2 & 0xf, 5 | 7)).then_some(())?;
    match first & 3 {
        0 => rest.get(1..),
        1 => rest.get(2..),
        2 => rest.get(4..),
        _ => Some(rest),
    }
}

/// What follows the public numbers of a version 4 key.
fn public_part(algorithm: u8, rest: &[u8]) -> Option<&[u8]> {
    let numbers = match algorithm {
        1..=3 => 2,
        16 => 3,
        17 => 4,
        18 | 19 | 22 => {
            let (&length, rest) = rest.split_first()?;
            let rest = number(rest.get(usize::from(length)..)?)?;
            if algorithm != 18 {
                return Some(rest);
            }
            let (&length, rest) = rest.split_first()?;
            return rest.get(usize::from(length)..);
        }
        25 | 27 => return rest.get(32..),
        _ => return None,
    };
    (0..numbers).try_fold(rest, |rest, _| number(rest))
}

/// What follows a number with its length in bits in front.
fn number(bytes: &[u8]) -> Option<&[u8]> {
    let (bits, rest) = bytes.split_at_checked(2)?;
    rest.get(usize::from(u16::from_be_bytes(bits.try_into().ok()?)).div_ceil(8)..)
}
