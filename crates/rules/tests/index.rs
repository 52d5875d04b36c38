//! The index finds what evaluating every condition finds: on generated rules and events, and on captures and records.

#[cfg(test)]
mod support;

use fargard_model::{EventType, Outcome, Trap};
use fargard_rules::{Matching, RuleId, Ruleset, Subject, Unknown};
use proptest::prelude::*;

use support::{Change, captures, changed, official, records, rules};

/// What matches with the index; it must be what matches without it.
fn matches<'e>(ruleset: &Ruleset, subject: impl Into<Subject<'e>>) -> Vec<RuleId> {
    let subject = subject.into();
    let (mut indexed, mut linear) = (Vec::new(), Vec::new());
    ruleset.evaluate(subject, &mut indexed);
    ruleset.evaluate_all_conditions(subject, &mut linear);
    assert_eq!(indexed, linear, "{subject:?}");
    indexed
}

fn check() -> impl Strategy<Value = String> {
    let path =
        prop::sample::select(vec!["/etc/x", "/etc/passwd", "/root/.ssh/id", "/dev/null", "/x", "etc/x"]);
    let fields = prop::sample::select(vec![
        "fd.name",
        "fd.nameraw",
        "fd.directory",
        "fd.filename",
        "evt.arg.name",
        "fs.path.name",
        "proc.exepath",
        "proc.name",
        "proc.pname",
        "proc.aname",
        "proc.cmdline",
        "proc.acmdline",
        "proc.args",
        "container.id",
        "tolower(fd.name)",
        "tolower(proc.cmdline)",
        "tolower(proc.pname)",
    ]);
    let words = prop::sample::select(vec![
        "sh",
        "app",
        "x",
        "/etc",
        "/",
        "passwd",
        "host",
        "/root/.ssh",
        "init",
        "..",
    ]);
    let operators = prop::sample::select(vec![
        "=",
        "!=",
        "contains",
        "startswith",
        "endswith",
        "icontains",
        "glob",
        "pmatch",
        "in",
        "intersects",
        "startswith anyof",
        "contains oneof",
        "icontains anyof",
        "endswith allof",
        "!= anyof",
        "= oneof",
    ]);
    let text = (fields, operators, words.clone(), prop_oneof![words, path]).prop_map(
        |(field, operator, one, other)| match operator {
            "in" | "intersects" | "pmatch" => format!("{field} {operator} ({one}, {other})"),
            "glob" => format!("{field} glob *{one}*"),
            _ if operator.contains(' ') => format!("{field} {operator} ({one}, {other})"),
            _ => format!("{field} {operator} {other}"),
        },
    );
    let other = prop::sample::select(vec![
        "evt.type = openat",
        "evt.type in (open, openat, execve)",
        "evt.type != connect",
        "fd.num >= 0",
        "evt.is_open_write = true",
        "evt.is_open_read = true",
        "evt.is_open_read != true",
        "fd.typechar = 'f'",
        "fd.sport = 443",
        "fd.port in (443, 22)",
        "fd.port != 443",
        "fd.ip != 10.0.0.2",
        "fd.sip = 1.2.3.4",
        "fd.snet in (\"1.0.0.0/8\")",
        "fd.l4proto = tcp",
        "evt.res = SUCCESS",
        "evt.rawres < 0",
        "evt.failed = true",
        "proc.pid in (11, 12)",
        "proc.name exists",
        "fd.name exists",
        "k8s.ns.name = x",
        "fd.name glob /etc/*",
        "fd.name glob */x",
        "proc.name in ()",
        "evt.arg.flags contains O_CREAT",
        "proc.name = val(proc.pname)",
        "tolower(proc.name) = app",
        "fd.name pmatch (/e*/x, /root)",
        "evt.num = 0",
        "basename(fd.name) = x",
        "proc.tty != 0",
        "user.uid = 0",
        "fd.name regex '/etc/.*'",
    ]);
    prop_oneof![3 => text, 2 => other.prop_map(str::to_owned)]
}

fn condition() -> impl Strategy<Value = String> {
    check().prop_recursive(4, 24, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            3 => two.clone().prop_map(|(a, b)| format!("({a} and {b})")),
            2 => two.prop_map(|(a, b)| format!("({a} or {b})")),
            1 => inner.prop_map(|a| format!("(not {a})")),
        ]
    })
}

fn change() -> impl Strategy<Value = Change> {
    let path = prop::sample::select(vec![
        "/etc/x",
        "/etc/passwd",
        "/ETC/Passwd",
        "/x",
        "/",
        "etc/x",
        "//etc//x",
        "/root/.ssh/id",
        "/dev/null",
        "/etc",
        "",
    ]);
    let kind = prop::sample::select(vec![
        EventType::Openat,
        EventType::Open,
        EventType::Creat,
        EventType::Execve,
        EventType::Connect,
        EventType::Unlink,
        EventType::Close,
    ]);
    let name = prop::sample::select(vec!["sh", "app", "x", "", "APP"]);
    let typechar = prop::sample::select(vec![None, Some('f'), Some('d'), Some('4')]);
    let outcome = prop_oneof![Just(Outcome::Attempt), (-3_i64..5).prop_map(Outcome::Confirmed)];
    (path, kind, name, typechar, 0_u64..4, outcome, any::<[bool; 4]>()).prop_map(
        |(path, kind, name, typechar, access, outcome, flags)| Change {
            path,
            kind,
            name,
            typechar,
            access,
            outcome,
            flags,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_index_finds_what_every_condition_finds(
        conditions in prop::collection::vec(condition(), 1..12),
        excepted in prop::option::of("[a-z]{1,3}"),
        changes in prop::collection::vec(change(), 8),
    ) {
        let mut ruleset = rules(&conditions, excepted.as_deref());
        for change in &changes {
            let event = changed(change);
            let all = matches(&ruleset, &event);
            ruleset.set_matching(Matching::First);
            prop_assert_eq!(matches(&ruleset, &event), all.first().copied().into_iter().collect::<Vec<_>>());
            ruleset.set_matching(Matching::All);
            if !all.is_empty() {
                prop_assert!(ruleset.could_match(&event, Unknown::Result));
                prop_assert!(ruleset.could_match(&event, Unknown::Descriptor));
            }
        }
    }

    #[test]
    fn no_match_is_of_a_class_that_is_not_trapped(
        condition in condition(),
        changes in prop::collection::vec(change(), 8),
    ) {
        let ruleset = rules(&[condition], None);
        let traps = ruleset.traps();
        for change in &changes {
            let event = changed(change);
            let needed = match event.kind {
                EventType::Creat => Trap::OpenWrite,
                kind if kind.is_open() && event.flag_bits().is_some_and(|bits| bits & 0o3 != 0) => Trap::OpenWrite,
                kind if kind.is_open() => Trap::OpenRead,
                EventType::Execve => Trap::Exec,
                EventType::Connect => Trap::Connect,
                EventType::Unlink => Trap::Unlink,
                _ => continue,
            };
            // What a sensor sees: an open for reading creates nothing.
            let seen = needed != Trap::OpenRead || event.flag_bits().is_some_and(|bits| bits == 0);
            if seen && support::is_plausible(&event) && !matches(&ruleset, &event).is_empty() {
                prop_assert!(traps.iter().any(|(trap, _)| trap == needed), "{:?}", event.kind);
            }
        }
    }
}

#[test]
fn the_index_finds_the_same_on_captures() {
    let Some(ruleset) = official() else { return };
    let (mut events, mut found) = (0, 0);
    for event in captures() {
        let own = matches(&ruleset, &event);
        assert!(own.is_empty() || ruleset.could_match(&event, Unknown::Descriptor));
        events += 1;
        found += own.len();
    }
    assert!(events > 10_000 && found > 100, "{events} events, {found} matches");
}

#[test]
fn the_index_finds_the_same_on_records() {
    let Some((ruleset, records)) = records() else { return };
    let found: usize = records.iter().map(|record| matches(&ruleset, record).len()).sum();
    assert_eq!((records.len(), found), (3_166, 21));
}

#[test]
fn hits_are_counted_and_cost_on_demand() {
    // Enough that there is an index.
    let nobody = (0..8).map(|number| format!("proc.name = nobody{number}"));
    let conditions: Vec<_> = std::iter::once("evt.type = openat".to_owned()).chain(nobody).collect();
    let mut ruleset = rules(&conditions, None);
    let event = changed(&Change::default());
    matches(&ruleset, &event);
    let hits = |ruleset: &Ruleset| ruleset.counters().iter().map(|counter| counter.hits).collect::<Vec<_>>();
    assert_eq!(hits(&ruleset), [1, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert!(ruleset.counters().iter().all(|counter| counter.evaluations == 0));
    ruleset.profile(ticks);
    matches(&ruleset, &event);
    assert_eq!(hits(&ruleset), [2, 0, 0, 0, 0, 0, 0, 0, 0]);
    let counters = ruleset.counters();
    let (first, others) = counters.split_first().unwrap();
    assert!(first.evaluations == 1 && first.nanoseconds > 0);
    assert!(others.iter().all(|other| other.evaluations == 0), "the index leaves them out");
}

#[test]
fn the_index_sees_through_lower_case() {
    let conditions: Vec<_> = (0..4)
        .flat_map(|n| {
            [
                format!("tolower(proc.name) = nobody{n}"),
                format!("fd.name icontains Nothing{n}"),
                format!("tolower(fd.name) startswith anyof (/none{n}, /nowhere{n})"),
            ]
        })
        .collect();
    let mut ruleset = rules(&conditions, None);
    ruleset.profile(ticks);
    assert!(matches(&ruleset, &changed(&Change::default())).is_empty());
    assert!(ruleset.counters().iter().all(|counter| counter.evaluations == 0));
    let event = changed(&Change { path: "/NONE2/NothinG1", name: "NoBody3", ..Change::default() });
    assert_eq!(matches(&ruleset, &event).len(), 3);
    // Longer than what is put into lower case for the index.
    let path: &str = Box::leak(format!("/{}/nothing2", "A".repeat(600)).into_boxed_str());
    assert_eq!(matches(&ruleset, &changed(&Change { path, ..Change::default() })).len(), 1);
}

/// A clock for tests: each reading is one later.
fn ticks() -> u64 {
    static NOW: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    NOW.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}
