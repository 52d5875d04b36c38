//! Records within bytes.

use fargard_model::Source;
use fargard_rules::{Record, json::Scanner};

use crate::{
    document,
    resync::{self, Beginnings},
    time,
};

/// A part of the input that is no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {index}, byte {at}: {what}")]
pub struct Damage {
    /// Which record of its input, counted from 1; damaged ones count.
    pub index: u64,
    /// Offset in bytes.
    pub at: usize,
    /// What is wrong there.
    pub what: &'static str,
}

/// The records of bytes in memory, one after another.
#[derive(Clone, Debug)]
pub struct Records<'b> {
    bytes: &'b [u8],
    splitter: Splitter,
}

impl<'b> Records<'b> {
    /// Of a whole document, array, single record, or lines of them.
    #[must_use]
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, splitter: Splitter::default() }
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        self.splitter.next(self.bytes)
    }
}

/// Where the splitter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before a document, an array, or a record of its own.
    Outside,
    /// Before an item of an array of records.
    Item,
    /// Behind an item of an array of records.
    Behind,
}

/// Finds records one after another in bytes that are handed in with each call and must stay the same.
#[derive(Clone, Debug)]
pub(crate) struct Splitter {
    at: usize,
    place: Place,
    /// The array is a member of a document.
    in_document: bool,
    /// Items seen.
    index: u64,
    /// Records given.
    given: u64,
    in_arrays: Beginnings,
    on_lines: Beginnings,
}

impl Default for Splitter {
    fn default() -> Self {
        Self {
            at: 0,
            place: Place::Outside,
            in_document: false,
            index: 0,
            given: 0,
            in_arrays: Beginnings::in_arrays(),
            on_lines: Beginnings::on_lines(),
        }
    }
}

impl Splitter {
    /// The next record or damaged part.
    pub(crate) fn next(&mut self, bytes: &[u8]) -> Option<Result<Record, Damage>> {
        loop {
            let mut scanner = Scanner::new(bytes, self.at);
            scanner.blanks();
            self.at = scanner.at();
            let step = match self.place {
                Place::Outside => self.outside(bytes, scanner)?,
                Place::Item => self.item(bytes, scanner),
                Place::Behind => self.behind(bytes, scanner),
            };
            if let Some(found) = step.transpose() {
                return Some(found);
            }
        }
    }

    /// A step outside of arrays; `None` at the end.
    fn outside(&mut self, bytes: &[u8], mut scanner: Scanner<'_>) -> Option<Result<Option<Record>, Damage>> {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        if self.at == 0 && bytes.starts_with(MARK) {
            self.at = MARK.len();
            return Some(Ok(None));
        }
        match scanner.peek()? {
            b'[' => {
                scanner.take(b'[');
                self.open(scanner.at(), false);
            }
            b'{' => match document::items(scanner) {
                Some(items) => self.open(items, true),
                None => return Some(self.record_or_document(bytes, scanner)),
            },
            _ => {
                self.index += 1;
                let damage = self.damage(self.at, "expected a JSON object or array");
                self.at = resync::line(bytes, self.at);
                return Some(Err(damage));
            }
        }
        Some(Ok(None))
    }

    /// A record of its own, or else a document that begins with another member than `Records`.
    fn record_or_document(&mut self, bytes: &[u8], scanner: Scanner<'_>) -> Result<Option<Record>, Damage> {
        let before = self.index;
        let read = self.record(bytes, scanner, Place::Outside);
        if read.is_err()
            && let Some(items) = document::items_behind_others(scanner)
        {
            self.index = before;
            self.open(items, true);
            return Ok(None);
        }
        read
    }

    fn open(&mut self, at: usize, in_document: bool) {
        self.at = at;
        self.place = Place::Item;
        self.in_document = in_document;
    }

    fn item(&mut self, bytes: &[u8], mut scanner: Scanner<'_>) -> Result<Option<Record>, Damage> {
        match scanner.peek() {
            Some(b'{') => self.record(bytes, scanner, Place::Behind),
            Some(b']') => {
                scanner.take(b']');
                self.close(bytes, scanner)
            }
            other => {
                self.index += 1;
                let damage = self.damage(self.at, expected_item(other));
                self.at = resync::item(bytes, self.at);
                self.stop_at_end(bytes);
                Err(damage)
            }
        }
    }

    fn behind(&mut self, bytes: &[u8], mut scanner: Scanner<'_>) -> Result<Option<Record>, Damage> {
        if scanner.take(b',') {
            self.at = scanner.at();
            self.place = Place::Item;
            return Ok(None);
        }
        if scanner.take(b']') {
            return self.close(bytes, scanner);
        }
        let damage = self.damage(self.at, "expected ',' or ']' after a record");
        self.at = resync::item(bytes, self.at);
        self.place = Place::Item;
        self.stop_at_end(bytes);
        Err(damage)
    }

    /// Behind the array; a document may have more members.
    fn close(&mut self, bytes: &[u8], mut scanner: Scanner<'_>) -> Result<Option<Record>, Damage> {
        self.place = Place::Outside;
        let rest = if self.in_document { document::rest(&mut scanner) } else { Ok(()) };
        self.at = match rest {
            Ok(()) => scanner.at(),
            Err(fault) => self.on_lines.next(bytes, fault.at),
        };
        rest.map(|()| None).map_err(|fault| self.damage(fault.at, fault.what))
    }

    /// At the end of the bytes there is nothing more to expect.
    fn stop_at_end(&mut self, bytes: &[u8]) {
        if self.at >= bytes.len() {
            self.place = Place::Outside;
        }
    }

    /// Reads the record at which the scanner stands.
    fn record(
        &mut self,
        bytes: &[u8],
        mut scanner: Scanner<'_>,
        then: Place,
    ) -> Result<Option<Record>, Damage> {
        self.index += 1;
        let start = self.at;
        match Record::scan(Source::AwsCloudtrail, bytes, &mut scanner) {
            Ok(record) => {
                self.at = scanner.at();
                self.place = then;
                self.judge(record, start)
            }
            Err(fault) => {
                let is_outside = then == Place::Outside;
                let beginnings = if is_outside { &mut self.on_lines } else { &mut self.in_arrays };
                let (at, is_behind) = beginnings.after(bytes, start, fault.at);
                self.at = at;
                self.place = if is_outside || is_behind { then } else { Place::Item };
                self.stop_at_end(bytes);
                Err(self.damage(fault.at, fault.what))
            }
        }
    }

    /// Gives the record its number and time. Falco's plugin passes over the same records.
    fn judge(&mut self, mut record: Record, start: usize) -> Result<Option<Record>, Damage> {
        let Some(time) = record.text_at(&["eventTime"]) else {
            return Err(self.damage(start, "no CloudTrail record: it has no eventTime"));
        };
        let Some(time) = time::parse(&time) else {
            return Err(self.damage(start, "the eventTime is no time in RFC 3339 after 1970"));
        };
        let Some(kind) = record.text_at(&["eventType"]) else {
            return Err(self.damage(start, "no CloudTrail record: it has no eventType"));
        };
        if kind == "AwsCloudTrailInsight" {
            return Ok(None);
        }
        drop(kind);
        self.given += 1;
        record.num = self.given;
        record.time = time;
        Ok(Some(record))
    }

    fn damage(&self, at: usize, what: &'static str) -> Damage {
        Damage { index: self.index, at, what }
    }
}

fn expected_item(found: Option<u8>) -> &'static str {
    match found {
        Some(_) => "expected a record, which is a JSON object",
        None => "the input ends inside the array of records",
    }
}
