//! ASN.1 in DER (X.690), as far as it tells a private key from anything else.

use super::Encoding;

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// 1.2.840.113549.1.12.10.1.1 and .2: PKCS#12 bags with a key and with an encrypted key (RFC 7292).
const KEY_BAGS: [&[u8]; 2] = [
    &[0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x01],
    &[0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x02],
];
/// 1.2.840.113549.1.7.1: data (RFC 5652).
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
/// 1.2.840.113549.1.5 and .12.1: password-based encryption of PKCS#5 and PKCS#12.
const PASSWORD_BASED: [&[u8]; 2] = [
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01],
];

/// Smallest RSA modulus in bytes and smallest other private value taken for a real key.
const MIN_MODULUS: usize = 32;
const MIN_SECRET: usize = 14;

/// What is left to read of some encoding.
#[derive(Clone, Copy, Debug)]
struct Reader<'bytes>(&'bytes [u8]);

impl<'bytes> Reader<'bytes> {
    /// The next element: its tag and content.
    fn next(&mut self) -> Option<(u8, &'bytes [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let count = usize::from(first & 0x7f);
            // Indefinite lengths are no DER; longer ones no key.
            if !(1..=4).contains(&count) {
                return None;
            }
            let (digits, rest) = rest.split_at_checked(count)?;
            (digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)), rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The content of the next element, which must have this tag.
    fn expect(&mut self, tag: u8) -> Option<&'bytes [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }
}

/// The private key that bytes are, from the first to the last.
pub(super) fn private_key(bytes: &[u8]) -> Option<Encoding> {
    let mut outer = Reader(bytes);
    let body = outer.expect(SEQUENCE)?;
    // Some writers end with a line feed or zeros.
    if outer.0.len() > 16 || outer.0.iter().any(|byte| !matches!(byte, 0 | b'\n' | b'\r')) {
        return None;
    }
    let inside = Reader(body);
    pkcs8(inside).or_else(|| encrypted_pkcs8(inside)).or_else(|| numbers(inside)).or_else(|| elliptic(inside))
}

/// `PrivateKeyInfo` (RFC 5208, 5958): version, algorithm, key in octets.
fn pkcs8(mut body: Reader<'_>) -> Option<Encoding> {
    matches!(body.expect(INTEGER)?, [0 | 1]).then_some(())?;
    Reader(body.expect(SEQUENCE)?).expect(OID)?;
    (body.expect(OCTETS)?.len() >= MIN_SECRET).then_some(Encoding::plain("PKCS#8"))
}

/// `EncryptedPrivateKeyInfo` (RFC 5208): algorithm, octets.
fn encrypted_pkcs8(mut body: Reader<'_>) -> Option<Encoding> {
    let algorithm = Reader(body.expect(SEQUENCE)?).expect(OID)?;
    let is_encrypted = PASSWORD_BASED.iter().any(|prefix| algorithm.starts_with(prefix));
    let length = body.expect(OCTETS)?.len();
    (is_encrypted && length >= MIN_SECRET && body.0.is_empty()).then_some(Encoding::encrypted("PKCS#8"))
}

/// PKCS#1 (RFC 8017) and the traditional form of DSA: nothing but integers, the first a small version.
fn numbers(mut body: Reader<'_>) -> Option<Encoding> {
    matches!(body.expect(INTEGER)?, [0 | 1]).then_some(())?;
    let mut sizes = Vec::new();
    while !body.0.is_empty() && sizes.len() < 9 {
        match body.next()? {
            (INTEGER, number) => sizes.push(number.len()),
            // Further primes of a multi-prime RSA key.
            (SEQUENCE, _) if sizes.len() >= 8 => {}
            _ => return None,
        }
    }
    let modulus = *sizes.first()?;
    match sizes.len() {
        8 | 9 if modulus >= MIN_MODULUS && sizes.get(2).is_some_and(|size| *size * 2 > modulus) => {
            Some(Encoding::plain("RSA"))
        }
        5 if modulus >= MIN_MODULUS && sizes.get(4).is_some_and(|size| *size >= MIN_SECRET) => {
            Some(Encoding::plain("DSA"))
        }
        _ => None,
    }
}

/// `ECPrivateKey` (RFC 5915): version 1, key, curve and public key optional.
fn elliptic(mut body: Reader<'_>) -> Option<Encoding> {
    (body.expect(INTEGER)? == [1]).then_some(())?;
    let length = body.expect(OCTETS)?.len();
    while !body.0.is_empty() {
        matches!(body.next()?, (0xa0 | 0xa1, _)).then_some(())?;
    }
    (MIN_SECRET..=80).contains(&length).then_some(Encoding::plain("EC"))
}

/// Whether bytes begin a PKCS#12 store (`PFX`, RFC 7292): version 3, then data. Also in BER, which many writers use.
pub(super) fn begins_pkcs12(head: &[u8]) -> bool {
    let starts = head.first() == Some(&SEQUENCE)
        && (0..6).any(|skip| head.get(2 + skip..5 + skip) == Some(&[INTEGER, 1, 3]));
    starts && head.get(..64.min(head.len())).is_some_and(|head| contains(head, DATA))
}

/// The key in a PKCS#12 store, if it has one; a store of certificates has none.
pub(super) fn pkcs12_key(bytes: &[u8]) -> Option<Encoding> {
    if contains(bytes, KEY_BAGS[0]) {
        Some(Encoding::plain("PKCS#12"))
    } else {
        contains(bytes, KEY_BAGS[1]).then_some(Encoding::encrypted("PKCS#12"))
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(bytes, part).is_some()
}
