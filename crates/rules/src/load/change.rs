//! What appended and overriding items change of a rule.

use std::collections::BTreeMap;

use super::{
    FileReader, Refused,
    apply::RuleDef,
    condition::Condition,
    exception::check_exception,
    item::{Exception, How, RuleItem},
};
use crate::diagnostic::Code;

/// Changes a rule, key by key.
pub(super) fn change(
    rule: &mut RuleDef,
    item: RuleItem,
    how: &BTreeMap<String, How>,
    reader: &mut FileReader<'_>,
) -> Result<(), Refused> {
    let how = |key: &str| how.get(key).copied();
    match (how("condition"), item.condition) {
        (Some(How::Append), Some(text)) => rule.condition.append(text),
        (Some(How::Replace), Some(text)) => rule.condition = Condition::new(text),
        _ => {}
    }
    match (how("output"), item.output) {
        (Some(How::Append), Some(text)) => rule.output.text = format!("{} {}", rule.output.text, text.text),
        (Some(How::Replace), Some(text)) => rule.output = text,
        _ => {}
    }
    match (how("desc"), item.description) {
        (Some(How::Append), Some(text)) => rule.description = format!("{} {}", rule.description, text.text),
        (Some(How::Replace), Some(text)) => rule.description = text.text,
        _ => {}
    }
    match (how("tags"), item.tags) {
        (Some(How::Append), Some(tags)) => rule.tags.extend(tags),
        (Some(How::Replace), Some(tags)) => rule.tags = tags,
        _ => {}
    }
    match (how("exceptions"), item.exceptions) {
        (Some(How::Append), Some(exceptions)) => append_exceptions(rule, exceptions, reader)?,
        (Some(How::Replace), Some(exceptions)) => {
            for exception in &exceptions {
                check_exception(exception, reader)?;
            }
            rule.exceptions = exceptions;
        }
        _ => {}
    }
    rule.folding.replaced_by(item.folding);
    rule.action = item.action.or(rule.action.take());
    let replaced = |key: &str| how(key) == Some(How::Replace);
    rule.priority = item.priority.filter(|_| replaced("priority")).unwrap_or(rule.priority);
    rule.enabled = item.enabled.filter(|_| replaced("enabled")).unwrap_or(rule.enabled);
    rule.warn_evttypes =
        item.warn_evttypes.filter(|_| replaced("warn_evttypes")).unwrap_or(rule.warn_evttypes);
    rule.skip_unknown =
        item.skip_unknown.filter(|_| replaced("skip-if-unknown-filter")).unwrap_or(rule.skip_unknown);
    rule.capture = item.capture.filter(|_| replaced("capture")).unwrap_or(rule.capture);
    rule.capture_duration =
        item.capture_duration.filter(|_| replaced("capture_duration")).unwrap_or(rule.capture_duration);
    Ok(())
}

/// An exception of a known name adds its values; any other is a new one.
fn append_exceptions(
    rule: &mut RuleDef,
    exceptions: Vec<Exception>,
    reader: &mut FileReader<'_>,
) -> Result<(), Refused> {
    for exception in exceptions {
        let Some(known) = rule.exceptions.iter_mut().find(|known| known.name == exception.name) else {
            check_exception(&exception, reader)?;
            rule.exceptions.push(exception);
            continue;
        };
        if exception.fields.is_some() || exception.comps.is_some() {
            let message = format!(
                "can not append exception fields or comps to existing exception '{}', only values",
                exception.name
            );
            return Err(reader.refuse(Code::ErrValidate, exception.place.span, message));
        }
        match exception.values {
            Some(values) => known.values.get_or_insert_default().extend(values),
            None => {
                let message = format!("overriding/appending exception '{}' with no values", exception.name);
                reader.warn(Code::AppendNoValues, exception.place.span, message);
            }
        }
    }
    Ok(())
}
