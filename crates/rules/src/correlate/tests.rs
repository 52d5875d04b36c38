use std::sync::Arc;

use fargard_model::{Event, EventType, Timestamp};

use super::{Alert, Detector};
use crate::{LoadReport, SourceFile, Subject, load, made::EventBuilder};

fn loaded(text: &str) -> LoadReport {
    load(&[SourceFile { name: "t.yaml".into(), text: text.into() }])
}

fn detector(text: &str) -> Detector {
    let report = loaded(text);
    let said: Vec<_> = report.diagnostics.iter().map(ToString::to_string).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
    Detector::new(Arc::new(report.ruleset.unwrap()))
}

fn event(kind: EventType, second: u64, set: &[(&str, &str)]) -> Event {
    let mut builder = EventBuilder::new(kind).at(second + 1, (1_700_000_000 + second) * 1_000_000_000);
    for (field, value) in set {
        builder.set(field, &[value]).unwrap();
    }
    builder.build().unwrap()
}

const DROPPED: &str = "
- rule: Written
  desc: d
  condition: evt.type = openat and evt.is_open_write = true
  output: written %fd.name
  priority: INFO
  enabled: false
- list: shells
  items: [sh, bash]
- macro: started
  condition: (evt.type = execve and not proc.name in (shells))
- sequence: Dropped and run
  desc: A file is written, run, and connects
  priority: CRITICAL
  tags: [x]
  by: [container.id, proc.exepath]
  within: 5m
  steps:
  - rule: Written
    by: [container.id, fd.name]
  - condition: started
  - {condition: evt.type = connect}
  until: evt.type = unlink
  output: >
    %step1.proc.name wrote %step1.fd.name, %step2.proc.cmdline contacts %fd.sip (%correlation.key,
    events %correlation.events, %correlation.span ns)
";

fn dropped(gap: u64) -> Vec<Event> {
    vec![
        event(
            EventType::Openat,
            0,
            &[("fd.name", "/tmp/x"), ("evt.is_open_write", "true"), ("proc.name", "curl")],
        ),
        event(EventType::Execve, 1, &[("proc.exepath", "/tmp/x"), ("proc.args", "-a b")]),
        event(
            EventType::Connect,
            1 + gap,
            &[("proc.exepath", "/tmp/x"), ("fd.sip", "1.2.3.4"), ("fd.sport", "443")],
        ),
    ]
}

fn observe(detector: &mut Detector, events: &[Event]) -> Vec<String> {
    let mut alerts = Vec::new();
    let mut outputs = Vec::new();
    for event in events {
        detector.observe(event, &mut alerts);
        outputs.extend(output(detector, &alerts, event));
    }
    outputs
}

fn output(detector: &Detector, alerts: &[Alert], event: &Event) -> Vec<String> {
    let detection = |alert| detector.detection(alert, Some(Subject::Call(event)), "p", "h").unwrap();
    alerts.iter().map(|alert| detection(alert).output).collect()
}

#[test]
fn a_sequence_tells_of_all_its_steps() {
    let mut detector = detector(DROPPED);
    let container = "0123456789abcdef0123456789abcdef-1234567890";
    let expected = format!(
        "curl wrote /tmp/x, x -a b contacts 1.2.3.4 ({container}, /tmp/x, events 1, 2, 62, 61000000000 ns)"
    );
    assert_eq!(observe(&mut detector, &dropped(60)), [expected]);
    let mut alerts = Vec::new();
    let events = dropped(60);
    events.iter().for_each(|event| detector.observe(event, &mut alerts));
    let detection = detector.detection(&alerts[0], Some(Subject::Call(&events[2])), "p", "h").unwrap();
    assert_eq!(detection.id, "p-62-1");
    insta::assert_json_snapshot!(detection.output_fields);
}

type Change = fn(&mut Vec<Event>);

#[test]
fn time_key_order_and_until_matter() {
    let cases: [(&str, Change, usize); 5] = [
        ("as it is", |_| {}, 1),
        ("another file", |events| events[1] = event(EventType::Execve, 1, &[("proc.exepath", "/tmp/y")]), 0),
        ("another order", |events| events.swap(0, 1), 0),
        ("a shell", |events| events[1] = event(EventType::Execve, 1, &[("proc.exepath", "/bin/sh")]), 0),
        ("twice the last", |events| events.push(events[2].clone()), 1),
    ];
    for (name, change, expected) in cases {
        let mut events = dropped(60);
        change(&mut events);
        assert_eq!(observe(&mut detector(DROPPED), &events).len(), expected, "{name}");
    }
    let mut events = dropped(60);
    events.insert(2, event(EventType::Unlink, 1, &[("proc.exepath", "/tmp/x")]));
    assert_eq!(observe(&mut detector(DROPPED), &events).len(), 0, "until");
    assert_eq!(observe(&mut detector(DROPPED), &dropped(299)).len(), 1);
    assert_eq!(observe(&mut detector(DROPPED), &dropped(300)).len(), 0);
}

/// A clock that was set back by more than the time begins anew; a later order of magnitude does no harm either.
#[test]
fn a_clock_that_jumps_forgets_and_goes_on() {
    let mut detector = detector(DROPPED);
    let mut events = dropped(1);
    events[1].time = Timestamp(0);
    assert_eq!(observe(&mut detector, &events).len(), 0);
    events[0].time = Timestamp(u64::MAX);
    assert_eq!(observe(&mut detector, &events).len(), 0);
    assert_eq!(observe(&mut detector, &dropped(1)).len(), 1);
}

const FAILED: &str = "
- threshold: Many failures
  desc: d
  priority: WARNING
  by: proc.name
  within: 1m
  of: {condition: evt.type = setuid and evt.failed = true}
  count: 3
  output: '%correlation.count failures of %proc.name in %correlation.span ns'
  dedup: {by: proc.name, within: 10m}
";

#[test]
fn repeats_of_a_threshold_are_folded_and_told_of_later() {
    let mut detector = detector(FAILED);
    let failures: Vec<Event> = (0..10)
        .map(|second| event(EventType::Setuid, second, &[("evt.res", "EPERM"), ("proc.name", "su")]))
        .collect();
    // Ten failures are three times three, and one that is left over.
    assert_eq!(observe(&mut detector, &failures), ["3 failures of su in 2000000000 ns"]);
    assert_eq!(detector.statistics().folded, 2);
    let later = event(EventType::Listen, 700, &[]);
    let told = observe(&mut detector, std::slice::from_ref(&later));
    assert_eq!(told, ["3 failures of su in 2000000000 ns | folded=1"]);
    let mut alerts = Vec::new();
    detector.finish(&mut alerts);
    assert!(alerts.is_empty());
}

#[test]
fn what_is_folded_is_told_of_when_time_passes_without_events() {
    let mut detector = detector(
        "- rule: r\n  desc: d\n  condition: evt.type = listen\n  output: o %evt.num\n  priority: INFO\n  \
         dedup: {within: 1m}\n",
    );
    let listens: Vec<Event> = (0..5).map(|second| event(EventType::Listen, second, &[])).collect();
    assert_eq!(observe(&mut detector, &listens), ["o 1"]);
    let mut alerts = Vec::new();
    let at = |second: u64| Timestamp((1_700_000_000 + second) * 1_000_000_000);
    detector.advance(at(59), &mut alerts);
    assert!(alerts.is_empty());
    detector.advance(at(60), &mut alerts);
    assert_eq!(output(&detector, &alerts, &listens[0]), ["o 5 | folded=3"]);
    let detection = detector.detection(&alerts[0], None, "p", "h").unwrap();
    assert_eq!((detection.folded, detection.id.as_str()), (3, "p-5-0"));
    assert_eq!(detection.output_fields["correlation.folded"], 3);
    // The detection began another minute.
    assert!(observe(&mut detector, &[event(EventType::Listen, 90, &[])]).is_empty());
    let before = detector.replace(Arc::clone(&Arc::clone(detector.ruleset())), &mut alerts);
    assert_eq!(output(&before, &alerts, &listens[0]), ["o 91"]);
    assert_eq!(detector.statistics(), super::Statistics::default());
}

#[test]
fn overrides_reach_what_is_ours() {
    let text = format!(
        "{FAILED}
- threshold: Many failures
  override: {{within: replace, dedup: replace, priority: replace}}
  priority: ERROR
  within: 2s
  dedup: {{within: 1s}}
- rule: Written
  desc: d
  condition: evt.type = openat
  output: o
  priority: INFO
- rule: Written
  dedup: {{by: fd.name, within: 1h}}
  override: {{dedup: replace}}
"
    );
    let mut detector = detector(&text);
    assert_eq!(detector.ruleset().rules()[1].priority, fargard_model::Priority::Error);
    let opens: Vec<Event> =
        (0..3).map(|second| event(EventType::Openat, second, &[("fd.name", "/x")])).collect();
    assert_eq!(observe(&mut detector, &opens).len(), 1);
}

/// The sensor must see what a step needs, and says for whom.
#[test]
fn steps_are_observed() {
    let detector = detector(DROPPED);
    let needs = crate::traps::needs(detector.ruleset());
    let kinds: Vec<_> = needs.iter().map(|need| need.kind.name()).collect();
    assert_eq!(kinds, ["execve", "openat", "unlink", "connect"]);
    assert!(needs.iter().all(|need| need.rules == ["Dropped and run"]));
    let id = detector.ruleset().find("Dropped and run").unwrap();
    assert_eq!(detector.ruleset().event_types(id).len(), 4);
    // A ruleset alone gives no detections of sequences.
    let mut matches = Vec::new();
    detector.ruleset().evaluate(&dropped(1)[1], &mut matches);
    assert!(matches.is_empty());
}

/// What the documentation shows loads, and its tests pass.
#[test]
fn documented_examples_work() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/rules.md");
    let page = fargard_model::bounded::read_to_string(path.as_ref(), crate::MAX_FILE).unwrap();
    let section = page.split("## Correlation, dedup and tests").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let examples = section.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut files = crate::default_rules();
    let named = "- rule: My CloudTrail rule\n  desc: d\n  source: aws_cloudtrail\n  condition: ct.name = PutBucketAcl\n  \
                 output: o\n  priority: INFO\n";
    let examples = std::iter::once(named).chain(examples);
    files.extend(examples.map(|text| SourceFile { name: "docs".into(), text: text.into() }));
    assert!(files.len() >= 7, "{}", files.len());
    let report = load(&files);
    let said: Vec<_> = report.diagnostics.iter().map(ToString::to_string).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
    assert_eq!(report.tests.len(), 4);
    let results = crate::unit_test::run(report.ruleset.unwrap(), &report.tests);
    assert_eq!(results.failed(), 0, "{:#?}", results.tests);
}

/// Selections of a configuration reach sequences by name and tag.
#[test]
fn selections_reach_sequences() {
    let select = |config: &str| {
        let config = SourceFile { name: "c".into(), text: config.into() };
        let (options, _) = crate::options::Options::of_falco_config(&config, |_| None).unwrap();
        let file = SourceFile { name: "t.yaml".into(), text: DROPPED.into() };
        crate::load_with(&[file], &options).ruleset.unwrap().rules()[1].enabled
    };
    assert!(select("rules: []\n"));
    assert!(!select("rules:\n- disable: {tag: x}\n"));
    assert!(!select("rules:\n- disable: {rule: Dropped*}\n"));
}
