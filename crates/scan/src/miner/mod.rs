//! Check 426: files that are cryptocurrency miners, by name and by content.
//!
//! A copy of `sleep` named as a miner is found by its name only, a miner named `nginx` by its content only; both
//! are looked for. What a name or a content must be like, and where the lists come from, is in `docs/scan.md`.

pub(crate) mod content;
mod hidden;
pub(crate) mod names;
mod patterns;
mod twin;

use std::{collections::HashSet, io, ops::ControlFlow, path::Path};

use fargard_model::foreign::printable;
pub use names::candidate_name;
use rustix::fs::Stat;

use self::content::Format;
use crate::{Limits, WalkReport, confined::Root, walk::walk};

/// Files with several names whose content is remembered as clean.
const MAX_REMEMBERED: usize = 65_536;

/// Matches kept of one search.
const MAX_MATCHES: usize = 10_000;

/// A file taken for a miner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Its path from the root, printable: other bytes are escaped.
    pub path: String,
    /// Why, for people: `named as a miner; same content as /usr/bin/sleep`.
    pub reason: String,
    /// Which rule found it.
    pub kind: Kind,
}

impl Kind {
    /// One word for filters.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Content => "content",
            Self::NameAndContent => "name-and-content",
        }
    }
}

/// What gave a miner away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its name alone.
    Name,
    /// Its content alone.
    Content,
    /// Both.
    NameAndContent,
}

/// Judges one file of the file system at `root`, as `/tmp/xmrig` in `/proc/PID/root`. Links in the path are
/// followed inside the root only. A file that is neither program, script nor executable is never a match, nor is
/// one still empty: when its writer is not done, judge it again when it is. Takes some milliseconds and 0.2 MB
/// for most programs, at most the reading of [`Limits::content_bytes`] twice.
///
/// # Errors
/// The root or the file is gone or cannot be read.
pub fn check_file(root: &Path, path: &str, limits: &Limits) -> io::Result<Option<Match>> {
    let root = Root::open(root)?;
    let Some((file, stat)) = root.open_file(path.as_bytes())? else { return Ok(None) };
    judge(&root, path.as_bytes(), file, &stat, limits, &mut Vec::new())
}

/// Judges every file of the file system at `root`. `progress` is called now and then with the report so far and
/// ends the search by breaking.
///
/// # Errors
/// The root cannot be read; troubles below it are in the report.
pub fn find(
    root: &Path,
    limits: &Limits,
    mut progress: impl FnMut(&WalkReport) -> ControlFlow<()>,
) -> io::Result<(Vec<Match>, WalkReport)> {
    let inside = Root::open(root)?;
    let mut matches = Vec::new();
    let mut buffer = Vec::new();
    let mut clean_links = HashSet::new();
    let mut report = walk(root, limits, |entry, report| {
        if report.files % 256 == 0 && progress(report).is_break() {
            report.cut_short = Some("stopped".to_owned());
            return ControlFlow::Break(());
        }
        if !entry.is_regular() {
            return ControlFlow::Continue(());
        }
        let identity = (entry.stat.st_nlink > 1).then_some((entry.stat.st_dev, entry.stat.st_ino));
        let known_clean = identity.is_some_and(|identity| clean_links.contains(&identity));
        if entry.stat.st_size == 0 || (known_clean && !names::candidate(entry.path)) {
            return ControlFlow::Continue(());
        }
        let judged = entry.open().and_then(|opened| match opened {
            Some((file, stat)) => judge(&inside, entry.path, file, &stat, limits, &mut buffer),
            None => Ok(None),
        });
        match judged {
            Ok(Some(found)) if matches.len() < MAX_MATCHES => matches.push(found),
            Ok(Some(_)) => report.cut_short = Some(format!("more than {MAX_MATCHES} matches")),
            Ok(None) => {
                if let Some(identity) = identity.filter(|_| clean_links.len() < MAX_REMEMBERED) {
                    clean_links.insert(identity);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => report.note_unreadable(entry.path, &error),
        }
        if report.cut_short.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    matches.sort_by(|left, right| left.path.cmp(&right.path));
    report.unreadable_named.sort();
    Ok((matches, report))
}

/// The path of a program with the same content as a file, if there is one.
pub(crate) fn twin_of(root: &Root, path: &[u8], limits: &Limits) -> Option<String> {
    let (mut file, stat) = root.open_file(path).ok()??;
    twin::find(root, &mut file, &stat, limits.content_bytes).ok()?
}

/// Judges an opened file.
fn judge(
    root: &Root,
    path: &[u8],
    mut file: std::fs::File,
    stat: &Stat,
    limits: &Limits,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Match>> {
    if stat.st_size == 0 {
        return Ok(None);
    }
    let (format, evidence) = content::inspect(&file, limits.content_bytes, buffer)?;
    let runs = format != Format::Other || stat.st_mode & 0o111 != 0;
    let named = runs && names::candidate(path);
    let contains = evidence.reason();
    let (kind, reason) = match (named, contains) {
        (false, None) => return Ok(None),
        (false, Some(contains)) => (Kind::Content, contains),
        (true, Some(contains)) => (Kind::NameAndContent, format!("named as a miner; {contains}")),
        (true, None) => {
            let twin = twin::find(root, &mut file, stat, limits.content_bytes)?;
            let remark = twin.map(|path| format!("; same content as {path}")).unwrap_or_default();
            (Kind::Name, format!("named as a miner{remark}"))
        }
    };
    Ok(Some(Match { path: printable(path), reason, kind }))
}
