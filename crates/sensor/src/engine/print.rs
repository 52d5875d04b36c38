//! Prints detections as Falco does, and records events.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use fargard_model::{CheckResult, Detection, Event, FileChange, Record};
use fargard_outputs::falco::{self, TimeFormat};

use crate::config::{Config, PrintFormat, PrintTo};

/// Where and how detections are printed.
pub(crate) struct Printer {
    format: PrintFormat,
    to: Box<dyn Write>,
    record: Option<File>,
}

impl std::fmt::Debug for Printer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Printer").field("format", &self.format).finish_non_exhaustive()
    }
}

impl Printer {
    /// Opens the output.
    ///
    /// # Errors
    /// The file cannot be opened for appending.
    pub(crate) fn open(config: &Config) -> io::Result<Self> {
        let to: Box<dyn Write> = match &config.print_to {
            _ if config.print == PrintFormat::None => Box::new(io::sink()),
            PrintTo::Stderr => Box::new(io::stderr()),
            PrintTo::Stdout => Box::new(io::stdout()),
            PrintTo::File(path) => Box::new(File::options().append(true).create(true).open(path)?),
        };
        Ok(Self { format: config.print, to, record: None })
    }

    /// Records events, too.
    ///
    /// # Errors
    /// The file cannot be opened for appending.
    pub(crate) fn recording(self, path: &Path) -> io::Result<Self> {
        let record = File::options().append(true).create(true).open(path)?;
        Ok(Self { record: Some(record), ..self })
    }

    /// Whether events are recorded.
    pub(crate) fn records(&self) -> bool {
        self.record.is_some()
    }

    /// Records an event where that is wanted. One write a line: what was written is whole when the engine is killed.
    pub(crate) fn event(&mut self, event: &Event) {
        let Some(file) = &mut self.record else { return };
        if let Ok(mut line) = serde_json::to_vec(event) {
            line.push(b'\n');
            let _ = file.write_all(&line);
        }
    }

    /// Prints a detection. A reader that went away is not the watched program's trouble: nothing fails.
    pub(crate) fn detection(&mut self, detection: &Detection) {
        let line = match self.format {
            PrintFormat::None => return,
            PrintFormat::Text => falco::text(&detection.into(), TimeFormat::OfDay),
            PrintFormat::Json => match falco::json(&detection.into(), TimeFormat::OfDay) {
                Ok(line) => line,
                Err(_) => return,
            },
        };
        self.line(&line);
    }

    /// Prints a failed check in the same shape.
    pub(crate) fn check(&mut self, result: &CheckResult, hostname: &str) {
        let line = match self.format {
            PrintFormat::None => return,
            PrintFormat::Text => falco::check_text(result),
            PrintFormat::Json => match falco::check_json(result, hostname) {
                Ok(line) => line,
                Err(_) => return,
            },
        };
        self.line(&line);
    }

    /// Prints a change of a monitored file in the same shape.
    pub(crate) fn file_change(&mut self, change: &FileChange, hostname: &str) {
        let line = match self.format {
            PrintFormat::None => None,
            PrintFormat::Text => Some(falco::file_change_text(change)),
            PrintFormat::Json => falco::file_change_json(change, hostname).ok(),
        };
        if let Some(line) = line {
            self.line(&line);
        }
    }

    /// Records something else than an event where that is wanted, under its name.
    pub(crate) fn record(&mut self, record: &Record) {
        let Some(file) = &mut self.record else { return };
        if let Ok(mut line) = serde_json::to_vec(record) {
            line.push(b'\n');
            let _ = file.write_all(&line);
        }
    }

    /// One write a line, so that lines of several writers do not mix.
    fn line(&mut self, line: &str) {
        let _ = self.to.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.to.flush());
    }
}
