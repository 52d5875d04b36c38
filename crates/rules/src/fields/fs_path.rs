//! `fs.path.*`: the paths a call works on, whatever the call names its parameters.

use super::{
    ArgKind::None as NoArg,
    Field,
    FieldType::Text,
    field,
    fspaths::{Part, raw, resolved},
};

pub(super) const FIELDS: &[Field] = &[
    field("fs.path.name", Text, NoArg, "resolved path the call works on", |event, _| {
        resolved(event, Part::Name)
    }),
    field("fs.path.nameraw", Text, NoArg, "path the call works on, as given", |event, _| {
        raw(event, Part::Name)
    }),
    field(
        "fs.path.source",
        Text,
        NoArg,
        "resolved source of a rename; the new name of a link",
        |event, _| resolved(event, Part::Source),
    ),
    field("fs.path.sourceraw", Text, NoArg, "the same as given", |event, _| raw(event, Part::Source)),
    field("fs.path.target", Text, NoArg, "resolved target of a rename; what a link points to", |event, _| {
        resolved(event, Part::Target)
    }),
    field("fs.path.targetraw", Text, NoArg, "the same as given", |event, _| raw(event, Part::Target)),
];
