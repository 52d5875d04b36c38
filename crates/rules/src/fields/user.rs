//! `user.*` and `group.*`.

use fargard_model::Process;

use super::{
    ArgKind::None as NoArg,
    Field,
    FieldType::{Int, Text},
    Values, int_field, known, of_process, text_field,
};

const LOGIN: &str = "nobody logs in to a Fargate task";

pub(super) const FIELDS: &[Field] = &[
    int_field("user.uid", Int, "effective user id", |event| Some(event.process.euid.into())).typed("UINT32"),
    text_field("user.name", "name in the container's /etc/passwd", |event| known(&event.process.user)),
    of_process("user.homedir", Text, NoArg, "home directory in the container's /etc/passwd", |own, _| {
        Values::known(&own.home)
    }),
    of_process("user.shell", Text, NoArg, "login shell in the container's /etc/passwd", |own, _| {
        Values::known(&own.shell)
    }),
    of_process("user.loginuid", Int, NoArg, "who logged in; -1 when nobody did, as on Fargate", |own, _| {
        own.loginuid.filter(|uid| *uid != u32::MAX).map_or(Values::int(-1), Values::int)
    })
    .typed("INT64"),
    of_process("user.loginname", Text, NoArg, "name of who logged in", login_name).absent(LOGIN),
    of_process("group.gid", Int, NoArg, "group id", |own, _| Values::int(own.gid)).typed("UINT32"),
    of_process("group.name", Text, NoArg, "name in the container's /etc/group", |own, _| {
        Values::known(&own.group)
    }),
];

/// Only the user of the process itself and root have names that are known.
fn login_name<'e>(own: &'e Process, _: &super::FieldArg) -> Values<'e> {
    match own.loginuid {
        Some(uid) if uid == own.euid && !own.user.is_empty() => Values::text(own.user.as_str()),
        Some(0) => Values::text("root"),
        _ => Values::Missing,
    }
}
