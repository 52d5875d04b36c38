//! Programs in the languages tasks are written in.

use crate::programs::{Stage, installed, source_of};

#[test]
fn processes_are_made_and_end_as_ever() {
    let stage = Stage::new();
    let Some(program) = stage.c("processes.c") else { return };
    let shown = stage.same(&[&program]);
    assert!(shown.contains("vfork: own child 1 exit 7") && shown.contains("continued: 1"), "{shown}");
}

#[test]
fn threads_are_signalled_cancelled_and_replaced_as_ever() {
    let stage = Stage::new();
    let Some(program) = stage.c("threads.c") else { return };
    let shown = stage.same(&[&program]);
    assert_eq!(shown, "failed: 0\ncancelled: 50\nbecame a shell\n");
}

#[test]
fn go_with_preempted_goroutines() {
    if !installed(&["go"]) {
        return;
    }
    let stage = Stage::new();
    let Some(program) = stage.compile(&["go", "build", "-o"], "preempted.go") else { return };
    let shown = stage.same(&[&program]);
    assert!(shown.contains("failed: [0 0 0 0 0 0 0 0]\nstarted: 20\ntold to end"), "{shown}");
}

#[test]
fn java_with_threads_files_and_a_child() {
    if !installed(&["java"]) {
        return;
    }
    let stage = Stage::new();
    let shown = stage.same(&["java", source_of("Machine.java").to_str().unwrap()]);
    assert_eq!(shown, "bytes: 6553600\nchild\nexit: 6\nhook\n");
}

#[test]
fn node_with_workers_files_and_children() {
    if !installed(&["node"]) {
        return;
    }
    let stage = Stage::new();
    let shown = stage.same(&["node", source_of("app.js").to_str().unwrap()]);
    assert!(shown.contains("opens: 300 300 300") && shown.contains("sleeper: null SIGTERM"), "{shown}");
}

#[test]
fn python_with_pools_threads_and_signals() {
    if !installed(&["python3"]) {
        return;
    }
    let stage = Stage::new();
    let shown = stage.same(&["python3", source_of("pool.py").to_str().unwrap()]);
    assert!(shown.contains("forkserver 4950") && shown.contains("timed out"), "{shown}");
}

#[test]
fn a_thousand_pipelines_of_dash() {
    if !installed(&["dash"]) {
        return;
    }
    let script =
        "i=0; while [ $i -lt 1000 ]; do echo $i | cat | grep -q . || exit 1; i=$((i+1)); done; echo all";
    let stage = Stage::new();
    assert_eq!(stage.same(&["dash", "-c", script]), "all\n");
}
