//! From `test` items to events.

use std::collections::BTreeSet;

use fargard_model::{EventType, Source, Timestamp};

use super::{Step, Test};
use crate::{
    LineColumn, OwnedSubject, Record, Ruleset, SourceFile,
    diagnostic::{Code, Diagnostic},
    load::{Content, EventDef, Place, TestDef, Text},
    made::{EventBuilder, START},
    source::line_column,
};

/// What is wrong, and where.
type Wrong = (Place, String);

/// The tests; what is wrong with them is reported.
pub(crate) fn tests(
    files: &[SourceFile],
    definitions: &[TestDef],
    ruleset: Option<&Ruleset>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Test> {
    let mut tests = Vec::with_capacity(definitions.len());
    for definition in definitions {
        match test(files, definition, ruleset) {
            Ok(test) => tests.push(test),
            Err((place, message)) => {
                let Some(file) = files.get(place.file) else { continue };
                let message = format!("test '{}': {message}", definition.name.text);
                diagnostics.push(Diagnostic::new(Code::ErrExtension, file, place.span, message));
            }
        }
    }
    tests
}

fn test(files: &[SourceFile], definition: &TestDef, ruleset: Option<&Ruleset>) -> Result<Test, Wrong> {
    let names = |written: &Option<Vec<Text>>| known(written.as_deref(), ruleset);
    let mut time = START;
    let mut events = Vec::with_capacity(definition.events.len());
    for (event, num) in definition.events.iter().zip(1..) {
        time = time.saturating_add(event.after);
        let (subject, place) = subject(event, num, time).map_err(|(place, message)| {
            // An event without fields has no place of its own.
            (place.unwrap_or_else(|| definition.name.place.clone()), message)
        })?;
        let place = place.unwrap_or_else(|| definition.name.place.clone());
        events.push(Step { subject, at: position(files, &place), expect: names(&event.expect)? });
    }
    Ok(Test {
        name: definition.name.text.clone(),
        file: files.get(definition.name.place.file).map(|file| file.name.clone()).unwrap_or_default(),
        at: position(files, &definition.name.place),
        expect: names(&definition.expect)?,
        rules: names(&definition.rules)?,
        events,
    })
}

fn position(files: &[SourceFile], place: &Place) -> LineColumn {
    line_column(files.get(place.file).map_or("", |file| file.text.as_str()), place.span.start)
}

/// The names, all of which must be rules.
fn known(written: Option<&[Text]>, ruleset: Option<&Ruleset>) -> Result<Option<BTreeSet<String>>, Wrong> {
    let Some(written) = written else { return Ok(None) };
    let unknown =
        written.iter().find(|name| ruleset.is_some_and(|ruleset| ruleset.find(&name.text).is_none()));
    match unknown {
        Some(name) => Err((name.place.clone(), format!("there is no rule '{}'", name.text))),
        None => Ok(Some(written.iter().map(|name| name.text.clone()).collect())),
    }
}

/// The event, and where it stands.
fn subject(
    event: &EventDef,
    num: u64,
    time: u64,
) -> Result<(OwnedSubject, Option<Place>), (Option<Place>, String)> {
    match &event.content {
        Content::Call { fields, outcome } => {
            let place = fields.first().map(|(field, _)| field.place.clone());
            call(fields, outcome.as_ref(), num, time).map(|subject| (subject, place))
        }
        Content::Record { json, source, at } => {
            let source = match source.as_ref().map(|source| source.text.as_str()) {
                None | Some("aws_cloudtrail") => Source::AwsCloudtrail,
                Some(other) => {
                    return Err((Some(at.place.clone()), format!("records have no source '{other}'")));
                }
            };
            let mut record = Record::parse(source, json.to_string().as_bytes())
                .map_err(|fault| (Some(at.place.clone()), format!("this is no record: {}", fault.what)))?;
            record.num = num;
            record.time = Timestamp(time);
            Ok((OwnedSubject::Record(Box::new(record)), Some(at.place.clone())))
        }
    }
}

fn call(
    fields: &[(Text, Vec<Text>)],
    outcome: Option<&Text>,
    num: u64,
    time: u64,
) -> Result<OwnedSubject, (Option<Place>, String)> {
    let kind =
        fields.iter().find(|(field, _)| field.text == "evt.type").and_then(|(_, values)| values.first());
    let place = || fields.first().map(|(field, _)| field.place.clone());
    let kind = kind.ok_or_else(|| (place(), "an event needs evt.type (or is a 'record')".to_owned()))?;
    let kind: EventType = kind
        .text
        .parse()
        .map_err(|_| (Some(kind.place.clone()), format!("unknown event type '{}'", kind.text)))?;
    let mut builder = EventBuilder::new(kind).at(num, time);
    if let Some(outcome) = outcome {
        builder.outcome(&outcome.text).map_err(|error| (Some(outcome.place.clone()), error.to_string()))?;
    }
    for (field, values) in fields {
        let texts: Vec<&str> = values.iter().map(|value| value.text.as_str()).collect();
        builder.set(&field.text, &texts).map_err(|error| {
            let at = values.first().map_or(&field.place, |value| &value.place);
            let is_value = matches!(error, crate::made::MadeError::Value { .. });
            (Some(if is_value { at.clone() } else { field.place.clone() }), error.to_string())
        })?;
    }
    let event = builder.build().map_err(|error| {
        let named = match &error {
            crate::made::MadeError::Conflict { field, .. } => {
                fields.iter().find(|(name, _)| name.text == *field)
            }
            _ => None,
        };
        (named.map(|(name, _)| name.place.clone()).or_else(place), error.to_string())
    })?;
    Ok(OwnedSubject::Call(Box::new(event)))
}
