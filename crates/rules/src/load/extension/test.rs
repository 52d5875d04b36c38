//! `test` items.

use super::{
    super::{FileReader, Refused, apply::Definitions, item::Text},
    json::json,
};
use crate::yaml::Node;

/// Most events of a test.
const MAX_EVENTS: usize = 10_000;
/// Keys of an event that are no fields.
const EVENT_KEYS: [&str; 5] = ["after", "expect", "outcome", "record", "source"];

/// What an event is made of.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// A call, by field: each with its value, or values.
    Call { fields: Vec<(Text, Vec<Text>)>, outcome: Option<Text> },
    /// A JSON record of that source.
    Record { json: serde_json::Value, source: Option<Text>, at: Text },
}

/// An event of a test.
#[derive(Clone, Debug)]
pub(crate) struct EventDef {
    /// Nanoseconds after the event before; that long after the start for the first.
    pub(crate) after: u64,
    /// Names of the rules it must raise.
    pub(crate) expect: Option<Vec<Text>>,
    pub(crate) content: Content,
}

/// A test as written.
#[derive(Clone, Debug)]
pub(crate) struct TestDef {
    pub(crate) name: Text,
    /// Names of the rules that the events must raise.
    pub(crate) expect: Option<Vec<Text>>,
    /// The only rules that are looked at; all where it is not given.
    pub(crate) rules: Option<Vec<Text>>,
    pub(crate) events: Vec<EventDef>,
}

impl FileReader<'_> {
    pub(super) fn test(
        &mut self,
        node: &Node,
        name: Text,
        definitions: &mut Definitions,
    ) -> Result<(), Refused> {
        self.unknown_keys(node, &["test", "expect", "each", "rules", "events"]);
        let list = self.required(node, "events")?;
        let items = list.items().unwrap_or_default();
        if items.is_empty() || items.len() > MAX_EVENTS {
            let message = format!("'events' must be a list of 1 to {MAX_EVENTS} events");
            return Err(self.refuse_extension(&list, message));
        }
        let mut events = items.iter().map(|item| self.event(item)).collect::<Result<Vec<_>, _>>()?;
        let expect = self.names(node, "expect")?;
        if let Some(each) = self.names(node, "each")? {
            for event in &mut events {
                event.expect.get_or_insert_with(|| each.clone());
            }
        }
        if expect.is_none() && events.iter().all(|event| event.expect.is_none()) {
            let message = "a test must say which rules it expects: 'expect: [names]' of all events together, or 'each: \
                           [names]' of each; [] for none";
            return Err(self.refuse_extension(node, message));
        }
        definitions.tests.push(TestDef { name, expect, rules: self.names(node, "rules")?, events });
        Ok(())
    }

    fn names(&self, node: &Node, key: &str) -> Result<Option<Vec<Text>>, Refused> {
        let names = node.get(key).filter(|names| !names.is_null());
        names.map(|names| self.texts(names, &format!("'{key}' must be names of rules"))).transpose()
    }

    fn event(&mut self, node: &Node) -> Result<EventDef, Refused> {
        let Some(entries) = node.entries() else {
            return Err(self.refuse_extension(node, "an event is a mapping of fields to values"));
        };
        let after = node.get("after").map(|after| self.duration(after, "after")).transpose()?.unwrap_or(0);
        let expect = self.names(node, "expect")?;
        let content = match node.get("record") {
            Some(record) => {
                self.unknown_keys(node, &["after", "expect", "record", "source"]);
                let at = Text { text: String::new(), place: self.place(&record.span) };
                Content::Record { json: json(record), source: self.optional_text(node, "source")?, at }
            }
            None => {
                let mut fields = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let key = self.scalar(key, "a field's name must be text")?;
                    if !EVENT_KEYS.contains(&key.text.as_str()) {
                        fields.push((key, self.texts(value, "a field's value is text or a list of texts")?));
                    }
                }
                Content::Call { fields, outcome: self.optional_text(node, "outcome")? }
            }
        };
        Ok(EventDef { after, expect, content })
    }
}
