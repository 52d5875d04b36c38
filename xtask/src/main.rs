//! Daily commands of the repository: test, lint, the static sensor, benchmarks.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool for developers")]

mod bench;
mod counts;
mod fuzz;
mod house_rules;
mod lint;
mod sensor;
mod shell;
mod soak;
mod test;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  test               install what is missing (Debian), build, run all tests
  lint               formatting, clippy, cargo-deny where installed, house rules
  ci                 lint, then test
  sensor             build the static sensor and print its size
  bench              list the benchmarks
  bench NAME         run one; see `cargo xtask bench`
  soak               ordinary servers under the sensor for 10 minutes: nothing may fire (root)
  fuzz               run the fuzz targets; see `cargo xtask fuzz --help`

Exit codes: 0 all well, 1 something failed, 2 usage.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // A usage error repeats itself as its own cause.
        Err(error) if error.is::<lexopt::Error>() => {
            eprintln!("xtask: {error}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one command; `false` when something it checks failed.
fn run(arguments: &[String]) -> Result<bool> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test"] => test::run(),
        ["lint"] => lint::run(),
        ["ci"] => Ok(lint::run()? & test::run()?),
        ["sensor"] => sensor::run(),
        ["bench", rest @ ..] => bench::run(rest),
        ["soak", rest @ ..] => soak::run(rest),
        ["fuzz", rest @ ..] => fuzz::run(rest),
        [] | ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(true)
        }
        [unknown, ..] => {
            bail!(lexopt::Error::from(format!("unknown command or argument after {unknown:?}\n{USAGE}")))
        }
    }
}
