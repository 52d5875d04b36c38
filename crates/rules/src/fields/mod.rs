//! What a rule may ask of an event: one table of fields, each row with its name, type, argument, documentation and
//! the function that reads it from an event. Fields that no sensor can fill on Fargate are rows without a function:
//! rules that name them load, and find no value.

mod arg_names;
mod arguments;
mod call;
pub(crate) mod capability;
mod cloudtrail;
mod container;
mod ct;
mod dns;
mod ecs;
pub(crate) mod errno;
mod evt;
mod evt_any;
mod evt_count;
mod evt_io;
mod extract;
mod fd;
mod fd_net;
mod field;
mod fs_path;
pub(crate) mod fspaths;
mod json;
mod k8s;
mod leader;
mod mounts;
mod outcome;
mod proc;
mod proc_exe;
mod proc_leader;
pub mod reference;
mod resolve;
mod text;
mod thread;
mod user;
mod value;

pub(crate) use arguments::raw_type;
pub use extract::{Extract, FromCall, FromProcess, IntOf, TextOf, TruthOf};
pub use field::{ArgKind, Field, FieldArg, FieldType, NumberForm, Use};
use field::{field, int_field, null, of_process, text_field, truth_field};
pub use resolve::{FieldError, ResolvedField, resolve, resolve_prefix};
pub use text::Text;
use value::known;
pub use value::{ReadEnd, ReadProcess, Value, Values};

const TABLES: [&[Field]; 20] = [
    evt_any::FIELDS,
    evt::FIELDS,
    evt_io::FIELDS,
    evt_count::FIELDS,
    proc::FIELDS,
    proc_leader::FIELDS,
    proc_exe::FIELDS,
    thread::FIELDS,
    fd::FIELDS,
    fd_net::FIELDS,
    fs_path::FIELDS,
    user::FIELDS,
    container::FIELDS,
    mounts::FIELDS,
    k8s::FIELDS,
    ecs::FIELDS,
    dns::FIELDS,
    ct::FIELDS,
    cloudtrail::FIELDS,
    json::FIELDS,
];

/// Every field, by class.
pub fn all() -> impl Iterator<Item = &'static Field> {
    TABLES.into_iter().flatten()
}

/// What Falco appends to outputs when its `append_output` asks for suggested fields.
#[must_use]
pub fn suggested_output() -> String {
    let suggested = all().filter(|field| field.suggested);
    suggested.map(|field| format!(" {}=%{}", field.name.replace('.', "_"), field.name)).collect()
}

#[cfg(test)]
mod tests;
