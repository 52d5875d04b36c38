//! Files that come one after another as streams, as in the layers of an image.

use std::{fmt, io::Read, sync::Arc};

use super::{
    Scanner, Selection,
    job::Job,
    judge,
    look::{Look, Wanted},
};
use crate::{Facts, Finding, Limits, WalkReport};

/// Checks 48, 425 and 426 of one file after the other. Check 448 needs to look files up and is not made here.
pub struct StreamScan<'scan> {
    scanner: Scanner<'scan>,
    buffer: Vec<u8>,
}

impl<'scan> StreamScan<'scan> {
    /// Makes the selected checks; of each file at most [`Limits::content_bytes`] are searched.
    #[must_use]
    pub fn new(limits: &'scan Limits, selection: Selection) -> Self {
        let selection = Selection { packages: false, ..selection };
        Self { scanner: Scanner::new(None, limits, selection, Arc::default()), buffer: Vec::new() }
    }

    /// What the checks find in a regular file, with their numbers. A stream that fails gives nothing.
    pub fn file(&mut self, facts: Facts, content: impl Read) -> Vec<(u32, Finding)> {
        let selection = self.scanner.selection;
        if facts.changes_identity() && selection.setuid {
            self.scanner.judge_identity(&facts);
        }
        if facts.size > 0 && (selection.keys || selection.miners) {
            self.read(facts, content);
        }
        let found = std::mem::take(&mut self.scanner.findings);
        found
            .into_iter()
            .flat_map(|(check, found)| found.into_iter().map(move |found| (check, found)))
            .collect()
    }

    fn read(&mut self, facts: Facts, content: impl Read) {
        let selection = self.scanner.selection;
        let wanted = Wanted {
            miners: selection.miners,
            configuration: judge::may_configure(&facts.path),
            keys: selection.keys,
        };
        let look = Look::new(wanted, facts.size, None);
        let buffer = std::mem::take(&mut self.buffer);
        let mut job = Job::new(facts, None, look, content, self.scanner.limits.content_bytes, buffer);
        while job.outcome.is_none() {
            job.advance();
            if job.outcome.is_none() {
                job.pass();
            }
        }
        self.buffer = job.take_buffer();
        // Whoever gives the stream knows of its failures.
        self.scanner.finish_job(job, &mut WalkReport::default());
    }
}

impl fmt::Debug for StreamScan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamScan").field("selection", &self.scanner.selection).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::StreamScan;
    use crate::{CHECK_48, CHECK_426, Facts, FileKind, Limits, Selection};

    fn facts(path: &str, mode: u32, size: usize) -> Facts {
        let size = u64::try_from(size).unwrap();
        Facts { path: path.into(), kind: FileKind::Regular, mode, uid: 0, size, modified: 0 }
    }

    #[test]
    fn each_file_has_its_own_findings() {
        let limits = Limits::default();
        let mut scan = StreamScan::new(&limits, Selection::ALL);
        let mut checks = |path: &str, mode, content: &str| -> Vec<u32> {
            let found = scan.file(facts(path, mode, content.len()), content.as_bytes());
            found
                .iter()
                .map(|(check, found)| {
                    assert_eq!(found.subject, path);
                    *check
                })
                .collect()
        };
        assert_eq!(checks("/tmp/xmrig", 0o755, "#!/bin/sh\nsleep 1\n"), [CHECK_426.number]);
        assert_eq!(checks("/bin/true", 0o755, "#!/bin/sh\n"), [0; 0]);
        assert_eq!(checks("/opt/own", 0o4755, "#!/bin/sh\n"), [CHECK_48.number]);
        assert_eq!(checks("/empty", 0o644, ""), [0; 0]);
    }
}
