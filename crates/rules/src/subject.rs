//! What rules are evaluated on: a call seen by a sensor (or read from a capture), or a record of another source.

use fargard_model::{Event, Source, Timestamp};

use crate::record::Record;

/// One thing a rule may match.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'e> {
    /// A system call: source `syscall`.
    Call(&'e Event),
    /// A JSON record: source `aws_cloudtrail`.
    Record(&'e Record),
}

impl Subject<'_> {
    /// The source whose rules look at it.
    #[must_use]
    pub fn source(self) -> Source {
        match self {
            Self::Call(event) => event.source,
            Self::Record(record) => record.source,
        }
    }

    /// Its number, counted from 1 by its producer.
    #[must_use]
    pub fn num(self) -> u64 {
        match self {
            Self::Call(event) => event.num,
            Self::Record(record) => record.num,
        }
    }

    /// When it happened.
    #[must_use]
    pub fn time(self) -> Timestamp {
        match self {
            Self::Call(event) => event.time,
            Self::Record(record) => record.time,
        }
    }
}

/// The same with its content.
#[derive(Clone, Debug)]
pub enum OwnedSubject {
    /// A system call.
    Call(Box<Event>),
    /// A JSON record.
    Record(Box<Record>),
}

impl OwnedSubject {
    /// To evaluate it.
    #[must_use]
    pub fn subject(&self) -> Subject<'_> {
        match self {
            Self::Call(event) => Subject::Call(event),
            Self::Record(record) => Subject::Record(record),
        }
    }
}

impl From<Subject<'_>> for OwnedSubject {
    fn from(subject: Subject<'_>) -> Self {
        match subject {
            Subject::Call(event) => Self::Call(Box::new(event.clone())),
            Subject::Record(record) => Self::Record(Box::new(record.clone())),
        }
    }
}

impl<'e> From<&'e Event> for Subject<'e> {
    fn from(event: &'e Event) -> Self {
        Self::Call(event)
    }
}

impl<'e> From<&'e Record> for Subject<'e> {
    fn from(record: &'e Record) -> Self {
        Self::Record(record)
    }
}
