//! Access keys for GuardDuty's API, and tokens for those who send inventory.

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
};
use fargard_coverage::arn::is_account;
use fargard_model::{Secret, Timestamp};
use fargard_store::{AccessKey, KeyRole, TokenKind};
use serde::{Deserialize, Serialize};

use crate::{
    auth::{Admin, first_start, token},
    error::ApiError,
    query::Params,
    state::AppState,
};

/// Longest name, in characters.
const MAX_NAME: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    name: String,
    account: String,
    role: KeyRole,
    #[serde(default)]
    read_only: bool,
}

/// A key as it is shown; `secret` only once, when it is made.
#[derive(Serialize)]
pub(super) struct ShownKey {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    name: String,
    account: String,
    role: KeyRole,
    read_only: bool,
    created: Timestamp,
}

#[derive(Serialize)]
pub(super) struct ShownKeys {
    keys: Vec<ShownKey>,
}

impl ShownKey {
    fn of(key: AccessKey, secret: Option<&Secret>) -> Self {
        let AccessKey { id, name, account, role, read_only, created, .. } = key;
        let secret = secret.map(|secret| secret.reveal().to_owned());
        Self { id, secret, name, account, role, read_only, created }
    }
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let bad = name.trim().is_empty() || name.chars().count() > MAX_NAME || name.contains('\0');
    if bad {
        let message = format!("name must have 1 to {MAX_NAME} characters");
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_name", message));
    }
    Ok(())
}

pub(super) async fn create(
    State(state): State<AppState>,
    admin: Admin,
    body: Result<Json<NewKey>, JsonRejection>,
) -> Result<Json<ShownKey>, ApiError> {
    let Json(wanted) = body.map_err(|rejection| ApiError::from_json(&rejection))?;
    check_name(&wanted.name)?;
    if !is_account(&wanted.account) {
        let message = "account must be twelve digits";
        return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_account", message));
    }
    let (id, secret) = token::mint_access_key()?;
    let key = AccessKey {
        sealed: state.seal.seal(&secret, &id)?,
        id,
        name: wanted.name,
        account: wanted.account,
        role: wanted.role,
        read_only: wanted.read_only,
        created: Timestamp::now(),
    };
    state.coverage.put_access_key(&key).await?;
    tracing::info!(key = key.id, account = key.account, by = admin.name, "access key made");
    Ok(Json(ShownKey::of(key, Some(&secret))))
}

pub(super) async fn list(
    State(state): State<AppState>,
    _admin: Admin,
    params: Params,
) -> Result<Json<ShownKeys>, ApiError> {
    params.finish()?;
    let keys = state.coverage.access_keys().await?;
    Ok(Json(ShownKeys { keys: keys.into_iter().map(|key| ShownKey::of(key, None)).collect() }))
}

pub(super) async fn revoke(
    State(state): State<AppState>,
    admin: Admin,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    if !state.coverage.remove_access_key(&id).await? {
        return Err(ApiError::not_found("there is no access key with this id"));
    }
    tracing::info!(key = id, by = admin.name, "access key revoked");
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    name: String,
}

#[derive(Serialize)]
pub(super) struct ShownToken {
    token: String,
}

pub(super) async fn inventory_token(
    State(state): State<AppState>,
    admin: Admin,
    body: Result<Json<NewToken>, JsonRejection>,
) -> Result<Json<ShownToken>, ApiError> {
    let Json(wanted) = body.map_err(|rejection| ApiError::from_json(&rejection))?;
    check_name(&wanted.name)?;
    let secret = first_start::put(&*state.store, TokenKind::Inventory, &wanted.name).await?;
    tracing::info!(name = wanted.name, by = admin.name, "inventory token made");
    Ok(Json(ShownToken { token: secret.reveal().to_owned() }))
}
