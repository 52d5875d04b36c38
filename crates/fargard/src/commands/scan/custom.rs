//! Checks that users write, in `fargard scan rootfs` and `fargard scan image`.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use clap::ValueHint;
use fargard_image::{ContentId, FileEntry, Kind, Tree};
use fargard_model::{Container, Task, Timestamp, bounded};
use fargard_scan::{
    Target,
    custom::{self, CustomCheck, FileState, RootSources, Runner, Sources, Unanswered, Verdict, What},
};

use super::report::{Checked, Scan};
use crate::failure::BadInput;

/// Most bytes of a file of checks.
const MAX_FILE: usize = 4 << 20;
/// Most bytes of a file of an image that a check may ask for.
const MAX_CONTENT: u64 = 16 << 20;

/// Options that name checks of users.
#[derive(Debug, clap::Args)]
pub(super) struct CustomArgs {
    /// Also make the checks in this file (YAML; see docs/scan.md); may be given several times
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    custom: Vec<PathBuf>,
}

impl CustomArgs {
    /// Reads the files.
    pub(super) fn read(&self) -> anyhow::Result<Vec<CustomCheck>> {
        let mut all: Vec<CustomCheck> = Vec::new();
        for path in &self.custom {
            let name = path.display();
            let bad = |reason: String| BadInput::because(format!("{name}:{reason}"));
            let text = bounded::read_to_string(path, MAX_FILE)
                .map_err(|error| BadInput::because(format!("{name}: {error}")))?;
            let checks = custom::read(&text).map_err(|error| bad(error.to_string()))?;
            for check in &checks {
                if all.iter().any(|other| other.number == check.number) {
                    return Err(
                        bad(format!("{}: id {} is also in another file", check.at, check.number)).into()
                    );
                }
            }
            all.extend(checks);
        }
        Ok(all)
    }
}

/// Puts the results into a scan.
fn enter(scan: &mut Scan, check: &CustomCheck, verdict: Verdict) {
    let target = Target {
        id: format!("scan-check-{}", check.number),
        time: Timestamp::now(),
        task: &Task::default(),
        container: &Container::default(),
    };
    match check.result(verdict, target) {
        Ok((result, findings)) => scan.results.push(Checked { result, findings }),
        Err(reason) => {
            scan.not_assessed.insert(check.number, format!("{}: not run: {reason}", check.title));
        }
    }
}

/// Makes the checks of a directory. Scripts are run only where that was asked for.
pub(super) fn of_directory(
    scan: &mut Scan,
    checks: &[CustomCheck],
    directory: &Path,
    environment: Option<Vec<String>>,
    run_scripts: bool,
) -> anyhow::Result<()> {
    if checks.is_empty() {
        return Ok(());
    }
    let root = fargard_scan::confined::Root::open(directory)
        .map_err(|error| BadInput::because(format!("{}: {error}", directory.display())))?;
    let sources = RootSources::new(&root, environment);
    let has_scripts = checks.iter().any(|check| matches!(check.what, What::Script(_)));
    let runner = (run_scripts && has_scripts).then(|| Runner::new(directory));
    for check in checks {
        let verdict = match (&check.what, &runner) {
            (What::Script(_), Some(Ok(runner))) => runner.run(check),
            (What::Script(_), Some(Err(reason))) => Verdict::NotRun(reason.clone()),
            (What::Script(_), None) => Verdict::NotRun("scripts are run with --run-scripts only".to_owned()),
            _ => check.evaluate(&sources),
        };
        enter(scan, check, verdict);
    }
    Ok(())
}

/// Which files of layers checks ask for: the last parts of their paths, since directories may be links (`/bin`).
#[derive(Debug, Default)]
pub(super) struct Asked(Vec<Vec<u8>>);

impl Asked {
    pub(super) fn of(checks: &[CustomCheck]) -> Self {
        if checks.is_empty() {
            return Self::default();
        }
        let asked = checks.iter().flat_map(CustomCheck::paths).chain(["/etc/passwd", "/etc/group"]);
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().as_bytes().to_vec();
        Self(asked.map(name).collect())
    }

    /// Whether a file's content may be asked for.
    pub(super) fn wants(&self, file: &FileEntry<'_>) -> bool {
        let name = file.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        file.entry.size <= MAX_CONTENT && self.0.iter().any(|wanted| wanted == name)
    }
}

/// An image, asked for its files and variables.
struct ImageSources<'i> {
    tree: &'i Tree,
    contents: &'i HashMap<ContentId, &'i [u8]>,
    environment: &'i [String],
}

impl Sources for ImageSources<'_> {
    fn file(&self, path: &str) -> Result<Option<FileState>, Unanswered> {
        Ok(self.tree.resolve(path.as_bytes()).map(|entry| FileState {
            kind: match entry.kind() {
                Kind::File => custom::Kind::File,
                Kind::Directory => custom::Kind::Directory,
                _ => custom::Kind::Other,
            },
            mode: entry.mode().into(),
            uid: entry.uid(),
            gid: entry.gid(),
            size: entry.size(),
        }))
    }

    fn content(&self, path: &str, limit: u64) -> Result<Vec<u8>, Unanswered> {
        let failed = |reason: &str| Unanswered::Failed(format!("{path}: {reason}"));
        let entry = self.tree.resolve(path.as_bytes()).ok_or_else(|| failed("it is not there"))?;
        if entry.size() > limit {
            return Err(failed("it is too long"));
        }
        let kept = self.contents.get(&entry.content());
        kept.map(|bytes| bytes.to_vec())
            .ok_or_else(|| failed("its content was not kept: it is behind a link, or its layer was not read"))
    }

    fn environment(&self) -> Result<Vec<String>, Unanswered> {
        Ok(self.environment.to_vec())
    }
}

/// Makes the checks of an image whose layers were read.
pub(super) fn of_image(
    scan: &mut Scan,
    checks: &[CustomCheck],
    tree: &Tree,
    contents: &HashMap<ContentId, &[u8]>,
    environment: &[String],
    incomplete: Option<&str>,
) {
    let sources = ImageSources { tree, contents, environment };
    for check in checks {
        let verdict = match (check.evaluate(&sources), incomplete) {
            (Verdict::Pass, Some(reason)) => Verdict::Error(reason.to_owned()),
            (Verdict::NotRun(_), _) if matches!(check.what, What::Script(_)) => {
                Verdict::NotRun("nothing of an image is run".to_owned())
            }
            (verdict, _) => verdict,
        };
        enter(scan, check, verdict);
    }
}
