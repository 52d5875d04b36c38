//! Prints detections as Falco does.

use std::{
    fs::File,
    io::{self, Write},
};

use fargard_model::{CheckResult, Detection};
use fargard_outputs::falco::{self, TimeFormat};

use crate::config::{Config, PrintFormat, PrintTo};

/// Where and how detections are printed.
pub(crate) struct Printer {
    format: PrintFormat,
    to: Box<dyn Write>,
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
        Ok(Self { format: config.print, to })
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

    /// One write a line, so that lines of several writers do not mix.
    fn line(&mut self, line: &str) {
        let _ = self.to.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.to.flush());
    }
}
