//! The left (or right) side of a comparison: a field, or a function of fields.

use super::{
    function,
    getopt::{self, Options},
    transform,
};
use crate::{
    Subject,
    fields::{self, FieldArg, FieldType, ResolvedField, Use, Value, Values},
    syntax::ast::{self, Span, TransformName},
};

/// Where a value comes from.
#[derive(Debug)]
pub(crate) enum Operand {
    Field(ResolvedField),
    Constant(Value<'static>),
    /// `( a, b )` as an argument of a transformer.
    List(Vec<Operand>),
    /// `tolower`, `toupper`, `b64`, `basename`, `len` of one.
    Map(TransformName, Box<Operand>),
    /// `join`: separator and list; `concat` has an empty separator.
    Join(Box<Operand>, Box<Operand>),
    Getopt(Box<Getopt>),
}

/// `getopt(arguments, options)[only]`.
#[derive(Debug)]
pub(crate) struct Getopt {
    pub(super) arguments: Operand,
    pub(super) options: GetoptOptions,
    pub(super) only: Option<char>,
}

/// Where the known options come from.
#[derive(Debug)]
pub(crate) enum GetoptOptions {
    Constant(Options),
    Operand(Operand),
}

/// Why an operand cannot be used.
#[derive(Debug)]
pub(crate) struct OperandError {
    pub(crate) message: String,
    pub(crate) span: Span,
    /// The reason is a field that is not known.
    pub(crate) unknown_field: bool,
}

impl Operand {
    pub(crate) fn compile(operand: &ast::Operand) -> Result<Self, OperandError> {
        match operand {
            ast::Operand::Field(field) => fields::resolve(&field.name, field.arg.as_deref())
                .map(Self::Field)
                .map_err(|error| OperandError {
                    unknown_field: matches!(error, fields::FieldError::Unknown { .. }),
                    message: error.to_string(),
                    span: field.span,
                }),
            ast::Operand::Transform(written) => transform::compile(written),
        }
    }

    /// The type of its values.
    pub(crate) fn kind(&self) -> FieldType {
        match self {
            Self::Field(field) => field.kind(),
            Self::Map(TransformName::Len, _) => FieldType::Int,
            Self::Map(TransformName::B64, inner) => inner.kind(),
            Self::Constant(_) | Self::List(_) | Self::Map(..) | Self::Join(..) | Self::Getopt(_) => {
                FieldType::Text
            }
        }
    }

    /// Falco's name of the type: two sides compare only when theirs are the same.
    pub(super) fn falco_type(&self) -> &'static str {
        match self {
            Self::Field(field) => field.field.falco_type,
            Self::Map(TransformName::Len, _) => "UINT64",
            Self::Map(_, inner) => inner.falco_type(),
            Self::Constant(_) | Self::List(_) | Self::Join(..) | Self::Getopt(_) => "CHARBUF",
        }
    }

    /// Where it may stand.
    pub(super) fn uses(&self) -> Use {
        match self {
            Self::Field(field) => field.field.uses,
            Self::Map(TransformName::Len, _) => Use::Everywhere,
            Self::Map(_, inner) => inner.uses(),
            Self::Constant(_) | Self::List(_) | Self::Join(..) | Self::Getopt(_) => Use::Everywhere,
        }
    }

    /// Can only be tested as a list.
    pub(crate) fn is_list(&self) -> bool {
        match self {
            Self::Field(field) => field.field.list,
            Self::List(_) => true,
            Self::Getopt(getopt) => getopt.only.is_none(),
            Self::Map(TransformName::Len, _) | Self::Constant(_) | Self::Join(..) => false,
            Self::Map(_, inner) => inner.is_list(),
        }
    }

    /// The fields and functions it is made of.
    fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Field(_) | Self::Constant(_) => Vec::new(),
            Self::List(items) => items.iter().collect(),
            Self::Map(_, inner) => vec![inner],
            Self::Join(separator, list) => vec![separator, list],
            Self::Getopt(getopt) => match &getopt.options {
                GetoptOptions::Constant(_) => vec![&getopt.arguments],
                GetoptOptions::Operand(options) => vec![&getopt.arguments, options],
            },
        }
    }

    /// Every field it reads.
    pub(crate) fn fields<'a>(&'a self, found: &mut Vec<&'a ResolvedField>) {
        if let Self::Field(field) = self {
            found.push(field);
        }
        self.parts().into_iter().for_each(|part| part.fields(found));
    }

    /// It can never have a value here.
    pub(crate) fn is_always_missing(&self) -> bool {
        match self {
            Self::Field(field) => !field.field.is_computed(),
            _ => self.parts().into_iter().any(Self::is_always_missing),
        }
    }

    /// What conditions compare.
    pub(crate) fn values<'e>(&'e self, subject: Subject<'e>) -> Values<'e> {
        // Most operands are a field.
        if let Self::Field(field) = self {
            return field.for_condition(subject);
        }
        self.read(subject, ResolvedField::for_condition)
    }

    /// What outputs show.
    pub(crate) fn shown<'e>(&'e self, subject: Subject<'e>) -> Values<'e> {
        self.read(subject, ResolvedField::shown)
    }

    /// As in Falco, a part without a value leaves the whole without one.
    fn read<'e>(&'e self, subject: Subject<'e>, field: Read) -> Values<'e> {
        match self {
            Self::Field(resolved) => field(resolved, subject),
            Self::Constant(value) => Values::One(value.clone()),
            Self::List(items) => {
                let values = items.iter().map(|item| first(item.read(subject, field)));
                values.collect::<Option<Vec<_>>>().map_or(Values::Missing, Values::List)
            }
            Self::Map(name, inner) => function::map(*name, inner.read(subject, field)),
            Self::Join(separator, list) => {
                let separator = first(separator.read(subject, field));
                match (separator, list.read(subject, field)) {
                    (_, Values::Missing) | (None, _) => Values::Missing,
                    (Some(separator), list) => {
                        let texts: Vec<String> = list.into_vec().iter().map(ToString::to_string).collect();
                        Values::One(Value::Text(texts.join(&separator.to_string()).into()))
                    }
                }
            }
            Self::Getopt(getopt) => getopt.read(subject, field),
        }
    }

    pub(super) fn cost(&self) -> u32 {
        const COSTLY: [&str; 5] =
            ["proc.cmdline", "proc.exeline", "proc.pcmdline", "proc.args", "proc.acmdline"];
        match self {
            Self::Field(field) if COSTLY.contains(&field.field.name) || field.is_many() => 30,
            Self::Field(_) => 2,
            Self::Constant(_) => 0,
            _ => self.parts().into_iter().map(Self::cost).sum::<u32>() + 20,
        }
    }
}

impl Getopt {
    fn read<'e>(&'e self, subject: Subject<'e>, field: Read) -> Values<'e> {
        let arguments: Vec<String> = match &self.arguments {
            // The arguments of a process are a list, although Falco's field shows them as one text.
            Operand::Field(arguments) if is_argv(arguments) => match subject {
                Subject::Call(event) => event.process.args.clone(),
                Subject::Record(_) => return Values::Missing,
            },
            other => match other.read(subject, field) {
                Values::Missing => return Values::Missing,
                values => values.into_vec().iter().map(ToString::to_string).collect(),
            },
        };
        match &self.options {
            GetoptOptions::Constant(options) => getopt::scan(&arguments, options, self.only),
            GetoptOptions::Operand(operand) => match first(operand.read(subject, field)) {
                Some(text) => getopt::scan(&arguments, &Options::parse(&text.to_string()), self.only),
                None => Values::Missing,
            },
        }
    }
}

/// `proc.args`.
pub(super) fn is_argv(field: &ResolvedField) -> bool {
    field.field.name == "proc.args" && field.arg == FieldArg::None
}

fn first(values: Values<'_>) -> Option<Value<'_>> {
    values.into_vec().into_iter().next()
}

type Read = for<'e> fn(&'e ResolvedField, Subject<'e>) -> Values<'e>;
