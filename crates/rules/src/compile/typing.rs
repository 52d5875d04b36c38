//! Which operator takes which values of which type.

use super::{check::Test, constant::constant, matcher::Matcher, operand::Operand};
use crate::{
    fields::{FieldType, Use},
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
            let matcher = constant(left, *op, literals(list)?)?;
            // `in` holds for a list when it holds for every value of it.
            let every = left.is_list() && *op == Op::In;
            Ok(Test::Matches(if every { Matcher::Every(Box::new(matcher)) } else { matcher }))
        }
        ast::Test::Compare(op, Right::Operand(_)) => {
            Err(format!("operator '{}' cannot compare with this", op.symbol()))
        }
        ast::Test::Each(op, quantifier, list) => {
            operator_fits(left, *op)?;
            let each: Vec<Matcher> = literals(list)?
                .iter()
                .map(|literal| constant(left, *op, std::slice::from_ref(literal)))
                .collect::<Result<_, _>>()?;
            // As in Falco, nothing compares with an empty list, not even with all of it.
            Ok(Test::Matches(if each.is_empty() { Matcher::Never } else { Matcher::Each(*quantifier, each) }))
        }
    }
}

/// Whether two fields may be compared so.
pub(super) fn pair_fits(left: &Operand, op: Op, right: &Operand) -> Result<(), String> {
    operator_fits(left, op)?;
    if matches!(op, Op::Pmatch | Op::Regex) || left.kind() == FieldType::Net {
        return Err(format!("operator '{}' on this field takes no field on its right side", op.symbol()));
    }
    if left.uses() != Use::Everywhere {
        return Err(alone(left, "left"));
    }
    if right.uses() != Use::Everywhere {
        return Err(alone(right, "right"));
    }
    if right.is_list() {
        return Err("a list of values cannot stand on the right side".into());
    }
    if left.falco_type() != right.falco_type() {
        let (left, right) = (left.falco_type(), right.falco_type());
        return Err(format!("the left side is {left} and the right side {right}; both must be of one type"));
    }
    Ok(())
}

fn alone(operand: &Operand, side: &str) -> String {
    let what = match operand {
        Operand::Field(field) if field.is_many() => "a field of several values",
        _ => "this field",
    };
    format!("{what} cannot stand on the {side} side of a comparison of two fields")
}

fn literals(list: &List) -> Result<&[Literal], String> {
    match list {
        List::Literals(items) => Ok(items),
        List::Named(name, _) => Err(format!("there is no list '{name}'")),
    }
}

fn operator_fits(left: &Operand, op: Op) -> Result<(), String> {
    let kind = left.kind();
    if left.is_list() {
        return if matches!(op, Op::In | Op::Intersects) {
            Ok(())
        } else {
            Err(format!("operator '{}' is not supported for lists: use in or intersects", op.symbol()))
        };
    }
    if matches!(left, Operand::Field(field) if field.field.name == "evt.around") && op != Op::Eq {
        return Err("evt.around takes only '='".into());
    }
    let fits = match kind {
        FieldType::Text => !matches!(op, Op::Bcontains | Op::Bstartswith),
        FieldType::Int | FieldType::Port | FieldType::Double => {
            op.is_ordering() || matches!(op, Op::Eq | Op::Ne | Op::In | Op::Intersects)
        }
        FieldType::Bool | FieldType::Ip | FieldType::Net => {
            matches!(op, Op::Eq | Op::Ne | Op::In | Op::Intersects)
        }
        FieldType::Bytes => matches!(
            op,
            Op::Eq
                | Op::Ne
                | Op::In
                | Op::Intersects
                | Op::Contains
                | Op::Bcontains
                | Op::Startswith
                | Op::Bstartswith
                | Op::Endswith
        ),
    };
    if fits {
        return Ok(());
    }
    Err(format!("operator '{}' is not supported for {} fields", op.symbol(), kind.name()))
}
