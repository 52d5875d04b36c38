//! Events of this sensor, one a line: events alone, or the records of its batches.

use std::io::{self, BufRead, BufReader, Read};

use fargard_model::{Event, Record};
use serde_json::Value;

/// Longest line: an event with all its ancestors and their environments.
const MAX_LINE: u64 = 16 << 20;
/// Members that begin a line of ours, in the order in which they are written or in the alphabet's.
const FIRST: [&str; 9] =
    ["num", "args", "event", "detection", "check_result", "heartbeat", "format", "container", "fd"];

/// Whether a text is ours, from how it begins: the name of its first member.
pub(super) fn is_ours(head: &[u8]) -> bool {
    let rest = head.trim_ascii_start().strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    let Some(rest) = rest.and_then(|rest| rest.strip_prefix(b"\"")) else { return false };
    let name = rest.split(|byte| *byte == b'"').next().unwrap_or_default();
    FIRST.iter().any(|first| first.as_bytes() == name)
}

/// Reads the lines of a file.
pub(super) struct JsonLines {
    input: BufReader<Box<dyn Read + Send>>,
    line: u64,
    buffer: Vec<u8>,
    over: bool,
}

impl JsonLines {
    pub(super) fn new(input: Box<dyn Read + Send>) -> Self {
        Self { input: BufReader::with_capacity(256 << 10, input), line: 0, buffer: Vec::new(), over: false }
    }

    /// The next event, or why a line is none; the number of the line stands before the reason.
    pub(super) fn next(&mut self) -> Option<Result<Event, String>> {
        while !self.over {
            self.line += 1;
            match self.read_line() {
                Ok(false) => self.over = true,
                Ok(true) => match event(&self.buffer) {
                    Ok(None) => {}
                    Ok(Some(event)) => return Some(Ok(event)),
                    Err(error) => {
                        let column = error.column();
                        let reason = error.to_string();
                        // The parser counts lines of its own input.
                        let reason = reason.split(" at line ").next().unwrap_or_default();
                        return Some(Err(format!("{}:{column}: {reason}", self.line)));
                    }
                },
                Err(error) => {
                    self.over = true;
                    return Some(Err(format!("{}: {error}", self.line)));
                }
            }
        }
        None
    }

    /// `false` at the end.
    fn read_line(&mut self) -> io::Result<bool> {
        self.buffer.clear();
        let read = self.input.by_ref().take(MAX_LINE).read_until(b'\n', &mut self.buffer)?;
        if read as u64 == MAX_LINE && !self.buffer.ends_with(b"\n") {
            return Err(io::Error::other(format!("a line of more than {MAX_LINE} bytes")));
        }
        Ok(read > 0)
    }
}

/// The event of a line; `None` for an empty line and for records that hold none.
fn event(line: &[u8]) -> serde_json::Result<Option<Event>> {
    let line = line.trim_ascii();
    if line.is_empty() {
        return Ok(None);
    }
    let first_is = |names: &[&str]| {
        names.iter().any(|name| {
            let text = line.strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
            let text = text.and_then(|text| text.strip_prefix(b"\"")?.strip_prefix(name.as_bytes()));
            text.is_some_and(|text| text.starts_with(b"\""))
        })
    };
    if first_is(&["event", "detection", "check_result", "file_change", "heartbeat"]) {
        return Ok(match serde_json::from_slice::<Record>(line)? {
            Record::Event(event) => Some(*event),
            // Its event was recorded on its own, or is replayed to judge rules anew.
            Record::Detection(detection) => Some(detection.event),
            Record::CheckResult(_) | Record::FileChange(_) | Record::Heartbeat(_) => None,
        });
    }
    if first_is(&["format"]) {
        return serde_json::from_slice::<Value>(line).map(|_| None);
    }
    serde_json::from_slice(line).map(Some)
}

#[cfg(test)]
mod tests {
    use super::{JsonLines, is_ours};

    #[test]
    fn our_lines_are_told_from_cloudtrail() {
        for (head, ours) in [
            (&b"{\"num\":1,"[..], true),
            (b" { \"event\" : {", true),
            (b"{\"format\":1,\"producer\":\"p\"", true),
            (b"{\"args\":[]", true),
            (b"{\"eventVersion\":\"1.08\"", false),
            (b"{\"Records\":[", false),
            (b"[{\"eventVersion\"", false),
            (b"", false),
            (b"{\"numb", false),
        ] {
            assert_eq!(is_ours(head), ours, "{}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn a_bad_line_is_named_and_the_rest_is_read() {
        let mut lines = JsonLines::new(Box::new(&b"{\"format\":1}\n\n{\"num\":\"x\"}\n{\"num\":"[..]));
        let errors: Vec<_> = std::iter::from_fn(|| lines.next()).map(Result::unwrap_err).collect();
        assert_eq!(errors.len(), 2, "{errors:?}");
        assert!(errors[0].starts_with("3:10: invalid type"), "{errors:?}");
        assert!(errors[1].starts_with("4:7: EOF"), "{errors:?}");
    }
}
