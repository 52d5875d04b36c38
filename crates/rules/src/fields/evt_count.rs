//! Counters that tables add up, and what only tables and captures show: `evt.count*`, `evt.around`, `evt.infra.*`,
//! `util.cnt`, `fdlist.*`.

use fargard_model::{Event, Outcome};

use super::{
    ArgKind::{Key, None as NoArg},
    Field, FieldArg,
    FieldType::{Int, Text},
    Use, Value, Values,
    call::{Category, category},
    field, null,
};

const DOCKER: &str = "of events of a Docker daemon, which no task has";
const POLL: &str = "poll and select are not observed";
const STATE: &str = "counts events, which rules do not do";

pub(super) const FIELDS: &[Field] = &[
    field("evt.count", Int, NoArg, "1", |_, _| Values::int(1)).typed("UINT32"),
    field("evt.count.error", Int, NoArg, "1 for a call that failed, else 0", |event, _| {
        failed(event, |_| true)
    })
    .typed("UINT32"),
    field("evt.count.error.file", Int, NoArg, "the same, of calls on files", |event, _| failed(event, on_file))
        .typed("UINT32"),
    field("evt.count.error.net", Int, NoArg, "the same, of calls on sockets", |event, _| failed(event, on_net))
        .typed("UINT32"),
    field("evt.count.error.memory", Int, NoArg, "the same, of calls on memory", |event, _| {
        failed(event, on_memory)
    })
    .typed("UINT32"),
    field("evt.count.error.other", Int, NoArg, "the same, of all other calls", |event, _| {
        failed(event, |event| !on_file(event) && !on_net(event) && !on_memory(event))
    })
    .typed("UINT32"),
    field("evt.count.exit", Int, NoArg, "1: only ends of calls are seen", |_, _| Values::int(1)).typed("UINT32"),
    field("evt.count.procinfo", Int, NoArg, "0: nothing samples processes", |_, _| Values::int(0)).typed("UINT32"),
    field("evt.count.threadinfo", Int, NoArg, "0: nothing samples threads", |_, _| Values::int(0)).typed("UINT32"),
    field(
        "evt.around",
        Int,
        Key,
        "evt.around[T] = D: the event is at most D milliseconds before or after T, nanoseconds since the epoch",
        |event, arg| match arg {
            FieldArg::Index(at) => {
                let apart = u64::try_from(*at).map_or(u64::MAX, |at| event.time.0.abs_diff(at));
                Values::One(Value::Int(i64::try_from(apart).unwrap_or(i64::MAX)))
            }
            _ => Values::Missing,
        },
    )
    .only(Use::Condition),
    null("evt.infra.docker.name", Text, NoArg, "name of a Docker event", DOCKER),
    null("evt.infra.docker.container.id", Text, NoArg, "container of a Docker event", DOCKER),
    null("evt.infra.docker.container.name", Text, NoArg, "its name", DOCKER),
    null("evt.infra.docker.container.image", Text, NoArg, "its image", DOCKER),
    null("util.cnt", Int, NoArg, "number of times it was read", STATE),
    null("fdlist.nums", Text, NoArg, "descriptors that are polled", POLL),
    null("fdlist.names", Text, NoArg, "their names", POLL),
    null("fdlist.cips", Text, NoArg, "addresses of their clients", POLL),
    null("fdlist.sips", Text, NoArg, "addresses of their servers", POLL),
    null("fdlist.cports", Text, NoArg, "ports of their clients", POLL),
    null("fdlist.sports", Text, NoArg, "ports of their servers", POLL),
];

/// 1 when a call of the kind is known to have failed, 0 when it worked.
fn failed(event: &Event, is_of_kind: fn(&Event) -> bool) -> Values<'_> {
    match event.outcome {
        Outcome::Confirmed(code) if is_of_kind(event) => Values::int(i64::from(code < 0)),
        _ => Values::Missing,
    }
}

fn on_file(event: &Event) -> bool {
    match &event.fd {
        Some(fd) if fd.typechar.is_some() => matches!(fd.typechar, Some('f' | 'd')),
        _ => event.kind.is_open(),
    }
}

fn on_net(event: &Event) -> bool {
    use fargard_model::EventType as E;
    match &event.fd {
        Some(fd) if fd.typechar.is_some() => matches!(fd.typechar, Some('4' | '6' | 'u')),
        _ => matches!(event.kind, E::Accept | E::Accept4 | E::Connect),
    }
}

fn on_memory(event: &Event) -> bool {
    category(event.kind) == Category::Memory
}
