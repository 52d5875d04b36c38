//! All checks of a root file system in one pass: every file is read once and its content goes to all who want it.
//!
//! Several files are read side by side, so that their digests can be computed side by side too; memory is that of their
//! windows, whatever the file system's size.

mod job;
mod judge;
mod layered;
mod live;
mod look;
mod stream;

use std::{collections::HashMap, fs::File, io, ops::ControlFlow, path::Path, sync::Arc};

use self::{
    job::{CHUNK, Identity, Job},
    look::{Look, Wanted},
};
pub use self::{
    layered::{
        ContentKey, EachFile, ImageOutcome, ImageTree, LayerPackages, PackageKinds, Passing, compare_layers,
    },
    live::{LiveScan, Looked},
    stream::StreamScan,
};
use crate::{
    Facts, FileKind, Finding, Limits, WalkReport,
    confined::Root,
    digest::{Digest, Hasher, Md5, update_all},
    miner::names,
    packages::Packages,
    walk::{Entry, walk},
};

/// Files with several names whose digest is remembered.
const MAX_REMEMBERED: usize = 65_536;

/// Most findings of one check, and most names of files that only are counted beyond.
const MAX_FINDINGS: usize = 10_000;

/// Which checks are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a check of its own")]
pub struct Selection {
    /// 48: setuid programs.
    pub setuid: bool,
    /// 425: private keys.
    pub keys: bool,
    /// 426: miners.
    pub miners: bool,
    /// 448: altered files of packages.
    pub packages: bool,
}

impl Selection {
    /// All of them.
    pub const ALL: Self = Self { setuid: true, keys: true, miners: true, packages: true };
}

/// What the checks found.
#[derive(Debug, Default)]
pub struct Outcome {
    /// By check, each sorted by subject.
    pub findings: Vec<(u32, Vec<Finding>)>,
    /// What was seen and what was not.
    pub walk: WalkReport,
    /// Package databases found, and the number of packages.
    pub databases: Vec<&'static str>,
    /// Installed packages.
    pub packages: usize,
    /// Files compared with their package's digest.
    pub compared: u64,
    /// Bytes that went through a digest.
    pub hashed: u64,
    /// What of the package databases could not be read.
    pub troubles: Vec<String>,
}

impl Outcome {
    /// The findings of a check.
    #[must_use]
    pub fn of(&self, check: u32) -> &[Finding] {
        self.findings.iter().find(|(number, _)| *number == check).map_or(&[], |(_, found)| found)
    }
}

/// Makes the selected checks on the root file system at `path`. `progress` is called now and then with the report so far
/// and ends the scan by breaking.
///
/// # Errors
/// The root cannot be read; troubles below it are in the outcome.
pub fn scan(
    path: &Path,
    limits: &Limits,
    selection: Selection,
    mut progress: impl FnMut(&WalkReport) -> ControlFlow<()>,
) -> io::Result<Outcome> {
    let packages = if selection.packages || selection.keys {
        Packages::read(&Root::open(path)?)
    } else {
        Packages::default()
    };
    scan_with(path, limits, selection, &Arc::new(packages), |report| {
        if report.files.is_multiple_of(256) { progress(report) } else { ControlFlow::Continue(()) }
    })
}

/// As [`scan`], with packages that were read before. `between` is called between any two pieces of work of some
/// milliseconds.
///
/// # Errors
/// As [`scan`].
pub fn scan_with(
    path: &Path,
    limits: &Limits,
    selection: Selection,
    packages: &Arc<Packages>,
    mut between: impl FnMut(&WalkReport) -> ControlFlow<()>,
) -> io::Result<Outcome> {
    let root = Root::open(path)?;
    let mut scanner = Scanner::new(Some(&root), limits, selection, Arc::clone(packages));
    let mut report = walk(path, limits, |entry, report| {
        scanner.entry(entry, report, &mut between);
        if report.cut_short.is_none() && between(report).is_break() {
            report.cut_short = Some("stopped".to_owned());
        }
        if report.cut_short.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    scanner.run_down(0, &mut report, &mut between);
    if selection.packages {
        let is_there = |path: &[u8]| root.open_file(path).is_ok_and(|opened| opened.is_some());
        scanner.judge_database(report.incomplete().is_none(), &is_there);
    }
    let mut outcome = scanner.finish();
    report.unreadable_named.sort();
    outcome.walk = report;
    Ok(outcome)
}

/// What is called between two pieces of work, and ends the scan by breaking.
type Between<'call> = dyn FnMut(&WalkReport) -> ControlFlow<()> + 'call;

/// The pass over the files.
struct Scanner<'scan> {
    /// Where files can be looked up; of a stream they cannot.
    root: Option<&'scan Root>,
    limits: &'scan Limits,
    selection: Selection,
    packages: Arc<Packages>,
    /// Which of the packages' files were met.
    seen: Vec<bool>,
    jobs: Vec<Job>,
    spare: Vec<Vec<u8>>,
    /// Files with several names that were read: with their digest if one was wanted.
    remembered: HashMap<Identity, Option<Digest>>,
    findings: HashMap<u32, Vec<Finding>>,
    /// Checks with more findings than are kept.
    overflowed: Vec<u32>,
    compared: u64,
    hashed: u64,
}

impl<'scan> Scanner<'scan> {
    fn new(
        root: Option<&'scan Root>,
        limits: &'scan Limits,
        selection: Selection,
        packages: Arc<Packages>,
    ) -> Self {
        Self {
            root,
            limits,
            selection,
            packages,
            seen: Vec::new(),
            jobs: Vec::new(),
            spare: Vec::new(),
            remembered: HashMap::new(),
            findings: HashMap::new(),
            overflowed: Vec::new(),
            compared: 0,
            hashed: 0,
        }
    }

    /// Takes a file of the walk.
    fn entry(&mut self, entry: &Entry<'_>, report: &mut WalkReport, between: &mut Between<'_>) {
        let facts = Facts::of(entry.path, entry.stat);
        if facts.changes_identity() && self.selection.setuid {
            self.judge_identity(&facts);
        }
        match facts.kind {
            FileKind::Regular => {
                self.regular(entry, facts, report);
                if self.jobs.len() >= self.limits.side_by_side {
                    self.run_down(self.limits.side_by_side / 2, report, between);
                }
            }
            FileKind::Link => {
                let target = entry.link_target();
                self.judge_link(&facts, target.as_deref());
            }
            FileKind::Special => {}
        }
    }

    fn regular(&mut self, entry: &Entry<'_>, facts: Facts, report: &mut WalkReport) {
        let expected = self.packages.files.find(&facts.path);
        let owned = expected.is_some();
        if let Some((number, _)) = expected {
            self.note_seen(number);
        }
        let digest = expected.and_then(|(_, expected)| expected.digest);
        let wanted_digest = digest.filter(|_| self.selection.packages);
        let identity = (entry.stat.st_nlink > 1).then_some((entry.stat.st_dev, entry.stat.st_ino));
        let known = identity.and_then(|identity| self.remembered.get(&identity).copied());
        if let Some(known) = known
            && (wanted_digest.is_none() || known.is_some())
            && !names::candidate(&facts.path)
        {
            self.judge_digest(&facts, known, None);
            return;
        }
        if facts.size == 0 && wanted_digest.is_none() {
            return;
        }
        let (source, stat) = match entry.open() {
            Ok(Some(opened)) => opened,
            Ok(None) => return,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return report.note_unreadable(entry.path, &error),
        };
        let facts = Facts { size: u64::try_from(stat.st_size).unwrap_or(0), ..facts };
        self.queue(facts, owned, identity, wanted_digest.map(|digest| digest.hasher()), source);
    }

    /// Remembers that a package's file is there.
    fn note_seen(&mut self, number: usize) {
        if self.seen.is_empty() {
            self.seen.resize(self.packages.files.len(), false);
        }
        if let Some(seen) = self.seen.get_mut(number) {
            *seen = true;
        }
    }

    fn was_seen(&self, number: usize) -> bool {
        self.seen.get(number).copied().unwrap_or(false)
    }

    /// Begins to read a file.
    fn queue(
        &mut self,
        facts: Facts,
        owned: bool,
        identity: Option<Identity>,
        hasher: Option<Hasher>,
        source: File,
    ) {
        let wanted = Wanted {
            miners: self.selection.miners,
            configuration: !owned && judge::may_configure(&facts.path),
            keys: self.selection.keys,
        };
        let look = Look::new(wanted, facts.size, hasher);
        let buffer = self.spare.pop().unwrap_or_default();
        self.jobs.push(Job::new(facts, identity, look, source, self.limits.content_bytes, buffer));
    }

    /// Reads on until at most `left` files are still open.
    fn run_down(&mut self, left: usize, report: &mut WalkReport, between: &mut Between<'_>) {
        while self.jobs.len() > left {
            if report.cut_short.is_none() && between(report).is_break() {
                report.cut_short = Some("stopped".to_owned());
            }
            if report.cut_short.is_some() {
                self.jobs.clear();
                return;
            }
            for job in &mut self.jobs {
                job.advance();
            }
            self.digest_fresh();
            let mut index = 0;
            while let Some(job) = self.jobs.get_mut(index) {
                if job.outcome.is_some() {
                    let mut job = self.jobs.swap_remove(index);
                    self.spare.push(job.take_buffer());
                    self.finish_job(job, report);
                } else {
                    job.pass();
                    index += 1;
                }
            }
        }
    }

    /// Puts what was read last into the digests, MD5 side by side.
    fn digest_fresh(&mut self) {
        let mut side_by_side: Vec<(&mut Md5, &[u8])> = Vec::with_capacity(self.jobs.len());
        for job in &mut self.jobs {
            if let Some((hasher, bytes)) = job.fresh() {
                self.hashed += bytes.len() as u64;
                match hasher {
                    Hasher::Md5(md5) => side_by_side.push((md5, bytes)),
                    hasher => hasher.update(bytes),
                }
            }
        }
        update_all(&mut side_by_side);
    }

    /// Judges a file that was read.
    fn finish_job<R>(&mut self, job: Job<R>, report: &mut WalkReport) {
        match job.outcome {
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => return,
            Some(Err(error)) => return report.note_unreadable(&job.facts.path, &error),
            _ => {}
        }
        let (seen, hasher) = job.look.finish();
        let digest = hasher.map(Hasher::finish);
        if let Some(identity) = job.identity.filter(|_| self.remembered.len() < MAX_REMEMBERED) {
            self.remembered.insert(identity, digest);
        }
        let is_whole = self.judge_digest(&job.facts, digest, Some(seen.format));
        if self.selection.miners {
            self.judge_miner(&job.facts, &seen);
        }
        if self.selection.keys {
            self.judge_keys(&job.facts, is_whole, &seen.keys, &job.inner, job.cut.as_deref());
        }
    }

    /// Adds a finding unless there are too many.
    fn add(&mut self, check: u32, finding: Finding) {
        let found = self.findings.entry(check).or_default();
        if found.len() < MAX_FINDINGS {
            found.push(finding);
        } else if !self.overflowed.contains(&check) {
            self.overflowed.push(check);
        }
    }

    /// What was found.
    fn finish(self) -> Outcome {
        let mut troubles = self.packages.troubles.clone();
        troubles.extend(
            self.overflowed.iter().map(|check| format!("check {check}: more than {MAX_FINDINGS} findings")),
        );
        let mut findings: Vec<_> = self.findings.into_iter().collect();
        findings.sort_by_key(|(check, _)| *check);
        for (_, found) in &mut findings {
            found
                .sort_by(|left, right| (left.severity, &left.subject).cmp(&(right.severity, &right.subject)));
        }
        Outcome {
            findings,
            walk: WalkReport::default(),
            databases: self.packages.kinds.clone(),
            packages: self.packages.names.len(),
            compared: self.compared,
            hashed: self.hashed,
            troubles,
        }
    }
}

// Digests of several files go forward by whole blocks.
const _: () = assert!(CHUNK.is_multiple_of(128));
