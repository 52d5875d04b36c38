//! What became of a call.

use fargard_model::{EventType, Outcome};

use crate::fields::errno;

/// The outcome that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Wanted {
    #[default]
    Success,
    Attempt,
    /// The return value.
    Code(i64),
}

impl Wanted {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "attempt" => Some(Self::Attempt),
            "success" => Some(Self::Success),
            name => errno::code(name).map(Self::Code),
        }
    }

    /// What the value of a field asks for.
    pub(super) fn of_field(field: &str, value: &str) -> Option<Self> {
        match (field, value) {
            ("evt.failed", "true") => errno::code("EPERM").map(Self::Code),
            ("evt.failed", "false") | ("evt.res", "SUCCESS") => Some(Self::Success),
            ("evt.res", name) => errno::code(name).map(Self::Code),
            ("evt.rawres", number) => number.parse().ok().map(Self::Code),
            _ => None,
        }
    }

    pub(super) fn outcome(self, kind: EventType, number: Option<i64>) -> Outcome {
        use EventType as E;
        match self {
            Self::Attempt => Outcome::Attempt,
            Self::Code(code) => Outcome::Confirmed(code),
            Self::Success => Outcome::Confirmed(match kind {
                // The lowest number that is free in most programs.
                E::Open | E::Openat | E::Openat2 | E::Creat | E::MemfdCreate | E::Accept | E::Accept4 => {
                    number.filter(|number| *number >= 0).unwrap_or(3)
                }
                E::Dup2 | E::Dup3 => number.filter(|number| *number >= 0).unwrap_or(0),
                _ => 0,
            }),
        }
    }
}
