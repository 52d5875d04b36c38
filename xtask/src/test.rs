//! `cargo xtask test`: everything a fresh machine needs, then every test.

use std::path::Path;

use anyhow::{Context, Result};
use fargard_model::bounded;

use crate::{
    counts::{Counts, flaky_test},
    sensor,
    shell::{must, root, watch_lines, works},
};

/// Longest test report read.
const MAX_REPORT: usize = 256 << 20;

/// Sets up, builds, tests, and prints the counts last; `false` when a test failed.
pub(crate) fn run() -> Result<bool> {
    must(&["bash", "xtask/setup-debian.sh"])?;
    let browser = root().join("tests/browser");
    if browser.join("package.json").is_file() && !installed(&browser) {
        must(&["npm", "ci", "--no-audit", "--no-fund", "--prefix", "tests/browser"])?;
    }
    must(&["cargo", "build", "--workspace", "--bins"])?;
    if sensor::can_build() {
        sensor::build()?;
    } else {
        println!(
            "skipped: static sensor: its target is not installed (rustup target add {})",
            sensor::target()
        );
    }

    let mut flaky = Vec::new();
    let mut parts = vec![("unit, integration and end-to-end tests", workspace_tests(&mut flaky)?)];
    parts.push(("documentation tests", documentation_tests()?));
    println!();
    for test in &flaky {
        println!("flaky, passed only when tried again: {test}");
    }
    let mut total = Counts::default();
    for (name, counts) in parts {
        println!("{name}: {counts}");
        total.add(counts);
    }
    println!("{total}");
    Ok(total.failed == 0)
}

/// Whether the browser test's packages are installed as its lock file says.
fn installed(browser: &Path) -> bool {
    let modified = |name: &str| browser.join(name).metadata().and_then(|metadata| metadata.modified()).ok();
    match (modified("node_modules/.package-lock.json"), modified("package-lock.json")) {
        (Some(installed), Some(locked)) => installed >= locked,
        _ => false,
    }
}

/// All tests of the workspace but those in documentation; names those that passed only when tried again.
fn workspace_tests(flaky: &mut Vec<String>) -> Result<Counts> {
    let mut counts = Counts::default();
    let nextest = works(&["cargo", "nextest", "--version"]);
    let words: &[&str] = if nextest {
        &[
            "cargo",
            "nextest",
            "run",
            "--workspace",
            "--config-file",
            "xtask/nextest.toml",
            "--no-tests",
            "pass",
        ]
    } else {
        &["cargo", "test", "--workspace", "--all-targets", "--no-fail-fast"]
    };
    let well = watch_lines(words, |line| {
        counts.add_line(line);
        flaky.extend(flaky_test(line));
    })?;
    if !well && counts.failed == 0 {
        // It did not come as far as a summary: the build failed, or the runner did.
        counts.failed = 1;
    }
    if nextest {
        name_skipped()?;
    }
    Ok(counts)
}

/// Tests in the documentation of libraries.
fn documentation_tests() -> Result<Counts> {
    let mut counts = Counts::default();
    let words = ["cargo", "test", "--workspace", "--doc", "--no-fail-fast", "--quiet"];
    let well = watch_lines(&words, |line| counts.add_line(line))?;
    if !well && counts.failed == 0 {
        counts.failed = 1;
    }
    Ok(counts)
}

/// Prints what tests said they skipped; the runner hides the output of tests that pass.
fn name_skipped() -> Result<()> {
    let report = root().join("target/nextest/default/junit.xml");
    let text = bounded::read_to_string(&report, MAX_REPORT)
        .with_context(|| format!("cannot read the test report {}", report.display()))?;
    let mut skipped: Vec<&str> =
        text.lines().filter_map(|line| line.find("skipped: ").and_then(|at| line.get(at..))).collect();
    skipped.sort_unstable();
    skipped.dedup();
    for line in skipped {
        println!("{}", line.split("</").next().unwrap_or(line));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_setup_script_is_valid_shell() {
        assert!(crate::shell::step(&["bash", "-n", "xtask/setup-debian.sh"]).unwrap());
    }
}
