//! Digests that package databases keep: MD5 (dpkg), SHA-1 (apk), SHA-256 and wider (rpm).

mod md5;

use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

pub(crate) use self::md5::{Md5, update_all};

/// A digest as a package database says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Digest {
    /// dpkg; rpm before 4.6.
    Md5([u8; 16]),
    /// apk; rpm on request.
    Sha1([u8; 20]),
    /// rpm; newer apk.
    Sha256([u8; 32]),
    /// rpm on request: the first half, which is as good as SHA-256.
    Sha512([u8; 32]),
}

/// A digest in the making, of the same kind as an expected one.
#[derive(Clone, Debug)]
pub(crate) enum Hasher {
    Md5(Md5),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha512(Box<Sha512>),
}

impl Digest {
    /// From hexadecimal digits, by their number.
    pub(crate) fn from_hex(text: &[u8]) -> Option<Self> {
        let mut bytes = [0_u8; 64];
        if !text.len().is_multiple_of(2) || text.len() > 128 {
            return None;
        }
        for (place, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *place = hex_digit(*high)? << 4 | hex_digit(*low)?;
        }
        match text.len() / 2 {
            16 => Some(Self::Md5(first(&bytes)?)),
            20 => Some(Self::Sha1(first(&bytes)?)),
            32 => Some(Self::Sha256(first(&bytes)?)),
            64 => Some(Self::Sha512(first(&bytes)?)),
            _ => None,
        }
    }

    /// What computes a digest to compare with this one.
    pub(crate) fn hasher(&self) -> Hasher {
        match self {
            Self::Md5(_) => Hasher::Md5(Md5::new()),
            Self::Sha1(_) => Hasher::Sha1(Sha1::new()),
            Self::Sha256(_) => Hasher::Sha256(Sha256::new()),
            Self::Sha512(_) => Hasher::Sha512(Box::new(Sha512::new())),
        }
    }

    /// The digest of bytes at hand.
    pub(crate) fn matches(&self, bytes: &[u8]) -> bool {
        let mut hasher = self.hasher();
        hasher.update(bytes);
        hasher.finish() == *self
    }
}

impl Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(hasher) => hasher.update(bytes),
            Self::Sha1(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Digest {
        match self {
            Self::Md5(hasher) => Digest::Md5(hasher.finish()),
            Self::Sha1(hasher) => Digest::Sha1(hasher.finalize().into()),
            Self::Sha256(hasher) => Digest::Sha256(hasher.finalize().into()),
            Self::Sha512(hasher) => {
                let mut half = [0; 32];
                for (place, byte) in half.iter_mut().zip(hasher.finalize()) {
                    *place = byte;
                }
                Digest::Sha512(half)
            }
        }
    }
}

fn first<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.get(..N)?.try_into().ok()
}

fn hex_digit(letter: u8) -> Option<u8> {
    char::from(letter).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::Digest;

    #[test]
    fn digests_of_every_length_compare() {
        for (hex, is_right) in [
            ("900150983cd24fb0d6963f7d28e17f72", true),
            ("a9993e364706816aba3e25717850c26c9cd0d89d", true),
            ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", true),
            (
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
                true,
            ),
            ("900150983cd24fb0d6963f7d28e17f73", false),
        ] {
            assert_eq!(Digest::from_hex(hex.as_bytes()).unwrap().matches(b"abc"), is_right, "{hex}");
        }
        for bad in ["", "90", "9001x0983cd24fb0d6963f7d28e17f72", "900150983cd24fb0d6963f7d28e17f7"] {
            assert_eq!(Digest::from_hex(bad.as_bytes()), None, "{bad}");
        }
    }
}
