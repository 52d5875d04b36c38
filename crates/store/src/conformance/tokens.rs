use std::sync::Arc;

use super::{State, sample::at};
use crate::{StoreError, Token, TokenKind};

fn token(hash: &str, kind: TokenKind) -> Token {
    let (name, task_arn) = ("ann's \"laptop\"".to_owned(), "task-0".to_owned());
    Token { hash: hash.to_owned(), kind, name, task_arn, created: at(1), expires: Some(at(2)) }
}

pub(super) async fn tokens_are_kept_by_hash(store: State) -> Result<(), StoreError> {
    assert_eq!(store.token("00").await?, None);
    let mut kept = token("00", TokenKind::Sensor);
    store.put_token(&kept).await?;
    store.put_token(&token("01", TokenKind::Admin)).await?;
    assert_eq!(store.token("00").await?, Some(kept.clone()));
    kept.expires = None;
    store.put_token(&kept).await?;
    assert_eq!(store.token("00").await?, Some(kept));
    assert!(store.take_token("00").await?);
    assert!(!store.take_token("00").await?);
    assert_eq!(store.token("00").await?, None);
    assert!(store.token("01").await?.is_some());
    Ok(())
}

pub(super) async fn one_of_many_takes_a_token(store: State) -> Result<(), StoreError> {
    store.put_token(&token("00", TokenKind::OneTime)).await?;
    let mut takers = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let store = Arc::clone(&store);
        takers.spawn(async move { store.take_token("00").await });
    }
    let mut taken = 0;
    while let Some(result) = takers.join_next().await {
        let result =
            result.map_err(|error| StoreError::Backend { operation: "join", reason: error.to_string() })?;
        taken += usize::from(result?);
    }
    assert_eq!(taken, 1);
    Ok(())
}
