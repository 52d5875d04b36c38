//! What GuardDuty's API keeps and reads, in SQLite.

use async_trait::async_trait;
use fargard_coverage::{guardduty::Detector, inventory::Item};
use fargard_model::Finding;
use serde_json::Value;

use super::{
    SqliteStore,
    connection::{SqliteSession, complete},
};
use crate::{
    FindingScan, GuardDutyStore, Inside, Object, ObjectKey, ObjectKind, StoreError, state::guardduty,
};

#[async_trait]
impl GuardDutyStore for SqliteStore {
    async fn objects(
        &self,
        kind: ObjectKind,
        scope: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Object>, StoreError> {
        let (scope, after) = (scope.to_owned(), after.to_owned());
        self.read(move |connection| {
            complete(guardduty::of_scope(&mut SqliteSession(connection), kind, &scope, &after, limit))
        })
        .await
    }

    async fn objects_named(
        &self,
        kind: ObjectKind,
        name: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Object>, StoreError> {
        let name = name.map(str::to_owned);
        self.read(move |connection| {
            complete(guardduty::named(&mut SqliteSession(connection), kind, name.as_deref(), limit))
        })
        .await
    }

    async fn object(&self, key: &ObjectKey) -> Result<Option<Value>, StoreError> {
        let key = key.clone();
        self.read(move |connection| complete(guardduty::object(&mut SqliteSession(connection), &key))).await
    }

    async fn add_object(&self, key: &ObjectKey, body: &Value) -> Result<bool, StoreError> {
        let (key, body) = (key.clone(), body.clone());
        self.writer
            .run(move |connection| {
                complete(guardduty::put(&mut SqliteSession(connection), &key, &body, false))
            })
            .await
    }

    async fn put_object(&self, key: &ObjectKey, body: &Value) -> Result<(), StoreError> {
        let (key, body) = (key.clone(), body.clone());
        self.writer
            .run(move |connection| {
                complete(guardduty::put(&mut SqliteSession(connection), &key, &body, true)).map(|_| ())
            })
            .await
    }

    async fn remove_object(&self, key: &ObjectKey) -> Result<bool, StoreError> {
        let key = key.clone();
        self.writer
            .run(move |connection| complete(guardduty::remove(&mut SqliteSession(connection), &key)))
            .await
    }

    async fn forget_scope(&self, scope: &str) -> Result<(), StoreError> {
        let scope = scope.to_owned();
        self.writer
            .run(move |connection| complete(guardduty::forget_scope(&mut SqliteSession(connection), &scope)))
            .await
    }

    async fn findings_of(&self, scan: &FindingScan) -> Result<Vec<Finding>, StoreError> {
        let scan = scan.clone();
        self.read(move |connection| complete(guardduty::scan(&mut SqliteSession(connection), &scan))).await
    }

    async fn resource(&self, arn: &str) -> Result<Option<Item>, StoreError> {
        let arn = arn.to_owned();
        self.read(move |connection| complete(guardduty::resource(&mut SqliteSession(connection), &arn))).await
    }

    async fn inside(&self, cluster: &str) -> Result<Inside, StoreError> {
        let cluster = cluster.to_owned();
        self.read(move |connection| complete(guardduty::inside(&mut SqliteSession(connection), &cluster)))
            .await
    }

    async fn accounts(&self, region: &str, after: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        let (region, after) = (region.to_owned(), after.to_owned());
        self.read(move |connection| {
            complete(guardduty::accounts(&mut SqliteSession(connection), &region, &after, limit))
        })
        .await
    }

    async fn detectors(&self, region: &str, after: &str, limit: usize) -> Result<Vec<Detector>, StoreError> {
        let (region, after) = (region.to_owned(), after.to_owned());
        self.read(move |connection| {
            complete(guardduty::detectors(&mut SqliteSession(connection), &region, &after, limit))
        })
        .await
    }
}
