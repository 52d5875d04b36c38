//! An engine that only writes down what was captured: for looking at the capture itself.

use std::{
    fmt::Write as _,
    fs::OpenOptions,
    io::{self, Write},
    path::PathBuf,
    time::Duration,
};

use fargard_model::TrapSet;

use super::{Consumer, Counters, Engine, PreparedEngine, Wake, calls};
use crate::raw::{ItemKind, RawEvent};

const LOOK: Duration = Duration::from_secs(1);

/// Writes one line a captured call, and the counters at the end.
#[derive(Clone, Debug)]
pub struct CallWriter {
    /// The calls that are captured.
    pub traps: TrapSet,
    /// Where lines are appended; `None` for standard error.
    pub output: Option<PathBuf>,
}

impl Engine for CallWriter {
    type Prepared = Self;

    fn prepare(&self) -> Result<Self, String> {
        Ok(self.clone())
    }
}

impl PreparedEngine for CallWriter {
    fn traps(&self) -> &TrapSet {
        &self.traps
    }

    fn run(self, mut consumer: Consumer) -> u8 {
        match self.write_all(&mut consumer) {
            Ok(()) => 0,
            Err(error) => {
                let _ = writeln!(io::stderr(), "fargard-sensor: cannot write calls: {error}");
                1
            }
        }
    }
}

impl CallWriter {
    fn write_all(&self, consumer: &mut Consumer) -> io::Result<()> {
        let mut output: Box<dyn Write> = match &self.output {
            Some(path) => Box::new(OpenOptions::new().append(true).create(true).open(path)?),
            None => Box::new(io::stderr()),
        };
        let info = consumer.info();
        writeln!(output, "# {} ({}) {}", info.backend.name(), info.reason, info.features.join(" "))?;
        for note in &info.notes {
            writeln!(output, "# note: {note}")?;
        }
        loop {
            while let Some(event) = consumer.next() {
                let line = line(&event);
                output.write_all(line.as_bytes())?;
                consumer.advance();
            }
            if consumer.wait(LOOK) == Wake::Finished {
                break;
            }
        }
        output.write_all(counters_line(&consumer.counters()).as_bytes())
    }
}

fn line(event: &RawEvent<'_>) -> String {
    let head = &event.head;
    let mut line = format!("{} {} ", head.seq, head.tid);
    match calls::lookup(head.arch, head.nr) {
        Some(call) => line.push_str(call.kind.name()),
        None => {
            let _ = write!(line, "{:#x}/{}", head.arch, head.nr);
        }
    }
    for item in event.items().filter(|item| !matches!(item.kind, ItemKind::Stat | ItemKind::Status)) {
        let _ = write!(line, " {:?}{}=", item.kind, item.arg);
        if item.unreadable {
            line.push_str("(unreadable)");
        } else {
            let _ = write!(line, "\"{}\"", item.bytes.escape_ascii());
        }
        if item.truncated {
            line.push_str("...");
        }
    }
    line.push('\n');
    line
}

fn counters_line(counters: &Counters) -> String {
    let mut line = format!(
        "# seen={} consumed={} pending={} lost={} engine_restarts={}",
        counters.seen,
        counters.consumed,
        counters.pending,
        counters.lost.total(),
        counters.engine_restarts
    );
    for (class, count) in &counters.lost.0 {
        let _ = write!(line, " {class}={count}");
    }
    line.push('\n');
    line
}
