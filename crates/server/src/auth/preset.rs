//! Tokens that the owner made and tells at each start: what is told no longer, or told otherwise, is valid no longer.

use fargard_store::{StateStore, TokenKind};

use super::{first_start::entry, token};
use crate::{config::PresetTokens, error::ApiError};

/// Keeps the tokens that are told, and takes those of before away.
pub(crate) async fn keep(store: &dyn StateStore, tokens: &PresetTokens) -> Result<(), ApiError> {
    let kinds = [
        (TokenKind::Admin, "preset-admin", &tokens.admin),
        (TokenKind::Enrolment, "preset-enrolment", &tokens.enrolment),
        (TokenKind::Inventory, "preset-inventory", &tokens.inventory),
    ];
    for (kind, marker, secret) in kinds {
        let hash = secret.as_ref().map(|secret| token::hash(secret.reveal()));
        // The marker stands where a hash stands and no text hashes to it; its name is the hash of the token.
        let before = store.token(marker).await?.map(|token| token.name);
        if let Some(before) = before.filter(|before| Some(before) != hash.as_ref()) {
            store.take_token(&before).await?;
            store.take_token(marker).await?;
        }
        if let Some(hash) = hash {
            store.put_token(&entry(marker.to_owned(), TokenKind::OneTime, &hash)).await?;
            store.put_token(&entry(hash, kind, "told at the start")).await?;
        }
    }
    Ok(())
}
