//! Comparisons as the smallest parts of a formula.

use super::atom_test::AtomTest;
use crate::{
    fields::{self, FieldType, ResolvedField},
    syntax::ast::{Check, Operand, Transform, TransformArg, TransformName},
};

/// A comparison. Equal texts are one atom.
#[derive(Debug)]
pub(super) struct Atom {
    /// The left side as text; atoms of one key speak of the same values.
    pub(super) key: String,
    pub(super) test: AtomTest,
    /// The left side has at most one value.
    pub(super) is_single: bool,
    /// It is written to be always so: `evt.num = 0`, `evt.dir = <`.
    pub(super) fixed: Option<bool>,
    /// The left side never has a value on Fargate.
    pub(super) never_computed: bool,
}

impl Atom {
    pub(super) fn of(check: &Check) -> Self {
        let side = Side::of(&check.left);
        let test = if side.is_list { AtomTest::Other } else { AtomTest::of(&check.test, side.kind) };
        let key = check.left.to_string();
        let fixed = fixed(&key, &test);
        Self { key, test, is_single: side.is_single, fixed, never_computed: side.never_computed }
    }

    /// This one being true makes the other true.
    pub(super) fn implies(&self, other: &Self) -> bool {
        let negates = |test: &AtomTest| matches!(test, AtomTest::Not(_) | AtomTest::Each(..));
        // With several values `!=` asks about all of them, everything else about any.
        let comparable = self.is_single
            || other.test == AtomTest::Exists
            || !(negates(&self.test) || negates(&other.test));
        self.key == other.key && comparable && self.test.implies(&other.test)
    }

    /// Both cannot be true.
    pub(super) fn excludes(&self, other: &Self) -> bool {
        self.key == other.key && self.is_single && self.test.excludes(&other.test)
    }
}

/// Events are numbered from 1, and only the exits of calls are seen.
fn fixed(key: &str, test: &AtomTest) -> Option<bool> {
    match (key, test) {
        ("evt.num", AtomTest::Is(values)) if values.iter().all(|value| value == "0") => Some(false),
        ("evt.num", AtomTest::Range(_, high)) if *high < 1 => Some(false),
        ("evt.num", AtomTest::Range(low, i64::MAX)) if *low <= 1 => Some(true),
        ("evt.num", AtomTest::Exists) => Some(true),
        ("evt.dir", AtomTest::Is(values)) => Some(values.iter().any(|value| value == "<")),
        ("evt.dir", AtomTest::Not(value)) => Some(value != "<"),
        _ => None,
    }
}

/// What is known of a left side.
struct Side {
    kind: FieldType,
    is_single: bool,
    is_list: bool,
    never_computed: bool,
}

impl Side {
    fn of(operand: &Operand) -> Self {
        match operand {
            Operand::Field(field) => match fields::resolve(&field.name, field.arg.as_deref()) {
                Ok(found) => Self::of_field(&found),
                Err(_) => {
                    Self { kind: FieldType::Bytes, is_single: false, is_list: true, never_computed: false }
                }
            },
            Operand::Transform(transform) => Self::of_transform(transform),
        }
    }

    fn of_field(field: &ResolvedField) -> Self {
        Self {
            kind: field.field.kind,
            is_single: !field.is_many(),
            is_list: field.field.list,
            never_computed: !field.field.is_computed(),
        }
    }

    fn of_transform(transform: &Transform) -> Self {
        let inner: Vec<Self> = transform
            .args
            .iter()
            .filter_map(|arg| match arg {
                TransformArg::Operand(operand) => Some(Self::of(operand)),
                TransformArg::Literal(_) | TransformArg::List(..) => None,
            })
            .collect();
        Self {
            kind: if transform.name == TransformName::Len { FieldType::Int } else { FieldType::Text },
            is_single: inner.iter().all(|side| side.is_single),
            is_list: inner.iter().any(|side| side.is_list),
            never_computed: inner.iter().any(|side| side.never_computed),
        }
    }
}
