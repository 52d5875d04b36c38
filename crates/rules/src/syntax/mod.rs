//! Conditions as text and as a tree. Knows no field, macro or list; only the shape of the language.

pub mod ast;
mod cursor;
mod operand;
mod parser;
mod print;
mod value;

pub(crate) use parser::operand_prefix;
pub use parser::{MAX_CONDITION, MAX_DEPTH, parse};

use ast::Span;

/// Why a text is not a condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// What was found and what was expected.
    pub message: String,
    /// Bytes of the condition it is about.
    pub span: Span,
}

#[cfg(test)]
mod tests;
