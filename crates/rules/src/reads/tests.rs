use std::sync::Arc;

use super::Reads;
use crate::{SourceFile, default_rules, load, ruleset::Ruleset};

fn rules(conditions: &[&str]) -> Arc<Ruleset> {
    let text: String = conditions
        .iter()
        .enumerate()
        .map(|(number, condition)| {
            format!("- rule: r{number}\n  desc: d\n  condition: >\n    {condition}\n  output: o\n  priority: INFO\n")
        })
        .collect();
    let report = load(&[SourceFile { name: "t".into(), text }]);
    assert!(report.ruleset.is_some(), "{:?}", report.diagnostics);
    Arc::new(report.ruleset.unwrap())
}

#[test]
fn a_condition_says_which_files_it_is_about() {
    for (condition, wanted, others) in [
        ("evt.type = openat and fd.name = /etc/shadow", "/etc/shadow", "/etc/passwd"),
        ("evt.type = open and evt.is_open_read = true and fd.directory = /k", "/k/a", "/k/b/a"),
        ("evt.type = openat2 and fd.filename endswith .pem and proc.name != nginx", "/x/a.pem", "/x/a.pub"),
        (
            "evt.type = openat and fd.name glob '/home/*/.ssh/id_*' and not fd.name endswith .pub",
            "/home/a/.ssh/id_1",
            "/home/a/.ssh/id_1.pub",
        ),
        (
            "evt.type in (open, openat) and fd.name startswith /etc and fd.nameraw contains ..",
            "/etc/hosts",
            "/var/x",
        ),
        ("evt.type = openat and (fd.name = /a or (proc.name = x and fd.name = /b))", "/b", "/c"),
        ("evt.type = openat and tolower(fd.filename) = secret", "/x/SECRET", "/x/y"),
        ("evt.type = openat and fs.path.name pmatch (/run/secrets)", "/run/secrets/a", "/run/a"),
    ] {
        let ruleset = rules(&[condition]);
        let mut reads = Reads::of(&ruleset);
        let rule = reads.rules().next().unwrap().clone();
        assert!(!rule.anywhere, "{condition}");
        assert_eq!(rule.beyond, None, "{condition}");
        assert_eq!(reads.wanting(wanted), [0], "{condition}");
        assert!(reads.wanting(others).is_empty(), "{condition}");
        assert_eq!(reads.wanting(wanted), [0], "asked again: {condition}");
    }
}

#[test]
fn what_files_cannot_show_is_named() {
    for (condition, anywhere, beyond) in [
        ("evt.type = openat and proc.name = x", true, None),
        ("evt.type = openat and not fd.name startswith /usr", true, None),
        ("evt.type = openat and (fd.name = /x or proc.name = y)", true, None),
        (
            "evt.type = openat and fd.name glob '/proc/*/environ' and not fd.name glob '/proc/self/*'",
            false,
            Some("/proc/*/environ"),
        ),
        ("evt.type = openat and fd.name startswith /sys/kernel", false, Some("/sys/kernel")),
        ("evt.type = openat and fd.directory in (/dev, /etc)", false, Some("/dev/*")),
        ("evt.type = openat and fd.name = /a and not fd.name startswith /proc", false, None),
        (
            "evt.type = openat and fd.type = directory and fd.name startswith /root",
            false,
            Some("directories"),
        ),
    ] {
        let ruleset = rules(&[condition]);
        let mut reads = Reads::of(&ruleset);
        let rule = reads.rules().next().unwrap().clone();
        assert_eq!((rule.anywhere, rule.beyond.as_deref()), (anywhere, beyond), "{condition}");
        if anywhere {
            assert!(reads.wanting("/a").is_empty(), "no file is watched for it: {condition}");
        }
    }
}

#[test]
fn rules_about_other_calls_want_no_file() {
    let ruleset = rules(&[
        "evt.type = openat and evt.is_open_write = true and fd.name = /x",
        "evt.type = execve and proc.name = x",
        "evt.type = openat and fd.typechar = '4'",
        "evt.type = unlink and fs.path.name = /x",
    ]);
    assert_eq!(Reads::of(&ruleset).rules().count(), 0);
}

/// A rule that matches an open for reading of a file wants that file, or says that it is about any.
#[test]
fn the_default_rules_want_files_with_secrets() {
    let ruleset = Arc::new(load(&default_rules()).ruleset.unwrap());
    let mut reads = Reads::of(&ruleset);
    let rules: Vec<_> =
        reads.rules().map(|rule| (rule.name.as_str(), rule.anywhere, rule.beyond.is_some())).collect();
    assert_eq!(
        rules,
        [("Credential file read", false, false), ("Environment of another process read", false, true)]
    );
    for path in ["/etc/shadow", "/root/.ssh/id_rsa", "/srv/keys/id_ed25519", "/home/app/.aws/credentials"] {
        assert_eq!(reads.wanting(path), [0], "{path}");
    }
    for path in ["/etc/passwd", "/root/.ssh/id_rsa.pub", "/usr/lib/libc.so.6", "/etc/ld.so.cache"] {
        assert!(reads.wanting(path).is_empty(), "{path}");
    }
}
