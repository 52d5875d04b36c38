use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use fargard_model::{EventType, Outcome, Process, Timestamp};

use super::{FileCall, exec_failure, file_outcome, parse_interpreter};
use crate::engine::procfs::Procfs;

const NO_SUCH_PROCESS: u32 = u32::MAX;

fn who(euid: u32) -> Process {
    // Capabilities without CAP_DAC_OVERRIDE: only modes decide.
    Process {
        pid: NO_SUCH_PROCESS,
        uid: euid,
        euid,
        gid: 54321,
        cap_effective: 1 << 40,
        ..Process::default()
    }
}

fn outcome(kind: EventType, flags: u64, mode: u64, paths: &[&Path], process: &Process, time: u64) -> Outcome {
    let paths: Vec<_> = paths.iter().map(|path| ("".into(), path.to_str().unwrap().to_owned())).collect();
    let call = FileCall { kind, time, flags, mode, paths: &paths, process, seen_written: false };
    file_outcome(&call, &Procfs::system())
}

fn failed(errno: i32) -> Outcome {
    Outcome::Confirmed(-i64::from(errno))
}

#[test]
fn opens_that_cannot_have_succeeded_say_why() {
    let directory = tempfile::tempdir().unwrap();
    let now = Timestamp::now().0;
    let later = now + 60_000_000_000;
    let file = directory.path().join("there");
    fs::write(&file, "x").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let stranger = who(12345);
    let create = 0o101;
    let deep = directory.path().join("no/such");
    let missing = directory.path().join("missing");
    for (flags, path, time, expected) in [
        (create, &deep, now, failed(libc::ENOENT)),
        (create, &missing, now, failed(libc::EACCES)),
        (create | 0o200, &file, later, failed(libc::EEXIST)),
        (0o1, &file, later, failed(libc::EACCES)),
        (0o0, &file, later, Outcome::Attempt),
        (0o0, &missing, now, failed(libc::ENOENT)),
    ] {
        assert_eq!(outcome(EventType::Openat, flags, 0, &[path], &stranger, time), expected, "{path:?}");
    }
}

#[test]
fn a_descriptor_proves_an_open() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("open");
    let file = fs::File::create(&path).unwrap();
    let number = std::os::fd::AsRawFd::as_raw_fd(&file);
    let own = Process { pid: std::process::id(), ..Process::default() };
    if number < 64 {
        let found = outcome(EventType::Openat, 0o101, 0, &[&path], &own, Timestamp::now().0);
        assert_eq!(found, Outcome::Confirmed(i64::from(number)));
    }
}

#[test]
fn made_and_moved_files_are_seen() {
    let directory = tempfile::tempdir().unwrap();
    let now = Timestamp::now().0;
    let later = now + 60_000_000_000;
    let (a, b, made) =
        (directory.path().join("a"), directory.path().join("b"), directory.path().join("made"));
    let root = who(0);
    fs::write(&b, "x").unwrap();
    fs::create_dir(&made).unwrap();
    assert_eq!(outcome(EventType::Rename, 0, 0, &[&a, &b], &root, now), Outcome::Confirmed(0));
    assert_eq!(outcome(EventType::Rename, 0, 0, &[&a, &b], &root, later), Outcome::Attempt);
    assert_eq!(outcome(EventType::Mkdir, 0, 0, &[&made], &root, now), Outcome::Confirmed(0));
    assert_eq!(outcome(EventType::Mkdir, 0, 0, &[&made], &root, later), failed(libc::EEXIST));
    let link = directory.path().join("link");
    fs::hard_link(&b, &link).unwrap();
    assert_eq!(outcome(EventType::Link, 0, 0, &[&b, &link], &root, now), Outcome::Confirmed(0));
    fs::set_permissions(&b, fs::Permissions::from_mode(0o4755)).unwrap();
    assert_eq!(outcome(EventType::Chmod, 0, 0o4755, &[&b], &root, now), Outcome::Confirmed(0));
    assert_eq!(outcome(EventType::Chmod, 0, 0o777, &[&b], &who(12345), later), failed(libc::EPERM));
    assert_eq!(outcome(EventType::Unlink, 0, 0, &[&b], &who(12345), now), failed(libc::EACCES));
    assert_eq!(outcome(EventType::Unlink, 0, 0, &[&a], &root, now), Outcome::Attempt);
}

#[test]
fn programs_that_cannot_run() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("p");
    fs::write(&file, "x").unwrap();
    let user = who(12345);
    assert_eq!(exec_failure(&user, &file, false), Some(-i64::from(libc::EACCES)));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    if !Path::new("/proc/sys/fs/binfmt_misc/register").exists() {
        assert_eq!(exec_failure(&user, &file, false), Some(-i64::from(libc::ENOEXEC)));
    }
    fs::write(&file, "#!/bin/sh\n").unwrap();
    assert_eq!(exec_failure(&user, &file, false), None);
    let gone = directory.path().join("gone");
    assert_eq!(exec_failure(&user, &gone, false), Some(-i64::from(libc::ENOENT)));
    assert_eq!(exec_failure(&user, &gone, true), None, "it may have removed itself");
}

#[test]
fn interpreters_of_scripts() {
    for (head, expected) in [
        (&b"#!/bin/sh\necho"[..], Some(("/bin/sh", None))),
        (b"#! /usr/bin/env  python3 -u \n", Some(("/usr/bin/env", Some("python3 -u")))),
        (b"#!\n", None),
        (b"\x7fELF", None),
    ] {
        let found = parse_interpreter(head);
        assert_eq!(found.as_ref().map(|(path, option)| (path.as_str(), option.as_deref())), expected);
    }
}
