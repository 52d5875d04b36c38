//! How a command fails: which message, which exit code.

use std::{fmt, process::ExitCode};

/// Exit code for findings or a failed check.
pub(crate) const FINDINGS: u8 = 1;
/// Exit code for usage errors and bad input.
pub(crate) const BAD_INPUT: u8 = 2;
/// Exit code for everything that is not the user's doing.
pub(crate) const INTERNAL: u8 = 3;

/// Marks an error as the input's fault: `error.context(BadInput)` or `bail!(BadInput::because(..))`.
#[derive(Debug)]
pub(crate) struct BadInput(String);

impl BadInput {
    /// Bad input with this explanation.
    pub(crate) fn because(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadInput {}

/// Prints the error with its causes on standard error and gives its exit code.
#[expect(clippy::print_stderr, reason = "this is where commands report")]
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("fargard: {error:#}");
    ExitCode::from(if error.is::<BadInput>() { BAD_INPUT } else { INTERNAL })
}
