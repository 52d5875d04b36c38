//! One pass over an image's layers for all checks.

use std::{
    collections::HashMap,
    io::{Cursor, Read},
    ops::ControlFlow,
};

use fargard_image::{ContentId, Digest, Entry, FileEntry, Kind, Known, Members, Tree, Visitor};
use fargard_inventory::{Collector, Held, Inventory, Piece};
use fargard_model::Priority;
use fargard_scan::{
    CHECK_48, CHECK_426, CHECK_456, ContentKey, EachFile, Facts, FileKind, Finding, ImageOutcome, ImageTree,
    PackageKinds, StreamScan, WalkReport, compare_layers, image::Census, miner, secrets::text,
};

use super::{
    super::{
        custom::Asked,
        harvest::{Found, Harvest, Installed, Shipped},
        hygiene::is_account_file,
        progress::Progress,
    },
    layer_cache::{self, LayerCache},
};

/// Findings kept of a layer, and of an image.
const MAX_FINDINGS: usize = 10_000;
/// Longest file of accounts that is looked at.
const MAX_ACCOUNTS: u64 = 1 << 20;
/// Most bytes of contents kept of a layer, and most files of it that are worth a word.
const MAX_CONTENTS: usize = 32 << 20;
const MAX_SHIPPED: usize = 100_000;

/// What is looked for beside the checks of content.
#[derive(Debug, Default)]
pub(super) struct More {
    /// What check 448 compares.
    pub(super) packages: bool,
    /// What is installed.
    pub(super) inventory: bool,
    /// Secrets in text files.
    pub(super) secrets: bool,
    /// Files that checks of users ask for.
    pub(super) asked: Asked,
}

/// What is kept while the layers go by.
pub(super) struct Pass<'scan> {
    scan: StreamScan<'scan>,
    /// Which package databases layers spoke of.
    kinds: PackageKinds,
    progress: Progress,
    more: More,
    cache: Option<LayerCache>,
    /// What each layer gave.
    harvests: HashMap<u16, Harvest>,
    /// The layer being read.
    layer: u16,
    harvest: Harvest,
    members: Members,
    /// Files and bytes so far.
    pub(super) report: WalkReport,
}

impl<'scan> Pass<'scan> {
    pub(super) fn new(scan: StreamScan<'scan>, more: More, cache: Option<LayerCache>) -> Self {
        Self {
            scan,
            kinds: PackageKinds::default(),
            progress: Progress::start(),
            more,
            cache,
            harvests: HashMap::new(),
            layer: 0,
            harvest: Harvest::default(),
            members: Members::default(),
            report: WalkReport::default(),
        }
    }

    /// Ends what was the layer being read.
    fn store(&mut self) {
        let harvest = std::mem::take(&mut self.harvest);
        self.kinds = self.kinds.with(harvest.packages.kinds());
        if harvest != Harvest::default() {
            self.harvests.insert(self.layer, harvest);
        }
    }

    /// What a file says of what is installed; gives what was read of it.
    fn note(&mut self, file: &FileEntry<'_>, content: &mut dyn Read) -> Vec<u8> {
        let executable = file.entry.mode & 0o111 != 0;
        // What cannot be read of a layer is in its report.
        let held = Held::read(file.path, executable, file.entry.size, content).unwrap_or_default();
        if held.whole
            && let Some(piece) = Piece::read(file.path, executable, &held.bytes.as_slice())
        {
            self.harvest.pieces.push(Installed { entry: file.content.entry, piece });
        }
        held.bytes
    }
}

impl Visitor for Pass<'_> {
    fn known(&mut self, number: usize, content: &Digest) -> Option<Known> {
        self.store();
        self.layer = u16::try_from(number).unwrap_or(u16::MAX);
        self.members = Members::default();
        let kept = self.cache.as_mut()?.get(content)?;
        self.report.files += kept.harvest.files;
        self.report.bytes += kept.harvest.bytes;
        self.harvest = kept.harvest;
        Some(kept.known)
    }

    fn member(&mut self, entry: &Entry) {
        if self.cache.is_some() && self.members.len() < layer_cache::MAX_FILE {
            self.members.push(entry);
        }
    }

    fn complete(&mut self, _: usize, content: &Digest, unpacked: u64) {
        let members = std::mem::take(&mut self.members).finish();
        if let Some(cache) = self.cache.as_ref().filter(|_| members.len() < layer_cache::MAX_FILE) {
            cache.put(content, &self.harvest, &members, unpacked);
        }
    }

    fn file(&mut self, file: &FileEntry<'_>, content: &mut dyn Read) -> ControlFlow<()> {
        self.report.files += 1;
        self.report.bytes += file.entry.size;
        self.harvest.files += 1;
        self.harvest.bytes += file.entry.size;
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
        let mut begun = if self.more.inventory { self.note(file, content) } else { Vec::new() };
        let entry = file.content.entry;
        if Census::ships(file.path, file.entry.size) {
            let is_full = self.harvest.shipped.len() >= MAX_SHIPPED;
            self.harvest.overflowed |= is_full;
            if !is_full {
                let (mode, size) = (file.entry.mode.into(), file.entry.size);
                self.harvest.shipped.push(Shipped { entry, path: file.path.to_vec(), mode, size });
            }
        }
        let is_asked =
            (is_account_file(file.path) && file.entry.size <= MAX_ACCOUNTS) || self.more.asked.wants(file);
        let is_text = self.more.secrets && text::is_searched(file.path, file.entry.size);
        let mut found = Vec::new();
        if is_asked || is_text {
            // What cannot be read of a layer is in its report.
            let _ = content.read_to_end(&mut begun);
            if is_text {
                let secrets = text::findings(file.path, &begun).into_iter();
                found.extend(secrets.map(|finding| (CHECK_456.number, finding)));
            }
            if is_asked {
                let kept: usize = self.harvest.contents.iter().map(|(_, bytes)| bytes.len()).sum();
                let is_full = kept + begun.len() > MAX_CONTENTS;
                self.harvest.overflowed |= is_full;
                if !is_full {
                    self.harvest.contents.push((entry, begun.clone()));
                }
            }
        }
        let content = Cursor::new(begun).chain(content);
        if self.more.packages {
            let mut passing = self.harvest.packages.pass(self.kinds, entry, &facts, content);
            found.extend(self.scan.file(facts, &mut passing));
            passing.finish();
        } else {
            found.extend(self.scan.file(facts, content));
        }
        for (check, finding) in found {
            let is_full = self.harvest.found.len() >= MAX_FINDINGS;
            self.harvest.overflowed |= is_full;
            if !is_full {
                let path = file.path.to_vec();
                self.harvest.found.push(Found { entry, path, check, finding: finding.into() });
            }
        }
        ControlFlow::Continue(())
    }
}

impl Pass<'_> {
    /// What all layers gave, and what of the cache could not be used.
    pub(super) fn harvested(mut self) -> Harvested {
        self.store();
        self.progress.clear();
        let warnings = self.cache.map(|cache| cache.warnings).unwrap_or_default();
        Harvested { layers: self.harvests, warnings }
    }
}

/// The image's file system for check 448.
struct Merged<'tree>(&'tree Tree);

/// Which content, in the words of the scan.
fn key(content: ContentId) -> ContentKey {
    (content.layer, content.entry)
}

impl ImageTree for Merged<'_> {
    fn resolve(&self, path: &[u8]) -> Option<ContentKey> {
        let entry = self.0.resolve(path)?;
        (entry.kind() == Kind::File).then(|| key(entry.content()))
    }

    fn link(&self, path: &[u8]) -> Option<Vec<u8>> {
        let entry = self.0.get(path)?;
        (entry.kind() == Kind::Symlink).then(|| entry.link().to_vec())
    }

    fn each(&self, visit: &mut EachFile<'_>) {
        for entry in self.0.iter() {
            let kind = match entry.kind() {
                Kind::File => FileKind::Regular,
                Kind::Symlink => FileKind::Link,
                _ => continue,
            };
            let facts = Facts {
                path: entry.path(),
                kind,
                mode: entry.mode().into(),
                uid: entry.uid(),
                size: entry.size(),
                modified: entry.mtime(),
            };
            visit(&facts, key(entry.content()), (kind == FileKind::Link).then(|| entry.link()));
        }
    }
}

/// What all layers gave.
#[derive(Debug)]
pub(super) struct Harvested {
    layers: HashMap<u16, Harvest>,
    /// What of the cache could not be used.
    pub(super) warnings: Vec<String>,
}

impl Harvested {
    /// What check 448 finds. `complete` says that all layers were read.
    pub(super) fn compare(&self, tree: &Tree, complete: bool) -> ImageOutcome {
        let layers = self.layers.iter().map(|(number, harvest)| (*number, &harvest.packages));
        compare_layers(layers, &Merged(tree), complete)
    }

    /// Contents that were kept.
    pub(super) fn contents(&self) -> HashMap<ContentId, &[u8]> {
        let all = self.layers.iter().flat_map(|(layer, harvest)| {
            let of = harvest.contents.iter();
            of.map(|(entry, bytes)| (ContentId { layer: *layer, entry: *entry }, bytes.as_slice()))
        });
        all.collect()
    }

    /// Files that are worth a word also where an upper layer hides them.
    pub(super) fn shipped(&self) -> impl Iterator<Item = (ContentId, Facts)> {
        self.layers.iter().flat_map(|(layer, harvest)| {
            harvest.shipped.iter().map(|shipped| {
                let facts = Facts {
                    path: shipped.path.clone(),
                    kind: FileKind::Regular,
                    mode: shipped.mode,
                    uid: 0,
                    size: shipped.size,
                    modified: 0,
                };
                (ContentId { layer: *layer, entry: shipped.entry }, facts)
            })
        })
    }

    /// Why not all findings were kept.
    pub(super) fn overflow(&self) -> Option<String> {
        let overflowed = self.layers.values().any(|harvest| harvest.overflowed);
        overflowed.then(|| format!("more than {MAX_FINDINGS} findings, or files worth a word, in a layer"))
    }

    /// What is installed: what visible files say, with their layer.
    pub(super) fn inventory(&mut self, tree: &Tree) -> Inventory {
        let mut pieces: Vec<(ContentId, Piece)> = Vec::new();
        for (layer, harvest) in &mut self.layers {
            let taken = std::mem::take(&mut harvest.pieces).into_iter();
            pieces.extend(taken.map(|it| (ContentId { layer: *layer, entry: it.entry }, it.piece)));
        }
        pieces.sort_by_key(|(content, _)| (content.layer, content.entry));
        let visible = tree.paths_of(pieces.iter().map(|(content, _)| *content));
        let mut collector = Collector::default();
        for (content, piece) in pieces {
            if visible.get(&content).is_some_and(|paths| !paths.is_empty()) {
                collector.add(piece, Some(u32::from(content.layer) + 1));
            } else {
                collector.add_hidden(piece);
            }
        }
        collector.finish()
    }

    /// The findings by check, with the layer and whether a container sees the file: one that an upper layer hides is
    /// still shipped, but runs nowhere.
    pub(super) fn findings(&mut self, tree: &Tree) -> HashMap<u32, Vec<Finding>> {
        let mut layers: Vec<(u16, Vec<Found>)> = self
            .layers
            .iter_mut()
            .map(|(layer, harvest)| (*layer, std::mem::take(&mut harvest.found)))
            .collect();
        layers.sort_by_key(|(layer, _)| *layer);
        let found: Vec<(ContentId, Found)> = layers
            .into_iter()
            .flat_map(|(layer, found)| {
                found.into_iter().map(move |found| (ContentId { layer, entry: found.entry }, found))
            })
            .collect();
        let visible = tree.paths_of(found.iter().map(|(content, _)| *content));
        let mut findings: HashMap<u32, Vec<Finding>> = HashMap::new();
        let mut named: Vec<Vec<u8>> = Vec::new();
        for (content, Found { path, check, finding, .. }) in found {
            let mut finding = Finding::from(finding);
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
