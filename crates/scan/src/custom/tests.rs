use std::{collections::BTreeMap, fs, net::IpAddr, os::unix::fs::PermissionsExt, path::Path};

use fargard_model::{CheckStatus, Container, Priority, Task, Timestamp};

use super::{FileState, Kind, Listener, Process, RootSources, Runner, Sources, Unanswered, Verdict, read};
use crate::{Target, confined::Root};

const ALL: &str = r#"
checks:
- id: 9001
  title: The server's configuration is its own
  severity: high
  description: Nobody else may change it.
  remedy: chown it.
  tags: [PCI_DSS_2.2.6]
  all:
  - file: /etc/app.conf
    mode: 0640
    owner: app
    group: 7
    contains: [listen, "tls on"]
    lacks: debug
    line: user app
    sha256: 0000000000000000000000000000000000000000000000000000000000000000
  - {file: /etc/app.d, kind: directory, mode_at_most: "0755"}
  - {file: /etc/old.conf, exists: false}
- id: 9002
  title: The server runs as itself
  severity: critical
  all:
  - {process: /usr/sbin/app, user: app}
  - {process: telnetd, runs: false}
  - port: 8443
  - {port: 22, listens: false}
  - {port: 9000, listens: false, reachable: true}
  - {environment: MODE, equals: production}
  - {environment: DEBUG, set: false}
- id: 9003
  title: Some way in
  severity: low
  any:
  - {file: /a}
  - {file: /b}
- id: 9004
  title: A script
  severity: medium
  timeout: 5
  script: |
    #!/bin/sh
    exit 1
"#;

/// A made-up container.
#[derive(Default)]
struct Made {
    files: BTreeMap<String, (FileState, Vec<u8>)>,
    processes: Option<Vec<Process>>,
    listeners: Option<Vec<Listener>>,
    environment: Option<Vec<String>>,
}

impl Made {
    fn put(&mut self, path: &str, kind: Kind, mode: u32, ids: (u32, u32), content: &str) {
        let state = FileState { kind, mode, uid: ids.0, gid: ids.1, size: content.len() as u64 };
        self.files.insert(path.to_owned(), (state, content.as_bytes().to_vec()));
    }
}

fn nobody<T: Clone>(answer: Option<&T>) -> Result<T, Unanswered> {
    answer.cloned().ok_or_else(|| Unanswered::NotHere("nobody to ask".to_owned()))
}

impl Sources for Made {
    fn file(&self, path: &str) -> Result<Option<FileState>, Unanswered> {
        if path == "/b" {
            return Err(Unanswered::Failed("/b: Input/output error".to_owned()));
        }
        Ok(self.files.get(path).map(|(state, _)| *state))
    }

    fn content(&self, path: &str, _limit: u64) -> Result<Vec<u8>, Unanswered> {
        let file = self.files.get(path);
        file.map(|(_, content)| content.clone()).ok_or_else(|| Unanswered::Failed(format!("{path}: gone")))
    }

    fn processes(&self) -> Result<Vec<Process>, Unanswered> {
        nobody(self.processes.as_ref())
    }

    fn listeners(&self) -> Result<Vec<Listener>, Unanswered> {
        nobody(self.listeners.as_ref())
    }

    fn environment(&self) -> Result<Vec<String>, Unanswered> {
        nobody(self.environment.as_ref())
    }
}

fn reasons(verdict: Verdict) -> Vec<String> {
    match verdict {
        Verdict::Pass => Vec::new(),
        Verdict::Fail(found) => {
            found.into_iter().map(|found| format!("{}: {}", found.subject, found.reason)).collect()
        }
        Verdict::Error(reason) => vec![format!("error: {reason}")],
        Verdict::NotRun(reason) => vec![format!("not run: {reason}")],
    }
}

#[test]
fn everything_that_is_written_is_read() {
    let checks = read(ALL).unwrap();
    assert_eq!(checks.iter().map(|check| check.number).collect::<Vec<_>>(), [9001, 9002, 9003, 9004]);
    assert_eq!((checks[0].severity, checks[2].severity), (Priority::Error, Priority::Notice));
    assert_eq!(checks[0].tags, ["PCI_DSS_2.2.6"]);
    assert_eq!(checks[0].paths().collect::<Vec<_>>(), ["/etc/app.conf", "/etc/app.d", "/etc/old.conf"]);
    assert_eq!(checks[1].at.line, 20);
}

#[test]
fn mistakes_are_named_with_line_and_column() {
    let check = |body: &str| format!("checks:\n- id: 9001\n  title: t\n  severity: low\n{body}");
    let mut wrong = Vec::new();
    for (text, expected) in [
        (String::new(), "1:1: the file is empty"),
        ("a: 1\n".to_owned(), "1:1: the list \"checks\" is missing"),
        ("checks: 1\n".to_owned(), "1:9: checks must be a list"),
        ("checks: [\n".to_owned(), "not YAML"),
        ("checks:\n- id: 426\n  title: t\n".to_owned(), "2:7: id must be a number from 9000"),
        (
            "checks:\n- id: 9001\n  title: t\n  severity: bad\n".to_owned(),
            "4:13: \"bad\" is none of critical, high",
        ),
        (check(""), "2:3: a check has exactly one of all, any and script"),
        (check("  all: []\n"), "5:8: without a condition"),
        (check("  all:\n  - {fle: /a}\n"), "6:5: a condition begins with one of file"),
        (check("  all:\n  - {file: a}\n"), "6:12: file must be an absolute path"),
        (check("  all:\n  - {file: /a, mode: 0649}\n"), "6:22: mode is written in octal digits"),
        (
            check("  all:\n  - {file: /a, exist: true}\n"),
            "6:16: there is no member \"exist\" here; use file, exists",
        ),
        (check("  all:\n  - {file: /a, exists: false, mode: 0644}\n"), "6:5: a file that must not exist"),
        (check("  all:\n  - {file: /a, sha256: 00}\n"), "6:5: sha256 has 64"),
        (check("  all:\n  - {file: /a, contains: \"\"}\n"), "6:26: a text of contains is empty"),
        (check("  all:\n  - {port: 0}\n"), "6:12: \"0\" is no port"),
        (check("  all:\n  - {process: x, runs: yes}\n"), "6:24: runs must be true or false"),
        (check("  all: &a\n  - {file: /a}\n"), "anchors"),
        (check("  script: \"#!/usr/bin/awk -f\"\n"), "2:3: \"/usr/bin/awk\" is none of the interpreters"),
        (check("  timeout: 5\n  all:\n  - {file: /a}\n"), "5:12: only a script has a timeout"),
        (check("  script: exit\n  timeout: 0\n"), "6:12: timeout must be 1 to 600"),
        (
            check(
                "  all:\n  - {file: /a}\n- id: 9001\n  title: t\n  severity: low\n  all:\n  - {file: /a}\n",
            ),
            "7:3: id 9001 is already that of line 2",
        ),
        (check("  tags: [nope]\n  all:\n  - {file: /a}\n"), "tag \"nope\" names no standard"),
    ] {
        let error = read(&text).unwrap_err().to_string();
        if !error.contains(expected) {
            wrong.push(format!("{text}\n{error}\n{expected}"));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn files_processes_ports_and_variables_are_judged() {
    let checks = read(ALL).unwrap();
    let mut made = Made::default();
    made.put("/etc/passwd", Kind::File, 0o644, (0, 0), "root:x:0:0::/:\napp:x:1000:7::/:\n");
    made.put("/etc/app.conf", Kind::File, 0o644, (0, 7), "listen 1\ndebug\n");
    made.put("/etc/app.d", Kind::Directory, 0o775, (0, 0), "");
    made.put("/etc/old.conf", Kind::File, 0o644, (0, 0), "");
    assert_eq!(
        reasons(checks[0].evaluate(&made)),
        [
            "/etc/app.conf: its mode is 0644, not 0640; its owner is 0, not 1000; it lacks \"tls on\"; it has \"debug\"; \
             it has no line \"user app\"; its SHA-256 is another one",
            "/etc/app.d: its mode is 0775, which is more than 0755",
            "/etc/old.conf: it is there",
        ]
    );
    let good =
        ALL.replace(&"0".repeat(64), "7a4e1b4fd0ed37e4a0a80ee8ddc8e2e6a3a9f0e7d77a7ce0ac4ba8bb7ee6ec4e");
    let mut checks = read(&good).unwrap();
    made.put("/etc/app.conf", Kind::File, 0o640, (1000, 7), "listen 1\ntls on\n  user app  \n");
    made.put("/etc/app.d", Kind::Directory, 0o700, (0, 0), "");
    made.files.remove("/etc/old.conf");
    assert_eq!(reasons(checks[0].evaluate(&made)), ["/etc/app.conf: its SHA-256 is another one"]);
    if let super::What::All(conditions) = &mut checks[0].what
        && let super::Condition::File(file) = &mut conditions[0]
    {
        file.sha256 = None;
    }
    assert_eq!(checks[0].evaluate(&made), Verdict::Pass);

    assert_eq!(reasons(checks[1].evaluate(&made)), ["not run: nobody to ask"]);
    let process = |pid, name: &str, program: &str, uid| Process {
        pid,
        name: name.to_owned(),
        program: program.to_owned(),
        uid,
    };
    let listener =
        |port, address: &str| Listener { protocol: "tcp", port, address: address.parse::<IpAddr>().unwrap() };
    made.processes = Some(vec![process(1, "app", "/usr/sbin/app", 1000)]);
    made.listeners = Some(vec![listener(8443, "::"), listener(9000, "127.0.0.1")]);
    made.environment = Some(vec!["MODE=production".to_owned(), "DEBUGGER=1".to_owned()]);
    assert_eq!(checks[1].evaluate(&made), Verdict::Pass);
    made.processes = Some(vec![process(1, "app", "/usr/sbin/app", 0), process(9, "telnetd", "/x", 0)]);
    made.listeners = Some(vec![listener(22, "0.0.0.0"), listener(9000, "10.0.0.1")]);
    made.environment = Some(vec!["MODE=test".to_owned(), "DEBUG=".to_owned()]);
    assert_eq!(
        reasons(checks[1].evaluate(&made)),
        [
            "process /usr/sbin/app: process 1 runs as user 0",
            "process telnetd: it runs (process 9)",
            "port 8443/tcp: nobody listens",
            "port 22/tcp: somebody listens on 0.0.0.0",
            "port 9000/tcp: somebody listens on 10.0.0.1",
            "variable MODE: it has another value",
            "variable DEBUG: it is set",
        ]
    );
}

#[test]
fn what_has_no_answer_is_no_pass() {
    let checks = read(ALL).unwrap();
    let mut made = Made::default();
    // One of two ways is unknown: neither pass nor fail.
    assert_eq!(reasons(checks[2].evaluate(&made)), ["error: /b: Input/output error"]);
    made.put("/a", Kind::File, 0o644, (0, 0), "");
    assert_eq!(checks[2].evaluate(&made), Verdict::Pass);
    // A name that the container does not know.
    made.put("/etc/app.conf", Kind::File, 0o644, (0, 7), "");
    made.put("/etc/passwd", Kind::File, 0o644, (0, 0), "");
    made.put("/etc/app.d", Kind::Directory, 0o700, (0, 0), "");
    assert_eq!(reasons(checks[0].evaluate(&made)), ["error: /etc/passwd has no \"app\""]);
    let (task, container) = (Task::default(), Container::default());
    let target = || Target { id: "x".to_owned(), time: Timestamp(1), task: &task, container: &container };
    let status = |verdict| checks[0].result(verdict, target()).map(|(result, _)| result.status);
    assert_eq!(status(Verdict::Pass), Ok(CheckStatus::Passed));
    assert_eq!(status(Verdict::Fail(Vec::new())), Ok(CheckStatus::Failed));
    assert_eq!(status(Verdict::Error("x".to_owned())), Ok(CheckStatus::Error));
    assert_eq!(status(Verdict::NotRun("x".to_owned())), Err("x".to_owned()));
}

#[test]
fn directories_answer_and_links_do_not_lead_out() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    fs::create_dir(root.join("etc")).unwrap();
    fs::write(root.join("etc/app.conf"), "x\n").unwrap();
    fs::set_permissions(root.join("etc/app.conf"), fs::Permissions::from_mode(0o4750)).unwrap();
    std::os::unix::fs::symlink("/etc/app.conf", root.join("link")).unwrap();
    std::os::unix::fs::symlink("../../../etc/passwd", root.join("out")).unwrap();
    let opened = Root::open(root).unwrap();
    let sources = RootSources::new(&opened, None);
    let state = sources.file("/link").unwrap().unwrap();
    assert_eq!((state.kind, state.mode, state.size), (Kind::File, 0o4750, 2));
    assert_eq!(sources.file("/etc").unwrap().unwrap().kind, Kind::Directory);
    assert_eq!(sources.file("/out"), Ok(None));
    assert_eq!(sources.file("/etc/app.conf/x"), Ok(None));
    assert_eq!(sources.content("/link", 10).unwrap(), b"x\n");
    assert!(matches!(sources.content("/link", 1), Err(Unanswered::Failed(_))));
    assert!(matches!(sources.environment(), Err(Unanswered::NotHere(_))));
}

fn script(runner: &Runner, text: &str, timeout: u32) -> Vec<String> {
    let lines: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
    let file = format!(
        "checks:\n- id: 9001\n  title: t\n  severity: high\n  timeout: {timeout}\n  script: |\n{}\n",
        lines.join("\n")
    );
    reasons(runner.run(&read(&file).unwrap()[0]))
}

#[test]
fn scripts_pass_fail_err_and_are_not_run() {
    let runner = match Runner::new(Path::new("/")) {
        Ok(runner) => runner,
        Err(reason) => return eprintln!("skipped: {reason}"),
    };
    assert_eq!(script(&runner, "exit 0", 5), [""; 0]);
    assert_eq!(script(&runner, "echo mode is 777; exit 1", 5), ["the script: mode is 777"]);
    assert_eq!(script(&runner, "exit 1", 5), ["the script: it ended with 1 and said nothing"]);
    assert_eq!(script(&runner, "exit 3", 5), ["error: the script ended with 3, which is neither 0 nor 1: "]);
    assert_eq!(script(&runner, "sh -c 'kill -9 $$'; exit $?", 5).len(), 1);
    assert_eq!(script(&runner, "#!/no/such/bash\nexit 0", 5), ["not run: /no/such/bash is not in it"]);
    // It has no rights, cannot gain any, and has no network.
    let harmless = "test $(id -u) = 65534 && grep -q 'NoNewPrivs:.1' /proc/self/status && grep -q 'CapBnd' /proc/self/status \
                    && ! touch /fargard-was-here && exit 0\nexit 1";
    assert_eq!(script(&runner, harmless, 5), [""; 0]);
    assert!(!Path::new("/fargard-was-here").exists());
    assert_eq!(script(&runner, "#!/usr/bin/env python3\nimport sys\nsys.exit(1)", 10).len(), 1);
}

#[test]
fn scripts_are_ended_and_their_output_is_bounded() {
    let runner = match Runner::new(Path::new("/")) {
        Ok(runner) => runner,
        Err(reason) => return eprintln!("skipped: {reason}"),
    };
    let started = std::time::Instant::now();
    assert_eq!(script(&runner, "sleep 1000 & sleep 1000", 1), ["error: the script had not ended after 1 s"]);
    assert!(started.elapsed().as_secs() < 20);
    let flood = script(&runner, "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done", 1);
    assert_eq!(flood.len(), 1);
    let long = script(&runner, "head -c 300000 /dev/zero | tr '\\0' a; exit 1", 5);
    assert!(long[0].len() < 600, "{}", long[0].len());
}

#[test]
fn an_image_without_a_shell_runs_nothing() {
    let directory = tempfile::tempdir().unwrap();
    match Runner::new(directory.path()) {
        Ok(runner) => assert_eq!(script(&runner, "exit 0", 5), ["not run: /bin/sh is not in it"]),
        Err(reason) => eprintln!("skipped: {reason}"),
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[a-z0-9:{}\\[\\]\\-/ \n'\"&*!#]{0,120}") {
        let _ = read(&format!("checks:\n- id: 9001\n  title: t\n  severity: low\n{text}"));
        let _ = read(&text);
    }
}
