//! Which operator takes which values of which type.

use fargard_model::EventType;

use super::{
    check::Test,
    glob::Glob,
    matcher::{Matcher, Network},
    operand::Operand,
    pathset::PathSet,
    ports, posix_regex,
};
use crate::{
    fields::FieldType,
    syntax::ast::{self, List, Literal, Op, Right},
};

/// Makes the test of a check.
///
/// # Errors
/// Operator, type and values do not go together; the message says what does.
pub(super) fn test(left: &Operand, written: &ast::Test) -> Result<Test, String> {
    match written {
        ast::Test::Exists => Ok(Test::Exists),
        ast::Test::Compare(op, Right::Literal(literal)) => {
            operator_fits(left, *op)?;
            constant(left, *op, std::slice::from_ref(literal)).map(Test::Matches)
        }
        ast::Test::Compare(op, Right::List(list)) => {
            operator_fits(left, *op)?;
            constant(left, *op, literals(list)?).map(Test::Matches)
        }
        ast::Test::Compare(op, Right::Operand(_)) => {
            Err(format!("operator '{}' cannot compare with this", op.symbol()))
        }
        ast::Test::Each(op, quantifier, list) => {
            operator_fits(left, *op)?;
            let each = literals(list)?
                .iter()
                .map(|literal| constant(left, *op, std::slice::from_ref(literal)))
                .collect::<Result<_, _>>()?;
            Ok(Test::Matches(Matcher::Each(*quantifier, each)))
        }
    }
}

/// Whether two fields may be compared so.
pub(super) fn pair_fits(left: &Operand, op: Op, right: &Operand) -> Result<(), String> {
    operator_fits(left, op)?;
    if matches!(op, Op::Pmatch | Op::Regex) || left.kind() == FieldType::Net {
        return Err(format!("operator '{}' on this field takes no field on its right side", op.symbol()));
    }
    if matches!(right, Operand::Field(field) if field.is_many()) {
        return Err("a field of several values cannot stand on the right side".into());
    }
    let same = |kind: FieldType| if kind == FieldType::Port { FieldType::Int } else { kind };
    if same(left.kind()) != same(right.kind()) {
        let (left, right) = (left.kind().name(), right.kind().name());
        return Err(format!("the left side is {left} and the right side {right}; both must be of one type"));
    }
    Ok(())
}

fn literals(list: &List) -> Result<&[Literal], String> {
    match list {
        List::Literals(items) => Ok(items),
        List::Named(name, _) => Err(format!("there is no list '{name}'")),
    }
}

fn operator_fits(left: &Operand, op: Op) -> Result<(), String> {
    let kind = left.kind();
    let fits = match kind {
        _ if left.is_list() => matches!(op, Op::In | Op::Intersects),
        FieldType::Text => !matches!(op, Op::Bcontains | Op::Bstartswith),
        FieldType::Int | FieldType::Port => {
            op.is_ordering() || matches!(op, Op::Eq | Op::Ne | Op::In | Op::Intersects)
        }
        FieldType::Bool | FieldType::Ip | FieldType::Net => {
            matches!(op, Op::Eq | Op::Ne | Op::In | Op::Intersects)
        }
        FieldType::Bytes => !op.is_ordering() && !matches!(op, Op::Pmatch),
    };
    if fits {
        return Ok(());
    }
    Err(format!("operator '{}' is not supported for {} fields", op.symbol(), kind.name()))
}

fn constant(left: &Operand, op: Op, values: &[Literal]) -> Result<Matcher, String> {
    if op == Op::Ne {
        return Ok(Matcher::Not(Box::new(constant(left, Op::Eq, values)?)));
    }
    match left.kind() {
        FieldType::Text => text(left, op, values),
        FieldType::Int => numbers(op, values, integer),
        FieldType::Port => numbers(op, values, port),
        FieldType::Bool => booleans(values),
        FieldType::Ip => networks(values, true),
        FieldType::Net => networks(values, false),
        FieldType::Bytes => bytes(op, values),
    }
}

fn text(left: &Operand, op: Op, values: &[Literal]) -> Result<Matcher, String> {
    if matches!(left, Operand::Field(field) if matches!(field.field.name, "evt.type" | "syscall.type"))
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
    if let Some(port) = ports::number(text) {
        return Ok(port.into());
    }
    let number =
        integer(text).map_err(|_| format!("'{text}' is neither a port number nor a known service"))?;
    if (0..=65_535).contains(&number) { Ok(number) } else { Err(format!("{number} is not a port number")) }
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

/// Contents are never observed, so nothing matches; the values must be right all the same.
fn bytes(op: Op, values: &[Literal]) -> Result<Matcher, String> {
    if matches!(op, Op::Bcontains | Op::Bstartswith) {
        for value in values {
            let digits = value.text.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !digits || value.text.len() % 2 != 0 {
                return Err(format!("'{}' is not a hexadecimal string", value.text));
            }
        }
    }
    if op == Op::Regex {
        for value in values {
            posix_regex::compile(&value.text)?;
        }
    }
    Ok(Matcher::Never)
}
