use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use fargard_model::{Trap, TrapSet, standard};

use super::default_rules;
use crate::{MAX_FILE, Ruleset, SourceFile, load, testing::write, unit_test};

fn ruleset() -> Ruleset {
    load(&default_rules()).ruleset.unwrap()
}

#[test]
fn the_default_rules_load_without_a_word() {
    let report = load(&default_rules());
    let said: Vec<String> = report.diagnostics.iter().map(ToString::to_string).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
    assert!(report.ruleset.unwrap().rules().len() >= 20);
}

/// The tests beside the default rules; they are not part of the program.
fn test_files() -> Vec<SourceFile> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../rules/tests");
    let mut paths: Vec<_> = directory.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| SourceFile {
        name: path.display().to_string(),
        text: fargard_model::bounded::read_to_string(&path, MAX_FILE).unwrap(),
    };
    paths.into_iter().map(read).collect()
}

/// Every rule is raised by some event, and kept from being raised by a single clause on another.
#[test]
fn rules_fire_for_what_they_are_about_and_nothing_else() {
    let mut files = default_rules();
    files.extend(test_files());
    let loaded = load(&files);
    let said: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
    let report = unit_test::run(loaded.ruleset.unwrap(), &loaded.tests);
    for test in &report.tests {
        assert_eq!(test.failures, [], "{}:{}", test.file, test.at.line);
    }
    for rule in &report.coverage.rules {
        assert!(rule.held > 0 && rule.near_misses > 0, "{rule:#?}");
        assert!(rule.percent() >= 70, "{rule:#?}");
    }
    assert!(report.coverage.percent() >= 90, "{}", report.coverage.percent());
}

#[test]
fn outputs_name_who_where_and_what() {
    let ruleset = ruleset();
    for rule in ruleset.rules() {
        for field in
            ["proc.name", "proc.cmdline", "proc.pname", "container.name", "ecs.task.arn", "user.name"]
        {
            assert!(rule.output.contains(&format!("%{field}")), "{}: {field}", rule.name);
        }
        assert!(!rule.description.is_empty() && !rule.output.contains('\n'), "{}", rule.name);
        let standards: BTreeSet<_> =
            rule.tags.iter().filter_map(|tag| standard::of_tag(tag)).map(|(standard, _)| standard).collect();
        // HIPAA's controls are those of file integrity policies.
        let expected = standard::Standard::ALL.iter().filter(|one| **one != standard::Standard::Hipaa);
        assert_eq!(standards.len(), expected.count(), "{}: {standards:?}", rule.name);
    }
}

#[test]
fn a_detection_is_whole() {
    let ruleset = ruleset();
    let event = write("/usr/bin/probe").by("touch").0;
    let mut found = Vec::new();
    ruleset.evaluate(&event, &mut found);
    let detection = ruleset.detection(found[0], &event, "p", "host").unwrap();
    let mut shown = serde_json::to_value(&detection).unwrap();
    assert_eq!(shown["event"], serde_json::to_value(&event).unwrap());
    for long in ["event", "condition", "description"] {
        shown.as_object_mut().unwrap().remove(long);
    }
    insta::assert_json_snapshot!(shown);
}

#[test]
fn only_the_read_rules_force_every_open() {
    let whole = ruleset().traps();
    assert!(whole.contains(Trap::OpenRead));
    let without = load(&default_rules()[..1]).ruleset.unwrap().traps();
    let correlations = load(&default_rules()[..2]).ruleset.unwrap().traps();
    let classes = |traps: &TrapSet| traps.iter().map(|(trap, _)| trap).collect::<Vec<_>>();
    assert_eq!(classes(&without), classes(&correlations), "sequences and thresholds force nothing more");
    let needed: BTreeMap<_, _> = without.iter().collect();
    assert!(!without.contains(Trap::OpenRead), "{:?}", needed.get(&Trap::OpenRead));
    for unneeded in [Trap::Accept, Trap::SendtoAddress, Trap::Sendmsg, Trap::Setuid, Trap::Chown, Trap::Bind]
    {
        assert!(!without.contains(unneeded), "{unneeded:?}: {:?}", needed.get(&unneeded));
    }
    for forced in [Trap::Exec, Trap::OpenWrite, Trap::Rename, Trap::DupStdio, Trap::Connect, Trap::Listen] {
        assert!(without.contains(forced), "{forced:?}");
    }
}
