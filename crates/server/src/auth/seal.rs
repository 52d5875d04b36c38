//! Secrets that must be read again (a signature is checked with the secret itself) are kept encrypted: whoever reads
//! the database has them only with the key beside it.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use fargard_model::{Secret, bounded};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};

use super::token::NoRandomness;

/// Name of the key's file in the data directory.
const FILE: &str = "secret.key";
const KEY: usize = 32;

/// Encrypts and decrypts with the key of this data directory (AES-256-GCM).
pub(crate) struct Seal(LessSafeKey);

/// What was sealed cannot be opened: it was changed, or sealed with another key.
#[derive(Debug, thiserror::Error)]
#[error(
    "a secret in the store was not encrypted with this server's key: servers that share a store must share the file \
     {FILE} of the data directory"
)]
pub(crate) struct Unreadable;

impl Seal {
    /// The key in that directory; made, for its owner only, when there is none.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        let path = directory.join(FILE);
        let mut key = vec![0_u8; KEY];
        match File::options().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(mut file) => {
                SystemRandom::new().fill(&mut key).map_err(|_| io::Error::other(NoRandomness))?;
                file.write_all(&key)?;
                file.sync_all()?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => key = bounded::read(&path, KEY)?,
            Err(error) => return Err(error),
        }
        let wrong =
            || io::Error::new(io::ErrorKind::InvalidData, format!("{FILE} does not hold {KEY} bytes"));
        let key = UnboundKey::new(&AES_256_GCM, &key).map_err(|_| wrong())?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// With a key of its own.
    #[cfg(test)]
    pub(crate) fn for_test() -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self::open(tempfile::tempdir().unwrap().path()).unwrap())
    }

    /// Encrypts a secret that belongs to `owner`.
    pub(crate) fn seal(&self, secret: &Secret, owner: &str) -> Result<String, NoRandomness> {
        let mut nonce = [0_u8; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| NoRandomness)?;
        let mut text = secret.reveal().as_bytes().to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(owner.as_bytes()),
                &mut text,
            )
            .map_err(|_| NoRandomness)?;
        Ok(nonce.iter().chain(&text).map(|byte| format!("{byte:02x}")).collect())
    }

    /// Decrypts what was sealed for that owner.
    pub(crate) fn open_sealed(&self, sealed: &str, owner: &str) -> Result<Secret, Unreadable> {
        let digits = sealed.as_bytes().as_chunks::<2>().0.iter();
        let byte =
            |pair: &[u8; 2]| str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let mut bytes: Vec<u8> = digits.map(byte).collect::<Option<_>>().ok_or(Unreadable)?;
        let mut nonce = [0_u8; NONCE_LEN];
        bytes.as_slice().read_exact(&mut nonce).map_err(|_| Unreadable)?;
        let text = self
            .0
            .open_in_place(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(owner.as_bytes()),
                bytes.get_mut(NONCE_LEN..).ok_or(Unreadable)?,
            )
            .map_err(|_| Unreadable)?;
        str::from_utf8(text).map(Secret::new).map_err(|_| Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use fargard_model::Secret;

    use super::Seal;

    #[test]
    fn a_secret_opens_with_its_key_for_its_owner_only() {
        let place = tempfile::tempdir().unwrap();
        let sealed = Seal::open(place.path()).unwrap().seal(&Secret::new("s3cret"), "K1").unwrap();
        assert!(!sealed.contains("s3cret"));
        let again = Seal::open(place.path()).unwrap();
        assert_eq!(again.open_sealed(&sealed, "K1").unwrap().reveal(), "s3cret");
        assert!(again.open_sealed(&sealed, "K2").is_err());
        assert!(again.open_sealed("00", "K1").is_err());
        assert!(again.open_sealed("é", "K1").is_err());
        let other = tempfile::tempdir().unwrap();
        assert!(Seal::open(other.path()).unwrap().open_sealed(&sealed, "K1").is_err());
        let mode = place.path().join("secret.key").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
