//! How far a scan is, on a terminal.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use fargard_scan::WalkReport;

/// One line on a terminal that says how far the scan is, from the second second on.
pub(super) struct Progress {
    started: Instant,
    shown: Option<Instant>,
    terminal: bool,
}

impl Progress {
    pub(super) fn start() -> Self {
        Self { started: Instant::now(), shown: None, terminal: io::stderr().is_terminal() }
    }

    pub(super) fn show(&mut self, report: &WalkReport) {
        let due = self.shown.unwrap_or(self.started).elapsed() >= Duration::from_millis(250);
        if !self.terminal || !due || self.started.elapsed() < Duration::from_secs(1) {
            return;
        }
        self.shown = Some(Instant::now());
        let megabytes = report.bytes / 1_000_000;
        // Progress is a courtesy: when it cannot be written the scan goes on.
        let _ = write!(
            io::stderr(),
            "\r\x1b[Kscanning: {} files, {megabytes} MB, {} s",
            report.files,
            self.started.elapsed().as_secs()
        );
    }

    pub(super) fn clear(&self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
