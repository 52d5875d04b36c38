use std::{fs, os::unix::fs::symlink, path::Path};

use super::{Accounts, Execution, Procfs, Stat, Table, bounds::MAX_PROCESSES};

fn stat(comm: &str, ppid: u32, start: u64) -> Stat {
    Stat { comm: comm.into(), state: 'R', ppid, pgid: 100, sid: 100, tty: 0, start, ..Stat::default() }
}

/// A directory laid out as /proc with one process.
fn add(proc: &Path, pid: u32, tgid: u32, comm: &str, ppid: u32, start: u64, uid: u32) {
    let directory = proc.join(pid.to_string());
    fs::create_dir_all(&directory).unwrap();
    let zeros = "0 ".repeat(14);
    fs::write(directory.join("stat"), format!("{pid} ({comm}) S {ppid} 100 100 0 {zeros}{start} 0 0"))
        .unwrap();
    let status =
        format!("Tgid:\t{tgid}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{uid}\t0\t0\t0\nNSpid:\t{pid}\n");
    fs::write(directory.join("status"), status).unwrap();
    fs::write(directory.join("cmdline"), format!("/usr/bin/{comm}\0--flag\0")).unwrap();
    for (name, target) in [("exe", format!("/usr/bin/{comm}")), ("cwd", "/work".to_owned())] {
        let link = directory.join(name);
        let _ = fs::remove_file(&link);
        symlink(target, link).unwrap();
    }
}

fn table(proc: &Path) -> Table {
    let accounts = Accounts::of_root(proc);
    Table::new(Procfs::at(proc), accounts, 1, false)
}

#[test]
fn a_dead_child_has_its_parent_and_its_program() {
    let proc = tempfile::tempdir().unwrap();
    add(proc.path(), 1, 1, "init", 0, 5, 0);
    add(proc.path(), 100, 100, "sh", 1, 50, 1000);
    let mut table = table(proc.path());
    // 101 was forked by 100, executed touch and is gone: /proc knows nothing.
    let child = table.process_of(101, Some(&stat("sh", 100, 60)));
    assert_eq!((child.name.as_str(), child.uid, child.cwd.as_str()), ("sh", 1000, "/work"));
    let execution = Execution {
        path: "/usr/bin/touch".into(),
        argv: vec!["touch".into(), "/tmp/x".into()],
        ..Execution::default()
    };
    let after = table.executed(&child, &execution);
    table.replace(after);
    let touch = table.process_of(101, None);
    assert_eq!(touch.cmdline(), "touch /tmp/x");
    assert_eq!((touch.exepath.as_str(), touch.exe.as_str(), touch.ppid), ("/usr/bin/touch", "touch", 100));
    let names: Vec<&str> = touch.lineage().map(|process| process.name.as_str()).collect();
    assert_eq!(names, ["touch", "sh", "init"]);
    assert_eq!(touch.sname, "sh");
    assert_eq!(touch.started_at, 1_000_000_000_600_000_000);
}

#[test]
fn a_process_that_got_a_terminal_has_it_at_its_next_execution() {
    let proc = tempfile::tempdir().unwrap();
    add(proc.path(), 100, 100, "sh", 0, 50, 0);
    let mut table = table(proc.path());
    assert_eq!(table.process_of(100, Some(&stat("sh", 0, 50))).tty, 0);
    let later = Stat { tty: 34817, sid: 100, pgid: 7, ..stat("sh", 0, 50) };
    let after = table.process_of(100, Some(&later));
    assert_eq!((after.tty, after.pgid, after.name.as_str()), (34817, 7, "sh"));
    assert_eq!(table.process_of(100, None).tty, 34817);
}

#[test]
fn threads_belong_to_their_process() {
    let proc = tempfile::tempdir().unwrap();
    add(proc.path(), 200, 200, "app", 0, 70, 7);
    add(proc.path(), 201, 200, "worker", 0, 71, 7);
    let mut table = table(proc.path());
    let process = table.process_of(201, Some(&stat("worker", 0, 71)));
    assert_eq!((process.pid, process.name.as_str(), process.exe.as_str()), (200, "app", "/usr/bin/app"));
    assert_eq!(table.process_of(200, None).pid, 200);
    assert_eq!(table.processes.len(), 1);
}

#[test]
fn a_reused_id_is_another_process() {
    let proc = tempfile::tempdir().unwrap();
    let mut table = table(proc.path());
    let first = table.process_of(300, Some(&stat("old", 0, 10)));
    let second = table.process_of(300, Some(&stat("new", 0, 99)));
    assert_eq!((first.name.as_str(), second.name.as_str()), ("old", "new"));
    // The id was reused between the call and our look: /proc speaks of somebody else.
    add(proc.path(), 301, 301, "later", 0, 500, 42);
    let gone = table.process_of(301, Some(&stat("earlier", 0, 400)));
    assert_eq!((gone.name.as_str(), gone.uid), ("earlier", 0));
}

#[test]
fn scripts_run_their_interpreter() {
    let proc = tempfile::tempdir().unwrap();
    let mut table = table(proc.path());
    let before = table.process_of(5, Some(&stat("sh", 0, 1)));
    let execution = Execution {
        path: "/opt/a-script-with-a-long-name.sh".into(),
        argv: vec!["script".into(), "arg".into()],
        interpreter: Some(("/bin/bash".into(), Some("-e".into()))),
        ..Execution::default()
    };
    let after = table.executed(&before, &execution);
    assert_eq!(after.name, "a-script-with-a");
    assert_eq!(after.exeline(), "/bin/bash -e /opt/a-script-with-a-long-name.sh arg");
    assert_eq!(after.exepath, "/bin/bash");
}

#[test]
fn credentials_follow_the_process() {
    let proc = tempfile::tempdir().unwrap();
    fs::create_dir(proc.path().join("etc")).unwrap();
    fs::write(proc.path().join("etc/passwd"), "root:x:0:0::/:\napp:x:9:9::/:\n").unwrap();
    add(proc.path(), 400, 400, "su", 0, 10, 0);
    let mut table = table(proc.path());
    let before = table.process_of(400, Some(&stat("su", 0, 10)));
    assert_eq!(before.user, "root");
    add(proc.path(), 400, 400, "su", 0, 10, 9);
    assert_eq!(table.refresh_credentials(&before).user, "app");
    assert_eq!(table.process_of(400, None).uid, 9);
}

#[test]
fn a_parent_whose_id_was_reused_is_not_the_one_that_was_known() {
    let proc = tempfile::tempdir().unwrap();
    add(proc.path(), 50, 50, "sshd", 0, 5, 0);
    let mut table = table(proc.path());
    table.process_of(50, Some(&stat("sshd", 0, 5)));
    add(proc.path(), 50, 50, "miner", 0, 900, 1000);
    let child = table.process_of(51, Some(&stat("miner", 50, 901)));
    assert_eq!(child.parent.as_ref().unwrap().name, "miner");
}

#[test]
fn the_table_stays_within_its_bound() {
    let proc = tempfile::tempdir().unwrap();
    let mut table = table(proc.path());
    for pid in 1..=(MAX_PROCESSES as u32 * 3) {
        table.process_of(pid, Some(&stat("p", 0, u64::from(pid))));
    }
    assert!(table.processes.len() <= MAX_PROCESSES);
    assert!(table.processes.contains_key(&(MAX_PROCESSES as u32 * 3)));
}
