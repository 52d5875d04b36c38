//! `user.*` and `group.*`.

use fargard_model::Event;

use super::{
    ArgKind::None as NoArg,
    Field,
    FieldType::{Int, Text},
    Values, field,
};

const LOGIN: &str = "nobody logs in to a Fargate task";

pub(super) const FIELDS: &[Field] = &[
    field("user.uid", Int, NoArg, "effective user id", |event, _| Values::int(event.process.euid))
        .typed("UINT32"),
    field("user.name", Text, NoArg, "name in the container's /etc/passwd", |event, _| {
        Values::known(&event.process.user)
    }),
    field("user.homedir", Text, NoArg, "home directory in the container's /etc/passwd", |event, _| {
        Values::known(&event.process.home)
    }),
    field("user.shell", Text, NoArg, "login shell in the container's /etc/passwd", |event, _| {
        Values::known(&event.process.shell)
    }),
    field("user.loginuid", Int, NoArg, "who logged in; -1 when nobody did, as on Fargate", |event, _| {
        event.process.loginuid.filter(|uid| *uid != u32::MAX).map_or(Values::int(-1), Values::int)
    })
    .typed("INT64"),
    field("user.loginname", Text, NoArg, "name of who logged in", login_name).absent(LOGIN),
    field("group.gid", Int, NoArg, "group id", |event, _| Values::int(event.process.gid)).typed("UINT32"),
    field("group.name", Text, NoArg, "name in the container's /etc/group", |event, _| {
        Values::known(&event.process.group)
    }),
];

/// Only the user of the process itself and root have names that are known.
fn login_name<'e>(event: &'e Event, _: &super::FieldArg) -> Values<'e> {
    let process = &event.process;
    match process.loginuid {
        Some(uid) if uid == process.euid && !process.user.is_empty() => Values::text(process.user.as_str()),
        Some(0) => Values::text("root"),
        _ => Values::Missing,
    }
}
