//! One pass over an image's layers for all checks.

use std::{collections::HashMap, io::Read, ops::ControlFlow};

use fargard_image::{ContentId, FileEntry, Kind, Tree, Visitor};
use fargard_model::Priority;
use fargard_scan::{CHECK_48, CHECK_426, Facts, FileKind, Finding, StreamScan, WalkReport, miner};

use super::progress::Progress;

/// Findings kept of an image.
const MAX_FINDINGS: usize = 10_000;
/// Longest `/etc/passwd` that is looked at.
const MAX_PASSWD: u64 = 1 << 20;

/// A finding and whose content it is about.
struct Found {
    content: ContentId,
    path: Vec<u8>,
    check: u32,
    finding: Finding,
}

/// What is kept while the layers go by.
pub(super) struct Pass<'scan> {
    scan: StreamScan<'scan>,
    progress: Progress,
    /// Files and bytes so far.
    pub(super) report: WalkReport,
    found: Vec<Found>,
    overflowed: bool,
    /// Every layer's `/etc/passwd`.
    passwd: HashMap<ContentId, Vec<u8>>,
}

impl<'scan> Pass<'scan> {
    pub(super) fn new(scan: StreamScan<'scan>) -> Self {
        Self {
            scan,
            progress: Progress::start(),
            report: WalkReport::default(),
            found: Vec::new(),
            overflowed: false,
            passwd: HashMap::new(),
        }
    }
}

impl Visitor for Pass<'_> {
    fn file(&mut self, file: &FileEntry<'_>, content: &mut dyn Read) -> ControlFlow<()> {
        self.report.files += 1;
        self.report.bytes += file.entry.size;
        if self.report.files.is_multiple_of(256) {
            self.progress.show(&self.report);
        }
        let facts = Facts {
            path: file.path.to_vec(),
            kind: FileKind::Regular,
            mode: file.entry.mode.into(),
            uid: u32::try_from(file.entry.uid).unwrap_or(u32::MAX),
            size: file.entry.size,
            modified: file.entry.mtime,
        };
        let found = if file.path == b"/etc/passwd" && file.entry.size <= MAX_PASSWD {
            let mut text = Vec::new();
            // What cannot be read of a layer is in its report.
            let _ = content.read_to_end(&mut text);
            let found = self.scan.file(facts, text.as_slice());
            self.passwd.insert(file.content, text);
            found
        } else {
            self.scan.file(facts, content)
        };
        for (check, finding) in found {
            self.overflowed |= self.found.len() >= MAX_FINDINGS;
            if self.found.len() < MAX_FINDINGS {
                let path = file.path.to_vec();
                self.found.push(Found { content: file.content, path, check, finding });
            }
        }
        ControlFlow::Continue(())
    }
}

impl Pass<'_> {
    /// What the image's own `/etc/passwd` says.
    pub(super) fn passwd(&self, tree: &Tree) -> Option<&[u8]> {
        let entry = tree.resolve(b"/etc/passwd")?;
        self.passwd.get(&entry.content()).map(Vec::as_slice)
    }

    /// Why not all findings were kept.
    pub(super) fn overflow(&self) -> Option<String> {
        self.overflowed.then(|| format!("more than {MAX_FINDINGS} findings"))
    }

    /// The findings by check, with the layer and whether a container sees the file: one that an upper layer hides is
    /// still shipped, but runs nowhere.
    pub(super) fn finish(self, tree: &Tree) -> HashMap<u32, Vec<Finding>> {
        self.progress.clear();
        let visible = tree.paths_of(self.found.iter().map(|found| found.content));
        let mut findings: HashMap<u32, Vec<Finding>> = HashMap::new();
        let mut named: Vec<Vec<u8>> = Vec::new();
        for Found { content, path, check, mut finding } in self.found {
            let layer = u32::from(content.layer) + 1;
            let paths = visible.get(&content).map_or(&[][..], Vec::as_slice);
            let remark = match paths.first() {
                None => {
                    if [CHECK_48.number, CHECK_426.number].contains(&check) {
                        finding.severity = finding.severity.max(Priority::Notice);
                    }
                    "hidden by a layer above, but still shipped".to_owned()
                }
                Some(_) if paths.contains(&path) => String::new(),
                Some(other) => format!("seen as {}", other.escape_ascii()),
            };
            let remark = if remark.is_empty() { remark } else { format!(", {remark}") };
            finding.reason = format!("{} (layer {layer}{remark})", finding.reason);
            if check == CHECK_426.number {
                named.push(path);
            }
            findings.entry(check).or_default().push(finding);
        }
        findings.entry(CHECK_426.number).or_default().extend(other_names(tree, &named));
        for found in findings.values_mut() {
            found
                .sort_by(|left, right| (left.severity, &left.subject).cmp(&(right.severity, &right.subject)));
        }
        findings
    }
}

/// Hard links named as miners: their content was looked at under another name.
fn other_names(tree: &Tree, known: &[Vec<u8>]) -> Vec<Finding> {
    let candidates = tree.iter().filter(|entry| {
        let name = std::str::from_utf8(entry.name());
        entry.kind() == Kind::File
            && entry.mode() & 0o111 != 0
            && entry.size() > 0
            && name.is_ok_and(miner::candidate_name)
    });
    let paths = candidates.map(|entry| (entry.path(), entry.content()));
    paths
        .filter(|(path, _)| !known.contains(path))
        .take(MAX_FINDINGS)
        .map(|(path, content)| Finding {
            subject: path.escape_ascii().to_string(),
            class: "name",
            reason: format!("named as a miner (layer {})", u32::from(content.layer) + 1),
            severity: Priority::Critical,
        })
        .collect()
}
