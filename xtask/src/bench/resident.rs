//! Memory of the sensor's processes while a task does nothing.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result};
use fargard_model::bounded;

use super::{variant::Variant, workload::Bench};

/// Memory of one process, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resident {
    /// What it is called.
    pub(super) name: String,
    /// Resident set.
    pub(super) rss: u64,
    /// Resident set with shared pages divided among those who share them.
    pub(super) pss: u64,
}

/// Starts an idle task under a variant of the sensor and looks at the processes that run the sensor's file.
pub(super) fn measure(bench: &Bench, variant: &Variant, sensor: &Path) -> Result<Vec<Resident>> {
    let sensor = sensor.canonicalize().with_context(|| format!("cannot find {}", sensor.display()))?;
    let mut command = variant.command(&[bench.storm(), "wait"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot start the idle task")?;
    let mut first_line = String::new();
    if let Some(output) = child.stdout.take() {
        BufReader::new(output).read_line(&mut first_line).context("the idle task says nothing")?;
    }
    let found = processes_of(&sensor);
    drop(child.stdin.take());
    child.wait().context("cannot wait for the idle task")?;
    found
}

/// Every process that executes this file.
pub(super) fn processes_of(program: &Path) -> Result<Vec<Resident>> {
    let mut found = Vec::new();
    for entry in Path::new("/proc").read_dir().context("cannot list /proc")?.flatten() {
        let process: PathBuf = entry.path();
        if process.join("exe").read_link().is_ok_and(|exe| exe == program) {
            // It may end while it is looked at.
            let Ok(rollup) = bounded::read_to_string(&process.join("smaps_rollup"), 1 << 16) else {
                continue;
            };
            let name = bounded::read_to_string(&process.join("comm"), 64).unwrap_or_default();
            found.push(Resident {
                name: name.trim().to_owned(),
                rss: kilobytes(&rollup, "Rss:") * 1024,
                pss: kilobytes(&rollup, "Pss:") * 1024,
            });
        }
    }
    Ok(found)
}

/// The number of a line `Rss:   123 kB`; 0 when there is none.
fn kilobytes(rollup: &str, field: &str) -> u64 {
    let line = rollup.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|rest| rest.split_whitespace().next()).and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{kilobytes, processes_of};

    #[test]
    fn reads_what_the_kernel_prints() {
        let rollup = "5581e0 ---p 0 00:00 0 [rollup]\nRss:                1234 kB\nPss:                 600 kB\nPss_Dirty: 1 kB\n";
        assert_eq!(
            (kilobytes(rollup, "Rss:"), kilobytes(rollup, "Pss:"), kilobytes(rollup, "Swap:")),
            (1234, 600, 0)
        );
    }

    #[test]
    fn finds_this_very_process() {
        let own = std::env::current_exe().unwrap();
        assert!(processes_of(&own).unwrap().iter().any(|process| process.rss > process.pss / 2));
    }
}
