//! Running other programs from the repository's root.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// The repository's root directory.
pub(crate) fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}

/// A command that runs in the repository's root without standard input.
pub(crate) fn command(words: &[&str]) -> Command {
    let (program, arguments) = words.split_first().map_or(("true", &[][..]), |(first, rest)| (*first, rest));
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root()).stdin(Stdio::null());
    command
}

/// Runs a command, showing it and its output; `false` when it fails.
pub(crate) fn step(words: &[&str]) -> Result<bool> {
    println!("\n$ {}", words.join(" "));
    let status = command(words).status().with_context(|| cannot_run(words))?;
    Ok(status.success())
}

/// As [`step`], for what everything after it needs.
pub(crate) fn must(words: &[&str]) -> Result<()> {
    if !step(words)? {
        bail!("`{}` failed", words.join(" "));
    }
    Ok(())
}

/// Runs a command, shows its output and hands every line of it over; `false` when it fails. Output and errors
/// become one stream.
pub(crate) fn watch_lines(words: &[&str], mut each: impl FnMut(&str)) -> Result<bool> {
    println!("\n$ {}", words.join(" "));
    let (reader, writer) = std::io::pipe().context("cannot create a pipe")?;
    let mut command = command(words);
    command.stdout(writer.try_clone().context("cannot copy a pipe")?).stderr(writer);
    let mut child = command.spawn().with_context(|| cannot_run(words))?;
    // The command holds the pipe's writing ends; without it the stream ends with the child.
    drop(command);
    for line in BufReader::new(reader).split(b'\n') {
        let line = line.with_context(|| format!("cannot read the output of {}", words.join(" ")))?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        each(&line);
    }
    Ok(child.wait().with_context(|| cannot_run(words))?.success())
}

/// The standard output of a command that must succeed.
pub(crate) fn output(words: &[&str]) -> Result<String> {
    let output = command(words).stderr(Stdio::inherit()).output().with_context(|| cannot_run(words))?;
    if !output.status.success() {
        bail!("`{}` failed: {}", words.join(" "), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program runs with these arguments; for finding out what is installed.
pub(crate) fn works(words: &[&str]) -> bool {
    command(words).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn cannot_run(words: &[&str]) -> String {
    format!("cannot run `{}`", words.join(" "))
}
