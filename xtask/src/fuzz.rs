//! `cargo xtask fuzz`: runs the fuzz targets of `fuzz/`, each with seeds from the repository and from the material
//! beside it, and keeps a small corpus that ordinary tests replay.

mod corpus;
mod own_work;
mod seeds;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail};
use fargard_model::bounded;

use crate::shell::{command, must, output, root, works};

const USAGE: &str = "\
Usage: cargo xtask fuzz [--minutes N] [--target T] [--sanitizer S]

Runs the fuzz targets for N minutes each (default 10), or only the target T, built with the sanitizer S (none, or
address, which is slower and also finds leaks). Stops at the first finding and names the input. Afterwards fuzz/corpus/T holds inputs of all sizes, chosen from the fewest that reach all that was reached.
Needs a nightly toolchain and `cargo install cargo-fuzz --locked`.";

/// Seconds one input may take, and megabytes it may need.
const TIMEOUT: u32 = 10;
const MEMORY: u32 = 2_048;
/// Longest log that is looked into.
const MAX_LOG: usize = 64 << 20;

/// What a run does.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    minutes: u64,
    target: Option<String>,
    /// As cargo-fuzz names it.
    sanitizer: String,
}

/// Runs the targets; `false` after a finding.
pub(crate) fn run(arguments: &[&str]) -> Result<bool> {
    let Some(options) = options(arguments)? else {
        println!("{USAGE}");
        return Ok(true);
    };
    let all = targets()?;
    let chosen: Vec<&String> =
        all.iter().filter(|name| options.target.as_ref().is_none_or(|wanted| wanted == *name)).collect();
    if chosen.is_empty() {
        bail!(lexopt::Error::from(format!("no such target; there are {}", all.join(", "))));
    }
    if !works(&["cargo", "+nightly", "fuzz", "--version"]) {
        bail!("cargo-fuzz or the nightly toolchain is missing\n{USAGE}");
    }
    must(&[
        "cargo",
        "+nightly",
        "fuzz",
        "build",
        "--fuzz-dir",
        "fuzz",
        "--sanitizer",
        &options.sanitizer,
        "--target-dir",
        "target/fuzz",
    ])?;
    for name in chosen {
        let target = Target::new(name)?;
        if !target.run(options.minutes)? {
            return Ok(false);
        }
        target.keep()?;
    }
    Ok(true)
}

fn options(arguments: &[&str]) -> Result<Option<Options>> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut options = Options { minutes: 10, target: None, sanitizer: "none".to_owned() };
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Long("minutes") => {
                options.minutes = lexopt::ValueExt::parse(&parser.value()?)?;
            }
            lexopt::Arg::Long("target") => options.target = Some(lexopt::ValueExt::string(parser.value()?)?),
            lexopt::Arg::Long("sanitizer") => options.sanitizer = sanitizer(&mut parser)?,
            lexopt::Arg::Long("help") | lexopt::Arg::Short('h') => return Ok(None),
            other => bail!(other.unexpected()),
        }
    }
    // To libFuzzer no time is all the time.
    options.minutes = options.minutes.max(1);
    Ok(Some(options))
}

fn sanitizer(parser: &mut lexopt::Parser) -> Result<String> {
    let name = lexopt::ValueExt::string(parser.value()?)?;
    if !["none", "address"].contains(&name.as_str()) {
        bail!(lexopt::Error::from(format!("no sanitizer {name:?}; use none or address")));
    }
    Ok(name)
}

/// Names of the targets.
fn targets() -> Result<Vec<String>> {
    let mut names: Vec<String> = files(&root().join("fuzz/fuzz_targets"))?
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

/// The files directly in a directory; none where there is no such directory.
fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read {}", directory.display()))?.path();
        if path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// A fuzz target with its directories.
#[derive(Debug)]
struct Target {
    name: String,
    program: PathBuf,
    /// Everything found so far, seeds included; not in the repository.
    work: PathBuf,
    artifacts: PathBuf,
    /// What is kept in the repository.
    corpus: PathBuf,
}

impl Target {
    fn new(name: &str) -> Result<Self> {
        let own = root().join("target/fuzz");
        let about = output(&["rustc", "+nightly", "-vV"])?;
        let host =
            about.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
        Ok(Self {
            name: name.to_owned(),
            program: own.join(host).join("release").join(name),
            work: own.join("corpus").join(name),
            artifacts: own.join("artifacts").join(name),
            corpus: root().join("fuzz/corpus").join(name),
        })
    }

    /// Longest input in bytes.
    fn max_len(&self) -> usize {
        match self.name.as_str() {
            "condition" | "network" => 4 << 10,
            "scap" => 64 << 10,
            _ => 16 << 10,
        }
    }

    /// Fuzzes; `false` after a finding.
    fn run(&self, minutes: u64) -> Result<bool> {
        for directory in [&self.work, &self.artifacts, &self.corpus] {
            fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        }
        let seeds = seeds::of(&self.name)?;
        for seed in seeds.own.iter().chain(&seeds.shared) {
            corpus::write(&self.work, seed.get(..self.max_len()).unwrap_or(seed))?;
        }
        let before = files(&self.artifacts)?;
        let log = root().join("target/fuzz").join(format!("{}.log", self.name));
        println!("\n{}: {minutes} minutes, log in {}", self.name, log.display());
        let mut words = vec![
            self.program.display().to_string(),
            self.work.display().to_string(),
            self.corpus.display().to_string(),
            format!("-max_total_time={}", minutes * 60),
            format!("-timeout={TIMEOUT}"),
            format!("-rss_limit_mb={MEMORY}"),
            format!("-max_len={}", self.max_len()),
            format!("-artifact_prefix={}/", self.artifacts.display()),
            "-print_final_stats=1".to_owned(),
        ];
        let dictionary = root().join("fuzz/dictionaries").join(format!("{}.dict", self.name));
        if dictionary.is_file() {
            words.push(format!("-dict={}", dictionary.display()));
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let status =
            command(&words).stdout(Stdio::null()).stderr(file).status().context("cannot start the target")?;
        let text = String::from_utf8_lossy(&bounded::read(&log, MAX_LOG)?).into_owned();
        if status.success() {
            text.lines().filter(|line| line.starts_with("Done ")).for_each(|line| println!("{line}"));
            return Ok(true);
        }
        for line in text.lines().filter(|line| line.contains("panicked at") || line.contains("ERROR")) {
            println!("{line}");
        }
        for found in files(&self.artifacts)?.iter().filter(|path| !before.contains(path)) {
            println!("finding: {}", found.display());
        }
        println!("mend it, and keep the input as fuzz/corpus/{}/regression-WHAT", self.name);
        Ok(false)
    }

    /// Puts inputs that reach what was reached into the repository.
    fn keep(&self) -> Result<()> {
        let seeds = seeds::of(&self.name)?;
        let shared = own_work::Shared::new(&[seeds.shared, seeds.foreign].concat());
        let scratch = root().join("target/fuzz/keep").join(&self.name);
        corpus::empty(&scratch)?;
        for path in files(&self.work)?.iter().chain(&files(&self.corpus)?) {
            let bytes = bounded::read(path, MAX_LOG)?;
            if !shared.has_part_of(&bytes) {
                corpus::write(&scratch, &bytes)?;
            }
        }
        let merged = root().join("target/fuzz/merged").join(&self.name);
        corpus::empty(&merged)?;
        let words = [
            &self.program.display().to_string(),
            "-set_cover_merge=1",
            &format!("-timeout={TIMEOUT}"),
            &format!("-rss_limit_mb={MEMORY}"),
            &merged.display().to_string(),
            &scratch.display().to_string(),
        ];
        let status = command(&words).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !status.context("cannot start the target")?.success() {
            bail!("merging the corpus of {} failed", self.name);
        }
        let kept = corpus::replace(&self.corpus, &merged)?;
        println!("{}: {kept} inputs kept in {}", self.name, self.corpus.display());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Options, options, targets};

    #[test]
    fn options_are_read() {
        let read = |words: &[&str]| options(words).map_err(|error| error.to_string());
        assert_eq!(read(&[]), Ok(Some(Options { minutes: 10, target: None, sanitizer: "none".to_owned() })));
        let all = Options { minutes: 3, target: Some("scap".to_owned()), sanitizer: "address".to_owned() };
        assert_eq!(read(&["--minutes", "3", "--target=scap", "--sanitizer=address"]), Ok(Some(all)));
        assert!(read(&["--sanitizer", "thread"]).is_err());
        assert_eq!(read(&["--help"]), Ok(None));
        assert!(read(&["--minutes", "x"]).is_err() && read(&["scap"]).is_err());
    }

    #[test]
    fn every_target_has_a_check_that_tests_can_run_too() {
        for name in targets().unwrap() {
            assert!(crate::shell::root().join(format!("fuzz/checks/{name}.rs")).is_file(), "{name}");
        }
    }
}
