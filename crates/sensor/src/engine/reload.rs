//! Rules files that change while the engine runs: they are loaded in a thread of their own, and the engine goes on with
//! them from one event to the next. Files that cannot be used change nothing.
//!
//! Which calls are stopped was fixed when the filter was installed; a filter cannot be taken back. So it is said which
//! of the new rules need others.

use std::{collections::BTreeMap, os::unix::fs::MetadataExt, path::PathBuf, thread, time::Duration};

use fargard_model::{Trap, TrapSet};
use fargard_rules::{
    Ruleset,
    options::Options,
    traps::{self, Need},
};

use super::{
    EngineError, load_rules,
    sighting::{Intake, Sighting},
    threads::spawn_with,
};

/// Time between two looks at the files. A change counts when the files stood still from one look to the next, as whoever
/// writes them may not be done.
const PAUSE: Duration = Duration::from_secs(1);
/// Conditions are compiled by descending into them.
const STACK: usize = 8 << 20;
/// Most rules of which it is said what they do not see.
const MAX_NAMED: usize = 20;
/// Most bytes that are said of what is wrong with rules.
const MAX_SAID: usize = 2_000;

/// What a change of the files came to.
#[derive(Debug)]
pub(super) enum Reloaded {
    Rules(Box<Ruleset>),
    /// Why the files cannot be used.
    Unusable(String),
}

/// The files as they were when the rules were loaded.
#[derive(Debug)]
pub(super) struct Files {
    paths: Vec<PathBuf>,
    options: Options,
    loaded: Stamps,
    seen: Stamps,
}

/// Of each file that is there: device, inode, size, times of the last change of content and inode.
type Stamps = Vec<Option<(u64, u64, u64, [i64; 4])>>;

impl Files {
    /// The files as they are now. To be taken before they are read.
    pub(super) fn new(paths: &[PathBuf], options: &Options) -> Self {
        let now = stamps(paths);
        Self { paths: paths.to_vec(), options: options.clone(), loaded: now.clone(), seen: now }
    }

    /// Whether the files are others than those that were loaded last, and have stood still since the look before.
    fn have_changed(&mut self) -> bool {
        let now = stamps(&self.paths);
        let has_settled = now == self.seen;
        if has_settled && now != self.loaded {
            self.loaded = now;
            return true;
        }
        self.seen = now;
        false
    }

    fn load(&self) -> Reloaded {
        match load_rules(&self.paths, &self.options) {
            Ok(rules) => Reloaded::Rules(Box::new(rules)),
            Err(error) => Reloaded::Unusable(cut(&error.to_string(), MAX_SAID)),
        }
    }
}

fn stamps(paths: &[PathBuf]) -> Stamps {
    let stamp = |path: &PathBuf| {
        let file = path.metadata().ok()?;
        let times = [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()];
        Some((file.dev(), file.ino(), file.size(), times))
    };
    paths.iter().map(stamp).collect()
}

/// Looks after the files until the engine ends. The built-in rules have none.
pub(super) fn watch(mut files: Files, intake: Intake) {
    if files.paths.is_empty() {
        return;
    }
    spawn_with("fargard-rules", STACK, move || {
        while !intake.is_over() {
            thread::park_timeout(PAUSE);
            if files.have_changed() && !intake.put_when_there_is_room(Sighting::Rules(files.load())) {
                return;
            }
        }
    });
}

/// What new rules do not see of what they ask for, a line for each rule.
pub(super) fn unseen(rules: &Ruleset, stopped: &TrapSet) -> Vec<String> {
    let mut unmet: BTreeMap<String, Vec<Need>> = BTreeMap::new();
    for need in traps::unmet_needs(rules, stopped) {
        for rule in &need.rules {
            unmet.entry(rule.clone()).or_default().push(need.clone());
        }
    }
    let all = traps::needs(rules);
    let line = |(rule, unmet): (&String, &Vec<Need>)| {
        let needs = all.iter().filter(|need| need.rules.contains(rule)).count();
        let sees = if unmet.len() < needs { "sees only some of its calls" } else { "sees nothing" };
        let calls: Vec<String> = unmet.iter().map(call).collect();
        format!("loaded, but {sees} until the task restarts: rule '{rule}' needs {}", calls.join(", "))
    };
    let mut lines: Vec<String> = unmet.iter().take(MAX_NAMED).map(line).collect();
    if unmet.len() > MAX_NAMED {
        lines.push(format!("and {} more rules", unmet.len() - MAX_NAMED));
    }
    lines
}

fn call(need: &Need) -> String {
    let kind = need.kind.name();
    match need.trap {
        Trap::OpenRead => format!("{kind} for reading"),
        Trap::OpenWrite => format!("{kind} for writing"),
        _ => kind.to_owned(),
    }
}

/// What is said by an engine that was started again and cannot use the files.
pub(super) fn unusable_after_restart(error: &EngineError) -> String {
    format!(
        "the engine was started again and cannot use the rules files; the built-in rules are loaded until it can: {}",
        cut(&error.to_string(), MAX_SAID)
    )
}

/// The beginning of a text.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().find(|(at, _)| *at >= most) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Files, MAX_NAMED, Options, Reloaded, cut, unseen};
    use crate::engine::load_rules;

    fn rule(name: &str, condition: &str) -> String {
        format!("- rule: {name}\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n")
    }

    fn files(text: &str) -> (tempfile::TempDir, Files) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rules.yaml");
        fs::write(&path, text).unwrap();
        let files = Files::new(&[path], &Options::default());
        (directory, files)
    }

    #[test]
    fn a_change_counts_once_when_the_files_stand_still() {
        let (_directory, mut files) = files(&rule("a", "evt.type = execve"));
        assert!(!files.have_changed());
        fs::write(&files.paths[0], rule("bb", "evt.type = execve")).unwrap();
        assert!(!files.have_changed(), "perhaps not written to the end");
        assert!(files.have_changed());
        assert!(!files.have_changed());
        assert!(matches!(files.load(), Reloaded::Rules(rules) if rules.find("bb").is_some()));
        // Another file under the same name, as whoever writes beside and renames leaves it.
        let beside = files.paths[0].with_extension("new");
        fs::write(&beside, rule("cc", "evt.type = execve")).unwrap();
        fs::rename(&beside, &files.paths[0]).unwrap();
        assert!(!files.have_changed());
        assert!(files.have_changed());
        fs::remove_file(&files.paths[0]).unwrap();
        assert!(!files.have_changed());
        assert!(files.have_changed());
        assert!(matches!(files.load(), Reloaded::Unusable(why) if why.contains("rules.yaml")));
    }

    #[test]
    fn it_is_said_why_files_cannot_be_used() {
        let (_directory, files) = files(&rule("a", "evt.type = nosuchcall"));
        let Reloaded::Unusable(why) = files.load() else { panic!("it loads") };
        assert!(why.contains("nosuchcall"), "{why}");
        assert_eq!(cut("aéb", 2), "aé...");
        assert_eq!(cut("aéb", 4), "aéb");
    }

    #[test]
    fn what_is_not_stopped_is_named_with_the_rules_that_need_it() {
        let load = |text: &str| {
            let (_directory, files) = files(text);
            load_rules(&files.paths, &files.options).unwrap()
        };
        let before = load(&rule("writes", "evt.type = openat and evt.is_open_write = true"));
        let stopped = before.traps();
        assert_eq!(unseen(&before, &stopped), Vec::<String>::new());
        let after = load(
            &[
                rule("others write", "evt.type in (open, creat) and evt.is_open_write = true"),
                rule("reads", "evt.type = openat and fd.name = /x and evt.is_open_read = true"),
                rule("binds", "evt.type = bind"),
                rule("both", "evt.type in (bind, openat) and evt.is_open_write != false"),
            ]
            .concat(),
        );
        assert_eq!(
            unseen(&after, &stopped),
            [
                "loaded, but sees nothing until the task restarts: rule 'binds' needs bind",
                "loaded, but sees only some of its calls until the task restarts: rule 'reads' needs openat for \
                 reading",
            ]
        );
        let many: String = (0..MAX_NAMED + 2).map(|n| rule(&format!("r{n:02}"), "evt.type = bind")).collect();
        let said = unseen(&load(&many), &stopped);
        assert_eq!((said.len(), said.last().unwrap().as_str()), (MAX_NAMED + 1, "and 2 more rules"));
    }
}
