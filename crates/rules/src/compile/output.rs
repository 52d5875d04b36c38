//! Outputs: text with `%field`, `%field[arg]`, `%12field`, `%transformer(field)`.

use serde_json::{Map, Value as Json};

use super::{operand::Operand, show};
use crate::{
    Subject,
    fields::{self, ResolvedField, Use},
    options::ExtraField,
    syntax::{self, ast},
};

/// A field that Falco takes out of outputs, with a warning.
pub(super) const REMOVED: &str = "container.info";
/// Widest padding.
const MAX_WIDTH: usize = 1_000;

/// An output, ready to be filled.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pieces: Vec<Piece>,
    /// Fields that only the alert's fields show.
    extra: Vec<Extra>,
}

/// A field of the alert that its text does not show.
#[derive(Debug)]
struct Extra {
    name: String,
    value: Output,
    /// The value is one field and keeps its type.
    raw: bool,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    /// A field with its name as written and the width it is padded or cut to.
    Field {
        operand: Operand,
        name: String,
        width: Option<usize>,
    },
}

/// Why a text is not an output.
#[derive(Debug)]
pub(crate) struct OutputError {
    pub(crate) message: String,
    pub(crate) unknown_field: bool,
}

impl Output {
    pub(crate) fn parse(text: &str) -> Result<Self, OutputError> {
        let mut pieces = Vec::new();
        let mut rest = text.trim_end();
        while let Some(at) = rest.find('%') {
            pieces.push(Piece::Text(rest.get(..at).unwrap_or_default().to_owned()));
            let after = rest.get(at + 1..).unwrap_or_default();
            let (piece, length) = field(after)?;
            pieces.extend(piece);
            rest = after.get(length..).unwrap_or_default();
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self { pieces, extra: Vec::new() })
    }

    /// The output with fields that its text does not show.
    pub(super) fn with_extra(mut self, fields: &[ExtraField]) -> Result<Self, OutputError> {
        for field in fields {
            let value = Self::parse(&field.format)?;
            self.extra.push(Extra { name: field.name.clone(), value, raw: field.raw });
        }
        Ok(self)
    }

    /// The field that follows a `%`, as an output of its own, and its length.
    pub(crate) fn one(text: &str) -> Result<(Self, usize), OutputError> {
        let (piece, length) = field(text)?;
        Ok((Self { pieces: piece.into_iter().collect(), extra: Vec::new() }, length))
    }

    /// The fields as written, each once.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for piece in &self.pieces {
            if let Piece::Field { name, .. } = piece
                && !names.contains(name)
            {
                names.push(name.clone());
            }
        }
        names
    }

    /// Every field it reads.
    pub(crate) fn fields(&self) -> Vec<&ResolvedField> {
        let mut found = Vec::new();
        for piece in &self.pieces {
            if let Piece::Field { operand, .. } = piece {
                operand.fields(&mut found);
            }
        }
        found.extend(self.extra.iter().flat_map(|extra| extra.value.fields()));
        found
    }

    /// The text, where a missing value is `<NA>`, and the values by the fields' names, where it is null.
    pub(crate) fn fill(&self, subject: Subject<'_>) -> (String, Map<String, Json>) {
        let mut text = String::new();
        let mut fields = Map::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Field { operand, name, width } => {
                    push(&mut text, &show::text(operand, subject), *width);
                    fields.insert(name.clone(), show::json(operand, subject));
                }
            }
        }
        for extra in &self.extra {
            let (text, mut values) = extra.value.fill(subject);
            let value = values.remove(&extra.name).filter(|_| extra.raw).unwrap_or_else(|| text.into());
            fields.insert(extra.name.clone(), value);
        }
        (text, fields)
    }
}

/// What follows a `%`: the field (none for one that Falco removes) and its length.
fn field(text: &str) -> Result<(Option<Piece>, usize), OutputError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let width = text
        .get(..digits)
        .filter(|digits| !digits.is_empty())
        .map(|digits| digits.parse().ok().filter(|width| *width <= MAX_WIDTH));
    if width == Some(None) {
        return Err(OutputError {
            message: format!("a width of more than {MAX_WIDTH}"),
            unknown_field: false,
        });
    }
    let name = text.get(digits..).unwrap_or_default();
    if name.starts_with(REMOVED) {
        return Ok((None, digits + REMOVED.len()));
    }
    let refuse = |message: String| OutputError { message, unknown_field: false };
    if name.is_empty() {
        return Err(refuse("a '%' at the end names no field".into()));
    }
    let (operand, length) = match syntax::operand_prefix(name) {
        Ok(Some((ast::Operand::Field(written), length))) => resolve(&written, length)?,
        Ok(Some((transform, length))) => {
            let operand = Operand::compile(&transform).map_err(|error| OutputError {
                message: error.message,
                unknown_field: error.unknown_field,
            })?;
            (operand, length)
        }
        Ok(None) => {
            let word: String = name.chars().take_while(|char| !char.is_whitespace()).take(40).collect();
            return Err(refuse(format!("'%{word}' names no field")));
        }
        Err(error) => return Err(refuse(error.message)),
    };
    let name = name.get(..length).unwrap_or_default().to_owned();
    if operand.uses() == Use::Condition {
        return Err(refuse(format!("field '{name}' can stand only in conditions")));
    }
    let width = width.flatten().filter(|width| *width > 0);
    Ok((Some(Piece::Field { operand, name, width }), digits + length))
}

/// The longest part of a written field that is one; `length` is that of the whole.
fn resolve(written: &ast::FieldRef, length: usize) -> Result<(Operand, usize), OutputError> {
    let whole = fields::resolve(&written.name, written.arg.as_deref());
    let found = match whole {
        Ok(found) => Ok((found, length)),
        // A bracket may be text that follows, but not where the field takes an argument.
        Err(error @ (fields::FieldError::NoArgument(_) | fields::FieldError::Unknown { .. })) => {
            fields::resolve_prefix(&written.name, None).map_err(|_| error)
        }
        Err(error) => Err(error),
    };
    found.map(|(found, length)| (Operand::Field(found), length)).map_err(|error| OutputError {
        unknown_field: matches!(error, fields::FieldError::Unknown { .. }),
        message: error.to_string(),
    })
}

/// Adds a value, padded with blanks or cut to a width in characters.
fn push(text: &mut String, value: &str, width: Option<usize>) {
    match width {
        None => text.push_str(value),
        Some(width) => {
            let cut: String = value.chars().take(width).collect();
            text.push_str(&cut);
            text.extend(std::iter::repeat_n(' ', width - cut.chars().count()));
        }
    }
}
