//! Right sides that are written out: made into tests, each by the rules of the left side's type.

use fargard_model::EventType;

use super::{
    bytes::Bytes,
    glob::Glob,
    matcher::{Matcher, Network},
    operand::Operand,
    pathset::PathSet,
    ports, posix_regex,
};
use crate::{
    fields::FieldType,
    syntax::ast::{self, Literal, Op},
};

/// Nanoseconds of the milliseconds `evt.around` takes.
const MILLISECOND: i64 = 1_000_000;

/// The test of a left side against values.
///
/// # Errors
/// A value is not one of the left side's type.
pub(super) fn constant(left: &Operand, op: Op, values: &[Literal]) -> Result<Matcher, String> {
    if op == Op::Ne {
        return Ok(Matcher::Not(Box::new(constant(left, Op::Eq, values)?)));
    }
    if is_field(left, &["evt.around"]) {
        let distance = values.first().map_or(Ok(0), |value| integer(&value.text))?;
        return Ok(Matcher::Int(Op::Le, distance.saturating_mul(MILLISECOND)));
    }
    match left.kind() {
        FieldType::Text => text(left, op, values),
        FieldType::Int => numbers(op, values, integer),
        FieldType::Port => numbers(op, values, port),
        FieldType::Double => doubles(values),
        FieldType::Bool => booleans(values),
        FieldType::Ip => networks(values, true),
        FieldType::Net => networks(values, false),
        FieldType::Bytes => Ok(Bytes::new(op, values)?.map_or(Matcher::Never, Matcher::Bytes)),
    }
}

fn is_field(left: &Operand, names: &[&str]) -> bool {
    matches!(left, Operand::Field(field) if names.contains(&field.field.name))
}

fn text(left: &Operand, op: Op, values: &[Literal]) -> Result<Matcher, String> {
    if is_field(left, &["evt.type", "syscall.type"])
        && matches!(op, Op::Eq | Op::In | Op::Intersects)
        && let Some(unknown) = values.iter().find(|value| value.text.parse::<EventType>().is_err())
    {
        return Err(format!("unknown event type '{}'", unknown.text));
    }
    if op == Op::Pmatch {
        return Ok(Matcher::Paths(PathSet::new(values.iter().map(|value| value.text.as_str()))));
    }
    if matches!(op, Op::In | Op::Intersects) {
        return Ok(match values {
            [] => Matcher::Never,
            [one] => Matcher::TextIs(one.text.as_str().into()),
            many => Matcher::TextIn(many.iter().map(|value| value.text.as_str().into()).collect()),
        });
    }
    let Some(value) = values.first().map(|value| value.text.as_str()) else { return Ok(Matcher::Never) };
    Ok(match op {
        Op::Contains => Matcher::Contains(Box::new(memchr::memmem::Finder::new(value).into_owned())),
        Op::Icontains => Matcher::Icontains(value.into()),
        Op::Startswith => Matcher::Startswith(value.into()),
        Op::Endswith => Matcher::Endswith(value.into()),
        Op::Glob => Matcher::Glob(Glob::new(value, false)),
        Op::Iglob => Matcher::Glob(Glob::new(value, true)),
        Op::Regex => Matcher::Regex(Box::new(posix_regex::compile(value)?)),
        Op::Lt | Op::Le | Op::Gt | Op::Ge => Matcher::TextOrder(op, value.into()),
        _ => Matcher::TextIs(value.into()),
    })
}

fn numbers(op: Op, values: &[Literal], read: fn(&str) -> Result<i64, String>) -> Result<Matcher, String> {
    let numbers: Vec<i64> = values.iter().map(|value| read(&value.text)).collect::<Result<_, _>>()?;
    Ok(match (op, numbers.as_slice()) {
        (Op::In | Op::Intersects, _) => Matcher::IntIn(numbers),
        (_, [number]) => Matcher::Int(op, *number),
        _ => Matcher::Never,
    })
}

fn integer(text: &str) -> Result<i64, String> {
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let parsed = match hexadecimal {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    parsed.ok_or_else(|| format!("'{text}' is not an integer"))
}

fn port(text: &str) -> Result<i64, String> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        let number = text.parse::<u16>().map_err(|_| format!("{text} is not a port number"))?;
        return Ok(number.into());
    }
    ports::number(text)
        .map(i64::from)
        .ok_or_else(|| format!("'{text}' is neither a port number nor a known service"))
}

/// No field with a fraction ever has a value; what it is compared with must be a number all the same.
fn doubles(values: &[Literal]) -> Result<Matcher, String> {
    match values.iter().find(|value| value.text.parse::<f64>().is_err()) {
        Some(wrong) => Err(format!("'{}' is not a number", wrong.text)),
        None => Ok(Matcher::Never),
    }
}

fn booleans(values: &[Literal]) -> Result<Matcher, String> {
    let mut matchers = Vec::new();
    for value in values {
        matchers.push(Matcher::Bool(match value.text.as_str() {
            "true" => true,
            "false" => false,
            other => return Err(format!("'{other}' is neither true nor false")),
        }));
    }
    Ok(match (matchers.pop(), matchers.is_empty()) {
        (None, _) => Matcher::Never,
        (Some(only), true) => only,
        (Some(last), false) => {
            matchers.push(last);
            Matcher::Each(ast::Quantifier::Anyof, matchers)
        }
    })
}

fn networks(values: &[Literal], single: bool) -> Result<Matcher, String> {
    let mut networks = Vec::new();
    for value in values {
        let text = &value.text;
        match Network::parse(text) {
            Some(network) if !single || network.is_single() => networks.push(network),
            Some(_) => {
                return Err(format!("'{text}' is a network; compare networks with fd.net, fd.snet, fd.cnet"));
            }
            None if single => return Err(format!("'{text}' is not an IP address")),
            None => return Err(format!("'{text}' is not a network such as 10.0.0.0/8")),
        }
    }
    Ok(Matcher::Nets(networks))
}
