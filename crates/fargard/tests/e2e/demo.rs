//! `fargard demo`: one command, and nothing is left of it.

use rustix::process::Signal;

use crate::support::{Running, fargard, is_root};

#[test]
fn the_example_task_raises_check_426_and_detections_and_all_is_removed_at_the_end() {
    if !is_root() {
        eprintln!("skipped: without root the example's tasks are not isolated from this machine");
        return;
    }
    let temporary = tempfile::tempdir().expect("a directory");
    let mut demo =
        Running::start(fargard().args(["demo", "--listen", "127.0.0.1:0"]).env("TMPDIR", temporary.path()));
    demo.wait_for(&["console", "/login?code="]);
    demo.wait_for(&["output", "fargate-vulnerability-compliance-task", "[+] Sleeping..."]);
    demo.wait_for(&["finding", "check 426 Image contains binaries used for crypto mining"]);
    demo.wait_for(&["/tmp/xmrig"]);
    demo.wait_for(&["finding", "Write below binary dir"]);
    demo.signal(Signal::INT);
    let (status, printed) = demo.finish();
    assert!(status.success(), "{printed}");
    let left: Vec<_> = std::fs::read_dir(temporary.path())
        .expect("the directory")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert_eq!(left, Vec::<std::path::PathBuf>::new());
    let mounts = std::fs::read_to_string("/proc/self/mounts").expect("mounts");
    let ours = temporary.path().to_str().expect("made of ASCII");
    assert!(!mounts.contains(ours), "{mounts}");
    assert!(!std::path::Path::new("/usr/bin/probe").exists(), "a task reached the machine's root");
}
