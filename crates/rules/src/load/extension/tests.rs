use crate::{LoadReport, SourceFile, load};

fn loaded(text: &str) -> LoadReport {
    load(&[SourceFile { name: "t.yaml".into(), text: text.into() }])
}

#[test]
fn mistakes_are_located() {
    let sequence = |rest: &str| format!("- sequence: s\n  desc: d\n  priority: INFO\n  output: o\n{rest}\n");
    let ruled =
        |rest: &str| format!("- rule: r\n  desc: d\n  priority: INFO\n  output: o\n  condition: {rest}\n");
    for (text, line, part) in [
        (sequence("  within: 5m\n  steps: [nobody, nobody]"), 6, "there is no rule 'nobody'"),
        (sequence("  within: 5m\n  steps: [nobody]"), 6, "2 to 8 steps"),
        (sequence("  within: 5\n  steps: [a, b]"), 5, "with its unit"),
        (sequence("  within: 5m\n  by: [fd.nam]\n  steps:\n  - condition: evt.num > 1\n  - condition: evt.num > 1"), 6, "unknown field 'fd.nam'"),
        (sequence("  within: 5m\n  steps:\n  - condition: evt.num >\n  - condition: evt.num > 1"), 7, "expected"),
        (
            sequence("  within: 5m\n  by: fd.name\n  steps:\n  - {condition: evt.num > 1, by: [fd.name, fd.num]}\n  - condition: evt.num > 1"),
            8,
            "has 2 fields",
        ),
        (
            "- sequence: s\n  desc: d\n  priority: INFO\n  output: '%step3.fd.name'\n  within: 1s\n  steps: [{condition: evt.num > 1}, {condition: evt.num > 1}]\n".to_owned(),
            4,
            "there are 2 steps",
        ),
        (
            "- threshold: s\n  desc: d\n  priority: INFO\n  output: '%correlation.foo'\n  within: 1s\n  of: {condition: evt.num > 1}\n  count: 2\n".to_owned(),
            4,
            "correlation.foo",
        ),
        ("- threshold: t\n  desc: d\n  priority: INFO\n  output: o\n  within: 1s\n  of: {condition: evt.num > 1}\n".to_owned(), 1, "either"),
        (
            "- rule: r\n  desc: d\n  priority: INFO\n  output: o\n  condition: evt.type = listen\n  dedup: {by: fd.nam, within: 1s}\n".to_owned(),
            6,
            "did you mean",
        ),
        ("- rule: r\n  desc: d\n  priority: INFO\n  output: o\n  condition: evt.type = listen\n  limit: {within: 1s}\n".to_owned(), 6, "count"),
        (ruled("evt.type = ptrace\n  action: block"), 6, "StopTask"),
        (ruled("evt.type = ptrace\n  action: sing"), 6, "must be alert, prevent or kill"),
        (ruled("evt.type = ptrace and proc.name = gdb\n  action: prevent"), 6, "depends on 'proc.name = gdb'"),
        (ruled("evt.type = openat and fd.name = /x\n  action: prevent"), 6, "depends on 'fd.name = /x'"),
        (ruled("evt.type in (ptrace, read)\n  action: prevent"), 6, "it can match read, which the sensor never stops"),
        (ruled("evt.type = execve\n  action: prevent"), 6, "without which no program starts"),
        (ruled("evt.type = execve\n  action: kill\n  dedup: {by: fd.name, within: 1s}"), 6, "folds repeats"),
        (ruled("evt.type = socket and evt.arg.domain = AF_INET and evt.arg.type = 3\n  action: prevent"), 6, "too complicated"),
        ("- test: t\n  expect: [nobody]\n  events: [{evt.type: openat}]\n".to_owned(), 2, "there is no rule 'nobody'"),
        ("- test: t\n  expect: []\n  events:\n  - evt.type: openat\n    fd.nam: /x\n".to_owned(), 5, "did you mean 'fd.num'"),
        ("- test: t\n  expect: []\n  events:\n  - evt.type: openat\n    fd.num: x\n".to_owned(), 5, "number"),
        ("- test: t\n  events:\n  - evt.type: openat\n".to_owned(), 1, "which rules it expects"),
        ("- test: t\n  expect: []\n  events:\n  - fd.name: /x\n".to_owned(), 4, "evt.type"),
    ] {
        let report = loaded(&text);
        let error = report.diagnostics.iter().find(|diagnostic| diagnostic.is_error());
        let error = error.unwrap_or_else(|| panic!("no error: {text}"));
        assert!(error.message.contains(part), "{error}\n{text}");
        assert_eq!(error.at.line, line, "{error}\n{text}");
        assert!(report.ruleset.is_none());
    }
}

proptest::proptest! {
    /// Whatever our items hold, they load or are refused at a place.
    #[test]
    fn any_item_loads_or_is_refused(
        pieces in proptest::collection::vec(
            proptest::sample::select(vec![
                "- sequence: s\n", "- threshold: t\n", "- test: t\n", "- rule: r\n", "  desc: d\n", "  output: ", "%step1.",
                "%step99999999999999999999.fd.name", "%correlation.", "count", "fd.name", "\n", "  priority: INFO\n",
                "  within: ", "5m", "  by: ", "[", "]", "  steps:\n", "  - ", "{", "}", "condition: ", "evt.type = open",
                "r", "  until: ", "  of: ", "  count: ", "3", "-1", "  distinct: ", "field: ", "  dedup: ", "  limit: ",
                "  events:\n", "evt.type: openat", ", ", "proc.aname: x", "record: ", "  expect: []\n", "  each: ", "é",
                "  override: {within: replace}\n", "after: 1s",
            ]),
            0..40,
        )
    ) {
        let report = loaded(&pieces.concat());
        proptest::prop_assert!(
            report.ruleset.is_some() || report.diagnostics.iter().any(|diagnostic| diagnostic.is_error())
        );
        if let Some(ruleset) = report.ruleset {
            let tests = crate::unit_test::run(ruleset, &report.tests);
            proptest::prop_assert_eq!(tests.tests.len(), report.tests.len());
        }
    }
}
