//! Events for tests.

use std::sync::Arc;

use fargard_model::{
    Arg, Container, Event, EventType, Fd, Outcome, Process, Source, Task, Timestamp, event::ArgValue,
    process::Derived,
};

/// An event of a shell's child in a container, as a sensor sees it at the call's entry.
pub(crate) fn event(kind: EventType) -> Event {
    let shell = Process {
        pid: 10,
        vpid: 10,
        ppid: 1,
        name: "sh".into(),
        exe: "/bin/sh".into(),
        exepath: "/bin/dash".into(),
        args: vec!["-c".into(), "run".into()],
        parent: Some(Arc::new(Process { pid: 1, name: "init".into(), ..Process::default() })),
        ..Process::default()
    };
    let process = Process {
        pid: 11,
        vpid: 11,
        ppid: 10,
        name: "app".into(),
        exe: "app".into(),
        exepath: "/srv/app".into(),
        exe_upper_layer: Some(false),
        started_at: 1_000,
        parent: Some(Arc::new(shell)),
        ..Process::default()
    };
    Event {
        num: 7,
        time: Timestamp(1_700_000_000_123_456_789),
        source: Source::Syscall,
        kind,
        tid: 11,
        process: Arc::new(process),
        args: Vec::new(),
        paths: Vec::new(),
        fd: None,
        outcome: Outcome::Attempt,
        evidence: fargard_model::Evidence::default(),
        task: Arc::new(Task { arn: "arn:aws:ecs:eu-west-1:1:task/prod/abc".into(), ..Task::default() }),
        container: Arc::new(Container {
            id: "abc-1".into(),
            name: "web".into(),
            image: "nginx:1.27".into(),
            ..Container::default()
        }),
    }
}

/// The event, changed step by step.
pub(crate) struct Made(pub(crate) Event);

pub(crate) fn made(kind: EventType) -> Made {
    Made(event(kind))
}

/// An open with these access bits and names of flags.
pub(crate) fn open(path: &str, bits: u64, names: &str) -> Made {
    let mut made = made(EventType::Openat).path("name", path).flags("flags", bits, names);
    made.0.fd =
        Some(Fd { num: -1, typechar: Some('f'), name: path.into(), nameraw: path.into(), ..Fd::default() });
    made
}

/// `touch`, or a redirection of a shell.
pub(crate) fn write(path: &str) -> Made {
    open(path, 0o101, "O_WRONLY|O_CREAT")
}

/// `cat`.
pub(crate) fn read(path: &str) -> Made {
    open(path, 0, "O_RDONLY")
}

/// A program started by a shell.
pub(crate) fn exec(path: &str, args: &[&str]) -> Made {
    let name: String = path.rsplit('/').next().unwrap_or(path).chars().take(15).collect();
    made(EventType::Execve).process(|process| {
        process.name = name;
        process.exe = path.to_owned();
        process.exepath = path.to_owned();
        process.args = args.iter().map(|arg| (*arg).to_owned()).collect();
    })
}

impl Made {
    pub(crate) fn process(mut self, change: impl FnOnce(&mut Process)) -> Self {
        let process = Arc::make_mut(&mut self.0.process);
        change(process);
        process.derived = Derived::default();
        self
    }

    pub(crate) fn by(self, name: &str) -> Self {
        let name = name.to_owned();
        self.process(|process| {
            process.exepath = format!("/usr/bin/{name}");
            process.exe.clone_from(&name);
            process.name = name;
        })
    }

    pub(crate) fn parent(self, name: &str) -> Self {
        let parent = Process { name: name.to_owned(), pid: 10, ..Process::default() };
        self.process(|process| process.parent = Some(Arc::new(parent)))
    }

    pub(crate) fn path(mut self, name: &str, path: &str) -> Self {
        self.0.args.push(Arg { name: name.to_owned().into(), value: ArgValue::Path(path.into()) });
        self.0.paths.push((name.to_owned().into(), path.into()));
        self
    }

    pub(crate) fn flags(mut self, name: &str, bits: u64, names: &str) -> Self {
        self.0.args.push(Arg {
            name: name.to_owned().into(),
            value: ArgValue::Flags(bits, names.to_owned().into()),
        });
        self
    }

    pub(crate) fn connection(mut self, local: Option<&str>, remote: Option<&str>) -> Self {
        let address = |text: &str| text.parse().unwrap();
        self.0.fd = Some(Fd {
            num: 3,
            typechar: Some('4'),
            local: local.map(address),
            remote: remote.map(address),
            l4proto: Some("tcp".into()),
            ..Fd::default()
        });
        self
    }

    pub(crate) fn result(mut self, code: i64) -> Self {
        self.0.outcome = Outcome::Confirmed(code);
        self
    }
}
