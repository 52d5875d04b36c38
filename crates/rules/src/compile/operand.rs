//! The left (or right) side of a comparison: a field, or a function of fields.

use crate::{
    Subject,
    fields::{self, FieldType, ResolvedField, Value, Values},
    syntax::ast::{self, Span, TransformArg, TransformName},
};

/// Where a value comes from.
#[derive(Debug)]
pub(crate) enum Operand {
    Field(ResolvedField),
    Constant(Value<'static>),
    /// `tolower`, `toupper`, `b64`, `basename`, `len` of one.
    Map(TransformName, Box<Operand>),
    /// `join`: separator and parts.
    Join(String, Vec<Operand>),
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
            ast::Operand::Transform(transform) => Self::transform(transform),
        }
    }

    fn transform(transform: &ast::Transform) -> Result<Self, OperandError> {
        let refuse = |message: String| OperandError { message, span: transform.span, unknown_field: false };
        match (transform.name, transform.args.as_slice()) {
            (TransformName::Val, [TransformArg::Operand(inner)]) => Self::compile(inner),
            (TransformName::Getopt, _) => Err(refuse("getopt() is not supported yet".into())),
            (TransformName::Join, [TransformArg::Literal(separator), TransformArg::List(parts, _)]) => {
                Ok(Self::Join(separator.text.clone(), Self::parts(parts)?))
            }
            (TransformName::Join, _) => {
                Err(refuse("join() takes a separator and a list, as in join(\"-\", (a.b, c.d))".into()))
            }
            (TransformName::Concat, parts) => Ok(Self::Join(String::new(), Self::parts(parts)?)),
            (name, [TransformArg::Operand(inner)]) => {
                let inner = Self::compile(inner)?;
                if inner.kind() != FieldType::Text && inner.kind() != FieldType::Bytes {
                    return Err(refuse(format!(
                        "{}() takes text, found {}",
                        name.symbol(),
                        inner.kind().name()
                    )));
                }
                Ok(Self::Map(name, Box::new(inner)))
            }
            (name, _) => Err(refuse(format!("{}() takes one field", name.symbol()))),
        }
    }

    fn parts(parts: &[TransformArg]) -> Result<Vec<Self>, OperandError> {
        parts
            .iter()
            .map(|part| match part {
                TransformArg::Operand(operand) => Self::compile(operand),
                TransformArg::Literal(literal) => {
                    Ok(Self::Constant(Value::Text(literal.text.clone().into())))
                }
                TransformArg::List(_, span) => Err(OperandError {
                    message: "a list cannot stand here".into(),
                    span: *span,
                    unknown_field: false,
                }),
            })
            .collect()
    }

    /// The type of its values.
    pub(crate) fn kind(&self) -> FieldType {
        match self {
            Self::Field(field) => field.field.kind,
            Self::Map(TransformName::Len, _) => FieldType::Int,
            Self::Constant(_) | Self::Map(..) | Self::Join(..) => FieldType::Text,
        }
    }

    /// Can only be tested as a list.
    pub(crate) fn is_list(&self) -> bool {
        matches!(self, Self::Field(field) if field.field.list)
    }

    /// Every field it reads.
    pub(crate) fn fields<'a>(&'a self, found: &mut Vec<&'a ResolvedField>) {
        match self {
            Self::Field(field) => found.push(field),
            Self::Constant(_) => {}
            Self::Map(_, inner) => inner.fields(found),
            Self::Join(_, parts) => parts.iter().for_each(|part| part.fields(found)),
        }
    }

    /// It can never have a value here.
    pub(crate) fn is_always_missing(&self) -> bool {
        match self {
            Self::Field(field) => !field.field.is_computed(),
            Self::Constant(_) => false,
            Self::Map(_, inner) => inner.is_always_missing(),
            Self::Join(_, parts) => parts.iter().any(Self::is_always_missing),
        }
    }

    /// What conditions compare.
    pub(crate) fn values<'e>(&'e self, subject: Subject<'e>) -> Values<'e> {
        self.read(subject, ResolvedField::for_condition)
    }

    /// What outputs show.
    pub(crate) fn shown<'e>(&'e self, subject: Subject<'e>) -> Values<'e> {
        self.read(subject, ResolvedField::shown)
    }

    fn read<'e>(&'e self, subject: Subject<'e>, field: Read) -> Values<'e> {
        match self {
            Self::Field(resolved) => field(resolved, subject),
            Self::Constant(value) => Values::One(value.clone()),
            Self::Map(name, inner) => map(*name, inner.read(subject, field)),
            Self::Join(separator, parts) => {
                let texts: Vec<String> = parts
                    .iter()
                    .flat_map(|part| {
                        part.read(subject, field).into_vec().iter().map(Value::to_string).collect::<Vec<_>>()
                    })
                    .collect();
                // As in Falco, a part without a value leaves the whole without one.
                let whole = parts.iter().all(|part| !part.read(subject, field).is_missing());
                if whole { Values::One(Value::Text(texts.join(separator).into())) } else { Values::Missing }
            }
        }
    }

    pub(super) fn cost(&self) -> u32 {
        const COSTLY: [&str; 5] =
            ["proc.cmdline", "proc.exeline", "proc.pcmdline", "proc.args", "proc.acmdline"];
        match self {
            Self::Field(field) if COSTLY.contains(&field.field.name) || field.is_many() => 30,
            Self::Field(_) => 2,
            Self::Constant(_) => 0,
            Self::Map(_, inner) => inner.cost() + 20,
            Self::Join(_, parts) => parts.iter().map(Self::cost).sum::<u32>() + 20,
        }
    }
}

type Read = for<'e> fn(&'e ResolvedField, Subject<'e>) -> Values<'e>;

fn map(name: TransformName, values: Values<'_>) -> Values<'_> {
    let one = |value: Value<'_>| match value {
        Value::Text(text) => transform(name, &text),
        other => other.to_owned_value(),
    };
    match values {
        Values::Missing => Values::Missing,
        Values::One(value) => Values::One(one(value)),
        Values::Ends(values) => Values::Ends(values.map(one)),
        many => many.into_vec().into_iter().map(one).collect(),
    }
}

fn transform(name: TransformName, text: &str) -> Value<'static> {
    let mapped = match name {
        TransformName::Tolower => text.to_ascii_lowercase(),
        TransformName::Toupper => text.to_ascii_uppercase(),
        TransformName::B64 => return decode_base64(text),
        TransformName::Basename => text.rsplit('/').next().unwrap_or(text).to_owned(),
        TransformName::Len => return Value::Int(i64::try_from(text.len()).unwrap_or(i64::MAX)),
        _ => text.to_owned(),
    };
    Value::Text(mapped.into())
}

/// The text that base64 stands for; what is not base64 stays as it is not: empty.
fn decode_base64(text: &str) -> Value<'static> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in text.trim_end_matches('=').bytes() {
        let Some(value) = digit(byte) else { return Value::Text("".into()) };
        bits = (bits << 6 | u32::from(value)) & 0xff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap_or_default());
        }
    }
    Value::Text(String::from_utf8_lossy(&bytes).into_owned().into())
}

impl Value<'_> {
    fn to_owned_value(&self) -> Value<'static> {
        match self {
            Self::Text(text) => Value::Text(text.to_string().into()),
            Self::Int(number) => Value::Int(*number),
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Ip(address) => Value::Ip(*address),
        }
    }
}
