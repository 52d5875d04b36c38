//! Messages of the domain name system (RFC 1035, with the record types of RFC 2782, 3596 and 9460).
//!
//! Everything is bounded: names by 255 bytes, compression by pointers that only lead backwards, records by
//! [`MAX_RECORDS`]. A message that was cut off gives what came before the cut.

mod name;
mod record;

use self::name::Reader;
pub use self::record::{Data, Record, type_name};

/// Most records of a section that are looked at.
pub const MAX_RECORDS: usize = 64;
/// Bytes of the header.
const HEADER: usize = 12;
/// `RCODE` and the header's other bits in the words of RFC 1035 and 2136.
const RESPONSE: u16 = 0x8000;
const TRUNCATED: u16 = 0x0200;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name in lower case without a final dot; `.` is the root.
    pub name: String,
    /// Type of record: 1 `A`, 28 `AAAA`, ...; see [`type_name`].
    pub kind: u16,
}

/// A query or an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Number by which an answer belongs to a query.
    pub id: u16,
    /// An answer, not a query.
    pub response: bool,
    /// What kind of query: 0 is a lookup.
    pub opcode: u8,
    /// How it went: 0 is well, 3 that there is no such name; see [`rcode_name`].
    pub rcode: u8,
    /// The answer did not fit and is asked for again over TCP.
    pub truncated: bool,
    /// The first question.
    pub question: Option<Question>,
    /// Records of the answer section.
    pub answers: Vec<Record>,
}

/// Reads a message; `None` for what is none. Only the question and the answer section are read.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<Message> {
    let word = |at: usize| Some(u16::from_be_bytes(*bytes.get(at..at + 2)?.first_chunk()?));
    let (id, bits) = (word(0)?, word(2)?);
    let (questions, answers) = (word(4)?, word(6)?);
    // More than one question is not answered by anybody (RFC 9619); so many records do not fit a message.
    if bytes.len() < HEADER || questions > 1 {
        return None;
    }
    let mut reader = Reader::new(bytes, HEADER);
    let question = match questions {
        0 => None,
        _ => Some(read_question(&mut reader)?),
    };
    let mut records = Vec::new();
    for _ in 0..usize::from(answers).min(MAX_RECORDS) {
        let Some(record) = record::read(&mut reader) else { break };
        records.push(record);
    }
    Some(Message {
        id,
        response: bits & RESPONSE != 0,
        opcode: (bits >> 11 & 0xf) as u8,
        rcode: (bits & 0xf) as u8,
        truncated: bits & TRUNCATED != 0,
        question,
        answers: records,
    })
}

fn read_question(reader: &mut Reader<'_>) -> Option<Question> {
    let name = reader.name()?;
    let kind = reader.word()?;
    reader.word()?;
    Some(Question { name, kind })
}

/// The name of a result, as RFC 1035 and 2136 have it.
#[must_use]
pub fn rcode_name(rcode: u8) -> &'static str {
    match rcode {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        _ => "RESERVED",
    }
}

impl Message {
    /// The name that was asked for and the names it is an alias of, in the order of the chain.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let Some(question) = &self.question else { return Vec::new() };
        let mut names = vec![question.name.as_str()];
        while names.len() <= MAX_RECORDS {
            let last = names.last().copied().unwrap_or_default();
            let next = self.answers.iter().find_map(|record| match &record.data {
                Data::Alias(target) if record.name == last => Some(target.as_str()),
                _ => None,
            });
            match next {
                Some(next) if !names.contains(&next) => names.push(next),
                _ => break,
            }
        }
        names
    }
}

#[cfg(test)]
pub(in crate::net) mod tests;
