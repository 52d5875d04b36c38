//! Inputs of a replay: what they are is told by how they begin.

use std::{
    fs::File,
    io::{self, Cursor, Read},
    path::{Path, PathBuf},
};

use fargard_cloudtrail::{MAX_FILE, Reader};
use fargard_model::bounded;
use fargard_rules::OwnedSubject;
use fargard_scap::{Capture, MAGIC, Skipped, decompressed};

use super::json_lines::{JsonLines, is_ours};

/// Bytes that are looked at to tell what an input is.
const HEAD: u64 = 4 << 10;

type Bytes = Box<dyn Read + Send>;

/// One input.
pub(super) struct Input {
    name: PathBuf,
    content: Content,
}

enum Content {
    Capture(Box<Capture<Bytes>>),
    Events(JsonLines),
    CloudTrail(Box<Reader>),
}

impl Input {
    /// Opens a file, a directory of CloudTrail files, or standard input for `-`.
    ///
    /// # Errors
    /// It cannot be opened, or its compression is damaged at the start; the message names it.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let is_stdin = path.as_os_str() == "-";
        let name = if is_stdin { PathBuf::from("standard input") } else { path.to_owned() };
        let failed = |error: io::Error| format!("{}: {error}", name.display());
        if !is_stdin && path.is_dir() {
            let reader = Reader::open(&[path]).map_err(|error| error.to_string())?;
            return Ok(Self { name, content: Content::CloudTrail(Box::new(reader)) });
        }
        let raw: Bytes =
            if is_stdin { Box::new(io::stdin()) } else { Box::new(File::open(path).map_err(failed)?) };
        let mut bytes = decompressed(raw).map_err(failed)?;
        let mut head = Vec::new();
        // What is damaged is said by who reads it.
        let broken = bytes.by_ref().take(HEAD).read_to_end(&mut head).err();
        let is_capture = head.starts_with(&MAGIC);
        let ours = is_ours(&head);
        let rest: Bytes = match broken {
            Some(error) => Box::new(Broken(Some(error))),
            None => bytes,
        };
        let whole: Bytes = Box::new(Cursor::new(head).chain(rest));
        let content = if is_capture {
            Content::Capture(Box::new(Capture::new(whole)))
        } else if ours {
            Content::Events(JsonLines::new(whole))
        } else {
            let bytes = bounded::read_from(whole, MAX_FILE).map_err(failed)?;
            let reader = Reader::of_bytes(&name, bytes);
            Content::CloudTrail(Box::new(reader))
        };
        Ok(Self { name, content })
    }

    /// The next event or record, or why there is none at that place; the message names the input.
    pub(super) fn next(&mut self) -> Option<Result<OwnedSubject, String>> {
        let name = self.name.display();
        match &mut self.content {
            Content::Capture(capture) => {
                let item = capture.next()?;
                Some(
                    item.map(|event| OwnedSubject::Call(Box::new(event)))
                        .map_err(|error| format!("{name}: {error}")),
                )
            }
            Content::Events(lines) => {
                let item = lines.next()?;
                Some(
                    item.map(|event| OwnedSubject::Call(Box::new(event)))
                        .map_err(|error| format!("{name}:{error}")),
                )
            }
            Content::CloudTrail(reader) => {
                let item = reader.next()?;
                Some(
                    item.map(|record| OwnedSubject::Record(Box::new(record)))
                        .map_err(|error| error.to_string()),
                )
            }
        }
    }

    /// Name of the machine it was recorded on; empty where it does not say.
    pub(super) fn hostname(&self) -> &str {
        match &self.content {
            Content::Capture(capture) => capture.hostname(),
            _ => "",
        }
    }

    /// What was passed over.
    pub(super) fn skipped(&self) -> Skipped {
        match &self.content {
            Content::Capture(capture) => capture.skipped(),
            _ => Skipped::default(),
        }
    }
}

/// An input that failed while it was looked at.
struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}
