//! Transformers: which arguments they take.

use super::{
    getopt::Options,
    operand::{Getopt, GetoptOptions, Operand, OperandError, is_argv},
};
use crate::{
    fields::{FieldType, Use, Value},
    syntax::ast::{self, Span, TransformArg, TransformName},
};

/// Makes the operand of a transformer.
///
/// # Errors
/// The arguments are not those the transformer takes.
pub(super) fn compile(transform: &ast::Transform) -> Result<Operand, OperandError> {
    let span = transform.span;
    let mut args = transform.args.iter().map(argument).collect::<Result<Vec<_>, _>>()?;
    for arg in &args {
        if matches!(arg, Operand::Field(field) if matches!(field.field.uses, Use::Alone | Use::Condition))
            && transform.name != TransformName::Val
        {
            return refuse(span, "this field cannot stand in a transformer".into());
        }
    }
    match (transform.name, args.len()) {
        (TransformName::Val, 1) => pop(&mut args, span),
        (TransformName::Join, 2) => {
            let (separator, list) = pair(&mut args, span)?;
            if separator.is_list() {
                return refuse(
                    span,
                    "the first argument of join(), the separator, must not be a list".into(),
                );
            }
            if !list.is_list() {
                return refuse(
                    span,
                    "the second argument of join() must be a list, as in join(\"-\", (a.b, c.d))".into(),
                );
            }
            Ok(Operand::Join(Box::new(separator), Box::new(list)))
        }
        (TransformName::Join, _) => {
            refuse(span, "join() takes a separator and a list, as in join(\"-\", (a.b, c.d))".into())
        }
        (TransformName::Concat, 2..) => {
            if let Some(wrong) = args.iter().find(|arg| arg.is_list() || arg.falco_type() != "CHARBUF") {
                let what = if wrong.is_list() { "a list" } else { wrong.kind().name() };
                return refuse(span, format!("concat() takes texts, found {what}"));
            }
            let nothing = Operand::Constant(Value::Text("".into()));
            Ok(Operand::Join(Box::new(nothing), Box::new(Operand::List(args))))
        }
        (TransformName::Concat, _) => refuse(span, "concat() takes two texts or more".into()),
        (TransformName::Getopt, 2) => getopt(&mut args, transform),
        (TransformName::Getopt, _) => {
            refuse(span, "getopt() takes a list of arguments and the known options".into())
        }
        (name, 1) => {
            let inner = pop(&mut args, span)?;
            if !takes(name, &inner) {
                let found = if inner.is_list() { "a list of other things" } else { inner.kind().name() };
                return refuse(span, format!("{}() takes text, found {found}", name.symbol()));
            }
            Ok(Operand::Map(name, Box::new(inner)))
        }
        (name, _) => refuse(span, format!("{}() takes one argument", name.symbol())),
    }
}

/// Whether a transformer of one argument takes it.
fn takes(name: TransformName, inner: &Operand) -> bool {
    match (name, inner.kind()) {
        (TransformName::Len, _) if inner.is_list() => true,
        (TransformName::Len | TransformName::B64, FieldType::Bytes) => true,
        (_, kind) => kind == FieldType::Text,
    }
}

fn getopt(args: &mut Vec<Operand>, transform: &ast::Transform) -> Result<Operand, OperandError> {
    let span = transform.span;
    let (arguments, options) = pair(args, span)?;
    let is_argv = matches!(&arguments, Operand::Field(field) if is_argv(field));
    if !arguments.is_list() && !is_argv {
        return refuse(span, "the first argument of getopt() must be a list, or proc.args".into());
    }
    if options.is_list() {
        return refuse(span, "the second argument of getopt(), the known options, must not be a list".into());
    }
    if arguments.kind() != FieldType::Text || options.kind() != FieldType::Text {
        return refuse(span, "the arguments of getopt() must be texts".into());
    }
    let only = match transform.index.as_deref() {
        None => None,
        Some(index) => {
            let mut letters = index.chars();
            match (letters.next(), letters.next()) {
                (Some(letter), None) => Some(letter),
                _ => {
                    return refuse(span, "what stands in brackets behind getopt() must be one letter".into());
                }
            }
        }
    };
    let options = match options {
        Operand::Constant(text) => GetoptOptions::Constant(Options::parse(&text.to_string())),
        other => GetoptOptions::Operand(other),
    };
    Ok(Operand::Getopt(Box::new(Getopt { arguments, options, only })))
}

fn argument(arg: &TransformArg) -> Result<Operand, OperandError> {
    match arg {
        TransformArg::Operand(operand) => Operand::compile(operand),
        TransformArg::Literal(literal) => Ok(Operand::Constant(Value::Text(literal.text.clone().into()))),
        TransformArg::List(items, _) => {
            items.iter().map(argument).collect::<Result<_, _>>().map(Operand::List)
        }
    }
}

fn pop(args: &mut Vec<Operand>, span: Span) -> Result<Operand, OperandError> {
    args.pop().map_or_else(|| refuse(span, "an argument is missing".into()), Ok)
}

fn pair(args: &mut Vec<Operand>, span: Span) -> Result<(Operand, Operand), OperandError> {
    let second = pop(args, span)?;
    Ok((pop(args, span)?, second))
}

fn refuse<T>(span: Span, message: String) -> Result<T, OperandError> {
    Err(OperandError { message, span, unknown_field: false })
}
