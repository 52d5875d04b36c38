//! `container.mount*`: what is mounted into the container.

use fargard_model::{Event, Mount};

use super::{
    ArgKind::{Key, None as NoArg},
    Field, FieldArg,
    FieldType::Text,
    Values, field,
};
use crate::compile::glob::Glob;

pub(super) const FIELDS: &[Field] = &[
    field(
        "container.mounts",
        Text,
        NoArg,
        "all mounts as source:destination:mode:writable:propagation, separated by commas",
        |event, _| match &event.container.mounts {
            Some(mounts) => {
                Values::text(mounts.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
            }
            None => Values::Missing,
        },
    ),
    field("container.mount", Text, Key, "a mount by number, or by a pattern of its source", |event, arg| {
        find(event, arg, |mount| &mount.source)
            .map_or(Values::Missing, |mount| Values::text(mount.to_string()))
    }),
    field(
        "container.mount.source",
        Text,
        Key,
        "source of a mount by number, or by a pattern of its destination",
        |event, arg| shown(find(event, arg, |mount| &mount.destination), |mount| &mount.source),
    ),
    field(
        "container.mount.dest",
        Text,
        Key,
        "destination of a mount by number, or by a pattern of its source",
        |event, arg| shown(find(event, arg, |mount| &mount.source), |mount| &mount.destination),
    ),
    field("container.mount.mode", Text, Key, "mode of a mount, found as container.mount", |event, arg| {
        shown(find(event, arg, |mount| &mount.source), |mount| &mount.mode)
    }),
    field("container.mount.rdwr", Text, Key, "'true' when a mount may be written", |event, arg| {
        find(event, arg, |mount| &mount.source)
            .map_or(Values::Missing, |mount| Values::text(if mount.writable { "true" } else { "false" }))
    }),
    field("container.mount.propagation", Text, Key, "propagation of a mount", |event, arg| {
        shown(find(event, arg, |mount| &mount.source), |mount| &mount.propagation)
    }),
];

/// The mount of a number, or the first of which a part fits a shell pattern.
fn find<'e>(event: &'e Event, arg: &FieldArg, part: fn(&Mount) -> &String) -> Option<&'e Mount> {
    let mounts = event.container.mounts.as_ref()?;
    match arg {
        FieldArg::None => None,
        FieldArg::Index(index) => mounts.get(*index),
        FieldArg::Key(pattern) => {
            let pattern = Glob::new(pattern, false);
            mounts.iter().find(|mount| pattern.matches(part(mount)))
        }
    }
}

fn shown<'e>(mount: Option<&'e Mount>, read: fn(&Mount) -> &String) -> Values<'e> {
    mount.map_or(Values::Missing, |mount| Values::text(read(mount)))
}
