//! Private keys as JSON (JWK, RFC 7517 and 7518).

use super::{Encoding, base64};

/// What every JSON key has.
pub(super) const ANCHOR: &[u8] = b"\"kty\"";

/// Farthest from the anchor that the object's braces are looked for.
pub(super) const REACH: usize = 16 << 10;

/// The key in the object around an anchor at `at`, with its private number.
pub(super) fn private_key(text: &[u8], at: usize) -> Option<(Encoding, Vec<u8>)> {
    let start = at.saturating_sub(REACH);
    let open = start + text.get(start..at)?.iter().rposition(|&byte| byte == b'{')?;
    let rest = text.get(at..text.len().min(at + REACH))?;
    let close = at + rest.iter().position(|&byte| byte == b'}')?;
    let object = text.get(open..=close)?;
    let private = base64::decode(member(object, b"\"d\"")?.iter().copied())?;
    let is_whole = match member(object, ANCHOR)? {
        b"RSA" => {
            let modulus = base64::decode(member(object, b"\"n\"")?.iter().copied())?;
            modulus.len() >= 64 && private.len() * 2 > modulus.len()
        }
        b"EC" => member(object, b"\"x\"").is_some() && (28..=66).contains(&private.len()),
        b"OKP" => member(object, b"\"crv\"").is_some() && (32..=57).contains(&private.len()),
        _ => false,
    };
    (is_whole && private.iter().any(|byte| *byte != 0)).then_some((Encoding::plain("JWK"), private))
}

/// The text of a member of a flat object.
fn member<'text>(object: &'text [u8], name: &[u8]) -> Option<&'text [u8]> {
    let after = memchr::memmem::find(object, name)? + name.len();
    let rest = object.get(after..)?.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    let value = rest.strip_prefix(b"\"")?;
    value.get(..memchr::memchr(b'"', value)?)
}
