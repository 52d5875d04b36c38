//! `user.*` and `group.*`.

use super::{
    ArgKind::None as NoArg,
    Field,
    FieldType::{Int, Text},
    Values, field, null,
};

pub(super) const FIELDS: &[Field] = &[
    field("user.uid", Int, NoArg, "effective user id", |event, _| Values::int(event.process.euid)),
    field("user.name", Text, NoArg, "name in the container's /etc/passwd", |event, _| {
        Values::known(&event.process.user)
    }),
    field("user.loginuid", Int, NoArg, "-1: nobody logs in to a Fargate task", |_, _| Values::int(-1)),
    null("user.loginname", Text, NoArg, "nobody logs in to a Fargate task"),
    null("user.homedir", Text, NoArg, "not recorded"),
    null("user.shell", Text, NoArg, "not recorded"),
    field("group.gid", Int, NoArg, "group id", |event, _| Values::int(event.process.gid)),
    field("group.name", Text, NoArg, "name in the container's /etc/group", |event, _| {
        Values::known(&event.process.group)
    }),
];
