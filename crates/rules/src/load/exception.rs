//! Exceptions: checked when they are defined, and turned into the text of a condition.

use super::{
    FileReader, Refused,
    item::{Exception, ExceptionValue, OneOrMany},
    substitute::quote,
};
use crate::{diagnostic::Code, fields, syntax};

/// Operators that an exception may name.
const OPERATORS: [&str; 20] = [
    "=",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "contains",
    "icontains",
    "bcontains",
    "startswith",
    "bstartswith",
    "endswith",
    "glob",
    "iglob",
    "regex",
    "exists",
    "in",
    "intersects",
    "pmatch",
];
const LIST_OPERATORS: [&str; 3] = ["in", "intersects", "pmatch"];
const STRING_OPERATORS: [&str; 12] = [
    "=",
    "==",
    "!=",
    "contains",
    "icontains",
    "bcontains",
    "startswith",
    "bstartswith",
    "endswith",
    "glob",
    "iglob",
    "regex",
];

/// Whether an operator with its quantifier takes a list; `None` when there is no such operator.
fn takes_list(comp: &str) -> Option<bool> {
    if let Some((op, quantifier)) = comp.split_once(char::is_whitespace) {
        let known = syntax::ast::Quantifier::of(quantifier.trim()).is_some();
        return (known && STRING_OPERATORS.contains(&op)).then_some(true);
    }
    OPERATORS.contains(&comp).then(|| LIST_OPERATORS.contains(&comp))
}

/// Refuses an exception that is not whole or names what is not known.
pub(super) fn check_exception(exception: &Exception, reader: &FileReader<'_>) -> Result<(), Refused> {
    let refuse = |code: Code, message: String| {
        reader.refuse(
            code,
            exception.place.span.clone(),
            format!("exception '{}': {message}", exception.name),
        )
    };
    let Some(fields) = &exception.fields else {
        return Err(refuse(
            Code::ErrYamlValidate,
            "it must have a 'fields' property with a list of fields".into(),
        ));
    };
    match (fields, &exception.comps) {
        (OneOrMany::One(_), Some(OneOrMany::Many(_))) => {
            return Err(refuse(
                Code::ErrYamlValidate,
                "'fields' is one field, so 'comps' must be one operator".into(),
            ));
        }
        (OneOrMany::Many(_), Some(OneOrMany::One(_))) => {
            return Err(refuse(
                Code::ErrYamlValidate,
                "'fields' is a list, so 'comps' must be one as well".into(),
            ));
        }
        (OneOrMany::Many(fields), Some(OneOrMany::Many(comps))) if fields.len() != comps.len() => {
            return Err(refuse(Code::ErrValidate, "fields and comps lists must have equal length".into()));
        }
        _ => {}
    }
    let single = matches!(fields, OneOrMany::One(_));
    for (field, comp) in pairs(exception) {
        match takes_list(&comp) {
            None => {
                return Err(refuse(
                    Code::ErrValidate,
                    format!("'{comp}' is not a supported comparison operator"),
                ));
            }
            Some(false) if single => {
                let message = format!(
                    "one field takes in, pmatch, intersects or an operator with oneof, anyof, allof; not '{comp}'"
                );
                return Err(refuse(Code::ErrValidate, message));
            }
            Some(_) => {}
        }
        let parsed = syntax::parse(&format!("{field} exists"));
        let known = match &parsed {
            Ok(syntax::ast::Expr::Check(check)) => field_is_known(&check.left),
            _ => false,
        };
        if !known {
            return Err(refuse(Code::ErrValidate, format!("'{field}' is not a supported filter field")));
        }
    }
    Ok(())
}

fn field_is_known(operand: &syntax::ast::Operand) -> bool {
    match operand {
        syntax::ast::Operand::Field(field) => fields::resolve(&field.name, field.arg.as_deref()).is_ok(),
        syntax::ast::Operand::Transform(_) => true,
    }
}

/// Each field with its operator.
fn pairs(exception: &Exception) -> Vec<(String, String)> {
    match (&exception.fields, &exception.comps) {
        (Some(OneOrMany::One(field)), Some(OneOrMany::One(comp))) => vec![(field.clone(), comp.clone())],
        (Some(OneOrMany::One(field)), _) => vec![(field.clone(), "in".into())],
        (Some(OneOrMany::Many(fields)), Some(OneOrMany::Many(comps))) => {
            fields.iter().cloned().zip(comps.iter().cloned()).collect()
        }
        (Some(OneOrMany::Many(fields)), _) => {
            fields.iter().map(|field| (field.clone(), "=".into())).collect()
        }
        (None, _) => Vec::new(),
    }
}

/// The exception as a condition that is true for what is excepted; `None` when it has no values.
pub(crate) fn exception_condition(exception: &Exception) -> Result<Option<String>, String> {
    let values = match &exception.values {
        Some(values) if !values.is_empty() => values,
        _ => return Ok(None),
    };
    let pairs = pairs(exception);
    if let (Some(OneOrMany::One(_)), Some((field, comp))) = (&exception.fields, pairs.first()) {
        let list = ExceptionValue::List(values.clone());
        return Ok(Some(format!("({field} {comp} {})", value(&list, true))));
    }
    let mut tuples = Vec::with_capacity(values.len());
    for tuple in values {
        let ExceptionValue::List(items) = tuple else {
            return Err(format!(
                "exception '{}': each value must be a list of {} items",
                exception.name,
                pairs.len()
            ));
        };
        if items.len() != pairs.len() {
            return Err(format!(
                "exception '{}': fields and values lists must have equal length, found {} and {}",
                exception.name,
                pairs.len(),
                items.len()
            ));
        }
        let checks = pairs.iter().zip(items).map(|((field, comp), item)| {
            format!("{field} {comp} {}", value(item, takes_list(comp) == Some(true)))
        });
        tuples.push(format!("({})", checks.collect::<Vec<_>>().join(" and ")));
    }
    Ok(Some(tuples.join(" or ")))
}

/// A value as text of a condition.
fn value(value: &ExceptionValue, as_list: bool) -> String {
    let word = |item: &ExceptionValue| match item {
        ExceptionValue::Text(text) => word(text),
        ExceptionValue::List(items) => {
            items.iter().map(|item| self::value(item, false)).collect::<Vec<_>>().join(", ")
        }
    };
    match value {
        ExceptionValue::List(items) => format!("({})", items.iter().map(word).collect::<Vec<_>>().join(", ")),
        ExceptionValue::Text(text) if as_list && !text.starts_with('(') => format!("({})", self::word(text)),
        ExceptionValue::Text(text) if as_list => text.clone(),
        ExceptionValue::Text(text) => self::word(text),
    }
}

/// A word as it stands, a call of a transformer as well, anything else in quotes.
fn word(text: &str) -> String {
    let text = text.trim();
    let is_call = syntax::parse(&format!("a.b = {text}"))
        .is_ok_and(|expr| matches!(expr, syntax::ast::Expr::Check(check) if is_call(&check.test)));
    if is_call { text.to_owned() } else { quote(text) }
}

fn is_call(test: &syntax::ast::Test) -> bool {
    matches!(test, syntax::ast::Test::Compare(_, syntax::ast::Right::Operand(_)))
}
