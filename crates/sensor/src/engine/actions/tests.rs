use std::process::{Command, Stdio};

use fargard_model::{Action, ActionResult};
use fargard_rules::{SourceFile, load};

use super::{Actions, denials};
use crate::{
    capture::{Backend, Sensor},
    config::Prevention,
    engine::procfs::Procfs,
};

const RULES: &str = "
- rule: Attach
  desc: d
  condition: evt.type = ptrace and evt.arg.request in (PTRACE_ATTACH, PTRACE_SEIZE)
  output: o
  priority: CRITICAL
  action: prevent
- rule: Miner
  desc: d
  condition: evt.type = execve and proc.name = miner
  output: o
  priority: CRITICAL
  action: kill
- rule: Told
  desc: d
  condition: evt.type = execve
  output: o
  priority: INFO
  action: alert
";

fn rules() -> fargard_rules::Ruleset {
    load(&[SourceFile { name: "t.yaml".into(), text: RULES.into() }]).ruleset.unwrap()
}

fn actions(mode: Prevention, sensor: Sensor) -> Actions {
    Actions::new(mode, &rules(), Backend::Notify, sensor)
}

fn sleeper() -> std::process::Child {
    Command::new("sleep").arg("60").stdout(Stdio::null()).spawn().unwrap()
}

#[test]
fn what_is_denied_comes_from_the_rules_that_prevent() {
    let found = denials(&rules()).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].kind, fargard_model::EventType::Ptrace);
}

#[test]
fn only_rules_that_ask_act_and_a_dry_run_does_nothing() {
    let sensor = Sensor::made(7, 8);
    assert_eq!(actions(Prevention::On, sensor).take("Told", None, 0), None);
    assert_eq!(actions(Prevention::Off, sensor).take("Miner", None, 0), None);
    let taken = actions(Prevention::DryRun, sensor).take("Miner", None, 0).unwrap();
    assert_eq!((taken.kind, taken.result), (Action::Kill, ActionResult::DryRun));
    let taken = actions(Prevention::On, sensor).take("Attach", None, 0).unwrap();
    assert_eq!(taken.result, ActionResult::Failed);
}

#[test]
fn the_process_that_made_the_call_is_killed_and_no_other() {
    let mut child = sleeper();
    let actions = actions(Prevention::On, Sensor::made(7, 8));
    let start = Procfs::system().stat(child.id()).unwrap().start;
    assert_eq!(actions.kill_only(child.id(), start + 1), Err("it has ended".to_owned()));
    assert_eq!(actions.kill_only(child.id(), 0), Err("it has ended".to_owned()));
    assert_eq!(child.try_wait().unwrap(), None);
    actions.kill_only(child.id(), start).unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&child.wait().unwrap()), Some(9));
    assert_eq!(actions.kill_only(child.id(), start), Err("it has ended".to_owned()));
}

#[test]
fn other_rules_do_not_change_what_is_denied_and_that_is_said() {
    let mut actions = actions(Prevention::On, Sensor::made(7, 8));
    // No table was filled here: what the rules ask for is not denied.
    let taken = actions.take("Attach", None, 0).unwrap();
    assert!(taken.reason.contains("fixed by the rules at the start"), "{taken}");
    let none = load(&[SourceFile { name: "t.yaml".into(), text: "[]".into() }]).ruleset.unwrap();
    assert_eq!(actions.replace_rules(&none), None);
    assert_eq!(actions.take("Attach", None, 0), None);
    assert!(actions.replace_rules(&rules()).unwrap().contains("when the task restarts"));
}

#[test]
fn the_first_the_entry_and_the_sensors_processes_are_never_killed() {
    let actions = actions(Prevention::On, Sensor::made(70, 80));
    for pid in [1, 70, 80] {
        assert!(actions.protected(pid).is_some(), "{pid}");
    }
    assert_eq!(actions.protected(71), None);
}
