//! A person at a terminal.

use crate::programs::{Stage, installed, run, source_of};

#[test]
fn job_control_and_the_terminal_work_as_ever() {
    if !installed(&["python3", "bash"]) {
        return;
    }
    let stage = Stage::new();
    let person = source_of("terminal.py");
    let shell = ["bash", "--norc", "--noprofile", "-i"];
    let at_terminal = |command: &[&str]| {
        let mut line = vec!["python3", person.to_str().unwrap()];
        line.extend(command);
        let output = run(&line);
        (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
            output.status.code(),
        )
    };
    let expected = at_terminal(&shell);
    assert!(expected.0.contains("exit 21") && expected.2 == Some(0), "{expected:?}");
    let watched = stage.watched(&shell);
    let watched: Vec<&str> = watched.iter().map(String::as_str).collect();
    assert_eq!(at_terminal(&watched), expected);
    assert!(!stage.counters().starts_with("# seen=0 "));
}
