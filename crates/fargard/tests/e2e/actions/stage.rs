//! Performs actions one after the other in one container and tells which detections each of them caused.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::image;
use crate::support::{Running, fargard, is_root};

/// Something to do and what is to come of it.
#[derive(Clone, Debug)]
pub(crate) struct Action {
    /// The rule it is about.
    pub(crate) rule: &'static str,
    /// Lines for the container's shell. A process that has to be looked at to know what it did is held until the
    /// end (`actor hold`): nothing depends on the sensor being fast.
    pub(crate) script: &'static str,
    /// Other rules that the same action breaks.
    pub(crate) also: &'static [&'static str],
    /// What is read can only be seen where every open for reading is stopped: it is no file of the container's.
    pub(crate) every_read: bool,
    /// Why the rule cannot fire here; it is checked that it does not.
    pub(crate) cannot: Option<&'static str>,
}

/// An action that fires its rule and no other.
pub(crate) const fn fires(rule: &'static str, script: &'static str) -> Action {
    Action { rule, script, also: &[], every_read: false, cannot: None }
}

impl Action {
    pub(crate) const fn also(mut self, rules: &'static [&'static str]) -> Self {
        self.also = rules;
        self
    }

    pub(crate) const fn needs_every_read(mut self) -> Self {
        self.every_read = true;
        self
    }

    pub(crate) const fn cannot(mut self, why: &'static str) -> Self {
        self.cannot = Some(why);
        self
    }

    fn expected(&self) -> BTreeSet<&str> {
        let own = self.cannot.is_none().then_some(self.rule);
        own.into_iter().chain(self.also.iter().copied()).collect()
    }
}

/// Fires before and after each action: the engine handles calls in order, so what comes in between is the action's.
const MARKER: &str = "- rule: Marker\n  desc: d\n  priority: DEBUG\n  output: x %proc.args\n  \
                      condition: evt.type=execve and proc.name=marker\n";

/// The alerts a program printed, by the number of the action before them.
#[derive(Debug)]
pub(crate) struct Alerts {
    by_action: BTreeMap<usize, Vec<Value>>,
    printed: String,
}

impl Alerts {
    /// Reads what was printed; `count` actions were performed.
    pub(crate) fn read(printed: String, count: usize) -> Self {
        let mut by_action: BTreeMap<usize, Vec<Value>> = BTreeMap::new();
        let mut current = None;
        let alerts = printed.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut alerts: Vec<Value> = alerts.filter(|alert| alert["source"] == "syscall").collect();
        // Opens that a lease tells of are printed some milliseconds later than calls that were stopped.
        alerts.sort_by_key(|alert| alert["output_fields"]["evt.time"].as_u64());
        for alert in alerts {
            if alert["rule"] == "Marker" {
                current = alert["output_fields"]["proc.args"].as_str().and_then(|text| text.parse().ok());
            } else if let Some(action) = current {
                by_action.entry(action).or_default().push(alert);
            }
        }
        assert_eq!(current, Some(count), "not every action was seen:\n{printed}");
        Self { by_action, printed }
    }

    /// The alerts of one action.
    pub(crate) fn of(&self, action: usize) -> &[Value] {
        self.by_action.get(&action).map_or(&[], Vec::as_slice)
    }

    /// Everything the program printed.
    pub(crate) fn printed(&self) -> &str {
        &self.printed
    }

    /// Each action fired what it should and nothing else.
    pub(crate) fn check(&self, actions: &[&Action]) {
        let mut wrong = Vec::new();
        for (number, action) in actions.iter().enumerate() {
            let fired: BTreeSet<&str> =
                self.of(number).iter().filter_map(|alert| alert["rule"].as_str()).collect();
            if fired != action.expected() {
                let outputs: Vec<&Value> = self.of(number).iter().map(|alert| &alert["output"]).collect();
                wrong.push(format!("{}: {} fired {fired:?}: {outputs:#?}", action.rule, action.script));
            }
        }
        assert!(wrong.is_empty(), "{}\n\nall that was printed:\n{}", wrong.join("\n"), self.printed);
    }
}

/// A script that performs actions with a marker before each and after the last.
pub(crate) fn script(marker: &str, actions: &[impl AsRef<str>]) -> String {
    let mut text = String::new();
    for (number, action) in actions.iter().enumerate() {
        text.push_str(&format!("{marker} {number}\n{}\n", action.as_ref()));
    }
    text + &format!("{marker} {}\n", actions.len())
}

/// A file with the rule that fires for markers.
pub(crate) fn marker_rules(directory: &Path) -> PathBuf {
    let path = directory.join("marker.yaml");
    fs::write(&path, MARKER).expect("written");
    path
}

/// Performs actions in a container with these rules, and those that need it in another one in which every open for
/// reading is stopped. Each fires what it should and nothing else. `fill` completes their scripts.
pub(crate) fn check(rules: &[PathBuf], actions: &[&Action], fill: impl Fn(&str) -> String) {
    for (reads, every_read) in [("lease", false), ("trap", true)] {
        let actions: Vec<&Action> =
            actions.iter().filter(|action| action.every_read == every_read).copied().collect();
        let scripts: Vec<String> = actions.iter().map(|action| fill(action.script)).collect();
        if let Some(alerts) = perform(rules, reads, &scripts) {
            alerts.check(&actions);
        }
    }
}

/// Leases are taken while the command already runs: waits until there are some and their number stands still, or for a
/// few seconds where no rule asks for any.
const WAIT_FOR_LEASES: &str = r#"turns=0
leases=0
while [ $turns -lt 500 ]; do
  now=$(grep -c LEASE /proc/locks)
  [ "$now" -gt 0 ] && [ "$now" = "$leases" ] && break
  leases=$now turns=$((turns + 1))
done
"#;

/// Performs actions in a container with these rules; `None`, said visibly, where that is not possible. `reads` says
/// how opens for reading are seen.
pub(crate) fn perform(rules: &[PathBuf], reads: &str, actions: &[impl AsRef<str>]) -> Option<Alerts> {
    if !is_root() {
        eprintln!("skipped: without root, actions are not isolated from this machine");
        return None;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let root = image::make(directory.path())?;
    let wait = if reads == "lease" { WAIT_FOR_LEASES } else { "" };
    fs::write(root.join("script"), wait.to_owned() + &script("marker", actions)).expect("written");
    let definition = directory.path().join("task.json");
    let text = serde_json::json!({
        "family": "actions",
        "containerDefinitions": [{
            "name": "app", "image": "actions", "command": ["/bin/sh", "/script"],
            "linuxParameters": {"capabilities": {"add": ["SYS_PTRACE"]}},
        }],
    });
    fs::write(&definition, text.to_string()).expect("written");
    let mut task = fargard();
    task.args(["task", "run", "--json", "--reads", reads, "--rootfs"]).arg(format!("app={}", root.display()));
    for file in rules.iter().chain([&marker_rules(directory.path())]) {
        task.arg("--rules").arg(file);
    }
    let (_, printed) = Running::start(task.arg(&definition)).finish();
    Some(Alerts::read(printed, actions.len()))
}

/// The names of the rules in a file.
pub(crate) fn names_in(file: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(file).expect("a rules file");
    text.lines().filter_map(|line| line.strip_prefix("- rule: ")).map(|name| name.trim().to_owned()).collect()
}
