//! One comparison, ready to be made.

use fargard_model::Event;

use super::{matcher::Matcher, operand::Operand, pair};
use crate::{
    Subject,
    fields::{Extract, Field, ResolvedField, Value, Values},
    syntax::ast::Op,
};

/// A comparison.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) left: Operand,
    pub(crate) test: Test,
    /// The comparison as text, lists put in: equal texts are equal comparisons.
    pub(crate) text: String,
}

/// How the left side is tested.
#[derive(Debug)]
pub(crate) enum Test {
    Exists,
    /// Against constants.
    Matches(Matcher),
    /// Against another field of the event.
    Field(Op, Operand),
}

impl Check {
    /// Whether it holds. A side without a value makes every comparison false.
    pub(crate) fn holds(&self, subject: Subject<'_>) -> bool {
        if let (Operand::Field(field), Test::Matches(matcher), Subject::Call(event)) =
            (&self.left, &self.test, subject)
            && let Some(truth) = plainly(field.field, matcher, event)
        {
            return truth;
        }
        let values = self.left.values(subject);
        match &self.test {
            Test::Exists => !values.is_missing(),
            Test::Matches(matcher) => match values {
                // Most fields give one value.
                Values::One(value) => matcher.accepts(&value),
                values => matches(&values, matcher),
            },
            Test::Field(op, right) => {
                let right = right.values(subject);
                match right {
                    Values::One(right) => {
                        any(&values, *op == Op::Ne, |left| pair::compare(left, *op, &right))
                    }
                    _ => false,
                }
            }
        }
    }

    /// Every field it reads.
    pub(crate) fn fields(&self) -> Vec<&ResolvedField> {
        let mut fields = Vec::new();
        self.left.fields(&mut fields);
        if let Test::Field(_, right) = &self.test {
            right.fields(&mut fields);
        }
        fields
    }

    /// A guess how often, of 1, it holds.
    pub(super) fn odds(&self) -> f32 {
        match &self.test {
            Test::Exists => 0.8,
            Test::Matches(matcher) => matcher.odds(),
            Test::Field(Op::Ne, _) => 0.9,
            Test::Field(..) => 0.1,
        }
    }

    /// A guess of the work, to ask the cheap questions first.
    pub(super) fn cost(&self) -> u32 {
        let test = match &self.test {
            Test::Exists => 0,
            Test::Matches(matcher) => matcher.cost(),
            Test::Field(..) => 10,
        };
        self.left.cost() + test
    }
}

/// The same for a field whose value is not made but stands in the call, as most comparisons' does; `None` for others.
#[inline]
fn plainly(field: &Field, matcher: &Matcher, event: &Event) -> Option<bool> {
    let value = match field.get {
        Some(Extract::Text(get)) => get(event).map(|text| Value::Text(text.into())),
        Some(Extract::Int(get)) => get(event).map(Value::Int),
        Some(Extract::Truth(get)) => get(event).map(Value::Bool),
        _ => return None,
    };
    Some(value.is_some_and(|value| matcher.accepts(&value)))
}

/// Whether a matcher accepts what a field gave.
pub(crate) fn matches(values: &Values<'_>, matcher: &Matcher) -> bool {
    if let Values::One(value) = values {
        return matcher.accepts(value);
    }
    if let (Values::List(values), Matcher::Every(matcher)) = (values, matcher) {
        return values.iter().all(|value| matcher.accepts(value));
    }
    any(values, matches!(matcher, Matcher::Not(_)), |value| matcher.accepts(value))
}

fn any(values: &Values<'_>, is_ne: bool, accepts: impl FnMut(&Value<'_>) -> bool) -> bool {
    if is_ne { values.at_both_ends(accepts) } else { values.any(accepts) }
}
