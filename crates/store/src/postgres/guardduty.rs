//! What GuardDuty's API keeps and reads, in PostgreSQL.

use async_trait::async_trait;
use fargard_coverage::{guardduty::Detector, inventory::Item};
use fargard_model::Finding;
use serde_json::Value;

use super::{Mode, PostgresSession, PostgresStore, connection};
use crate::{
    FindingScan, GuardDutyStore, Inside, Object, ObjectKey, ObjectKind, StoreError, state::guardduty,
};

#[async_trait]
impl GuardDutyStore for PostgresStore {
    async fn objects(
        &self,
        kind: ObjectKind,
        scope: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Object>, StoreError> {
        transact!(self, Mode::Read, session => guardduty::of_scope(&mut session, kind, scope, after, limit))
    }

    async fn objects_named(
        &self,
        kind: ObjectKind,
        name: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Object>, StoreError> {
        transact!(self, Mode::Read, session => guardduty::named(&mut session, kind, name, limit))
    }

    async fn object(&self, key: &ObjectKey) -> Result<Option<Value>, StoreError> {
        transact!(self, Mode::Read, session => guardduty::object(&mut session, key))
    }

    async fn add_object(&self, key: &ObjectKey, body: &Value) -> Result<bool, StoreError> {
        transact!(self, Mode::Write, session => guardduty::put(&mut session, key, body, false))
    }

    async fn put_object(&self, key: &ObjectKey, body: &Value) -> Result<(), StoreError> {
        let kept: Result<bool, StoreError> =
            transact!(self, Mode::Write, session => guardduty::put(&mut session, key, body, true));
        kept.map(|_| ())
    }

    async fn remove_object(&self, key: &ObjectKey) -> Result<bool, StoreError> {
        transact!(self, Mode::Write, session => guardduty::remove(&mut session, key))
    }

    async fn forget_scope(&self, scope: &str) -> Result<(), StoreError> {
        transact!(self, Mode::Write, session => guardduty::forget_scope(&mut session, scope))
    }

    async fn findings_of(&self, scan: &FindingScan) -> Result<Vec<Finding>, StoreError> {
        transact!(self, Mode::Read, session => guardduty::scan(&mut session, scan))
    }

    async fn resource(&self, arn: &str) -> Result<Option<Item>, StoreError> {
        transact!(self, Mode::Read, session => guardduty::resource(&mut session, arn))
    }

    async fn inside(&self, cluster: &str) -> Result<Inside, StoreError> {
        transact!(self, Mode::Read, session => guardduty::inside(&mut session, cluster))
    }

    async fn accounts(&self, region: &str, after: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        transact!(self, Mode::Read, session => guardduty::accounts(&mut session, region, after, limit))
    }

    async fn detectors(&self, region: &str, after: &str, limit: usize) -> Result<Vec<Detector>, StoreError> {
        transact!(self, Mode::Read, session => guardduty::detectors(&mut session, region, after, limit))
    }
}
