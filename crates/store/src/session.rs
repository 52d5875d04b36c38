//! One way to speak SQL to either database, so that what is stored and how it is folded is written once.
//!
//! Statements number their parameters `$1`, `$2`, ... and use only what SQLite and PostgreSQL both understand.
//! Integers are 64 bits, texts contain no NUL (see [`crate::column`]).

use std::future::Future;

use fargard_model::Timestamp;
use serde::de::DeserializeOwned;

use crate::StoreError;

/// A parameter of a statement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// A 64-bit integer or NULL.
    Int(Option<i64>),
    /// A text or NULL.
    Text(Option<String>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

/// A column of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    /// NULL.
    Null,
    /// An integer.
    Int(i64),
    /// A floating-point number, from sums that might not fit an integer.
    Float(f64),
    /// A text.
    Text(String),
    /// A type that no statement of this crate asks for; holds its name.
    Other(&'static str),
}

/// A row of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Row(pub(crate) Vec<Cell>);

impl Row {
    fn wrong(&self, column: usize, wanted: &str) -> StoreError {
        StoreError::Corrupt {
            what: format!("column {} of a row", column + 1),
            reason: format!("it is {:?}, not {wanted}", self.0.get(column)),
        }
    }

    /// The integer in that column.
    pub(crate) fn int(&self, column: usize) -> Result<i64, StoreError> {
        match self.0.get(column) {
            Some(Cell::Int(number)) => Ok(*number),
            _ => Err(self.wrong(column, "an integer")),
        }
    }

    /// The integer in that column as a count; a negative one is corrupt.
    pub(crate) fn count(&self, column: usize) -> Result<u64, StoreError> {
        u64::try_from(self.int(column)?).map_err(|_| self.wrong(column, "a count"))
    }

    /// The sum in that column; NULL (nothing to sum) is 0.
    pub(crate) fn sum(&self, column: usize) -> Result<u64, StoreError> {
        match self.0.get(column) {
            Some(Cell::Null) => Ok(0),
            // A cast from float saturates; what does not fit is shown as the largest number.
            Some(Cell::Float(number)) => Ok(*number as u64),
            _ => Err(self.wrong(column, "a sum")),
        }
    }

    /// The exact time in that column, written by [`crate::column::exact`].
    pub(crate) fn time(&self, column: usize) -> Result<Timestamp, StoreError> {
        Ok(Timestamp(self.int(column)?.cast_unsigned()))
    }

    /// The text in that column.
    pub(crate) fn text(&self, column: usize) -> Result<&str, StoreError> {
        self.optional_text(column)?.ok_or_else(|| self.wrong(column, "a text"))
    }

    /// The text in that column, `None` for NULL.
    pub(crate) fn optional_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        match self.0.get(column) {
            Some(Cell::Text(text)) => Ok(Some(text)),
            Some(Cell::Null) => Ok(None),
            _ => Err(self.wrong(column, "a text")),
        }
    }

    /// The JSON in that column; `what` names the record.
    pub(crate) fn json<T: DeserializeOwned>(&self, column: usize, what: &str) -> Result<T, StoreError> {
        serde_json::from_str(self.text(column)?)
            .map_err(|error| StoreError::Corrupt { what: what.to_owned(), reason: error.to_string() })
    }
}

/// An open transaction.
pub(crate) trait Session {
    /// Runs a statement; how many rows it changed. `operation` is for messages.
    fn execute(
        &mut self,
        operation: &'static str,
        sql: &str,
        values: &[Value],
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Runs a query.
    fn query(
        &mut self,
        operation: &'static str,
        sql: &str,
        values: &[Value],
    ) -> impl Future<Output = Result<Vec<Row>, StoreError>> + Send;

    /// Runs a script of several statements without parameters.
    fn script(
        &mut self,
        operation: &'static str,
        sql: &str,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Keeps every other transaction that names the same key out until this one ends.
    fn lock(&mut self, key: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The function that gives the position of its second argument in its first, 0 when it is not in it.
    fn position_function(&self) -> &'static str;
}
