//! Identities of age (the specification of age, C2SP): Bech32 text (BIP 173) with a checksum.

use super::Encoding;

/// What an identity begins with.
pub(super) const ANCHOR: &[u8] = b"AGE-SECRET-KEY-1";

/// Letters after the anchor: 32 bytes in fives of bits, and six of checksum.
const LETTERS: usize = 52 + 6;

const ALPHABET: &[u8; 32] = b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];

/// The identity that a text begins with.
pub(super) fn private_key(text: &[u8]) -> Option<(Encoding, Vec<u8>)> {
    let letters = text.get(ANCHOR.len()..ANCHOR.len() + LETTERS)?;
    let values: Vec<u8> = letters
        .iter()
        .map(|letter| ALPHABET.iter().position(|known| known == letter).and_then(|at| u8::try_from(at).ok()))
        .collect::<Option<_>>()?;
    let prefix = ANCHOR.get(..ANCHOR.len() - 1)?.to_ascii_lowercase();
    let high = prefix.iter().map(|letter| letter >> 5);
    let low = prefix.iter().map(|letter| letter & 31);
    let checked = high.chain([0]).chain(low).chain(values).fold(1_u32, |sum, value| {
        let top = sum >> 25;
        let shifted = (sum & 0x01ff_ffff) << 5 ^ u32::from(value);
        GENERATOR
            .iter()
            .enumerate()
            .filter(|(bit, _)| top >> bit & 1 == 1)
            .fold(shifted, |sum, (_, generator)| sum ^ generator)
    });
    (checked == 1).then(|| (Encoding::plain("age"), letters.to_vec()))
}
