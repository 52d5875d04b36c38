//! The tokens a new server gives to its owner.

use fargard_model::{Secret, Timestamp};
use fargard_store::{StateStore, StoreError, Token, TokenKind};

use super::token;
use crate::error::ApiError;

/// Stands in the store where a hash stands; no text hashes to it, so nobody can use it as a token.
const MARKER: &str = "first-start-done";

/// The first tokens: shown once, kept as hashes only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstTokens {
    /// For people and scripts: may do everything.
    pub admin: Secret,
    /// For sensors: may enrol.
    pub enrolment: Secret,
}

/// The first tokens if nobody was shown any yet.
pub(crate) async fn tokens(store: &dyn StateStore) -> Result<Option<FirstTokens>, ApiError> {
    if store.token(MARKER).await?.is_some() {
        return Ok(None);
    }
    new_tokens(store).await.map(Some)
}

/// A new pair of tokens; older ones stay valid.
pub(crate) async fn new_tokens(store: &dyn StateStore) -> Result<FirstTokens, ApiError> {
    let admin = put(store, TokenKind::Admin, "admin").await?;
    let enrolment = put(store, TokenKind::Enrolment, "enrolment").await?;
    Ok(FirstTokens { admin, enrolment })
}

/// Notes that the first tokens reached their owner. A server that ends before makes new ones at its next start,
/// so nobody is locked out.
pub(crate) async fn shown(store: &dyn StateStore) -> Result<(), StoreError> {
    store.put_token(&entry(MARKER.to_owned(), TokenKind::OneTime, "first start")).await
}

/// Makes and keeps a token that does not expire.
pub(crate) async fn put(store: &dyn StateStore, kind: TokenKind, name: &str) -> Result<Secret, ApiError> {
    let secret = token::mint(kind)?;
    store.put_token(&entry(token::hash(secret.reveal()), kind, name)).await?;
    Ok(secret)
}

pub(crate) fn entry(hash: String, kind: TokenKind, name: &str) -> Token {
    Token {
        hash,
        kind,
        name: name.to_owned(),
        task_arn: String::new(),
        created: Timestamp::now(),
        expires: None,
    }
}
