//! Java's key stores (JKS and JCEKS, as `sun.security.provider.JavaKeyStore` reads them).

use super::Encoding;

const MAGICS: [&[u8]; 2] = [&[0xfe, 0xed, 0xfe, 0xed], &[0xce, 0xce, 0xce, 0xce]];
/// Most entries looked at.
const MAX_ENTRIES: u32 = 10_000;

/// Whether bytes begin a key store.
pub(super) fn begins(head: &[u8]) -> bool {
    MAGICS.iter().any(|magic| head.starts_with(magic)) && matches!(head.get(4..8), Some([0, 0, 0, 1 | 2]))
}

/// The private key in a store, if it has one beside its certificates.
pub(super) fn private_key(bytes: &[u8]) -> Option<Encoding> {
    let mut rest = bytes.get(8..)?;
    let entries = take_length(&mut rest)?;
    for _ in 0..u32::try_from(entries).unwrap_or(MAX_ENTRIES).min(MAX_ENTRIES) {
        let tag = take_length(&mut rest)?;
        take_text(&mut rest)?;
        rest = rest.get(8..)?;
        match tag {
            1 | 3 => return (rest.len() > 64).then_some(Encoding::encrypted("Java key store")),
            2 => {
                take_text(&mut rest)?;
                let length = take_length(&mut rest)?;
                rest = rest.get(length..)?;
            }
            _ => return None,
        }
    }
    None
}

fn take_length(rest: &mut &[u8]) -> Option<usize> {
    let (digits, after) = rest.split_at_checked(4)?;
    *rest = after;
    usize::try_from(u32::from_be_bytes(digits.try_into().ok()?)).ok()
}

/// Passes a text with its length in two bytes in front.
fn take_text(rest: &mut &[u8]) -> Option<()> {
    let (digits, after) = rest.split_at_checked(2)?;
    *rest = after.get(usize::from(u16::from_be_bytes(digits.try_into().ok()?))..)?;
    Some(())
}
