//! What should not be in an image or a root file system: collected from files, accounts and sudo's configuration.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    ops::ControlFlow,
    path::Path,
};

use fargard_image::{ContentId, Kind, Tree};
use fargard_model::bounded;
use fargard_scan::{
    CHECK_456, Facts, FileKind, Finding, Limits,
    confined::Root,
    image::{Accounts, Census, DIRECTORIES, Numbered, Seen, sudoers},
    packages::Packages,
    secrets::text,
};

/// Most findings in text files.
const MAX_SECRETS: usize = 10_000;

/// Findings by the numbers of their checks.
type ByCheck = BTreeMap<u32, Vec<Finding>>;

/// Whether a file's content is judged here.
pub(super) fn is_account_file(path: &[u8]) -> bool {
    matches!(path, b"/etc/passwd" | b"/etc/shadow" | b"/etc/group" | b"/etc/sudoers")
        || path.strip_prefix(b"/etc/sudoers.d/").is_some_and(|name| !name.is_empty() && !name.contains(&b'/'))
}

/// What the files of one root file system say.
#[derive(Debug, Default)]
struct Hygiene {
    census: Census,
    passwd: Option<Vec<u8>>,
    shadow: Option<Vec<u8>>,
    group: Option<Vec<u8>>,
    /// Of sudo's configuration and of text files.
    more: Vec<Numbered>,
    /// There were too many of them.
    cut: bool,
}

impl Hygiene {
    fn account_file(&mut self, path: &[u8], text: Vec<u8>) {
        match path {
            b"/etc/passwd" => self.passwd = Some(text),
            b"/etc/shadow" => self.shadow = Some(text),
            b"/etc/group" => self.group = Some(text),
            _ => self.more.extend(sudoers(&String::from_utf8_lossy(path), &text)),
        }
    }

    fn secrets(&mut self, found: Vec<Finding>) {
        let room = MAX_SECRETS.saturating_sub(self.more.len());
        self.cut |= found.len() > room;
        self.more.extend(found.into_iter().take(room).map(|finding| (CHECK_456.number, finding)));
    }

    /// The findings by check, and why they are not all.
    fn finish(self) -> (ByCheck, Option<String>) {
        let accounts = Accounts {
            passwd: self.passwd.as_deref(),
            shadow: self.shadow.as_deref(),
            group: self.group.as_deref(),
        };
        let accounts = accounts.findings();
        let (census, left_out) = self.census.finish();
        let mut by_check: ByCheck = BTreeMap::new();
        for (check, finding) in census.into_iter().chain(accounts).chain(self.more) {
            by_check.entry(check).or_default().push(finding);
        }
        for found in by_check.values_mut() {
            found
                .sort_by(|left, right| (left.severity, &left.subject).cmp(&(right.severity, &right.subject)));
        }
        let left_out = left_out + usize::from(self.cut);
        (by_check, (left_out > 0).then(|| "there are more findings than are kept".to_owned()))
    }
}

/// What a directory says, with `secrets` also what text files do. Files of packages are their packages' affair.
pub(super) fn of_directory(
    path: &Path,
    limits: &Limits,
    packages: &Packages,
    secrets: bool,
) -> io::Result<(ByCheck, Option<String>)> {
    let root = Root::open(path)?;
    let mut hygiene = Hygiene::default();
    for directory in DIRECTORIES {
        if let Ok(stat) = root.status(directory) {
            hygiene.census.directory(directory, stat.st_mode & 0o7777);
        }
    }
    let report = fargard_scan::walk(path, limits, |entry, report| {
        let facts = Facts::of(entry.path, entry.stat);
        let owned = packages.owns(entry.path);
        hygiene.census.file(&facts, Seen::Visible, owned);
        let (is_account, is_text) =
            (is_account_file(entry.path), secrets && !owned && text::is_searched(entry.path, facts.size));
        if facts.kind == FileKind::Regular && (is_account || is_text) {
            let content = entry.open().and_then(|opened| match opened {
                Some((file, _)) => bounded::read_from(file, text::MAX_TEXT),
                None => Ok(Vec::new()),
            });
            match content {
                Ok(content) => {
                    if is_text {
                        hygiene.secrets(text::findings(entry.path, &content));
                    }
                    if is_account {
                        hygiene.account_file(entry.path, content);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => report.note_unreadable(entry.path, &error),
            }
        }
        ControlFlow::Continue(())
    })?;
    let (findings, left_out) = hygiene.finish();
    Ok((findings, report.incomplete().or(left_out)))
}

/// What an image says: the files that a container sees, and those of `shipped` that upper layers hide. `contents` has the files
/// of accounts.
pub(super) fn of_image(
    tree: &Tree,
    contents: &HashMap<ContentId, &[u8]>,
    shipped: impl Iterator<Item = (ContentId, Facts)>,
) -> (ByCheck, Option<String>) {
    let mut hygiene = Hygiene::default();
    for entry in tree.iter() {
        let path = entry.path();
        let mode = u32::from(entry.mode());
        match entry.kind() {
            Kind::Directory => hygiene.census.directory(&path, mode),
            Kind::File => {
                let facts = Facts {
                    path,
                    kind: FileKind::Regular,
                    mode,
                    uid: entry.uid(),
                    size: entry.size(),
                    modified: entry.mtime(),
                };
                hygiene.census.file(&facts, Seen::Visible, false);
                if is_account_file(&facts.path)
                    && let Some(text) = contents.get(&entry.content())
                {
                    hygiene.account_file(&facts.path, text.to_vec());
                }
            }
            _ => {}
        }
    }
    let shipped: Vec<(ContentId, Facts)> = shipped.collect();
    let visible = tree.paths_of(shipped.iter().map(|(content, _)| *content));
    for (content, facts) in &shipped {
        if visible.get(content).is_none_or(Vec::is_empty) {
            hygiene.census.file(facts, Seen::Hidden, false);
        }
    }
    hygiene.finish()
}
