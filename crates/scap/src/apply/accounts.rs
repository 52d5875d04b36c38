//! Users, groups and containers that come and go during a capture.

use std::collections::BTreeMap;

use fargard_model::{Container, EventType, Mount, workload::MAX_MOUNTS};
use serde_json::Value;

use super::Change;
use crate::{
    bytes::text,
    state::{Full, User},
};

/// Labels kept of a container.
const MAX_LABELS: usize = 256;

impl Change<'_, '_> {
    /// Events that tell of users, groups and containers.
    pub(super) fn change_accounts(&mut self) -> Result<(), Full> {
        let number = |name| self.uint(name).and_then(|number| u32::try_from(number).ok());
        let words = |name| text(self.bytes(name)).into_owned();
        match self.kind.event {
            EventType::Useradded => {
                let Some(uid) = number("uid") else { return Ok(()) };
                let user = User { name: words("name"), home: words("home"), shell: words("shell") };
                self.state.accounts.set_user(uid, user, &mut self.state.budget)
            }
            EventType::Groupadded => {
                let (Some(gid), name) = (number("gid"), words("name")) else { return Ok(()) };
                self.state.accounts.set_group(gid, name, &mut self.state.budget)
            }
            EventType::Userdeleted => {
                number("uid").into_iter().for_each(|uid| self.state.accounts.forget_user(uid));
                Ok(())
            }
            EventType::Groupdeleted => {
                number("gid").into_iter().for_each(|gid| self.state.accounts.forget_group(gid));
                Ok(())
            }
            EventType::Container => match self.container() {
                Some(container) => self.state.accounts.set_container(container, &mut self.state.budget),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn container(&self) -> Option<Container> {
        let json = self.bytes("json");
        let container = if json.is_empty() {
            let words = |name| text(self.bytes(name)).into_owned();
            Container { id: words("id"), name: words("name"), image: words("image"), ..Container::default() }
        } else {
            let value: Value = serde_json::from_slice(json.strip_suffix(&[0]).unwrap_or(json)).ok()?;
            described(value.get("container").unwrap_or(&value))
        };
        (!container.id.is_empty()).then_some(container)
    }
}

/// A container as Falco's container events describe it.
fn described(value: &Value) -> Container {
    let words = |value: &Value, name| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let seconds = value.get("created_time").and_then(Value::as_u64).unwrap_or(0);
    let mount = |mount: &Value| Mount {
        source: words(mount, "Source"),
        destination: words(mount, "Destination"),
        mode: words(mount, "Mode"),
        writable: mount.get("RW").and_then(Value::as_bool).unwrap_or(false),
        propagation: words(mount, "Propagation"),
    };
    let labels = value.get("labels").and_then(Value::as_object);
    let labels = labels.into_iter().flatten().take(MAX_LABELS);
    let labels = labels.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    let mounts = value.get("Mounts").and_then(Value::as_array);
    Container {
        id: words(value, "id"),
        name: words(value, "name"),
        image: words(value, "image"),
        image_digest: words(value, "imagedigest"),
        image_id: words(value, "imageid"),
        ip: words(value, "ip"),
        started_at: seconds.saturating_mul(1_000_000_000),
        labels: labels.collect::<BTreeMap<_, _>>(),
        mounts: mounts.map(|mounts| mounts.iter().take(MAX_MOUNTS).map(mount).collect()),
    }
}
