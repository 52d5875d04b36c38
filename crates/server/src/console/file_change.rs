//! A change of a monitored file as people read it: before and after side by side, and who did it.

use fargard_model::{FileChange, FileKind, FileState, FoundBy, Timestamp};

use super::{
    call::{Node, lineage},
    text,
    when::When,
};

/// The latest change of a file.
pub(super) struct FileChangeView {
    pub(super) what: String,
    pub(super) path: String,
    pub(super) from: String,
    pub(super) entry: String,
    pub(super) found_by: &'static str,
    pub(super) below: String,
    pub(super) rows: Vec<Row>,
    pub(super) writer: Option<WriterView>,
    pub(super) json: String,
}

/// A property before and after.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) differs: bool,
}

/// Who changed it.
pub(super) struct WriterView {
    pub(super) call: &'static str,
    pub(super) time: When,
    pub(super) tree: Vec<Node>,
}

impl FileChangeView {
    /// The view of a change; `json` is its text.
    pub(super) fn new(change: &FileChange, json: String, now: Timestamp) -> Self {
        Self {
            what: change.what(),
            path: text::line(&change.path, text::LONG),
            from: text::line(change.from.as_deref().unwrap_or_default(), text::LONG),
            entry: text::line(&change.entry, text::CELL),
            found_by: found_by(change.found_by),
            below: if change.below > 0 { text::number(change.below) } else { String::new() },
            rows: rows(change.before.as_ref(), change.after.as_ref()),
            writer: change.writer.as_ref().map(|writer| WriterView {
                call: writer.call.name(),
                time: When::new(writer.time, now),
                tree: lineage(&writer.process, now),
            }),
            json,
        }
    }
}

/// Who did it in one line.
pub(super) fn writer_line(change: &FileChange) -> String {
    match &change.writer {
        Some(writer) => format!("{} ({})", text::line(&writer.process.name, 40), writer.process.pid),
        None => "writer unknown".to_owned(),
    }
}

fn found_by(found_by: FoundBy) -> &'static str {
    match found_by {
        FoundBy::Watch => "seen when it happened",
        FoundBy::Comparison => "found by comparing everything",
        FoundBy::Stored => "found by comparing with the baseline of an earlier sensor",
        FoundBy::Start => "changed after the container's start and before its baseline was taken",
    }
}

fn rows(before: Option<&FileState>, after: Option<&FileState>) -> Vec<Row> {
    type Show = fn(&FileState) -> String;
    let properties: [(&str, Show); 8] = [
        ("Type", |state| kind(state.kind).to_owned()),
        ("Mode", |state| format!("{:04o}", state.mode)),
        ("User", |state| state.uid.to_string()),
        ("Group", |state| state.gid.to_string()),
        ("Size", |state| state.size.to_string()),
        ("Names", |state| state.links.to_string()),
        ("Content changed", |state| Timestamp(state.mtime).rfc3339()),
        ("SHA-256", |state| text::line(state.sha256.as_deref().unwrap_or("not taken"), 64)),
    ];
    let row = |(name, show): (&'static str, Show)| {
        let side = |state: Option<&FileState>| state.map_or_else(|| "—".to_owned(), show);
        let (before, after) = (side(before), side(after));
        Row { name, differs: before != after, before, after }
    };
    properties.into_iter().map(row).collect()
}

fn kind(kind: FileKind) -> &'static str {
    match kind {
        FileKind::File => "file",
        FileKind::Directory => "directory",
        FileKind::Symlink => "symbolic link",
        FileKind::Other => "device, FIFO or socket",
    }
}
