//! Comparisons in Falco's words. Sigma compares text without regard to case: here ASCII letters, by `tolower`,
//! `icontains` and `iglob`.

use fargard_rules::syntax::ast::{
    Check, Expr, FieldRef, List, Literal, Op, Operand, Quantifier, Right, Span, Test, Transform,
    TransformArg, TransformName,
};

use crate::{
    logsource::{Field, Kind},
    pattern::{Pattern, Shape},
};

/// How the values of one field are compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    /// The case of letters counts.
    pub(crate) cased: bool,
    /// All values must fit, not any.
    pub(crate) all: bool,
}

/// One or several under a node, which takes up nodes of its kind; `None` for none.
pub(crate) fn join(parts: Vec<Expr>, all: bool) -> Option<Expr> {
    let mut joined = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Expr::And(inner) if all => joined.extend(inner),
            Expr::Or(inner) if !all => joined.extend(inner),
            other => joined.push(other),
        }
    }
    if joined.len() < 2 {
        return joined.pop();
    }
    Some(if all { Expr::And(joined) } else { Expr::Or(joined) })
}

pub(crate) fn not(expr: Expr) -> Expr {
    match expr {
        Expr::Not(inner) => *inner,
        other => Expr::Not(Box::new(other)),
    }
}

/// The field is there.
pub(crate) fn exists(field: &FieldRef) -> Expr {
    check(Operand::Field(field.clone()), Test::Exists)
}

/// The JSON member is missing or null.
pub(crate) fn is_null(field: &FieldRef) -> Expr {
    let null = equals(Operand::Field(field.clone()), vec!["null".to_owned()]);
    Expr::Or(vec![not(exists(field)), null])
}

/// The field's text is that of another field, begins with it, ...
pub(crate) fn compare_fields(op: Op, left: &FieldRef, right: &FieldRef, cased: bool) -> Expr {
    let right =
        if cased { transform(TransformName::Val, right) } else { transform(TransformName::Tolower, right) };
    check(operand(left, cased), Test::Compare(op, Right::Operand(right)))
}

/// The field fits an expression, whose case counts.
pub(crate) fn fits(field: &FieldRef, expression: String) -> Expr {
    check(Operand::Field(field.clone()), Test::Compare(Op::Regex, Right::Literal(literal(expression))))
}

/// The field compares so with a number.
pub(crate) fn ordered(field: &FieldRef, op: Op, number: i64) -> Expr {
    check(Operand::Field(field.clone()), Test::Compare(op, Right::Literal(literal(number.to_string()))))
}

/// The address lies in any of the networks.
pub(crate) fn in_networks(net: &str, networks: Vec<String>) -> Expr {
    let field = FieldRef { name: net.to_owned(), arg: None, span: Span::default() };
    let items = networks.into_iter().map(literal).collect();
    check(Operand::Field(field), Test::Compare(Op::In, Right::List(List::Literals(items))))
}

/// The field fits any or all of the values.
pub(crate) fn matches(field: &Field, values: &[Pattern], how: How) -> Result<Expr, String> {
    match field.kind {
        Kind::Text => Ok(text_matches(&field.field, values, how)),
        Kind::Number => plain(field, values, how, |text| {
            text.parse::<i64>().map(|number| number.to_string()).map_err(|_| format!("'{text}' is no number"))
        }),
        Kind::Port => plain(field, values, how, |text| {
            text.parse::<u16>().map(|port| port.to_string()).map_err(|_| format!("'{text}' is no port"))
        }),
        Kind::Address(_) => plain(field, values, how, |text| {
            text.parse::<std::net::IpAddr>()
                .map(|address| address.to_string())
                .map_err(|_| format!("'{text}' is no address; a network is compared with |cidr"))
        }),
        Kind::Initiated => {
            let parts: Result<Vec<Expr>, String> =
                values.iter().map(|value| initiated(field, value)).collect();
            join(parts?, how.all).ok_or_else(|| "there is no value".to_owned())
        }
    }
}

fn initiated(field: &Field, value: &Pattern) -> Result<Expr, String> {
    let connect = equals(Operand::Field(field.field.clone()), vec!["connect".to_owned()]);
    match value.text() {
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(connect),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(not(connect)),
        _ => Err("true or false is expected".to_owned()),
    }
}

/// Values that must be whole: numbers and addresses.
fn plain(
    field: &Field,
    values: &[Pattern],
    how: How,
    read: impl Fn(&str) -> Result<String, String>,
) -> Result<Expr, String> {
    let mut texts = Vec::new();
    for value in values {
        texts.push(read(value.text().ok_or("it is no text: wildcards do not fit it")?)?);
    }
    if how.all && texts.len() > 1 {
        return Err("it has one value and cannot equal several".to_owned());
    }
    Ok(equals(Operand::Field(field.field.clone()), texts))
}

fn text_matches(field: &FieldRef, values: &[Pattern], how: How) -> Expr {
    let (mut equal, mut starts, mut ends, mut contains, mut globs) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut parts = Vec::new();
    for value in values {
        match value.shape(how.cased) {
            Shape::Equals(text) => equal.push(text),
            Shape::Starts(text) => starts.push(text),
            Shape::Ends(text) => ends.push(text),
            Shape::Contains(text) => contains.push(text),
            Shape::Glob(text) => globs.push(text),
            Shape::Anything => parts.push(exists(field)),
        }
    }
    let folded = operand(field, how.cased);
    let whole = Operand::Field(field.clone());
    if how.all {
        parts.extend(equal.into_iter().map(|text| equals(folded.clone(), vec![text])));
    } else if !equal.is_empty() {
        parts.push(equals(folded.clone(), equal));
    }
    let (contain, glob) = if how.cased { (Op::Contains, Op::Glob) } else { (Op::Icontains, Op::Iglob) };
    let each = [
        (folded.clone(), Op::Startswith, starts),
        (folded, Op::Endswith, ends),
        (whole.clone(), contain, contains),
        (whole, glob, globs),
    ];
    for (left, op, texts) in each {
        parts.extend(several(left, op, texts, how.all));
    }
    // There is at least one value.
    join(parts, how.all).unwrap_or_else(|| exists(field))
}

fn equals(left: Operand, mut texts: Vec<String>) -> Expr {
    let right = match (texts.pop(), texts.is_empty()) {
        (Some(only), true) => return check(left, Test::Compare(Op::Eq, Right::Literal(literal(only)))),
        (last, _) => texts.into_iter().chain(last).map(literal).collect(),
    };
    check(left, Test::Compare(Op::In, Right::List(List::Literals(right))))
}

fn several(left: Operand, op: Op, mut texts: Vec<String>, all: bool) -> Option<Expr> {
    if texts.len() < 2 {
        let only = texts.pop()?;
        return Some(check(left, Test::Compare(op, Right::Literal(literal(only)))));
    }
    let quantifier = if all { Quantifier::Allof } else { Quantifier::Anyof };
    let items = texts.into_iter().map(literal).collect();
    Some(check(left, Test::Each(op, quantifier, List::Literals(items))))
}

fn check(left: Operand, test: Test) -> Expr {
    Expr::Check(Box::new(Check { left, test, span: Span::default() }))
}

fn literal(text: String) -> Literal {
    Literal { text, span: Span::default() }
}

fn operand(field: &FieldRef, cased: bool) -> Operand {
    if cased { Operand::Field(field.clone()) } else { transform(TransformName::Tolower, field) }
}

fn transform(name: TransformName, field: &FieldRef) -> Operand {
    let args = vec![TransformArg::Operand(Operand::Field(field.clone()))];
    Operand::Transform(Transform { name, args, index: None, span: Span::default() })
}
