//! What is said of which opens for reading are seen.

use fargard_rules::{ReadRule, Reads};

use super::watcher::Coverage;
use crate::config::ReadMode;

/// The price of stopping every open, as measured (SPECIFICATION.md, "What it costs").
const PRICE: &str = "a task that opens a file for each request takes 2 to 4 times as long";

/// What each rule about reads can see, known before any file is looked for.
pub(super) fn of_rules(mode: ReadMode, reads: &Reads) -> Vec<String> {
    let rules: Vec<&ReadRule> = reads.rules().collect();
    let names =
        |rules: &[&ReadRule]| rules.iter().map(|rule| rule.name.as_str()).collect::<Vec<_>>().join(", ");
    match mode {
        _ if rules.is_empty() => Vec::new(),
        ReadMode::Trap => vec![format!(
            "every open for reading is stopped (FARGARD_READS=trap), for: {}; {PRICE}",
            names(&rules)
        )],
        ReadMode::Off => vec![format!(
            "opens for reading are not looked at (FARGARD_READS=off): {} cannot see them",
            names(&rules)
        )],
        ReadMode::Lease => rules.iter().filter_map(|rule| limit(rule)).collect(),
    }
}

/// What leases cannot show a rule.
fn limit(rule: &ReadRule) -> Option<String> {
    let what = match (&rule.beyond, rule.anywhere) {
        (_, true) => "reads of any file",
        (Some(path), false) => &format!("reads of {path}"),
        (None, false) => return None,
    };
    Some(format!("{:?} is about {what}: only FARGARD_READS=trap shows them ({PRICE})", rule.name))
}

/// What is watched by now.
pub(super) fn of_files(coverage: &Coverage) -> Vec<String> {
    let Coverage { leased, watched, unreadable, over, cut, refused } = *coverage;
    let mut lines = vec![format!(
        "opens for reading: {leased} files are leased, whoever opens them is named; {watched} are only watched"
    )];
    if unreadable > 0 {
        lines.push(format!(
            "{unreadable} files that rules are about cannot be watched: the sensor may not open them"
        ));
    }
    if over > 0 {
        lines.push(format!("{over} files that rules are about are not watched: there are too many"));
    }
    if cut {
        lines.push("not the whole file system was searched for files that rules are about".to_owned());
    }
    if refused > 0 {
        lines.push(format!(
            "{refused} files lost their lease: somebody opened them with O_NONBLOCK and was refused once"
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fargard_rules::{Reads, SourceFile, default_rules, load};

    use super::{Coverage, ReadMode, of_files, of_rules};

    #[test]
    fn each_limit_is_said_with_the_rules_name() {
        let own = SourceFile {
            name: "own".into(),
            text:
                "- rule: Any read\n  desc: d\n  output: o\n  priority: INFO\n  condition: evt.type=open and \
                   proc.name=x\n"
                    .into(),
        };
        let sources: Vec<_> = default_rules().into_iter().chain([own]).collect();
        let reads = Reads::of(&Arc::new(load(&sources).ruleset.unwrap()));
        let all = [ReadMode::Lease, ReadMode::Trap, ReadMode::Off].map(|mode| of_rules(mode, &reads));
        insta::assert_debug_snapshot!(all);
    }

    #[test]
    fn what_is_watched_is_counted() {
        assert_eq!(of_files(&Coverage { leased: 3, ..Coverage::default() }).len(), 1);
        let all = Coverage { leased: 1, watched: 2, unreadable: 3, over: 4, cut: true, refused: 5 };
        insta::assert_debug_snapshot!(of_files(&all));
    }
}
