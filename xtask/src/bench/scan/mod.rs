//! `cargo xtask bench scan`: all checks of a root file system in one pass, and of an image, next to programs that make one of
//! them each.

mod fixture;

use std::{path::Path, time::Instant};

use anyhow::{Context, Result, bail};
use fargard_model::bounded;
use serde_json::{Value, json};

use self::fixture::Fixture;
use super::{options::Options, report, statistics::Samples};
use crate::shell::{command, must, root, works};

const ROUNDS: usize = 3;

/// Rules for yara: what our own check 426 looks for first.
const YARA: &str = r#"rule miner {
    strings: $a = "stratum+tcp://" $b = "stratum+ssl://" $c = "donate.v2.xmrig.com" $d = "randomx" nocase
        $e = "cryptonight" nocase $f = "mining.subscribe" $g = "kawpow" nocase $h = "donate-level"
    condition: uint32(0) == 0x464c457f and ($a or $b or $c or 4 of them) }
"#;

/// A file of this share of the root file system is given to those who would take more than an hour for all of it.
const SAMPLE: u32 = 100;

/// What is compared: a name and the command.
struct Contender {
    name: &'static str,
    words: Vec<String>,
    /// What it works on.
    of: Of,
    wall: Samples,
    processor: Samples,
    /// Largest resident set, MB.
    resident: Samples,
}

/// What a contender works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Root,
    /// Every hundredth file of it.
    Sample,
    Image,
    Large,
}

/// Runs the benchmark.
pub(super) fn run(words: &[&str]) -> Result<bool> {
    let options = Options::parse(words, &["root", "rounds", "json"])?;
    if !works(&["/usr/bin/time", "true"]) {
        bail!(
            "/usr/bin/time is needed; `bash xtask/setup-debian.sh` installs what tests and benchmarks need"
        );
    }
    must(&["cargo", "build", "--release", "-p", "fargard"])?;
    let fixture = fixture::make(options.root.as_deref())?;
    let bytes = content_of(&fixture.root)?;
    let rounds = options.rounds.unwrap_or(ROUNDS);
    let mut contenders = contenders(&fixture)?;
    for round in 0..=rounds {
        for index in 0..contenders.len() {
            let turn = (index + round) % contenders.len();
            let Some(contender) = contenders.get_mut(turn) else { continue };
            report::progress(&format!("{}: round {round} of {rounds}", contender.name));
            let (wall, processor, resident) = measure(&contender.words)?;
            // The first round fills the page cache.
            if round > 0 {
                contender.wall.push(wall);
                contender.processor.push(processor);
                contender.resident.push(resident);
            }
        }
    }
    report::progress("");
    print(&fixture, bytes, &contenders);
    if let Some(path) = &options.json {
        report::write_json(path, &document(&fixture, bytes, rounds, &contenders))?;
    }
    Ok(true)
}

/// Our scans, and of the other programs those that are installed.
fn contenders(fixture: &Fixture) -> Result<Vec<Contender>> {
    let directory = fixture.root.to_string_lossy();
    let fargard = root().join("target/release/fargard").to_string_lossy().into_owned();
    let quoted = directory.replace('\'', r"'\''");
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let shell =
        |command: String| vec!["sh".to_owned(), "-c".to_owned(), format!("{command} >/dev/null 2>&1; true")];
    let each_file =
        |command: &str| shell(format!("find '{quoted}' -xdev -type f -print0 | xargs -0 -r {command}"));
    let mut all = vec![
        ("fargard: 48 425 426 448", Of::Root, words(&[&fargard, "scan", "rootfs", &directory])),
        ("fargard: 426 alone", Of::Root, words(&[&fargard, "scan", "rootfs", &directory, "--check", "426"])),
        ("fargard: 448 alone", Of::Root, words(&[&fargard, "scan", "rootfs", &directory, "--check", "448"])),
        ("cat", Of::Root, each_file("cat")),
        ("grep a key's header", Of::Root, each_file("grep -lF 'PRIVATE KEY-----'")),
    ];
    let status = fixture.root.join("var/lib/dpkg/status");
    if status.exists() && works(&["dpkg", "--version"]) {
        all.push(("dpkg --verify", Of::Root, shell(format!("dpkg --root='{quoted}' --verify"))));
        if works(&["debsums", "--version"]) {
            all.push(("debsums", Of::Root, shell(format!("debsums -r '{quoted}' -s"))));
        }
    }
    if works(&["yara", "--version"]) {
        let rules = root().join("target/bench-scan.yar");
        std::fs::write(&rules, YARA).with_context(|| format!("cannot write {}", rules.display()))?;
        all.push((
            "yara, 1 rule",
            Of::Root,
            shell(format!("yara -r -N -p 1 '{}' '{quoted}'", rules.display())),
        ));
    }
    if works(&["kingfisher", "--version"]) {
        let command = format!("kingfisher scan '{quoted}' --no-validate --no-update-check");
        all.push(("kingfisher", Of::Root, shell(command)));
    }
    if works(&["detect-secrets", "--version"]) {
        let sample = format!(
            "find '{quoted}' -xdev -type f | sort | awk 'NR % {SAMPLE} == 0' | xargs -d '\\n' detect-secrets scan --all-files"
        );
        all.push(("detect-secrets, 1 in 100 files", Of::Sample, shell(sample)));
    }
    if let (Some(image), Some(layer)) = (&fixture.image, &fixture.layer) {
        let reference = format!("oci:{}", image.display());
        all.push(("fargard: the image", Of::Image, words(&[&fargard, "scan", "image", &reference])));
        all.push(("gzip -dc", Of::Image, shell(format!("gzip -dc '{}'", layer.display()))));
        if works(&["python3", "-c", "import zlib"]) {
            let script = format!(
                "import zlib\nd=zlib.decompressobj(31)\nf=open({:?},'rb')\nwhile True:\n b=f.read(1<<18)\n if not b: break\n d.decompress(b)",
                layer.to_string_lossy()
            );
            all.push(("zlib (python3)", Of::Image, words(&["python3", "-c", &script])));
        }
    }
    if let Some(large) = &fixture.large {
        let reference = format!("oci:{}", large.display());
        all.push(("fargard: 3,000,000 entries", Of::Large, words(&[&fargard, "scan", "image", &reference])));
    }
    let contender = |(name, of, words)| Contender {
        name,
        words,
        of,
        wall: Samples::default(),
        processor: Samples::default(),
        resident: Samples::default(),
    };
    Ok(all.into_iter().map(contender).collect())
}

/// Wall-clock and processor seconds of one run with everything it started, and the largest resident set of one of its
/// processes in MB.
fn measure(words: &[String]) -> Result<(f64, f64, f64)> {
    let place = root().join("target/bench-scan.time");
    let place = place.to_string_lossy();
    let all: Vec<&str> = ["/usr/bin/time", "-q", "-f", "%U %S %M", "-o", &place]
        .into_iter()
        .chain(words.iter().map(String::as_str))
        .collect();
    let started = Instant::now();
    let output = command(&all).output().with_context(|| format!("cannot run {}", words.join(" ")))?;
    let wall = started.elapsed().as_secs_f64();
    // A scan that finds something or cannot read everything still is a scan.
    if !output.status.success() && !matches!(output.status.code(), Some(1 | 3)) {
        bail!("{}: {}\n{}", words.join(" "), output.status, String::from_utf8_lossy(&output.stderr));
    }
    let text = bounded::read_to_string(Path::new(&*place), 4096).context("cannot read what time measured")?;
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    match numbers.as_slice() {
        [user, system, kilobytes] => Ok((wall, user + system, kilobytes / 1000.0)),
        _ => bail!("time printed {text:?}"),
    }
}

/// Bytes of the regular files, as find prints them.
fn content_of(directory: &Path) -> Result<f64> {
    let directory = directory.to_string_lossy();
    let text = crate::shell::output(&["find", &directory, "-xdev", "-type", "f", "-printf", "%s\n"])?;
    Ok(text.lines().filter_map(|line| line.parse::<f64>().ok()).sum())
}

fn print(fixture: &Fixture, bytes: f64, contenders: &[Contender]) {
    println!("\nScan of {}: {:.0} MB, page cache warm", fixture.root.display(), bytes / 1e6);
    println!("  {:<31} {:>9} {:>9} {:>9} {:>8}", "", "wall", "CPU", "resident", "spread");
    for contender in contenders {
        println!(
            "  {:<31} {:>7.2} s {:>7.2} s {:>6.0} MB {:>7.1}%",
            contender.name,
            contender.wall.median(),
            contender.processor.median(),
            contender.resident.median(),
            contender.processor.spread() * 100.0
        );
    }
    let of = |name: &str| contenders.iter().find(|contender| contender.name == name);
    if let Some(image) = of("fargard: the image") {
        for other in ["gzip -dc", "zlib (python3)"].into_iter().filter_map(of) {
            println!(
                "  the image takes {:.2} times the CPU time and {:.2} times the time of {}",
                image.processor.median() / other.processor.median(),
                image.wall.median() / other.wall.median(),
                other.name
            );
        }
    }
}

fn document(fixture: &Fixture, bytes: f64, rounds: usize, contenders: &[Contender]) -> Value {
    let rows: Vec<Value> = contenders
        .iter()
        .map(|contender| {
            json!({
                "name": contender.name,
                "of": format!("{:?}", contender.of),
                "wall_s": contender.wall.median(),
                "cpu_s": contender.processor.median(),
                "cpu_samples_s": contender.processor.values(),
                "resident_mb": contender.resident.median(),
            })
        })
        .collect();
    json!({"benchmark": "scan", "root": fixture.root, "bytes": bytes, "rounds": rounds, "rows": rows})
}
