//! A change of a file that a file integrity policy covers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Container, EventType, Priority, Process, Task, Timestamp, process::Session};

/// Most bytes of a path kept in a record; Linux's `PATH_MAX`.
pub const MAX_PATH: usize = 4096;

/// What differs between before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It was not there before.
    Create,
    /// It is not there any more.
    Delete,
    /// It has another name now; [`FileChange::from`] is the old one.
    Rename,
    /// Its content, or what a symbolic link leads to.
    Content,
    /// It lost content: it is shorter than before.
    Shrink,
    /// Its permission bits or its type.
    Mode,
    /// Its user or group.
    Owner,
    /// The number of its names (hard links).
    Link,
}

impl Change {
    /// Every value.
    pub const ALL: [Self; 8] = [
        Self::Create,
        Self::Delete,
        Self::Rename,
        Self::Content,
        Self::Shrink,
        Self::Mode,
        Self::Owner,
        Self::Link,
    ];

    /// The name on the wire and in policies.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Rename => "rename",
            Self::Content => "content",
            Self::Shrink => "shrink",
            Self::Mode => "mode",
            Self::Owner => "owner",
            Self::Link => "link",
        }
    }
}

/// What a path leads to, without following a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A regular file.
    #[default]
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, a FIFO or a socket.
    Other,
}

/// What was known of a file at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileState {
    /// What it is.
    pub kind: FileKind,
    /// Permission bits with setuid, setgid and sticky: `0o4755`.
    pub mode: u32,
    /// Owning user.
    pub uid: u32,
    /// Owning group.
    pub gid: u32,
    /// Length in bytes; 0 for directories.
    pub size: u64,
    /// Last change of the content, nanoseconds since the epoch.
    pub mtime: u64,
    /// How many names it has.
    pub links: u64,
    /// SHA-256 of the content (of a symbolic link: of the path it holds), hexadecimal. `None` when it was not
    /// taken: not asked for, larger than the policy's bound, unreadable, or changed while it was read.
    pub sha256: Option<String>,
}

/// How a change was learned of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// The kernel told of it while it was watched.
    #[default]
    Watch,
    /// A comparison of everything that is watched, made from time to time and after lost notices.
    Comparison,
    /// A comparison with the baseline an earlier sensor stored.
    Stored,
    /// The file was changed after the container's start and before its baseline was taken.
    Start,
}

/// Who changed a file: a call on its path that was stopped shortly before the change was seen, or whose descriptor
/// was still open then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// When the call was entered.
    pub time: Timestamp,
    /// The call.
    pub call: EventType,
    /// The process that made it.
    pub process: Arc<Process>,
}

/// A change of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Unique id: `<sensor>-fim-<number>`.
    pub id: String,
    /// When the change was first noticed.
    pub time: Timestamp,
    /// Name of the policy's entry.
    pub entry: String,
    /// Absolute path in the container, invalid UTF-8 replaced.
    pub path: String,
    /// The earlier path of something renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What differs.
    pub changes: Vec<Change>,
    /// The state before; `None` when there was none or it is not known.
    pub before: Option<FileState>,
    /// The state after; `None` when it is gone.
    pub after: Option<FileState>,
    /// How it was learned of.
    pub found_by: FoundBy,
    /// Who did it; `None` when no stopped call explains it: an untraced process, another container, an outage.
    pub writer: Option<Writer>,
    /// Of a directory that was renamed or removed: the files below that were watched.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub below: u64,
    /// The entry's severity on the scale of priorities.
    pub severity: Priority,
    /// Tags that map to standards.
    pub tags: Vec<String>,
    /// The task.
    pub task: Task,
    /// The container.
    pub container: Container,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl FileChange {
    /// The finding's title: `File integrity: ENTRY`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("File integrity: {}", self.entry)
    }

    /// The changes joined by commas.
    #[must_use]
    pub fn what(&self) -> String {
        self.changes.iter().map(|change| change.name()).collect::<Vec<_>>().join(",")
    }

    /// One line for people: what, where, from what to what, by whom.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut line = format!("{} {}", self.what(), self.path);
        if let Some(from) = &self.from {
            line.push_str(&format!(" (was {from})"));
        }
        if let (Some(before), Some(after)) = (&self.before, &self.after) {
            differences(&mut line, before, after);
        }
        match &self.writer {
            Some(writer) => line.push_str(&format!(
                " | {} by {} (pid {}, user {}{})",
                writer.call.name(),
                writer.process.cmdline(),
                writer.process.pid,
                writer.process.uid,
                session(&writer.process)
            )),
            None => line.push_str(" | writer unknown"),
        }
        line
    }

    /// Whether texts and lists are as long as a sensor makes them at most; for what comes from the network.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        let texts = [&self.path, &self.entry, &self.id];
        texts.iter().all(|text| text.len() <= 3 * MAX_PATH)
            && self.from.as_ref().is_none_or(|from| from.len() <= 3 * MAX_PATH)
            && self.changes.len() <= Change::ALL.len()
            && self.tags.len() <= 64
    }
}

/// How the process came into the container, where that is not as the container's own program.
fn session(process: &Process) -> String {
    match process.session {
        None | Some(Session::Entrypoint) => String::new(),
        Some(session) => {
            format!(", session {} {}", session.name(), process.exec_session).trim_end().to_owned()
        }
    }
}

fn differences(line: &mut String, before: &FileState, after: &FileState) {
    if before.mode != after.mode {
        line.push_str(&format!(" mode {:04o}->{:04o}", before.mode, after.mode));
    }
    if (before.uid, before.gid) != (after.uid, after.gid) {
        line.push_str(&format!(" owner {}:{}->{}:{}", before.uid, before.gid, after.uid, after.gid));
    }
    if before.size != after.size {
        line.push_str(&format!(" size {}->{}", before.size, after.size));
    }
    if let (Some(old), Some(new)) = (&before.sha256, &after.sha256)
        && old != new
    {
        line.push_str(&format!(" sha256 {}->{}", short(old), short(new)));
    }
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

/// What a sensor says of its file integrity monitoring, in heartbeats.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FimStatus {
    /// Name of the policy.
    pub policy: String,
    /// SHA-256 of the policy's text, hexadecimal.
    pub policy_sha256: String,
    /// When monitoring began.
    pub since: Timestamp,
    /// When the first comparison was complete; `None` until then.
    pub baseline: Option<Timestamp>,
    /// When everything was compared the last time.
    pub compared: Option<Timestamp>,
    /// What each entry covers.
    pub entries: Vec<FimEntry>,
    /// Directories that are watched.
    pub watches: u64,
    /// Changes reported.
    pub changes: u64,
    /// What is not covered, for people: `the kernel's limit of watches is met: 12 directories are compared only`.
    pub gaps: Vec<String>,
}

/// What an entry of a policy covers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FimEntry {
    /// The entry's name.
    pub name: String,
    /// Its paths as written.
    pub paths: Vec<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Files, directories and links watched.
    pub files: u64,
    /// Those with a hash of their content.
    pub hashed: u64,
}

#[cfg(test)]
mod tests {
    use super::{Change, FileChange, FileState, FoundBy};
    use crate::{Container, Priority, Task, Timestamp};

    #[test]
    fn summaries_say_what_differs() {
        let before =
            FileState { mode: 0o644, size: 10, sha256: Some("a".repeat(64)), ..FileState::default() };
        let after = FileState {
            mode: 0o4755,
            uid: 7,
            size: 12,
            sha256: Some("b".repeat(64)),
            ..FileState::default()
        };
        let change = FileChange {
            id: "s-fim-1".into(),
            time: Timestamp(1),
            path: "/usr/bin/su".into(),
            from: None,
            entry: "programs".into(),
            changes: vec![Change::Content, Change::Mode, Change::Owner],
            before: Some(before),
            after: Some(after),
            found_by: FoundBy::Watch,
            writer: None,
            below: 0,
            severity: Priority::Warning,
            tags: Vec::new(),
            task: Task::default(),
            container: Container::default(),
        };
        assert_eq!(change.title(), "File integrity: programs");
        assert_eq!(
            change.summary(),
            "content,mode,owner /usr/bin/su mode 0644->4755 owner 0:0->7:0 size 10->12 \
             sha256 aaaaaaaaaaaa->bbbbbbbbbbbb | writer unknown"
        );
    }

    #[test]
    fn names_are_those_of_the_wire() {
        for change in Change::ALL {
            assert_eq!(serde_json::to_value(change).unwrap(), change.name());
        }
    }
}
