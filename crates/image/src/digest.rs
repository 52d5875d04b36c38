//! Digests of content, and streams that are checked against them.

use std::{
    fmt,
    io::{self, Read},
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha512};

/// `sha256:` or `sha512:` and lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest {
    text: String,
}

/// A text is no digest that can be checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no digest; it is sha256: and 64 lower-case hexadecimal digits, or sha512: and 128")]
pub struct DigestError(String);

impl Digest {
    /// SHA-256 of bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_sha256(&Sha256::digest(bytes))
    }

    fn from_sha256(hash: &[u8]) -> Self {
        Self { text: format!("sha256:{}", hex(hash)) }
    }

    /// `sha256` or `sha512`.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        self.text.split_once(':').map_or("", |(algorithm, _)| algorithm)
    }

    /// The hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> &str {
        self.text.split_once(':').map_or("", |(_, hex)| hex)
    }

    /// Whether bytes have this digest.
    #[must_use]
    pub fn matches(&self, bytes: &[u8]) -> bool {
        let mut hasher = Hasher::like(self);
        hasher.update(bytes);
        hasher.finish() == *self
    }
}

fn hex(hash: &[u8]) -> String {
    use fmt::Write as _;
    hash.iter().fold(String::with_capacity(2 * hash.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let fits = text.split_once(':').is_some_and(|(algorithm, hex)| {
            let length = match algorithm {
                "sha256" => 64,
                "sha512" => 128,
                _ => return false,
            };
            hex.len() == length && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        });
        if fits {
            Ok(Self { text: text.to_owned() })
        } else {
            Err(DigestError(text.chars().take(160).collect()))
        }
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.text
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A hash being made.
#[derive(Clone, Debug)]
pub(crate) enum Hasher {
    Sha256(Sha256),
    Sha512(Box<Sha512>),
}

impl Hasher {
    /// One of the digest's algorithm.
    pub(crate) fn like(digest: &Digest) -> Self {
        if digest.algorithm() == "sha512" {
            Self::Sha512(Box::default())
        } else {
            Self::Sha256(Sha256::new())
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Digest {
        match self {
            Self::Sha256(hasher) => Digest::from_sha256(&hasher.finalize()),
            Self::Sha512(hasher) => Digest { text: format!("sha512:{}", hex(&hasher.finalize())) },
        }
    }
}

/// What a stream turned out not to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Other content than promised.
    #[error("its digest is {found}, not {expected}")]
    Digest {
        /// What was promised.
        expected: Digest,
        /// What it has.
        found: Digest,
    },
    /// Another length than promised.
    #[error("it has {found} bytes or more, not {expected}")]
    Size {
        /// What was promised.
        expected: u64,
        /// What was read until then.
        found: u64,
    },
}

/// A stream whose content must have a digest and, where promised, a length. The end of the stream is an error
/// ([`io::ErrorKind::InvalidData`] around a [`Mismatch`]) unless both are right; a reader that stops before it has
/// checked nothing.
#[derive(Debug)]
pub struct Verified<R> {
    inner: R,
    hasher: Option<Hasher>,
    expected: Digest,
    size: Option<u64>,
    read: u64,
}

impl<R: Read> Verified<R> {
    /// Checks `inner` against a digest and a length in bytes.
    pub fn new(inner: R, expected: Digest, size: Option<u64>) -> Self {
        Self { hasher: Some(Hasher::like(&expected)), inner, expected, size, read: 0 }
    }

    fn end(&mut self) -> io::Result<()> {
        if let Some(expected) = self.size.filter(|size| *size != self.read) {
            return Err(invalid(Mismatch::Size { expected, found: self.read }));
        }
        match self.hasher.take().map(Hasher::finish) {
            Some(found) if found != self.expected => {
                Err(invalid(Mismatch::Digest { expected: self.expected.clone(), found }))
            }
            _ => Ok(()),
        }
    }
}

fn invalid(mismatch: Mismatch) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, mismatch)
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        if got == 0 && !buffer.is_empty() {
            self.end()?;
            return Ok(0);
        }
        self.read += got as u64;
        if let Some(expected) = self.size.filter(|size| self.read > *size) {
            return Err(invalid(Mismatch::Size { expected, found: self.read }));
        }
        if let (Some(hasher), Some(bytes)) = (&mut self.hasher, buffer.get(..got)) {
            hasher.update(bytes);
        }
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{Digest, Verified};

    /// From coreutils: `printf abc | sha256sum`, `sha512sum`.
    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const ABC_512: &str = "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

    #[test]
    fn digests_are_those_of_coreutils() {
        assert_eq!(Digest::of(b"abc").to_string(), ABC);
        for text in [ABC, ABC_512] {
            let digest: Digest = text.parse().unwrap();
            assert!(digest.matches(b"abc") && !digest.matches(b"abd"));
        }
        for text in
            ["", "sha256:", "sha256:BA7816", "md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:../../etc"]
        {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_stream_ends_well_only_when_it_is_what_was_promised() {
        let read = |bytes: &[u8], digest: &str, size| {
            io::read_to_string(Verified::new(bytes, digest.parse().unwrap(), size)).map_err(|e| e.to_string())
        };
        assert_eq!(read(b"abc", ABC, Some(3)).unwrap(), "abc");
        assert_eq!(read(b"abc", ABC_512, None).unwrap(), "abc");
        assert!(read(b"abd", ABC, Some(3)).unwrap_err().contains("its digest is"));
        assert!(read(b"ab", ABC, Some(3)).unwrap_err().contains("2 bytes or more, not 3"));
        assert!(read(b"abcd", ABC, Some(3)).unwrap_err().contains("not 3"));
    }
}
