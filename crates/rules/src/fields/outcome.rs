//! The result of a call, as far as it is known.

use fargard_model::{Event, Outcome};

use super::{FieldArg, Values, errno};

/// `SUCCESS` or the error's name.
pub(super) fn text<'e>(event: &'e Event, _: &FieldArg) -> Values<'e> {
    match event.outcome {
        Outcome::Attempt => Values::Missing,
        Outcome::Confirmed(code) => Values::text(errno::name(code)),
    }
}

/// The return value.
pub(super) fn number<'e>(event: &'e Event, _: &FieldArg) -> Values<'e> {
    match event.outcome {
        Outcome::Attempt => Values::Missing,
        Outcome::Confirmed(code) => Values::int(code),
    }
}

/// Whether the call failed.
pub(super) fn failed<'e>(event: &'e Event, _: &FieldArg) -> Values<'e> {
    match event.outcome {
        Outcome::Attempt => Values::Missing,
        Outcome::Confirmed(code) => Values::bool(code < 0),
    }
}
