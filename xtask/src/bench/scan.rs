//! `cargo xtask bench scan`: all checks of a root file system in one pass, next to programs that make one of them each.

use std::{path::PathBuf, time::Instant};

use anyhow::{Context, Result, bail};
use fargard_model::bounded;
use serde_json::{Value, json};

use super::{options::Options, report, statistics::Samples};
use crate::shell::{command, must, root};

const ROUNDS: usize = 3;

/// What is compared: a name and the command on a directory.
struct Contender {
    name: &'static str,
    words: Vec<String>,
    wall: Samples,
    processor: Samples,
}

/// Runs the benchmark.
pub(super) fn run(words: &[&str]) -> Result<bool> {
    let options = Options::parse(words, &["root", "rounds", "json"])?;
    must(&["cargo", "build", "--release", "-p", "fargard"])?;
    let directory = options.root.clone().unwrap_or_else(|| PathBuf::from("/usr"));
    let bytes = content_of(&directory)?;
    let rounds = options.rounds.unwrap_or(ROUNDS);
    let mut contenders = contenders(&directory);
    for round in 0..=rounds {
        for index in 0..contenders.len() {
            let turn = (index + round) % contenders.len();
            let Some(contender) = contenders.get_mut(turn) else { continue };
            report::progress(&format!("{}: round {round} of {rounds}", contender.name));
            let (wall, processor) = measure(&contender.words)?;
            // The first round fills the page cache.
            if round > 0 {
                contender.wall.push(wall);
                contender.processor.push(processor);
            }
        }
    }
    report::progress("");
    print(&directory, bytes, &contenders);
    if let Some(path) = &options.json {
        report::write_json(path, &document(&directory, bytes, rounds, &contenders))?;
    }
    Ok(true)
}

/// Our scan, and of the other programs those that are installed.
fn contenders(directory: &std::path::Path) -> Vec<Contender> {
    let directory = directory.to_string_lossy();
    let fargard = root().join("target/release/fargard").to_string_lossy().into_owned();
    let quoted = directory.replace('\'', r"'\''");
    let each_file = |command: &str| {
        let command =
            format!("find '{quoted}' -xdev -type f -print0 | xargs -0 -r {command} >/dev/null; true");
        vec!["sh".to_owned(), "-c".to_owned(), command]
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let database = format!("{}/var/lib/dpkg/status", directory.trim_end_matches('/'));
    let has_packages = std::path::Path::new(&database).exists();
    let mut all = vec![
        ("fargard: 48 425 426 448", words(&[&fargard, "scan", "rootfs", &directory])),
        ("fargard: 426 alone", words(&[&fargard, "scan", "rootfs", &directory, "--check", "426"])),
        ("find -xdev -type f", words(&["find", &directory, "-xdev", "-type", "f"])),
        ("grep a key's header", each_file("grep -lF 'PRIVATE KEY-----'")),
        ("grep stratum+", each_file("grep -lF stratum+")),
    ];
    if has_packages {
        let verify = format!("dpkg --root='{quoted}' --verify >/dev/null; true");
        all.push(("dpkg --verify", words(&["sh", "-c", &verify])));
        if crate::shell::works(&["debsums", "--version"]) {
            let sums = format!("debsums -r '{quoted}' -s >/dev/null 2>&1; true");
            all.push(("debsums", words(&["sh", "-c", &sums])));
        }
    }
    all.into_iter()
        .map(|(name, words)| Contender {
            name,
            words,
            wall: Samples::default(),
            processor: Samples::default(),
        })
        .collect()
}

/// Wall-clock and processor seconds of one run, with everything it started.
fn measure(words: &[String]) -> Result<(f64, f64)> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let before = children_seconds()?;
    let started = Instant::now();
    let output = command(&words).output().with_context(|| format!("cannot run {}", words.join(" ")))?;
    // A scan that finds something or cannot read everything still is a scan.
    if !output.status.success() && !matches!(output.status.code(), Some(1 | 3)) {
        bail!("{}: {}\n{}", words.join(" "), output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok((started.elapsed().as_secs_f64(), children_seconds()? - before))
}

/// Processor seconds of all children waited for: fields 16 and 17 of proc_pid_stat(5), in ticks of 10 ms.
fn children_seconds() -> Result<f64> {
    let text =
        bounded::read_to_string("/proc/self/stat".as_ref(), 4096).context("cannot read /proc/self/stat")?;
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let ticks: u32 =
        after_name.split_whitespace().skip(13).take(2).filter_map(|field| field.parse::<u32>().ok()).sum();
    Ok(f64::from(ticks) / 100.0)
}

/// Bytes of the regular files, as find prints them.
fn content_of(directory: &std::path::Path) -> Result<f64> {
    let text = crate::shell::output(&[
        "find",
        &directory.to_string_lossy(),
        "-xdev",
        "-type",
        "f",
        "-printf",
        "%s\n",
    ])?;
    Ok(text.lines().filter_map(|line| line.parse::<f64>().ok()).sum())
}

fn print(directory: &std::path::Path, bytes: f64, contenders: &[Contender]) {
    println!("\nScan of {}: {:.0} MB, page cache warm", directory.display(), bytes / 1e6);
    println!("  {:<26} {:>9} {:>9} {:>10} {:>8}", "", "wall", "CPU", "MB/CPU-s", "spread");
    for contender in contenders {
        let (wall, processor) = (contender.wall.median(), contender.processor.median());
        println!(
            "  {:<26} {wall:>7.2} s {processor:>7.2} s {:>10.0} {:>7.1}%",
            contender.name,
            bytes / 1e6 / processor,
            contender.processor.spread() * 100.0
        );
    }
}

fn document(directory: &std::path::Path, bytes: f64, rounds: usize, contenders: &[Contender]) -> Value {
    let rows: Vec<Value> = contenders
        .iter()
        .map(|contender| {
            json!({
                "name": contender.name,
                "wall_s": contender.wall.median(),
                "cpu_s": contender.processor.median(),
                "cpu_samples_s": contender.processor.values(),
            })
        })
        .collect();
    json!({"benchmark": "scan", "root": directory, "bytes": bytes, "rounds": rounds, "rows": rows})
}
