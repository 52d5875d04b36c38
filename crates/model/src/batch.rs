//! How records travel: the only way into the server.
//!
//! A batch is JSON lines: a [`BatchHeader`], then one [`Record`] a line. On the wire it is compressed with zstd.
//! A batch is identified by producer and sequence, so that sending it again changes nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{CheckResult, Detection, Event, FileChange, Heartbeat, Timestamp};

/// Version of this format; a receiver refuses others.
pub const FORMAT: u32 = 1;
/// Most records in a batch.
pub const MAX_RECORDS: usize = 10_000;
/// Most bytes of a batch before decompression.
pub const MAX_COMPRESSED: usize = 1 << 20;
/// Most bytes of a batch after decompression.
pub const MAX_BYTES: usize = 16 << 20;
/// Longest name of a producer.
pub const MAX_PRODUCER: usize = 128;

/// What was not seen or not sent, by class (`ring_read`, `ring_exec`, `cancelled`, `spool_full`, ...).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lost(pub BTreeMap<String, u64>);

impl Lost {
    /// Sum over all classes; a sender may claim more than a number holds, so it stops at the largest.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().fold(0, |sum, lost| sum.saturating_add(*lost))
    }
}

/// First line of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchHeader {
    /// [`FORMAT`].
    pub format: u32,
    /// Who made it: unique for each start of a sensor's engine; see [`BatchHeader::sensor`].
    pub producer: String,
    /// Counts the producer's batches from 1.
    pub sequence: u64,
    /// The task it speaks of; must be the one the sender's token is bound to.
    pub task_arn: String,
    /// Lost since the sensor's start.
    #[serde(default)]
    pub lost: Lost,
}

/// One line of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// Something happened.
    Event(Box<Event>),
    /// A rule matched.
    Detection(Box<Detection>),
    /// A check was made.
    CheckResult(Box<CheckResult>),
    /// A file that is monitored changed.
    FileChange(Box<FileChange>),
    /// The sensor lives.
    Heartbeat(Box<Heartbeat>),
}

/// Records of one producer.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Whose and which.
    pub header: BatchHeader,
    /// What.
    pub records: Vec<Record>,
}

/// Why bytes are not a batch.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// Nothing there.
    #[error("empty batch: the first line must be a header")]
    Empty,
    /// The header line is not one.
    #[error("line 1 is not a batch header: {0}")]
    Header(serde_json::Error),
    /// Another version.
    #[error("batch format {0} is not supported; this build reads format {FORMAT}")]
    Format(u32),
    /// The producer's name is empty, too long or has characters other than letters, digits, `-`, `_`, `.`, `:`.
    #[error("producer name {0:?} is not 1 to {MAX_PRODUCER} letters, digits, '-', '_', '.', ':'")]
    Producer(String),
    /// Sequences count from 1.
    #[error("sequence 0: batches are counted from 1")]
    Sequence,
    /// A record line is not one.
    #[error("line {line} is not a record: {error}")]
    Record {
        /// Line number, from 1.
        line: usize,
        /// What the JSON parser said.
        error: serde_json::Error,
    },
    /// A record speaks of another task than the header.
    #[error("line {line} speaks of task {found:?}, the header of {expected:?}")]
    ForeignTask {
        /// Line number, from 1.
        line: usize,
        /// Task of the record.
        found: String,
        /// Task of the header.
        expected: String,
    },
    /// A record's texts are longer than any path.
    #[error("line {0} is a file change with longer texts or more parts than there can be")]
    Unbounded(usize),
    /// Too many records.
    #[error("more than {MAX_RECORDS} records in a batch")]
    TooManyRecords,
}

impl Record {
    /// The task the record speaks of.
    #[must_use]
    pub fn task_arn(&self) -> &str {
        match self {
            Self::Event(event) => &event.task.arn,
            Self::Detection(detection) => &detection.event.task.arn,
            Self::CheckResult(result) => &result.task.arn,
            Self::FileChange(change) => &change.task.arn,
            Self::Heartbeat(heartbeat) => &heartbeat.task.arn,
        }
    }
}

impl Batch {
    /// Brings times that lie after `latest` back to it: a sender whose clock is wrong, or who lies, must not keep
    /// its task and findings ahead of all others for ever. Other times stay as they are.
    pub fn limit_times(&mut self, latest: Timestamp) {
        for record in &mut self.records {
            let time = match record {
                Record::Event(event) => &mut event.time,
                Record::Detection(detection) => {
                    detection.event.time = detection.event.time.min(latest);
                    &mut detection.time
                }
                Record::CheckResult(result) => &mut result.time,
                Record::FileChange(change) => {
                    if let Some(writer) = &mut change.writer {
                        writer.time = writer.time.min(latest);
                    }
                    &mut change.time
                }
                Record::Heartbeat(heartbeat) => &mut heartbeat.time,
            };
            *time = (*time).min(latest);
        }
    }

    /// The batch as JSON lines.
    ///
    /// # Errors
    /// A value cannot be written as JSON (a float that is not a number in an output field).
    pub fn to_lines(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(&self.header)?;
        for record in &self.records {
            bytes.push(b'\n');
            serde_json::to_writer(&mut bytes, record)?;
        }
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads JSON lines (already decompressed under [`MAX_BYTES`]) and checks them as a whole.
    ///
    /// # Errors
    /// See [`BatchError`].
    pub fn from_lines(bytes: &[u8]) -> Result<Self, BatchError> {
        let mut lines =
            bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
        let (_, first) = lines.next().ok_or(BatchError::Empty)?;
        let header: BatchHeader = serde_json::from_slice(first).map_err(BatchError::Header)?;
        header.check()?;
        let mut records = Vec::new();
        for (index, line) in lines {
            if records.len() == MAX_RECORDS {
                return Err(BatchError::TooManyRecords);
            }
            let line_number = index + 1;
            let record: Record = serde_json::from_slice(line)
                .map_err(|error| BatchError::Record { line: line_number, error })?;
            if matches!(&record, Record::FileChange(change) if !change.is_bounded()) {
                return Err(BatchError::Unbounded(line_number));
            }
            if record.task_arn() != header.task_arn {
                let found = record.task_arn().to_owned();
                return Err(BatchError::ForeignTask { line: line_number, found, expected: header.task_arn });
            }
            records.push(record);
        }
        Ok(Self { header, records })
    }
}

impl BatchHeader {
    /// The sensor whose start the producer is. A sensor's engine that takes the place of one that died counts its
    /// batches anew, as producer `<sensor>:<restarts>`, but goes on with the sensor's counters.
    #[must_use]
    pub fn sensor(&self) -> &str {
        self.producer.rsplit_once(':').map_or(self.producer.as_str(), |(sensor, _)| sensor)
    }

    fn check(&self) -> Result<(), BatchError> {
        if self.format != FORMAT {
            return Err(BatchError::Format(self.format));
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        if self.producer.is_empty()
            || self.producer.len() > MAX_PRODUCER
            || !self.producer.bytes().all(allowed)
        {
            return Err(BatchError::Producer(self.producer.clone()));
        }
        if self.sequence == 0 {
            return Err(BatchError::Sequence);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Batch, BatchError, BatchHeader, FORMAT, Lost, Record};
    use crate::{Heartbeat, Task, Timestamp};

    fn batch(task: &str) -> Batch {
        let heartbeat =
            Heartbeat { task: Task { arn: "local:h:1".into(), ..Task::default() }, ..Heartbeat::default() };
        Batch {
            header: BatchHeader {
                format: FORMAT,
                producer: "p-1".into(),
                sequence: 1,
                task_arn: task.into(),
                lost: Lost::default(),
            },
            records: vec![Record::Heartbeat(Box::new(heartbeat))],
        }
    }

    #[test]
    fn a_batch_survives_the_wire() {
        let sent = batch("local:h:1");
        assert_eq!(Batch::from_lines(&sent.to_lines().unwrap()).unwrap(), sent);
    }

    #[test]
    fn engines_of_one_sensor_are_one_sensor() {
        for (producer, sensor) in [("a-b:0", "a-b"), ("a-b:12", "a-b"), ("a-b", "a-b")] {
            let header = BatchHeader { producer: producer.into(), ..batch("local:h:1").header };
            assert_eq!(header.sensor(), sensor);
        }
    }

    #[test]
    fn a_record_of_another_task_is_refused_with_its_line() {
        let error = Batch::from_lines(&batch("local:h:2").to_lines().unwrap()).unwrap_err();
        assert!(matches!(error, BatchError::ForeignTask { line: 2, .. }), "{error}");
    }

    #[test]
    fn times_from_the_future_are_brought_back_and_others_stay() {
        let mut sent = batch("local:h:1");
        let mut early = sent.records[0].clone();
        let Record::Heartbeat(heartbeat) = &mut early else { unreachable!("made above") };
        heartbeat.time = Timestamp(7);
        let Record::Heartbeat(heartbeat) = &mut sent.records[0] else { unreachable!("made above") };
        heartbeat.time = Timestamp(u64::MAX);
        sent.records.push(early);
        sent.limit_times(Timestamp(9));
        let times = sent.records.iter().map(|record| match record {
            Record::Heartbeat(heartbeat) => heartbeat.time,
            other => unreachable!("{other:?}"),
        });
        assert_eq!(times.collect::<Vec<_>>(), [Timestamp(9), Timestamp(7)]);
    }

    #[test]
    fn what_is_not_a_batch_says_why() {
        for (bytes, part) in [
            (&b""[..], "empty batch"),
            (b"hello", "line 1 is not a batch header"),
            (br#"{"format":9,"producer":"p","sequence":1,"task_arn":"t"}"#, "format 9 is not supported"),
            (br#"{"format":1,"producer":"a b","sequence":1,"task_arn":"t"}"#, "producer name"),
            (br#"{"format":1,"producer":"p","sequence":0,"task_arn":"t"}"#, "sequence 0"),
            (
                b"{\"format\":1,\"producer\":\"p\",\"sequence\":1,\"task_arn\":\"t\"}\n{}",
                "line 2 is not a record",
            ),
        ] {
            let error = Batch::from_lines(bytes).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = Batch::from_lines(&bytes);
        }
    }
}
