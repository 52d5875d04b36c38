//! What a comparison says about one value, as far as it can be reasoned about.

use crate::{
    fields::FieldType,
    syntax::ast::{List, Literal, Op, Quantifier, Right, Test},
};

/// A test of one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AtomTest {
    /// There is a value.
    Exists,
    /// The value is one of these.
    Is(Vec<String>),
    /// There is a value, and it is not this.
    Not(String),
    Prefix(String),
    Suffix(String),
    Contains(String),
    /// The value in lower case contains this.
    Icontains(String),
    /// Paths that cover the value: the path itself and what is below.
    Below(Vec<String>),
    /// A number from the first to the second.
    Range(i64, i64),
    Each(Quantifier, Vec<AtomTest>),
    /// Nothing is known of it.
    Other,
}

impl AtomTest {
    /// `kind` is the type of the left side.
    pub(super) fn of(test: &Test, kind: FieldType) -> Self {
        let reader = Reader(kind);
        match test {
            Test::Exists => Self::Exists,
            Test::Compare(op, Right::Literal(literal)) => reader.one(*op, literal),
            Test::Compare(op, Right::List(List::Literals(items))) => reader.list(*op, items),
            Test::Each(op, quantifier, List::Literals(items)) => {
                Self::Each(*quantifier, items.iter().map(|item| reader.one(*op, item)).collect())
            }
            Test::Compare(..) | Test::Each(..) => Self::Other,
        }
    }

    /// Whether a value passes, when that is certain.
    pub(super) fn accepts(&self, value: &str) -> Option<bool> {
        Some(match self {
            Self::Exists => true,
            Self::Is(values) => values.iter().any(|one| one == value),
            Self::Not(one) => one != value,
            Self::Prefix(prefix) => value.starts_with(prefix.as_str()),
            Self::Suffix(suffix) => value.ends_with(suffix.as_str()),
            Self::Contains(part) => value.contains(part.as_str()),
            Self::Icontains(part) => value.to_ascii_lowercase().contains(part.as_str()),
            Self::Below(paths) => paths.iter().any(|path| is_below(value, path)),
            Self::Range(low, high) => (*low..=*high).contains(&value.parse().ok()?),
            Self::Each(quantifier, tests) => {
                let passed = tests.iter().map(|test| test.accepts(value)).collect::<Option<Vec<_>>>()?;
                let count = passed.iter().filter(|passed| **passed).count();
                match quantifier {
                    Quantifier::Anyof => count > 0,
                    Quantifier::Oneof => count == 1,
                    Quantifier::Allof => count == passed.len(),
                }
            }
            Self::Other => return None,
        })
    }

    /// Every value that passes this passes the other.
    pub(super) fn implies(&self, other: &Self) -> bool {
        if *other == Self::Exists || (self == other && *self != Self::Other) {
            return true;
        }
        match (self, other) {
            (_, Self::Each(Quantifier::Anyof, tests)) if tests.iter().any(|test| self.implies(test)) => true,
            (Self::Each(Quantifier::Anyof, tests), _) => tests.iter().all(|test| test.implies(other)),
            (Self::Is(values), _) => values.iter().all(|value| other.accepts(value) == Some(true)),
            (_, Self::Not(value)) => self.accepts(value) == Some(false),
            (Self::Prefix(long), Self::Prefix(short)) => long.starts_with(short.as_str()),
            (Self::Suffix(long), Self::Suffix(short)) => long.ends_with(short.as_str()),
            (Self::Prefix(text) | Self::Suffix(text) | Self::Contains(text), Self::Contains(part)) => {
                text.contains(part.as_str())
            }
            (Self::Prefix(text) | Self::Suffix(text) | Self::Contains(text), Self::Icontains(part)) => {
                text.to_ascii_lowercase().contains(part.as_str())
            }
            (Self::Icontains(text), Self::Icontains(part)) => text.contains(part.as_str()),
            (Self::Below(paths), Self::Prefix(prefix)) => {
                paths.iter().all(|path| path.starts_with(prefix.as_str()))
            }
            (Self::Range(low, high), Self::Range(least, most)) => least <= low && high <= most,
            _ => false,
        }
    }

    /// No value passes both.
    pub(super) fn excludes(&self, other: &Self) -> bool {
        let prefix = |a: &str, b: &str| !a.starts_with(b) && !b.starts_with(a);
        match (self, other) {
            (Self::Is(values), test) | (test, Self::Is(values)) => {
                values.iter().all(|value| test.accepts(value) == Some(false))
            }
            (Self::Prefix(a), Self::Prefix(b)) => prefix(a, b),
            (Self::Suffix(a), Self::Suffix(b)) => !a.ends_with(b.as_str()) && !b.ends_with(a.as_str()),
            (Self::Range(low, high), Self::Range(least, most)) => high < least || most < low,
            (Self::Each(Quantifier::Anyof, tests), other) | (other, Self::Each(Quantifier::Anyof, tests)) => {
                tests.iter().all(|test| test.excludes(other))
            }
            _ => false,
        }
    }
}

/// A value is a path or lies below it.
fn is_below(value: &str, path: &str) -> bool {
    let path = path.trim_end_matches('/');
    value.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Reads right sides for one type of field.
struct Reader(FieldType);

impl Reader {
    fn one(&self, op: Op, literal: &Literal) -> AtomTest {
        if op.is_ordering() {
            return self.range(op, literal);
        }
        let text = literal.text.clone();
        match op {
            Op::Eq => self.value(literal).map_or(AtomTest::Other, |value| AtomTest::Is(vec![value])),
            Op::Ne => self.value(literal).map_or(AtomTest::Other, AtomTest::Not),
            _ if self.0 != FieldType::Text => AtomTest::Other,
            Op::Startswith => AtomTest::Prefix(text),
            Op::Endswith => AtomTest::Suffix(text),
            Op::Contains => AtomTest::Contains(text),
            Op::Icontains => AtomTest::Icontains(text.to_ascii_lowercase()),
            _ => AtomTest::Other,
        }
    }

    fn list(&self, op: Op, items: &[Literal]) -> AtomTest {
        match op {
            Op::In | Op::Intersects => {
                let values: Option<Vec<String>> = items.iter().map(|item| self.value(item)).collect();
                values.map_or(AtomTest::Other, AtomTest::Is)
            }
            Op::Pmatch if !items.iter().any(|item| item.text.contains(['*', '?', '['])) => {
                AtomTest::Below(items.iter().map(|item| item.text.clone()).collect())
            }
            _ => AtomTest::Other,
        }
    }

    /// A literal such that equal values have equal texts; `None` where that is not certain.
    fn value(&self, literal: &Literal) -> Option<String> {
        match self.0 {
            FieldType::Text | FieldType::Bool => Some(literal.text.clone()),
            FieldType::Int | FieldType::Port => integer(&literal.text).map(|number| number.to_string()),
            _ => None,
        }
    }

    fn range(&self, op: Op, literal: &Literal) -> AtomTest {
        let number = integer(&literal.text).filter(|_| matches!(self.0, FieldType::Int | FieldType::Port));
        let Some(number) = number else { return AtomTest::Other };
        match op {
            Op::Lt => AtomTest::Range(i64::MIN, number.saturating_sub(1)),
            Op::Le => AtomTest::Range(i64::MIN, number),
            Op::Gt => AtomTest::Range(number.saturating_add(1), i64::MAX),
            _ => AtomTest::Range(number, i64::MAX),
        }
    }
}

fn integer(text: &str) -> Option<i64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
