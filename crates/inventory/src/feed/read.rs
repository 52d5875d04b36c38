//! Going through files, directories and zips of advisories.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read},
    path::Path,
};

use fargard_model::{Timestamp, bounded, foreign::printable};
use flate2::read::MultiGzDecoder;
use serde_json::Value;

use super::{Feed, Findings, Wanted, alpine, csaf, debian, osv};
use crate::zip;

/// Longest document that is read whole; longest feed that is read as a stream; most documents of one feed.
const MAX_DOCUMENT: usize = 64 << 20;
const MAX_STREAM: u64 = 4 << 30;
const MAX_DOCUMENTS: u64 = 3_000_000;
/// Deepest directory below the one given.
const MAX_DEPTH: u32 = 8;
/// Bytes that say what form a document has.
const HEAD: u64 = 64 << 10;
/// Troubles that are named.
const MAX_TROUBLES: usize = 10;

/// Why a feed cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// It cannot be read.
    #[error("cannot read {0}: {1}; give a file, zip or directory of advisories")]
    Io(String, io::Error),
    /// Nothing in it is an advisory.
    #[error(
        "{0} holds no advisories{1}; known are OSV, Debian's security tracker, Alpine's secdb and CSAF, each in JSON"
    )]
    Empty(String, String),
}

/// Reads what a feed says of the wanted packages.
///
/// # Errors
/// It cannot be read, or is none.
pub fn read(path: &Path, wanted: &Wanted, findings: &mut Findings) -> Result<(), FeedError> {
    let source = path.display().to_string();
    let failed = |error| FeedError::Io(source.clone(), error);
    let mut reader =
        Reader { wanted, findings, feed: Feed { source: source.clone(), ..Feed::default() }, documents: 0 };
    let metadata = fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        reader.directory(path, 0).map_err(failed)?;
    } else {
        reader.file(path).map_err(failed)?;
    }
    let mut feed = reader.feed;
    if feed.advisories == 0 {
        let first = feed.troubles.first().map(|trouble| format!(" ({trouble})")).unwrap_or_default();
        return Err(FeedError::Empty(source, first));
    }
    if feed.modified.is_empty() {
        let age = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        feed.modified =
            Timestamp(age.map_or(0, |age| u64::try_from(age.as_nanos()).unwrap_or(u64::MAX))).rfc3339();
    }
    findings.feeds.push(feed);
    Ok(())
}

/// A feed being read.
pub(super) struct Reader<'a> {
    pub(super) wanted: &'a Wanted,
    pub(super) findings: &'a mut Findings,
    pub(super) feed: Feed,
    documents: u64,
}

impl Reader<'_> {
    fn directory(&mut self, path: &Path, depth: u32) -> io::Result<()> {
        let mut entries: Vec<_> = fs::read_dir(path)?.collect::<Result<_, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, kind) = (entry.path(), entry.file_type()?);
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // A repository of advisories has a `.git` too.
            if name.starts_with('.') {
                continue;
            }
            if kind.is_dir() && depth < MAX_DEPTH {
                self.directory(&path, depth + 1)?;
            } else if kind.is_file()
                && [".json", ".jsonl", ".json.gz", ".zip"].iter().any(|end| name.ends_with(end))
                && let Err(error) = self.file(&path)
            {
                self.trouble(&name, &error.to_string());
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> io::Result<()> {
        let name = path.display().to_string();
        let mut file = File::open(path)?;
        let mut head = Vec::new();
        (&mut file).take(4).read_to_end(&mut head)?;
        if head.starts_with(b"PK\x03\x04") {
            return self.zip(&file);
        }
        let whole = io::Cursor::new(head.clone()).chain(file);
        if head.starts_with(&[0x1f, 0x8b]) {
            self.stream(&name, &mut MultiGzDecoder::new(whole))
        } else {
            self.stream(&name, &mut { whole })
        }
    }

    fn zip(&mut self, file: &File) -> io::Result<()> {
        zip::each(file, MAX_DOCUMENTS, &mut |member| {
            let name = printable(&member.name);
            if !name.ends_with(".json") {
                return Ok(());
            }
            match zip::content(file, &member, MAX_DOCUMENT as u64) {
                Ok(text) => self.documents(&name, &text),
                Err(error) => self.trouble(&name, &error.to_string()),
            }
            Ok(())
        })
        .map(|_| ())
    }

    /// A file's content: one large document that is read as a stream, or documents that are read whole.
    fn stream(&mut self, name: &str, content: &mut dyn Read) -> io::Result<()> {
        let mut content = BufReader::with_capacity(256 << 10, content.take(MAX_STREAM));
        let mut head = Vec::new();
        (&mut content).take(HEAD).read_to_end(&mut head)?;
        let is_tracker = debian::is_tracker(&head);
        let mut whole = io::Cursor::new(head).chain(content);
        if is_tracker {
            self.form("Debian security tracker");
            if let Err(error) = debian::read(&mut whole, self) {
                self.trouble(name, &error.to_string());
            }
            return Ok(());
        }
        let text = bounded::read_from(whole, MAX_DOCUMENT)?;
        self.documents(name, &text);
        Ok(())
    }

    /// One document, or several one after the other, or a list of them.
    fn documents(&mut self, name: &str, text: &[u8]) {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let many = text.trim_ascii_start().starts_with(b"[");
        if !many && let Some(known) = self.document(text) {
            if !known {
                self.trouble(name, "no advisory of a known form");
            }
            return;
        }
        // Nothing of this is large: what is, was read as one document.
        let values: Vec<Value> = if many {
            crate::json::read(text).unwrap_or_default()
        } else {
            serde_json::Deserializer::from_slice(text).into_iter().map_while(Result::ok).collect()
        };
        if values.is_empty() {
            self.trouble(name, "no JSON");
        }
        for value in values {
            let text = value.to_string();
            if !self.document(text.as_bytes()).unwrap_or(false) {
                self.trouble(name, "no advisory of a known form");
            }
        }
    }

    /// Reads one document; `None` when it is no JSON, `false` when it is of no known form.
    fn document(&mut self, text: &[u8]) -> Option<bool> {
        self.documents += 1;
        if self.documents > MAX_DOCUMENTS {
            return Some(false);
        }
        let form: Form = crate::json::read(text)?;
        Some(match form {
            Form { document: Some(_), .. } => {
                self.form("CSAF");
                csaf::read(text, self)
            }
            Form { packages: Some(_), distroversion: Some(release), .. } => {
                self.form("Alpine secdb");
                alpine::read(text, &release, self)
            }
            Form { id: Some(_), .. } => {
                self.form("OSV");
                osv::read(text, self)
            }
            _ => false,
        })
    }

    fn form(&mut self, form: &str) {
        if !self.feed.form.split(", ").any(|known| known == form) {
            if !self.feed.form.is_empty() {
                self.feed.form.push_str(", ");
            }
            self.feed.form.push_str(form);
        }
    }

    /// Notes how new an advisory is.
    pub(super) fn modified(&mut self, when: &str) {
        if when.len() < 64 && when > self.feed.modified.as_str() {
            self.feed.modified = printable(when.as_bytes());
        }
    }

    fn trouble(&mut self, name: &str, reason: &str) {
        self.feed.unreadable += 1;
        if self.feed.troubles.len() < MAX_TROUBLES {
            self.feed
                .troubles
                .push(format!("{}: {reason}", fargard_model::foreign::shown(name.as_bytes(), 512)));
        }
    }
}

/// What tells the forms apart.
#[derive(serde::Deserialize)]
struct Form {
    id: Option<String>,
    distroversion: Option<String>,
    packages: Option<serde::de::IgnoredAny>,
    document: Option<serde::de::IgnoredAny>,
}

/// Reads one document of any form; for tests with any bytes.
#[doc(hidden)]
pub fn any(text: &[u8], wanted: &Wanted, findings: &mut Findings) {
    let mut reader = Reader { wanted, findings, feed: Feed::default(), documents: 0 };
    let mut stream = text;
    // What is no feed is said in `troubles`.
    let _ = reader.stream("any", &mut stream);
    assert!(reader.feed.troubles.len() <= MAX_TROUBLES);
    let feed = reader.feed;
    findings.feeds.push(feed);
}
