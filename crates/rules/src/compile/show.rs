//! Values as outputs show them: as text, and in an alert's `output_fields`.

use serde_json::Value as Json;

use super::operand::Operand;
use crate::{
    Subject,
    fields::{NumberForm, Value, Values},
};

/// As text; `<NA>` where there is no value.
pub(super) fn text(operand: &Operand, subject: Subject<'_>) -> String {
    let form = form(operand);
    let joined = |values: Vec<Value<'_>>| {
        let texts: Vec<String> = values.iter().map(|value| one(value, form)).collect();
        texts.join(",")
    };
    match operand.shown(subject) {
        Values::One(value) => one(&value, form),
        Values::List(values) => format!("({})", joined(values)),
        many => match many.into_vec() {
            values if values.is_empty() => "<NA>".to_owned(),
            values => joined(values),
        },
    }
}

/// As JSON; null where there is no value. Times become nanoseconds since the epoch.
pub(super) fn json(operand: &Operand, subject: Subject<'_>) -> Json {
    if matches!(operand, Operand::Field(field) if field.field.is_time) {
        return subject.time().0.into();
    }
    let form = form(operand);
    let typed = |value: &Value<'_>| match value {
        Value::Int(_) if form == NumberForm::Hexadecimal => one(value, form).into(),
        other => other.to_json(),
    };
    match operand.shown(subject) {
        Values::One(value) => typed(&value),
        Values::List(values) => values.iter().map(typed).collect(),
        Values::Names([first, ..]) => first.as_str().into(),
        many => match many.into_vec() {
            values if values.is_empty() => Json::Null,
            values => values.iter().map(typed).collect(),
        },
    }
}

/// How text shows the operand's numbers.
fn form(operand: &Operand) -> NumberForm {
    match operand {
        Operand::Field(field) => field.field.form,
        _ => NumberForm::Decimal,
    }
}

fn one(value: &Value<'_>, form: NumberForm) -> String {
    match (value, form) {
        (Value::Int(number), NumberForm::NineDigits) => format!("{number:09}"),
        (Value::Int(number), NumberForm::Hexadecimal) => format!("{number:X}"),
        (value, _) => value.to_string(),
    }
}
