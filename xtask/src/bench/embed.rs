//! `cargo xtask bench embed`: task definitions a second, and the memory of many at once, next to programs that only
//! read JSON and write it again.

use std::{fmt::Write as _, fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{options::Options, report, statistics::Samples};
use crate::shell::{must, output, root, works};

const ROUNDS: usize = 5;
/// Definitions of a run.
const MANY: usize = 10_000;
/// Measures a command: python knows what its children took.
const RUNNER: &str = include_str!("embed.py");
/// What reads and writes JSON without doing anything with it.
const PYTHON: &str =
    "import json, sys\nfor name in sys.argv[1:]:\n    json.dumps(json.load(open(name)), indent=2)\n";

struct Contender {
    name: &'static str,
    words: Vec<String>,
    /// How many definitions it is given.
    files: usize,
    /// Whether it changes the files, which are then made anew.
    writes: bool,
    /// The exit code of success.
    code: i64,
    wall: Samples,
    processor: Samples,
    /// MiB.
    resident: Samples,
}

/// Runs the benchmark.
pub(super) fn run(words: &[&str]) -> Result<bool> {
    let options = Options::parse(words, &["program", "rounds", "json"])?;
    let program = match &options.program {
        Some(program) => program.clone(),
        None => {
            must(&["cargo", "build", "--release", "-p", "fargard"])?;
            root().join("target/release/fargard")
        }
    };
    if !works(&["python3", "--version"]) {
        bail!("python3 is not installed: it measures what the programs take, and is the baseline");
    }
    let place = Place::new()?;
    let bytes = place.write(MANY)?;
    let rounds = options.rounds.unwrap_or(ROUNDS);
    let mut contenders = contenders(&program.to_string_lossy());
    for round in 0..=rounds {
        for index in 0..contenders.len() {
            let turn = (index + round) % contenders.len();
            let Some(contender) = contenders.get_mut(turn) else { continue };
            report::progress(&format!("{}: round {round} of {rounds}", contender.name));
            let measured = measure(&place, contender)?;
            // The first round fills the page cache.
            if round > 0 {
                contender.add(&measured);
            }
            if contender.writes {
                place.write(MANY)?;
            }
        }
    }
    report::progress("");
    print(bytes, &contenders);
    if let Some(path) = &options.json {
        report::write_json(path, &document(bytes, rounds, &contenders))?;
    }
    Ok(true)
}

fn contenders(program: &str) -> Vec<Contender> {
    let embed = [program, "embed", "--sensor-image", "registry.example/sensor:1"];
    let contender = |name, words: &[&str], files, writes, code| Contender {
        name,
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        files,
        writes,
        code,
        wall: Samples::default(),
        processor: Samples::default(),
        resident: Samples::default(),
    };
    let mut all = vec![
        contender("fargard embed --check", &[&embed[..], &["--check"]].concat(), MANY, false, 1),
        contender("fargard embed --write", &[&embed[..], &["--write"]].concat(), MANY, true, 0),
        contender("fargard embed --check", &[&embed[..], &["--check"]].concat(), 1, false, 1),
        contender("python json load, dump", &["python3", "-c", PYTHON], MANY, false, 0),
        contender("python json load, dump", &["python3", "-c", PYTHON], 1, false, 0),
    ];
    if works(&["jq", "--version"]) {
        all.push(contender("jq .", &["jq", "."], MANY, false, 0));
    }
    all
}

/// Where the definitions are; goes with everything in it.
struct Place(PathBuf);

impl Place {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("fargard-bench-embed-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    fn file(&self, number: usize) -> PathBuf {
        self.0.join(format!("{number}.json"))
    }

    /// Writes so many definitions and gives their bytes.
    fn write(&self, many: usize) -> Result<usize> {
        let mut bytes = 0;
        for number in 0..many {
            let text = definition(number)?;
            bytes += text.len();
            let path = self.file(number);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(bytes)
    }

    /// A file with the names of the first so many.
    fn names(&self, many: usize) -> Result<PathBuf> {
        let path = self.0.join("names");
        let mut text = String::new();
        for number in 0..many {
            writeln!(text, "{}", self.file(number).display())?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What cannot be removed stays in the directory for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A definition as real ones are: most have one container and 1.5 kB, one in ten has four and some 6 kB.
fn definition(number: usize) -> Result<String> {
    let containers = if number % 10 == 9 { 4 } else { 1 };
    let container = |index: usize| {
        let variables: Vec<Value> = (0..8)
            .map(|at| json!({"name": format!("SETTING_{at}"), "value": format!("value-{number}-{index}-{at}")}))
            .collect();
        json!({
            "name": format!("app-{index}"),
            "image": format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app-{index}:{number}"),
            "essential": index == 0,
            "entryPoint": ["/usr/local/bin/entrypoint.sh"],
            "command": ["serve", "--port", "8080"],
            "portMappings": [{"containerPort": 8080, "protocol": "tcp"}],
            "environment": variables,
            "secrets": [{"name": "DATABASE", "valueFrom": "arn:aws:ssm:eu-west-1:123456789012:parameter/database"}],
            "logConfiguration": {"logDriver": "awslogs", "options": {
                "awslogs-group": "/ecs/app", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "ecs"}},
        })
    };
    let text = serde_json::to_string_pretty(&json!({
        "family": format!("family-{number}"),
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "1024",
        "memory": "2048",
        "executionRoleArn": "arn:aws:iam::123456789012:role/ecsTaskExecutionRole",
        "containerDefinitions": (0..containers).map(container).collect::<Vec<_>>(),
    }))?;
    Ok(format!("{text}\n"))
}

/// What one run took.
struct Measured {
    wall: f64,
    processor: f64,
    resident: f64,
}

fn measure(place: &Place, contender: &Contender) -> Result<Measured> {
    let names = place.names(contender.files)?;
    let runner = ["python3", "-c", RUNNER];
    let names = names.to_string_lossy();
    let words: Vec<&str> =
        runner.into_iter().chain([&*names]).chain(contender.words.iter().map(String::as_str)).collect();
    let said: Value = serde_json::from_str(&output(&words)?).context("the runner's answer is no JSON")?;
    let code = said.get("code").and_then(Value::as_i64);
    if code != Some(contender.code) {
        bail!("{} ended with {code:?}, not {}", contender.words.join(" "), contender.code);
    }
    let number = |name: &str| said.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN);
    Ok(Measured { wall: number("wall"), processor: number("cpu"), resident: number("kib") / 1024.0 })
}

impl Contender {
    fn add(&mut self, measured: &Measured) {
        self.wall.push(measured.wall);
        self.processor.push(measured.processor);
        self.resident.push(measured.resident);
    }

    /// Definitions a CPU second.
    fn rate(&self) -> f64 {
        f64::from(u32::try_from(self.files).unwrap_or(u32::MAX)) / self.processor.median()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few megabytes")]
fn print(bytes: usize, contenders: &[Contender]) {
    let kilobytes = bytes as f64 / MANY as f64 / 1e3;
    println!("\nEmbedding: {MANY} definitions of {kilobytes:.1} kB on average, page cache warm");
    println!(
        "  {:<24} {:>7} {:>9} {:>9} {:>9} {:>10} {:>8}",
        "", "files", "wall", "CPU", "a CPU-s", "resident", "spread"
    );
    for contender in contenders {
        println!(
            "  {:<24} {:>7} {:>7.2} s {:>7.2} s {:>9.0} {:>6.0} MiB {:>7.1}%",
            contender.name,
            contender.files,
            contender.wall.median(),
            contender.processor.median(),
            contender.rate(),
            contender.resident.median(),
            contender.processor.spread() * 100.0
        );
    }
}

fn document(bytes: usize, rounds: usize, contenders: &[Contender]) -> Value {
    let rows: Vec<Value> = contenders
        .iter()
        .map(|contender| {
            json!({
                "name": contender.name,
                "files": contender.files,
                "wall_s": contender.wall.median(),
                "cpu_s": contender.processor.median(),
                "cpu_samples_s": contender.processor.values(),
                "resident_mib": contender.resident.median(),
            })
        })
        .collect();
    json!({"benchmark": "embed", "definitions": MANY, "bytes": bytes, "rounds": rounds, "rows": rows})
}
