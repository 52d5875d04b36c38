//! Lists and publishing destinations: kept, shown, never used.

use fargard_coverage::guardduty::{AwsError, Destination, ListSet};
use fargard_store::{ObjectKey, ObjectKind};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, failed},
    operations::Own,
};

/// What is asked of a list or destination.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    Create,
    List,
    Get,
    Update,
    Delete,
}

/// Names of a kind's members in requests and answers.
struct Words {
    kind: ObjectKind,
    id: &'static str,
    ids: &'static str,
    /// What AWS allows in an account and region.
    most: usize,
}

fn words(kind: ObjectKind) -> Words {
    let (id, ids, most) = match kind {
        ObjectKind::ThreatIntelSet => ("threatIntelSetId", "threatIntelSetIds", 6),
        ObjectKind::ThreatEntitySet => ("threatEntitySetId", "threatEntitySetIds", 6),
        ObjectKind::TrustedEntitySet => ("trustedEntitySetId", "trustedEntitySetIds", 1),
        _ => ("ipSetId", "ipSetIds", 1),
    };
    Words { kind, id, ids, most }
}

fn no_such(what: &str) -> AwsError {
    AwsError::bad_request(format!(
        "The request is rejected because the input {what} is not owned by the current account."
    ))
}

impl Own<'_> {
    /// One of a detector's objects.
    async fn object<T: DeserializeOwned>(&self, key: &ObjectKey, what: &str) -> Result<T, AwsError> {
        let body = self.state.coverage.object(key).await.map_err(failed)?.ok_or_else(|| no_such(what))?;
        serde_json::from_value(body).map_err(|error| {
            tracing::error!(%error, what, "an object in the store cannot be read");
            AwsError::internal()
        })
    }

    /// Keeps a new object under a new id, which it returns; clients' tokens are not remembered.
    async fn keep_new(
        &self,
        kind: ObjectKind,
        detector: &str,
        body: &impl serde::Serialize,
        most: usize,
    ) -> Result<String, AwsError> {
        let known = self.state.coverage.objects(kind, detector, "", most).await.map_err(failed)?;
        if known.len() >= most {
            return Err(AwsError::bad_request(format!(
                "The request is rejected because an account has at most {most} of them in a region."
            )));
        }
        let id = uuid::Uuid::now_v7().simple().to_string();
        self.put(&ObjectKey::new(kind, detector, &id), body).await?;
        Ok(id)
    }

    pub(super) async fn list_set(
        &self,
        (kind, act): (ObjectKind, Act),
        (detector, item): (&str, &str),
        query: &str,
        body: &[u8],
    ) -> Result<Answer, AwsError> {
        self.detector(detector).await?;
        let words = words(kind);
        let key = ObjectKey::new(words.kind, detector, item);
        let with_times = matches!(kind, ObjectKind::ThreatEntitySet | ObjectKind::TrustedEntitySet);
        match act {
            Act::Create => {
                let set = ListSet::create(body, self.now)?;
                let id = self.keep_new(kind, detector, &set, words.most).await?;
                return Ok(json!({words.id: id}).into());
            }
            Act::List => {
                let (ids, next) = self.names(kind, detector, query).await?;
                return Ok(listed(words.ids, ids.into(), next));
            }
            Act::Get => {
                let set: ListSet = self.object(&key, words.id).await?;
                return Ok(set.render(with_times).into());
            }
            Act::Update => {
                let set: ListSet = self.object(&key, words.id).await?;
                self.put(&key, &set.update(body, self.now)?).await?;
            }
            Act::Delete => self.remove(&key, words.id).await?,
        }
        Ok(json!({}).into())
    }

    pub(super) async fn destination(
        &self,
        act: Act,
        (detector, item): (&str, &str),
        query: &str,
        body: &[u8],
    ) -> Result<Answer, AwsError> {
        self.detector(detector).await?;
        let kind = ObjectKind::Destination;
        let key = ObjectKey::new(kind, detector, item);
        match act {
            Act::Create => {
                let id = self.keep_new(kind, detector, &Destination::create(body)?, 1).await?;
                return Ok(json!({"destinationId": id}).into());
            }
            Act::List => {
                let (ids, next) = self.names(kind, detector, query).await?;
                let all: Vec<Value> = ids.iter().map(|id| Destination::summary(id)).collect();
                return Ok(listed("destinations", all.into(), next));
            }
            Act::Get => {
                let destination: Destination = self.object(&key, "destinationId").await?;
                return Ok(destination.render(item).into());
            }
            Act::Update => {
                let destination: Destination = self.object(&key, "destinationId").await?;
                self.put(&key, &destination.update(body)?).await?;
            }
            Act::Delete => self.remove(&key, "destinationId").await?,
        }
        Ok(json!({}).into())
    }

    async fn remove(&self, key: &ObjectKey, what: &str) -> Result<(), AwsError> {
        if self.state.coverage.remove_object(key).await.map_err(failed)? {
            return Ok(());
        }
        Err(no_such(what))
    }
}

/// A page of a list.
pub(super) fn listed(member: &str, all: Value, next: Option<String>) -> Answer {
    let mut answer = Map::from_iter([(member.to_owned(), all)]);
    if let Some(next) = next {
        answer.insert("nextToken".to_owned(), next.into());
    }
    Value::from(answer).into()
}
