//! Making and recognising tokens.

use fargard_model::{Secret, Timestamp};
use fargard_store::{StateStore, StoreError, Token, TokenKind};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Longest token text that is looked at.
const MAX_TEXT: usize = 128;

/// The system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the system's random number generator failed")]
pub(crate) struct NoRandomness;

/// A new token text: a prefix that says what it is for (and lets leak scanners find it), then 256 random bits.
pub(crate) fn mint(kind: TokenKind) -> Result<Secret, NoRandomness> {
    let mut bytes = [0_u8; 32];
    rustls::crypto::ring::default_provider().secure_random.fill(&mut bytes).map_err(|_| NoRandomness)?;
    let prefix = match kind {
        TokenKind::Admin => "fargard_admin_",
        TokenKind::Enrolment => "fargard_enrol_",
        TokenKind::Sensor => "fargard_sensor_",
        TokenKind::Session => "fargard_session_",
        TokenKind::OneTime => "fargard_once_",
        TokenKind::Inventory => "fargard_inventory_",
    };
    Ok(Secret::new(format!("{prefix}{}", hex(&bytes))))
}

/// A new access key, as AWS's clients configure one: an id that says what it is, and 240 random bits.
pub(crate) fn mint_access_key() -> Result<(String, Secret), NoRandomness> {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut bytes = [0_u8; 16 + 30];
    rustls::crypto::ring::default_provider().secure_random.fill(&mut bytes).map_err(|_| NoRandomness)?;
    let (id, secret) = bytes.split_at(16);
    let letters = id.iter().filter_map(|byte| LETTERS.get(usize::from(byte % 32)));
    let id: String = letters.map(|letter| char::from(*letter)).collect();
    Ok((format!("FGKA{id}"), Secret::new(hex(secret))))
}

/// What the store keeps of a token.
pub(crate) fn hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// The valid token of that text and kind; `None` for unknown, expired or of another kind.
pub(crate) async fn find(
    store: &dyn StateStore,
    text: &str,
    kind: TokenKind,
) -> Result<Option<Token>, StoreError> {
    if text.is_empty() || text.len() > MAX_TEXT {
        return Ok(None);
    }
    let wanted = hash(text);
    let Some(token) = store.token(&wanted).await? else { return Ok(None) };
    // The lookup was by hash, so its timing tells nothing about a token's text; the comparison guards against a
    // store that finds too much (letter case, collation).
    let same = bool::from(token.hash.as_bytes().ct_eq(wanted.as_bytes()));
    let alive = token.expires.is_none_or(|expires| Timestamp::now() < expires);
    Ok((same && alive && token.kind == kind).then_some(token))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use fargard_store::TokenKind;

    use super::{hash, mint};

    #[test]
    fn tokens_differ_and_do_not_show_in_debug_output() {
        let (one, other) = (mint(TokenKind::Admin).unwrap(), mint(TokenKind::Admin).unwrap());
        assert_ne!(one, other);
        assert_eq!(one.reveal().len(), "fargard_admin_".len() + 64);
        assert_eq!(format!("{one:?}"), "Secret(..)");
        assert_eq!(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
