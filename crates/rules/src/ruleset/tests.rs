use fargard_model::{EventType as E, Fd, Outcome, Priority, Trap};

use super::{Matching, Ruleset};
use crate::{
    SourceFile, load,
    testing::{Made, exec, made, open, read, write},
};

fn rules(text: &str) -> Ruleset {
    let report = load(&[SourceFile { name: "test.yaml".into(), text: text.into() }]);
    let said: Vec<String> = report.diagnostics.iter().map(ToString::to_string).collect();
    report.ruleset.unwrap_or_else(|| panic!("{}", said.join("\n")))
}

/// A rule of that condition, written as a literal block so that nothing needs quoting.
fn rule(name: &str, condition: &str) -> String {
    format!("- rule: {name}\n  desc: d\n  condition: |\n    {condition}\n  output: o\n  priority: INFO\n")
}

fn holds(condition: &str, event: &Made) -> bool {
    let mut found = Vec::new();
    rules(&rule("r", condition)).evaluate(&event.0, &mut found);
    !found.is_empty()
}

/// What is false for a field without a value, and true for its opposite.
#[test]
fn a_missing_value_makes_every_comparison_false() {
    let without = made(E::Setuid);
    let with = write("/etc/x");
    for (condition, on_missing, on_present) in [
        ("fd.name exists", false, true),
        ("not fd.name exists", true, false),
        ("fd.name = /etc/x", false, true),
        ("fd.name != /etc/x", false, false),
        ("not fd.name = /etc/x", true, false),
        ("fd.name != /dev/null", false, true),
        ("not fd.name != /dev/null", true, false),
        ("fd.name in (/etc/x)", false, true),
        ("not fd.name in (/etc/x)", true, false),
        ("fd.name in ()", false, false),
        ("fd.name startswith ''", false, true),
        ("fd.name contains ''", false, true),
        ("fd.name pmatch (/etc)", false, true),
        ("fd.name glob '*'", false, true),
        ("fd.name regex '.*'", false, true),
        ("fd.name regex 'etc'", false, false),
        ("fd.name != anyof (/a, /b)", false, true),
        ("fd.name != oneof (/etc/x, /b)", false, true),
        ("fd.name startswith allof (/, /etc)", false, true),
        ("tolower(fd.name) = /etc/x", false, true),
        ("len(fd.name) > 3", false, true),
        ("fd.name = val(fd.nameraw)", false, true),
        ("fd.name != val(fd.nameraw)", false, false),
        ("k8s.pod.name = x", false, false),
        ("not k8s.pod.name = x", true, true),
        ("join(\"-\", (fd.name, \"a\")) = /etc/x-a", false, true),
    ] {
        assert_eq!(holds(condition, &without), on_missing, "missing: {condition}");
        assert_eq!(holds(condition, &with), on_present, "present: {condition}");
    }
}

#[test]
fn values_of_each_type_compare() {
    let event = exec("/tmp/Cat", &["-n", "aGk="]).process(|process| process.tty = 3);
    for (condition, expected) in [
        ("proc.tty = 3", true),
        ("proc.tty = 0x3", true),
        ("proc.tty >= 4", false),
        ("proc.tty in (1, 3)", true),
        ("proc.is_exe_upper_layer = false", true),
        ("proc.is_exe_upper_layer in (true, false)", true),
        ("tolower(proc.name) = cat", true),
        ("toupper(proc.name) = CAT", true),
        ("basename(proc.exepath) = Cat", true),
        ("b64(proc.args[1]) = hi", true),
        ("concat(proc.name, \"!\") = Cat!", true),
        ("proc.name icontains CA", true),
        ("proc.cmdline = 'Cat -n aGk='", true),
        ("proc.pname = sh and proc.ppid = 10", true),
        ("proc.aname = init", true),
        ("proc.aname[1] = init", false),
        ("proc.aname[0] = Cat", true),
        ("proc.aname in (x, init)", true),
        ("proc.apid = 1", true),
        ("container.id != host and container.image.repository = nginx", true),
        ("evt.type in (execve) and evt.dir = <", true),
        ("evt.type != open", true),
    ] {
        assert_eq!(holds(condition, &event), expected, "{condition}");
    }
}

#[test]
fn either_end_of_a_connection_counts() {
    let event = made(E::Connect).connection(Some("10.0.0.2:5000"), Some("1.2.3.4:443"));
    for (condition, expected) in [
        ("fd.ip = 1.2.3.4", true),
        ("fd.ip = 10.0.0.2", true),
        ("fd.ip != 1.2.3.4", false),
        ("fd.ip != 9.9.9.9", true),
        ("fd.sip = 1.2.3.4 and fd.cip = 10.0.0.2", true),
        ("fd.port = https", true),
        ("fd.sport = 443 and fd.lport = 5000", true),
        ("fd.snet in (\"1.2.0.0/16\")", true),
        ("fd.net = 10.0.0.0/8", true),
        ("fd.net != 10.0.0.0/8", false),
        ("fd.snet = 0.0.0.0/0", true),
        ("fd.connected = true", false),
    ] {
        assert_eq!(holds(condition, &event), expected, "{condition}");
    }
    assert!(holds("fd.connected = true", &event.result(0)));
}

#[test]
fn what_does_not_go_together_is_refused() {
    for (condition, part) in [
        ("proc.nosuch = 1", "unknown field 'proc.nosuch'"),
        ("proc.tty = a", "'a' is not an integer"),
        ("proc.duration > 1.5", "'1.5' is not an integer"),
        ("proc.tty contains 1", "operator 'contains' is not supported for integer fields"),
        ("proc.is_exe_writable = yes", "neither true nor false"),
        ("fd.sip = 10.0.0.0/8", "is a network"),
        ("fd.sip = example.com", "not an IP address"),
        ("fd.snet = 10.0.0.0/33", "not a network"),
        ("fd.sport = nowhere", "neither a port number"),
        ("evt.type = nosuchcall", "unknown event type 'nosuchcall'"),
        ("proc.name bcontains 6a", "not supported for text fields"),
        ("proc.name regex '(?i)a'", "not POSIX"),
        ("proc.name regex val(proc.exe)", "takes no field on its right side"),
        ("proc.name = val(proc.pid)", "both must be of one type"),
        ("proc.name = val(proc.aname)", "several values"),
        ("tolower(proc.pid) = 1", "takes text"),
        ("no_such_macro", "undefined macro 'no_such_macro'"),
        ("proc.name in (a) and proc.name in nolist", "there is no list 'nolist'"),
    ] {
        let text = rule("r", condition);
        let report = load(&[SourceFile { name: "t.yaml".into(), text: text.clone() }]);
        let error = report.diagnostics.iter().find(|diagnostic| diagnostic.is_error());
        let error = error.unwrap_or_else(|| panic!("{condition} loads"));
        assert!(error.message.contains(part), "{condition}: {error}");
        assert_eq!(error.at.line, 4, "{condition}: {error}");
    }
}

#[test]
fn an_attempt_satisfies_what_asks_whether_an_open_worked() {
    let open_write =
        "evt.type in (open,openat,openat2) and evt.is_open_write=true and fd.typechar='f' and fd.num>=0";
    assert!(holds(open_write, &write("/x")));
    assert!(holds(open_write, &write("/x").result(3)));
    assert!(!holds(open_write, &write("/x").result(-13)));
    let mut bare = write("/x");
    bare.0.fd = None;
    assert!(holds(open_write, &bare) && holds("fd.name = /x", &bare));
    for condition in ["evt.rawres exists", "evt.res exists", "evt.failed exists", "fd.num <= 2"] {
        assert!(!holds(condition, &write("/x")), "{condition}");
    }
    assert!(holds("evt.res = EACCES and evt.rawres < 0 and evt.failed = true", &write("/x").result(-13)));
    // What is only expected is not shown.
    let ruleset =
        rules(&rule("r", open_write).replace("output: o", "output: n=%fd.num %5proc.name|%evt.res"));
    let detection = ruleset.detection(super::RuleId(0), &write("/x").0, "p", "h").unwrap();
    assert_eq!(detection.output, "n=<NA> app  |<NA>");
    assert!(detection.output_fields["fd.num"].is_null());
}

#[test]
fn arguments_come_resolved_and_flags_by_name() {
    let mut event = open("sub/x", 0o2, "O_RDWR|O_CLOEXEC");
    event.0.paths = vec![("name".into(), "/srv/sub/x".into())];
    for condition in [
        "evt.arg.name = /srv/sub/x",
        "evt.arg[0] = /srv/sub/x",
        "fs.path.name = /srv/sub/x and fs.path.nameraw = sub/x",
        "evt.arg.flags contains O_RDWR",
        "evt.args = 'name=sub/x(/srv/sub/x) flags=2(O_RDWR|O_CLOEXEC)'",
        "evt.is_open_read = true and evt.is_open_write = true",
        "not evt.arg.target exists",
    ] {
        assert!(holds(condition, &event), "{condition}");
    }
}

#[test]
fn lists_flatten_whole_and_exceptions_exclude() {
    let text = "\
- list: a
  items: [x1, x2]
- list: b
  items: [a, y]
- list: c
  items: [b, z]
- rule: r
  desc: d
  condition: evt.type = execve and proc.name in (c)
  output: o
  priority: INFO
  exceptions:
    - name: by_parent
      fields: [proc.name, proc.pname]
      comps: [=, in]
      values:
        - [y, [cron, init]]
    - name: names
      fields: proc.name
      values: [x2]
";
    let ruleset = rules(text);
    let mut found = Vec::new();
    for (event, expected) in [
        (exec("/bin/x1", &[]), 1),
        (exec("/bin/x2", &[]), 0),
        (exec("/bin/z", &[]), 1),
        (exec("/bin/y", &[]), 1),
        (exec("/bin/y", &[]).parent("cron"), 0),
    ] {
        ruleset.evaluate(&event.0, &mut found);
        assert_eq!(found.len(), expected, "{}", event.0.process.name);
    }
    insta::assert_snapshot!(ruleset.expanded_condition(super::RuleId(0)).unwrap());
}

#[test]
fn order_threshold_and_first() {
    let text = [rule("a", "evt.type = execve"), rule("b", "evt.type = execve and proc.name = sh")].concat();
    let mut ruleset = rules(&text.replacen("INFO", "ERROR", 1));
    let mut found = Vec::new();
    let event = exec("/bin/sh", &[]).0;
    let mut count = |ruleset: &Ruleset| {
        ruleset.evaluate(&event, &mut found);
        found.iter().map(|id| id.index()).collect::<Vec<_>>()
    };
    assert_eq!(count(&ruleset), [0, 1]);
    ruleset.set_matching(Matching::First);
    assert_eq!(count(&ruleset), [0]);
    ruleset.enable(false, |rule| rule.name == "a");
    assert_eq!(count(&ruleset), [1]);
    ruleset.set_minimum_priority(Priority::Error);
    assert!(count(&ruleset).is_empty());
}

#[test]
fn traps_follow_from_what_a_condition_can_be() {
    for (condition, expected) in [
        ("evt.type = openat and evt.is_open_write = true", vec![Trap::OpenWrite]),
        ("evt.type = openat and evt.is_open_read = true", vec![Trap::OpenWrite, Trap::OpenRead]),
        ("evt.type = openat and fd.name = /x", vec![Trap::OpenWrite, Trap::OpenRead]),
        ("evt.type = openat and not evt.is_open_write = false", vec![Trap::OpenWrite]),
        ("evt.type = openat and evt.arg.flags contains O_CREAT", vec![Trap::OpenWrite]),
        ("evt.type in (openat, connect) and fd.typechar = '4'", vec![Trap::Connect]),
        ("evt.type = creat and evt.is_open_read = true", vec![]),
        ("evt.type in (dup2, dup3) and fd.typechar = '4'", vec![Trap::DupStdio]),
        ("evt.type = socket and evt.arg.domain contains AF_PACKET", vec![Trap::RareSocket]),
        ("evt.type = socket and evt.arg.domain = AF_INET", vec![Trap::Socket]),
        ("evt.type in (accept, close)", vec![Trap::Accept]),
        ("evt.type = execve and k8s.pod.name = x", vec![]),
        ("evt.type = execve and evt.num = 0", vec![]),
        ("evt.type in (read, write)", vec![]),
        ("evt.is_open_write = true", vec![Trap::OpenWrite]),
        // What is no call needs none stopped.
        ("dns.question.name endswith .test", vec![]),
        ("evt.asynctype = dns_query and proc.name = sh", vec![]),
        ("evt.is_async = true and not dns.rcode = NOERROR", vec![]),
        (
            "not evt.type in (read)  and (evt.type = listen or evt.type = sendto)",
            vec![Trap::Listen, Trap::SendtoAddress],
        ),
    ] {
        let traps: Vec<_> = rules(&rule("r", condition)).traps().iter().map(|(trap, _)| trap).collect();
        assert_eq!(traps, expected, "{condition}");
    }
    assert!(rules(&rule("r", "evt.type = execve and proc.env contains LD_PRELOAD")).needs_env());
    assert!(!rules(&rule("r", "evt.type = execve and proc.name = a")).needs_env());
}

/// No event that a rule matches is of a class the rule did not ask for.
#[test]
fn traps_cover_every_match() {
    let ruleset = load(&crate::default_rules()).ruleset.unwrap();
    let traps = ruleset.traps();
    let mut found = Vec::new();
    for (event, trap) in [
        (write("/bin/x"), Trap::OpenWrite),
        (read("/etc/shadow"), Trap::OpenRead),
        (exec("/tmp/xmrig", &[]), Trap::Exec),
    ] {
        ruleset.evaluate(&event.0, &mut found);
        assert!(!found.is_empty());
        for id in &found {
            let name = &ruleset.rules()[id.index()].name;
            assert!(traps.iter().any(|(class, who)| class == trap && who.contains(name)), "{name}");
        }
    }
}

#[test]
fn official_macros_match_attempts() {
    let Some(text) = crate::shared::text("data/falco/falco_rules.yaml") else { return };
    let ruleset = rules(&text);
    let mut event = read("/etc/shadow").by("cat");
    event.0.fd = Some(Fd { num: -1, name: "/etc/shadow".into(), ..Fd::default() });
    assert_eq!(event.0.outcome, Outcome::Attempt);
    let mut found = Vec::new();
    ruleset.evaluate(&event.0, &mut found);
    let names: Vec<_> = found.iter().map(|id| ruleset.rules()[id.index()].name.as_str()).collect();
    assert_eq!(names, ["Read sensitive file untrusted"]);
}
