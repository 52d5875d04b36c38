//! Under what a workload runs: nothing, the sensor in its modes, strace, a plain tracer.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use fargard_model::bounded;

use super::workload::Bench;

/// System calls the default rules can need, as `strace` names them.
const CALLS: &str = "trace=execve,execveat,open,openat,openat2,creat,rename,renameat,renameat2,unlink,unlinkat,mkdir,\
                     mkdirat,rmdir,chmod,fchmod,fchmodat,chown,fchown,lchown,fchownat,link,linkat,symlink,symlinkat,\
                     connect,bind,listen,accept,accept4,sendto,sendmsg,setuid,setgid,setreuid,setregid,setresuid,\
                     setresgid,ptrace,mount,umount2,memfd_create,dup2,dup3,init_module,finit_module,unshare,setns,bpf";

/// One way to run a workload.
#[derive(Clone, Debug)]
pub(super) struct Variant {
    /// Its name in the report.
    pub(super) name: &'static str,
    prefix: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Variant {
    /// A command that runs a program under this variant, without standard input, in the repository's root.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        let all: Vec<&str> = self.prefix.iter().map(String::as_str).chain(words.iter().copied()).collect();
        let mut command = crate::shell::command(&all);
        // Detections are neither printed nor sent: what is measured is seeing and judging.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FARGARD_")) {
            command.env_remove(name);
        }
        // Cargo sets it for its own sake, and the loader of every program would search its directories.
        command.env_remove("LD_LIBRARY_PATH");
        command.env("FARGARD_PRINT", "none").env("FARGARD_DRAIN_SECONDS", "1");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The same with more variables.
    pub(super) fn with_environment(&self, more: &[(&str, &str)]) -> Self {
        let mut variant = self.clone();
        variant.environment.extend(more.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
        variant
    }

    /// Whether it runs the sensor.
    pub(super) fn is_sensor(&self) -> bool {
        self.name.starts_with("sensor")
    }
}

/// The variants of a comparison: the first baseline, everything else, the second baseline.
pub(super) fn all(sensor: &Path, rules: Option<&Path>, bench: &Bench) -> Result<Vec<Variant>> {
    let rules: Vec<(String, String)> = match rules {
        Some(directory) => vec![("FARGARD_RULES".to_owned(), rule_files(directory)?)],
        None => Vec::new(),
    };
    let run: Vec<String> = vec![sensor.to_string_lossy().into_owned(), "run".to_owned(), "--".to_owned()];
    let plain = |name| Variant { name, prefix: Vec::new(), environment: Vec::new() };
    let mut variants = vec![
        plain(BASELINES.0),
        Variant { name: "sensor, default", prefix: run.clone(), environment: rules.clone() },
        Variant { name: READS_TRAPPED, prefix: run, environment: rules }
            .with_environment(&[("FARGARD_READS", "trap")]),
    ];
    let strace = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", CALLS];
    if crate::shell::works(&["strace", "-V"]) {
        let prefix = strace.iter().map(|&word| word.to_owned()).collect();
        variants.push(Variant { name: "strace, same calls", prefix, environment: Vec::new() });
    }
    if let Some(tracer) = bench.tracer() {
        let prefix = vec![tracer.to_owned()];
        variants.push(Variant { name: "ptrace, entry and exit", prefix, environment: Vec::new() });
    }
    variants.push(plain(BASELINES.1));
    Ok(variants)
}

/// The sensor that stops every open.
pub(super) const READS_TRAPPED: &str = "sensor, reads trapped";

/// Names of the two runs without anything.
pub(super) const BASELINES: (&str, &str) = ("baseline A", "baseline B");

/// The rules files of a directory as the sensor takes them, separated by `:`. Files that use macros of others have
/// longer names of the same beginning, so the order is theirs.
fn rule_files(directory: &Path) -> Result<String> {
    let entries = directory.read_dir().with_context(|| format!("cannot list {}", directory.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path: PathBuf = entry.with_context(|| format!("cannot list {}", directory.display()))?.path();
        if path.extension().is_none_or(|ending| ending != "yaml") {
            continue;
        }
        let text = bounded::read_to_string(&path, 4 << 20)
            .with_context(|| format!("cannot read {}", path.display()))?;
        // Test files lie beside the rules; only files with rules are loaded.
        if text.lines().any(|line| line.starts_with("- rule:")) {
            files.push(path.to_string_lossy().into_owned());
        }
    }
    if files.is_empty() {
        bail!("{} holds no rules files", directory.display());
    }
    files.sort_by_key(|path| path.trim_end_matches(".yaml").to_owned());
    Ok(files.join(":"))
}

/// Runs a command that prints `elapsed_ns N` and gives the nanoseconds.
pub(super) fn elapsed(mut command: Command) -> Result<f64> {
    let shown = format!("{command:?}");
    let output = command.stderr(Stdio::piped()).output().with_context(|| format!("cannot run {shown}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let number =
        text.lines().find_map(|line| line.strip_prefix("elapsed_ns ")).and_then(|number| number.parse().ok());
    match number {
        Some(nanoseconds) if output.status.success() => Ok(nanoseconds),
        _ => bail!("{shown}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)),
    }
}
