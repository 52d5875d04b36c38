//! `dns.*`: our own class, names that were looked up. The events are of the type `asyncevent`, as those that Falco's
//! plugins put between calls; `evt.asynctype` is `dns_query` or `dns_answer`.

use fargard_model::{Event, EventType, event::ArgValue};

use super::{ArgKind::None as NoArg, Field, FieldType::Text, Values, field};

pub(super) const FIELDS: &[Field] = &[
    field("dns.question.name", Text, NoArg, "name that is looked up, in lower case", |event, _| {
        part(event, "question")
    }),
    field("dns.question.type", Text, NoArg, "type of record: A, AAAA, TXT, ...", |event, _| {
        part(event, "question_type")
    }),
    field("dns.rcode", Text, NoArg, "result of an answer: NOERROR, NXDOMAIN, ...", |event, _| {
        part(event, "rcode")
    }),
    field("dns.answers", Text, NoArg, "records of an answer, as 'A 192.0.2.1, A 192.0.2.2'", |event, _| {
        part(event, "answers")
    }),
];

fn part<'e>(event: &'e Event, name: &str) -> Values<'e> {
    match event.arg(name).filter(|_| event.kind == EventType::Asyncevent) {
        Some(ArgValue::Text(text)) => Values::text(text.as_str()),
        _ => Values::Missing,
    }
}
