//! Comparison of two fields of one event.

use super::{glob::Glob, matcher::contains_ignoring_case};
use crate::{fields::Value, syntax::ast::Op};

/// Whether `left op right` holds. Values of different types never compare.
pub(super) fn compare(left: &Value<'_>, op: Op, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => text(left, op, right),
        (Value::Int(left), Value::Int(right)) => ordered(left, op, right),
        (Value::Bool(left), Value::Bool(right)) => ordered(left, op, right),
        (Value::Ip(left), Value::Ip(right)) => ordered(left, op, right),
        _ => false,
    }
}

pub(super) fn ordered<T: PartialOrd + ?Sized>(left: &T, op: Op, right: &T) -> bool {
    match op {
        Op::Eq | Op::In | Op::Intersects => left == right,
        Op::Ne => left != right,
        Op::Lt => left < right,
        Op::Le => left <= right,
        Op::Gt => left > right,
        Op::Ge => left >= right,
        _ => false,
    }
}

fn text(left: &str, op: Op, right: &str) -> bool {
    match op {
        Op::Contains => left.contains(right),
        Op::Icontains => contains_ignoring_case(left, right),
        Op::Startswith => left.starts_with(right),
        Op::Endswith => left.ends_with(right),
        Op::Glob => Glob::new(right, false).matches(left),
        Op::Iglob => Glob::new(right, true).matches(left),
        _ => ordered(left, op, right),
    }
}
