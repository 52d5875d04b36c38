use super::{Report, run};
use crate::{SourceFile, load};

const RULES: &str = "
- list: readers
  items: [cat, less]
- rule: Shadow read
  desc: d
  condition: >
    evt.type in (open, openat) and evt.is_open_read = true
    and (fd.name = /etc/shadow or fd.name startswith /etc/sudoers)
    and proc.name in (readers) and not proc.pname = init and evt.num != 0
  output: o
  priority: INFO
- rule: Any open
  desc: d
  condition: evt.type = openat
  output: o
  priority: INFO
  enabled: false
- sequence: Read, then connected
  desc: d
  priority: INFO
  by: proc.vpid
  within: 10s
  steps: [Shadow read, {condition: evt.type = connect}]
  output: o
- rule: Bucket opened
  desc: d
  source: aws_cloudtrail
  condition: ct.name = PutBucketAcl and ct.error exists
  output: o
  priority: INFO
";

fn report(tests: &str) -> Report {
    let file = |name: &str, text: &str| SourceFile { name: name.into(), text: text.into() };
    let loaded = load(&[file("rules.yaml", RULES), file("tests.yaml", tests)]);
    let said: Vec<_> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    run(loaded.ruleset.unwrap_or_else(|| panic!("{}", said.join("\n"))), &loaded.tests)
}

#[test]
fn rules_are_expected_exactly() {
    for (test, failures) in [
        ("expect: [Shadow read]\n  events: [{evt.type: openat, fd.name: /etc/shadow, proc.name: cat}]", 0),
        ("expect: Shadow read\n  events: [{evt.type: openat, fd.name: /etc/shadow, proc.name: cat}]", 0),
        ("expect: []\n  events: [{evt.type: openat, fd.name: /etc/shadow, proc.name: cat}]", 1),
        ("expect: [Shadow read]\n  events: [{evt.type: openat, fd.name: /etc/shadow, proc.name: dog}]", 1),
        // A rule that is disabled is looked at only where it is named.
        ("expect: [Any open]\n  events: [{evt.type: openat, fd.name: /x}]", 0),
        ("expect: []\n  events: [{evt.type: openat, fd.name: /x}]", 0),
        ("expect: []\n  rules: [Any open]\n  events: [{evt.type: openat, fd.name: /x}]", 1),
        (
            "expect: []\n  rules: [Any open]\n  events: [{evt.type: open, fd.name: /etc/shadow, proc.name: cat}]",
            0,
        ),
        (
            "each: [Shadow read]\n  events:\n  - {evt.type: openat, fd.name: /etc/shadow, proc.name: cat}\n  \
             - {evt.type: openat, fd.name: /etc/passwd, proc.name: cat}\n  \
             - {evt.type: openat, fd.name: /etc/passwd, proc.name: cat, expect: []}",
            1,
        ),
        (
            "expect: [Shadow read, 'Read, then connected']\n  events:\n  \
             - {evt.type: openat, fd.name: /etc/shadow, proc.name: cat, expect: Shadow read}\n  \
             - {evt.type: connect, after: 10s, expect: 'Read, then connected'}",
            0,
        ),
        (
            "expect: ['Read, then connected']\n  events:\n  \
             - {evt.type: openat, fd.name: /etc/shadow, proc.name: cat}\n  - {evt.type: connect, after: 11s}",
            1,
        ),
        (
            "expect: [Bucket opened]\n  events:\n  - record: {eventName: PutBucketAcl, errorCode: AccessDenied}",
            0,
        ),
        ("expect: []\n  events:\n  - record:\n      eventName: PutBucketAcl", 0),
    ] {
        let report = report(&format!("- test: t\n  {test}\n"));
        let found: usize = report.tests.iter().map(|test| test.failures.len()).sum();
        assert_eq!(found, failures, "{test}\n{:#?}", report.tests);
    }
}

#[test]
fn failures_are_explained() {
    let report = report(
        "
- test: Read by a dog
  expect: [Shadow read]
  events:
  - {evt.type: connect, fd.sip: 1.2.3.4}
  - {evt.type: openat, fd.name: /etc/sudoers.d/x, proc.name: dog}
- test: Read by a cat
  events:
  - {evt.type: openat, fd.name: /etc/shadow, proc.name: cat, expect: []}
- test: Connected too late
  rules: ['Read, then connected']
  expect: ['Read, then connected']
  events:
  - {evt.type: openat, fd.name: /etc/shadow, proc.name: cat}
  - {evt.type: listen}
",
    );
    let text: Vec<String> = report
        .tests
        .iter()
        .flat_map(|test| test.failures.iter().map(move |failure| (test, failure)))
        .map(|(test, failure)| {
            format!(
                "{} ({}), line {}: missing {:?}, unexpected {:?}\n{}",
                test.name, test.file, failure.at.line, failure.missing, failure.unexpected, failure.why
            )
        })
        .collect();
    assert_eq!(report.failed(), 3);
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn clauses_count_when_they_decide() {
    let coverage = |events: &str| {
        let report = report(&format!("- test: t\n  expect: []\n  rules: [Any open]\n  events:\n{events}"));
        report.coverage.rules.into_iter().find(|rule| rule.rule == "Shadow read").unwrap()
    };
    let firing = "  - {evt.type: open, fd.name: /etc/shadow, proc.name: cat}\n";
    let rule = coverage(firing);
    let missing: Vec<_> = rule
        .missing
        .iter()
        .map(|clause| (clause.text.as_str(), clause.never_true, clause.never_false))
        .collect();
    // `evt.num != 0` and the two that could have been false; the other path alone has not decided anything.
    assert_eq!(
        missing,
        [
            ("evt.is_open_read = true", false, true),
            ("fd.name = /etc/shadow", false, true),
            ("fd.name startswith /etc/sudoers", true, true),
            ("proc.name in (cat, less)", false, true),
            ("proc.pname = init", true, false),
            ("evt.num != 0", false, true),
        ]
    );
    assert_eq!((rule.held, rule.near_misses), (1, 0));
    // An event that two clauses keep out says nothing of either.
    assert_eq!(coverage("  - {evt.type: open, fd.name: /etc/passwd, proc.name: dog}\n").seen, 0);
    let all = [
        firing,
        "  - {evt.type: open, fd.name: /etc/sudoers, proc.name: less}\n",
        "  - {evt.type: open, fd.name: /etc/passwd, proc.name: cat}\n",
        "  - {evt.type: open, fd.name: /etc/shadow, proc.name: dog}\n",
        "  - {evt.type: open, fd.name: /etc/shadow, proc.name: cat, proc.pname: init}\n",
        "  - {evt.type: open, fd.name: /etc/shadow, proc.name: cat, evt.is_open_read: false, evt.arg.flags: O_WRONLY}\n",
    ];
    let rule = coverage(&all.concat());
    assert_eq!(rule.missing.len(), 1, "{rule:?}");
    assert_eq!((rule.seen, rule.all, rule.percent(), rule.near_misses), (12, 13, 92, 4));
}
