use super::lint;
use crate::{Code, SourceFile, default_rules, load, report::render, shared};

fn rule(name: &str, condition: &str) -> String {
    format!("- rule: {name}\n  desc: d\n  condition: |\n    {condition}\n  output: o\n  priority: INFO\n")
}

fn files(text: &str) -> Vec<SourceFile> {
    vec![SourceFile { name: "t.yaml".into(), text: text.into() }]
}

/// The codes found in rules that must load.
fn codes(text: &str) -> Vec<Code> {
    let files = files(text);
    let report = load(&files);
    assert!(report.ruleset.is_some(), "{text}: {:?}", report.diagnostics);
    lint(&files).iter().map(|found| found.code).collect()
}

#[test]
fn conditions_that_are_never_true() {
    for condition in [
        "evt.type = open and evt.type = close",
        "evt.type in (open, openat) and evt.type in (close, dup)",
        "evt.type = open and not evt.type in (open, openat)",
        "evt.type = open and proc.name = a and not proc.name = a",
        "evt.type = open and proc.name = a and proc.name != a",
        "evt.type = open and proc.name in (a, b) and proc.name startswith c",
        "evt.type = open and fd.name startswith /etc and fd.name startswith /usr",
        "evt.type = open and fd.name startswith /etc/ssh and not fd.name startswith /etc",
        "evt.type = open and fd.name endswith .sh and fd.name endswith .py",
        "evt.type = open and fd.name contains /etc/ and not fd.name contains etc",
        "evt.type = open and fd.name = /x and not fd.name exists",
        "evt.type = open and fd.num > 5 and fd.num < 3",
        "evt.type = open and fd.num >= 5 and fd.num = 4",
        "evt.type = open and proc.is_exe_writable = true and proc.is_exe_writable = false",
        "evt.type = open and (proc.name = a or proc.name = b) and proc.name = c",
        "evt.type = open and (proc.name = a or proc.name = b) and not proc.name in (a, b)",
        "evt.type = open and (proc.name = a or fd.num = 1) and not proc.name = a and fd.num = 2",
        "evt.type = open and proc.name in ()",
        "evt.type = open and proc.name startswith anyof (a, b) and proc.name = c",
        "evt.type = open and evt.dir = >",
        "evt.type = open and evt.num = 0",
        "evt.type = open and fd.name pmatch (/etc) and fd.name = /usr/x",
        "evt.type = open and tolower(proc.name) = a and tolower(proc.name) = b",
    ] {
        let found = codes(&rule("r", condition));
        assert!(found.contains(&Code::LintUnsatisfiable), "{condition}: {found:?}");
    }
}

/// What looks as if it contradicted itself and does not.
#[test]
fn conditions_that_may_be_true() {
    for condition in [
        "evt.type = open and proc.aname = a and proc.aname = b",
        "evt.type = open and not proc.aname = a and proc.aname[1] = b",
        "evt.type = connect and fd.ip = 1.2.3.4 and fd.ip = 10.0.0.1",
        "evt.type = connect and fd.snet = 10.0.0.0/8 and fd.snet = 10.1.0.0/16",
        "evt.type = connect and fd.sport = http and fd.sport = 80",
        "evt.type = open and fd.name startswith /etc and fd.name startswith /etc/ssh",
        "evt.type = open and fd.name startswith /etc and fd.name endswith .conf",
        "evt.type = open and fd.num > 3 and fd.num < 5",
        "evt.type = open and proc.name != a and proc.name != b",
        "evt.type = open and not proc.name exists and not proc.name = a",
        "evt.type = open and proc.tty = 0x3 and proc.tty = 3",
        "evt.type = open and fd.name pmatch (/etc) and fd.name = /etc/x",
        "evt.type = open and fd.name glob '/e*' and fd.name regex '/u.*'",
        "evt.type = open and proc.name = oneof (a, b) and proc.name = a",
        "evt.type = open and proc.name = val(proc.pname) and proc.name = a",
    ] {
        let found = codes(&rule("r", condition));
        assert_eq!(found, [], "{condition}");
    }
}

#[test]
fn conditions_that_are_always_true() {
    for condition in [
        "evt.num > 0",
        "evt.dir = <",
        "proc.name = a or not proc.name = a",
        "not proc.name = a or proc.name in (a, b)",
        "not (evt.type = open and evt.type = close)",
        "evt.num >= 1 or proc.name = a",
    ] {
        let found = codes(&rule("r", condition));
        assert!(found.contains(&Code::LintAlwaysTrue), "{condition}: {found:?}");
    }
    for condition in ["proc.name = a or proc.name != a", "evt.num > 1", "evt.num < 5", "evt.type exists"] {
        assert_eq!(codes(&rule("r", condition)), [], "{condition}");
    }
}

#[test]
fn parts_that_decide_nothing() {
    for (condition, code) in [
        (
            "evt.type = open and (fd.num = 1 or (proc.name = a and proc.name = b))",
            Some(Code::LintConstantClause),
        ),
        ("evt.type = open and (proc.name = a or not proc.name = a)", Some(Code::LintConstantClause)),
        ("evt.type = open and (never or proc.name = a)", None),
        ("evt.type = open and not never", None),
        ("evt.type = open and (proc.name = a or (never and proc.pid = 1))", None),
    ] {
        let text = format!("- macro: never\n  condition: evt.num = 0\n{}", rule("r", condition));
        let text = if condition.contains("never") { text } else { rule("r", condition) };
        assert_eq!(codes(&text), Vec::from_iter(code), "{condition}");
    }
}

#[test]
fn rules_that_another_rule_leaves_nothing() {
    let pair = |first: &str, second: &str| [rule("first", first), rule("second", second)].concat();
    for (first, second, code) in [
        ("evt.type = open", "evt.type = open and proc.name = a", Some(Code::LintShadowed)),
        ("evt.type in (open, openat)", "evt.type = open", Some(Code::LintShadowed)),
        ("evt.type = open and proc.name = a", "evt.type = open", Some(Code::LintSubsumed)),
        (
            "evt.type = open and proc.name = a",
            "proc.name in (a) and evt.type in (open)",
            Some(Code::LintDuplicate),
        ),
        (
            "evt.type = open and fd.name startswith /etc",
            "evt.type = open and fd.name = /etc/x",
            Some(Code::LintShadowed),
        ),
        (
            "evt.type = open and (proc.name = a or proc.name = b)",
            "evt.type = open and proc.name = b and fd.num = 1",
            Some(Code::LintShadowed),
        ),
        (
            "evt.type = open and not proc.name = a",
            "evt.type = open and not proc.name in (a, b)",
            Some(Code::LintShadowed),
        ),
        ("evt.type = open and proc.name = a", "evt.type = open and proc.name = b", None),
        ("evt.type = open and proc.name = a", "evt.type = openat and proc.name = a", None),
        (
            "evt.type = open and proc.name != a",
            "evt.type = open and not proc.name = a",
            Some(Code::LintSubsumed),
        ),
    ] {
        assert_eq!(codes(&pair(first, second)), Vec::from_iter(code), "{first} / {second}");
    }
    // Another priority says something of its own, and what is disabled says nothing.
    let narrower_first = pair("evt.type = open and proc.name = a", "evt.type = open");
    assert_eq!(codes(&narrower_first.replacen("INFO", "ERROR", 1)), []);
    let disabled =
        pair("evt.type = open", "evt.type = open").replacen("  output", "  enabled: false\n  output", 1);
    assert_eq!(codes(&disabled), []);
}

#[test]
fn comparisons_that_do_not_mean_what_they_say() {
    for (condition, code) in [
        ("evt.type = chdir and fd.name != /x", Some(Code::LintNotEqualMissing)),
        ("evt.type = execve and proc.aname[3] != bash", Some(Code::LintNotEqualMissing)),
        ("evt.type = open and fd.name != /x", None),
        ("evt.type = chdir and fd.name != /x and fd.typechar = f", None),
        ("evt.type = chdir and not fd.name = /x", None),
        ("evt.type = execve and proc.name != bash", None),
        ("evt.type = open and fd.name regex 'etc/.*'", Some(Code::LintRegexAnchored)),
        ("evt.type = open and fd.name regex '^etc'", Some(Code::LintRegexAnchored)),
        ("evt.type = open and fd.name regex '/etc/.*'", None),
        ("evt.type = open and fd.name regex '.*etc.*'", None),
        ("evt.type = open and fd.name regex '(etc|/usr).*'", None),
        ("evt.type = execve and proc.cmdline regex 'curl|wget'", Some(Code::LintRegexAnchored)),
        ("evt.type = execve and proc.cmdline regex '.*(curl|wget).*'", None),
        ("evt.type = execve and proc.cmdline regex 'curl .+'", None),
        ("evt.type = execve and proc.name regex 'python[0-9]?'", None),
        ("evt.type = open and not evt.type contains opne", Some(Code::LintUnknownEventType)),
        ("evt.type = open and not evt.type startswith opne", Some(Code::LintUnknownEventType)),
        ("evt.type startswith open", None),
    ] {
        assert_eq!(codes(&rule("r", condition)), Vec::from_iter(code), "{condition}");
    }
}

#[test]
fn appended_conditions() {
    let append = |kind: &str, text: &str| {
        format!("- {kind}: x\n  condition: {text}\n  override:\n    condition: append\n")
    };
    let macro_of = |condition: &str| format!("- macro: x\n  condition: {condition}\n");
    let user = rule("r", "evt.type = open and x");
    for (text, code) in [
        (
            [rule("x", "evt.type = open"), append("rule", "or proc.name = a")].concat(),
            Some(Code::LintAppendedOr),
        ),
        ([rule("x", "evt.type = open"), append("rule", "and proc.name = a")].concat(), None),
        (
            [rule("x", "evt.type = open or evt.type = close"), append("rule", "and proc.name = a")].concat(),
            Some(Code::LintAppendedAnd),
        ),
        (
            [rule("x", "(evt.type = open or evt.type = close)"), append("rule", "and proc.name = a")]
                .concat(),
            None,
        ),
        (
            [rule("x", "(evt.type = open) or (evt.type = close)"), append("rule", "and proc.name = a")]
                .concat(),
            Some(Code::LintAppendedAnd),
        ),
        ([macro_of("proc.name = a"), append("macro", "or proc.name = b"), user.clone()].concat(), None),
        (
            [macro_of("proc.name = a and proc.pid = 1"), append("macro", "or proc.name = b"), user].concat(),
            Some(Code::LintAppendedOr),
        ),
    ] {
        assert_eq!(codes(&text), Vec::from_iter(code), "{text}");
    }
}

const ITEMS: &str = "\
- list: shells
  items: [sh, bash, sh]
- list: more
  items: [shells]
- list: all
  items: [more, zsh]
- list: hides
  items: [x]
- macro: hides
  condition: evt.type = open
- macro: twice
  condition: evt.type = open
- macro: twice
  condition: evt.type = close
- rule: quoted
  desc: d
  condition: >
    twice and proc.name in (all) and
    not proc.cmdline contains \"run shells now\"
  output: o
  priority: INFO
- rule: unknown here
  desc: d
  condition: evt.type = execve and k8s.pod.name = web
  output: o
  priority: INFO
- rule: silent
  desc: d
  condition: evt.type = open and proc.name = a and
    proc.name = b
  output: o
  priority: INFO
";

#[test]
fn people_see_place_reason_and_remedy() {
    let files = files(ITEMS);
    let shown: Vec<String> = lint(&files).iter().map(|found| render(found, &files, false)).collect();
    insta::assert_snapshot!(shown.join("\n\n"));
}

#[test]
fn what_does_not_load_has_no_lints() {
    assert_eq!(lint(&files(&rule("r", "no_such_macro"))), []);
}

/// Every lint on the official rules, with why it is right. There are no others.
const TRUE_OF_OFFICIAL_RULES: [(&str, &str, Code); 7] = [
    // The list has 'touch' in its first and in its last line.
    ("falco-incubating", "list", Code::LintDuplicateItem),
    // Same condition as 'Contact EC2 Instance Metadata Service From Container' with one more exception.
    ("falco-incubating", "Contact cloud metadata service from container", Code::LintShadowed),
    // Waits for a namespace of an empty list, which users are to fill.
    ("falco-incubating", "Network Connection outside Local Subnet", Code::LintUnsatisfiable),
    // Excepts every container until users say which are allowed.
    ("falco-sandbox", "Launch Disallowed Container", Code::LintUnsatisfiable),
    // 'evt.num > 0', on purpose.
    ("aws_cloudtrail", "All Cloudtrail Events", Code::LintAlwaysTrue),
    // Root's log-ins are log-ins.
    ("aws_cloudtrail", "Console Root Login Without MFA", Code::LintShadowed),
    // Instances in one region are instances.
    ("aws_cloudtrail", "Run Instances in Non-approved Region", Code::LintShadowed),
];

#[test]
fn official_and_default_rules_raise_only_what_is_true() {
    assert_eq!(lint(&default_rules()), [], "default rules");
    for name in ["falco", "falco-incubating", "falco-sandbox", "aws_cloudtrail"] {
        let Some(text) = shared::text(&format!("data/falco/{name}_rules.yaml")) else { return };
        let found = lint(&[SourceFile { name: name.into(), text }]);
        // What is never computed depends on the fields there are; the rules that wait for them say so themselves.
        let found: Vec<_> = found
            .iter()
            .filter(|found| found.code != Code::LintNeverComputed)
            .map(|found| (found.item.as_ref().map_or("list", |item| item.name.as_str()), found.code))
            .collect();
        let expected: Vec<_> = TRUE_OF_OFFICIAL_RULES
            .iter()
            .filter(|(file, ..)| *file == name)
            .map(|(_, rule, code)| (*rule, *code))
            .collect();
        assert_eq!(found, expected, "{name}");
    }
}

/// A ruleset made to be hard ends within its budget.
#[test]
fn hard_rulesets_end() {
    let alternatives: Vec<String> = (0..40)
        .map(|at| format!("(proc.name = a{at} or fd.name startswith /{at} or proc.pid = {at})"))
        .collect();
    let rules: String = (0..60)
        .map(|at| {
            rule(
                &format!("r{at}"),
                &format!("evt.type = open and {} and proc.tty = {at}", alternatives.join(" and ")),
            )
        })
        .collect();
    let macros: String = (0..60)
        .map(|at| {
            format!(
                "- macro: m{}\n  condition: (m{at} or proc.pid = {at}) and (m{at} or proc.tty = {at})\n",
                at + 1
            )
        })
        .collect();
    let doubling = format!("- macro: m0\n  condition: evt.type = open\n{macros}{}", rule("r", "m60"));
    assert!(lint(&files(&rules)).len() <= crate::diagnostic::MAX_DIAGNOSTICS);
    assert_eq!(lint(&files(&doubling)), []);
}
