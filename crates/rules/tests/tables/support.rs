//! Tables of cases: `condition | event | verdict`, one a line.
//!
//! The verdict is `true`, `false`, or `refused: PART` with a part of the message.

#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::Arc;

use fargard_model::{
    Arg, Container, Event, EventType, ExeFile, Fd, Mount, Outcome, Process, Source, StdStream, Task,
    Timestamp, event::ArgValue,
};
use fargard_rules::{Ruleset, SourceFile, load};

/// The events that tables name.
pub(crate) fn event(name: &str) -> Event {
    match name {
        "open" => open("/tmp/file_to_run", "/tmp/file_to_run", 3),
        "failed" => open("missing", "/tmp/missing", -2),
        "attempt" => Event { outcome: Outcome::Attempt, ..open("/etc/shadow", "/etc/shadow", -1) },
        "deep" => open("/opt/dir/subdir/file.txt", "/opt/dir/subdir/file.txt", 4),
        "connect4" => connection("10.1.2.3:54321", "142.251.111.147:443"),
        "connect6" => connection("[2001:db8::1]:54321", "[2001:4860:4860::8888]:53"),
        "mapped" => connection("[::ffff:10.1.2.3]:1024", "[::ffff:192.0.2.7]:8080"),
        "receive" => receive(b"hello\x00\xffworld"),
        "exec" => exec(),
        "rename" => rename(),
        other => panic!("no event '{other}'"),
    }
}

fn base(kind: EventType) -> Event {
    let init = Process { pid: 1, vpid: 1, name: "init".into(), sid: 1, pgid: 1, ..Process::default() };
    let bash = Process {
        pid: 40,
        vpid: 40,
        ppid: 1,
        sid: 40,
        pgid: 40,
        name: "bash".into(),
        exe: "-bash".into(),
        exepath: "/usr/bin/bash".into(),
        args: vec!["--login".into()],
        env: vec!["TOKEN=from-bash".into()],
        started_at: 1_699_999_000_000_000_000,
        parent: Some(Arc::new(init)),
        ..Process::default()
    };
    let process = Process {
        pid: 50,
        vpid: 50,
        ppid: 40,
        sid: 40,
        pgid: 50,
        name: "myexe".into(),
        exe: "./myexe".into(),
        exepath: "/opt/My App/myexe".into(),
        args: vec!["-n".into(), "-t".into(), "value".into(), "rest".into()],
        env: vec!["HOME=/root".into(), "EMPTY=".into()],
        cwd: "/opt".into(),
        tty: 34_816,
        uid: 1000,
        euid: 0,
        gid: 7,
        user: "root".into(),
        group: "lp".into(),
        home: "/root".into(),
        shell: "/bin/ash".into(),
        started_at: 1_700_000_000_000_000_000,
        cap_effective: 0b11,
        cap_permitted: 1 << 21,
        cap_inheritable: Some(0),
        exe_upper_layer: Some(true),
        exe_file: Some(ExeFile { inode: 77, ctime: 1_699_999_999_000_000_000, mtime: 5 }),
        stdio: vec![
            StdStream { typechar: Some('4'), name: "10.0.0.1:1->10.0.0.2:2".into() },
            StdStream { typechar: Some('f'), name: "/dev/null".into() },
        ],
        parent: Some(Arc::new(bash)),
        ..Process::default()
    };
    Event {
        num: 42,
        time: Timestamp(1_700_000_001_000_000_005),
        source: Source::Syscall,
        kind,
        tid: 50,
        process: Arc::new(process),
        args: Vec::new(),
        paths: Vec::new(),
        fd: None,
        outcome: Outcome::Confirmed(0),
        evidence: fargard_model::Evidence::default(),
        task: Arc::new(Task {
            arn: "arn:aws:ecs:eu-west-1:111122223333:task/prod/abc".into(),
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            cluster: "prod".into(),
            family: "web".into(),
            revision: "9".into(),
            launch_type: "FARGATE".into(),
            ..Task::default()
        }),
        container: Arc::new(Container {
            id: "abc-123".into(),
            name: "nginx".into(),
            image: "registry:5000/team/nginx:1.27".into(),
            started_at: 1_699_999_998_000_000_000,
            labels: [("app".to_owned(), "shop".to_owned()), ("empty".to_owned(), String::new())].into(),
            mounts: Some(vec![
                Mount {
                    source: "/var/lib/data".into(),
                    destination: "/data".into(),
                    writable: true,
                    ..mount()
                },
                Mount { source: "/proc/sys".into(), destination: "/host/proc".into(), ..mount() },
            ]),
            ..Container::default()
        }),
    }
}

fn mount() -> Mount {
    Mount { mode: "ro".into(), propagation: "rprivate".into(), ..Mount::default() }
}

fn arg(name: &str, value: ArgValue) -> Arg {
    Arg { name: name.to_owned().into(), value }
}

fn open(raw: &str, path: &str, result: i64) -> Event {
    let fd = Fd {
        num: result.max(-1),
        typechar: Some('f'),
        name: path.into(),
        nameraw: raw.into(),
        dev: Some(8 << 20 | 254),
        ino: Some(1234),
        ..Fd::default()
    };
    Event {
        args: vec![
            arg("dirfd", ArgValue::Int(-100)),
            arg("name", ArgValue::Path(raw.into())),
            arg("flags", ArgValue::Flags(0o102, "O_CREAT|O_RDWR".into())),
            arg("mode", ArgValue::Text("0755".into())),
        ],
        paths: vec![("name".into(), path.into())],
        fd: Some(fd),
        outcome: Outcome::Confirmed(result),
        ..base(EventType::Openat)
    }
}

fn connection(local: &str, remote: &str) -> Event {
    let fd = Fd {
        num: 9,
        typechar: Some(if local.starts_with('[') { '6' } else { '4' }),
        name: format!("{local}->{remote}"),
        local: Some(local.parse().unwrap()),
        remote: Some(remote.parse().unwrap()),
        client: Some(true),
        l4proto: Some("tcp".into()),
        ..Fd::default()
    };
    Event { fd: Some(fd), ..base(EventType::Connect) }
}

fn receive(data: &[u8]) -> Event {
    let length = i64::try_from(data.len()).unwrap();
    Event {
        args: vec![arg("data", ArgValue::Bytes(data.to_vec()))],
        outcome: Outcome::Confirmed(length),
        kind: EventType::Recvfrom,
        ..connection("10.0.0.1:1", "10.0.0.2:2")
    }
}

fn exec() -> Event {
    Event { args: vec![arg("exe", ArgValue::Text("./myexe".into()))], ..base(EventType::Execve) }
}

fn rename() -> Event {
    Event {
        args: vec![
            arg("oldpath", ArgValue::Path("a".into())),
            arg("newpath", ArgValue::Path("/etc/b".into())),
        ],
        paths: vec![("oldpath".into(), "/opt/a".into()), ("newpath".into(), "/etc/b".into())],
        ..base(EventType::Renameat2)
    }
}

/// A rule of that condition and output.
pub(crate) fn rule(condition: &str, output: &str) -> SourceFile {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let text = format!(
        "- rule: r\n  desc: d\n  condition: {}\n  output: {}\n  priority: INFO\n  warn_evttypes: false\n",
        quoted(condition),
        quoted(output)
    );
    SourceFile { name: "table.yaml".into(), text }
}

/// Loads it; the messages of its errors when it is refused.
pub(crate) fn ruleset(condition: &str, output: &str) -> Result<Ruleset, String> {
    let loaded = load(&[rule(condition, output)]);
    let errors: Vec<String> = loaded
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.is_error())
        .map(|diagnostic| diagnostic.message.clone())
        .collect();
    loaded.ruleset.ok_or_else(|| errors.join("; "))
}

/// Whether a condition holds for an event.
pub(crate) fn holds(condition: &str, event: &Event) -> Result<bool, String> {
    let ruleset = ruleset(condition, "o")?;
    let mut matches = Vec::new();
    ruleset.evaluate(event, &mut matches);
    Ok(!matches.is_empty())
}

/// Checks every line of a table; how many there were.
pub(crate) fn check(table: &str) -> usize {
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut parts = line.rsplitn(3, " | ");
        let (Some(verdict), Some(name), Some(condition)) = (parts.next(), parts.next(), parts.next()) else {
            panic!("not 'condition | event | verdict': {line}");
        };
        count += 1;
        let found = holds(condition.trim(), &event(name.trim()));
        let fits = match verdict.trim().strip_prefix("refused: ") {
            Some(part) => found.as_ref().is_err_and(|message| message.contains(part)),
            None => found.as_ref().is_ok_and(|truth| truth.to_string() == verdict.trim()),
        };
        if !fits {
            wrong.push(format!("{line}\n    found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {count} cases are wrong:\n{}", wrong.len(), wrong.join("\n"));
    count
}
