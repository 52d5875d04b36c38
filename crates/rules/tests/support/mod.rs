//! Rules and events for tests of the engine.
#![allow(dead_code, reason = "each test program uses its part")]

use std::{fs::File, path::PathBuf, sync::Arc};

use fargard_cloudtrail::Reader;
use fargard_model::{
    Arg, Container, Event, EventType, Fd, Outcome, Process, Source, Task, Timestamp, bounded, event::ArgValue,
};
use fargard_rules::{Record, Ruleset, SourceFile, load};
use fargard_scap::{Capture, decompressed};

/// The directory named by `FARGARD_SHARED`, or `../shared` beside the repository; `None`, with a message, when the
/// path in it is not there.
fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("FARGARD_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let full = root.join(path);
    if !full.exists() {
        eprintln!("skipped: no {}", full.display());
        return None;
    }
    Some(full)
}

fn loaded(files: &[SourceFile]) -> Ruleset {
    let report = load(files);
    let said: Vec<String> = report.diagnostics.iter().map(ToString::to_string).collect();
    report.ruleset.unwrap_or_else(|| panic!("{}", said.join("\n")))
}

/// Rules of these conditions; the first has an exception by name of the process.
pub(crate) fn rules(conditions: &[String], excepted: Option<&str>) -> Ruleset {
    let mut text = String::new();
    for (number, condition) in conditions.iter().enumerate() {
        text.push_str(&format!(
            "- rule: r{number}\n  desc: d\n  condition: |\n    {condition}\n  output: o\n  priority: INFO\n"
        ));
        if let Some(name) = excepted.filter(|_| number == 0) {
            text.push_str(&format!(
                "  exceptions:\n    - name: e\n      fields: proc.name\n      values: [{name}]\n"
            ));
        }
    }
    loaded(&[SourceFile { name: "t.yaml".into(), text }])
}

fn source_file(name: &str) -> Option<SourceFile> {
    let path = shared(&format!("data/falco/{name}"))?;
    Some(SourceFile { name: name.into(), text: bounded::read_to_string(&path, 16 << 20).unwrap() })
}

/// Falco's 93 rules for calls, those that are off included.
pub(crate) fn official() -> Option<Ruleset> {
    let names = ["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"];
    let files: Vec<SourceFile> = names.into_iter().map(source_file).collect::<Option<_>>()?;
    let mut ruleset = loaded(&files);
    ruleset.enable(true, |_| true);
    Some(ruleset)
}

/// Events of a capture, at most so many.
pub(crate) fn capture(path: &str, most: usize) -> Option<Vec<Event>> {
    let input = decompressed(File::open(shared(path)?).unwrap()).unwrap();
    Some(Capture::new(input).take(most).collect::<Result<_, _>>().unwrap())
}

/// The bench's mixes.
pub(crate) const MIXES: [&str; 4] = ["s_mixed", "s_open", "s_exec", "s_net"];

/// Events of every capture, of the long ones their beginning.
pub(crate) fn captures() -> impl Iterator<Item = Event> {
    let short = ["cat_write", "connect_localhost", "empty", "open-multiple-files", "syscall"];
    let short = short.into_iter().map(|name| format!("data/falco/captures/{name}.scap"));
    let long = MIXES.into_iter().map(|name| format!("data/falco/bench/{name}.scap.zst"));
    short.chain(long).filter_map(|path| capture(&path, 20_000)).flatten()
}

/// The rules for CloudTrail, and all records.
pub(crate) fn records() -> Option<(Ruleset, Vec<Record>)> {
    let rules = loaded(&[source_file("aws_cloudtrail_rules.yaml")?]);
    let paths = [shared("data/cloudtrail/invictus-ir")?, shared("data/cloudtrail/stratus-red-team")?];
    Some((rules, Reader::open(&paths).unwrap().map(Result::unwrap).collect()))
}

/// What a generated event is made of.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) path: &'static str,
    pub(crate) kind: EventType,
    pub(crate) name: &'static str,
    pub(crate) typechar: Option<char>,
    /// Access mode of an open.
    pub(crate) access: u64,
    pub(crate) outcome: Outcome,
    /// Creates the file; in a container; has a descriptor; has a connection.
    pub(crate) flags: [bool; 4],
}

impl Default for Change {
    fn default() -> Self {
        Self {
            path: "/etc/x",
            kind: EventType::Openat,
            name: "app",
            typechar: Some('f'),
            access: 0,
            outcome: Outcome::Attempt,
            flags: [false, true, true, false],
        }
    }
}

/// The event.
pub(crate) fn changed(change: &Change) -> Event {
    let [creates, contained, has_fd, connected] = change.flags;
    let init = Process { pid: 1, name: "init".into(), ..Process::default() };
    let shell = Process {
        pid: 10,
        name: "sh".into(),
        args: vec!["-c".into(), "x".into()],
        parent: Some(Arc::new(init)),
        ..Process::default()
    };
    let process = Process {
        pid: 11,
        name: change.name.into(),
        exepath: format!("/bin/{}", change.name),
        args: vec!["x".into(), "/etc/passwd".into()],
        parent: Some(Arc::new(shell)),
        ..Process::default()
    };
    let bits = change.access | if creates { 0o100 } else { 0 };
    let names = if creates { "O_RDWR|O_CREAT" } else { "O_RDONLY" };
    let fd = Fd {
        num: 3,
        typechar: change.typechar,
        name: change.path.into(),
        nameraw: change.path.trim_start_matches('/').into(),
        local: connected.then(|| "10.0.0.2:5000".parse().unwrap()),
        remote: connected.then(|| "1.2.3.4:443".parse().unwrap()),
        l4proto: connected.then(|| "tcp".into()),
        ..Fd::default()
    };
    Event {
        num: 7,
        time: Timestamp(1_700_000_000_000_000_000),
        source: Source::Syscall,
        kind: change.kind,
        tid: 11,
        process: Arc::new(process),
        args: vec![
            Arg { name: "name".into(), value: ArgValue::Path(change.path.into()) },
            Arg { name: "flags".into(), value: ArgValue::Flags(bits, names.to_owned().into()) },
        ],
        paths: vec![("name".into(), change.path.into())],
        fd: has_fd.then_some(fd),
        outcome: change.outcome,
        evidence: fargard_model::Evidence::default(),
        task: Arc::new(Task::default()),
        container: Arc::new(Container {
            id: if contained { "abc".into() } else { String::new() },
            ..Container::default()
        }),
    }
}

/// An event as a sensor sees it: what an open opens is no connection.
pub(crate) fn is_plausible(event: &Event) -> bool {
    let is_socket = |fd: &Fd| fd.typechar == Some('4') || fd.remote.is_some();
    !(event.kind.is_open() && event.fd.as_ref().is_some_and(is_socket))
}
