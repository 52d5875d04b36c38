//! Root file systems as the check meets them: with miners, with what resembles them, and hostile ones.

#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its files fails")]

use std::{
    fs,
    io::Write,
    ops::ControlFlow,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
    time::Duration,
};

use fargard_model::bounded;
use fargard_scan::{
    Limits, Selection, WalkReport,
    miner::{self, Kind, Match},
    scan, walk,
};
use proptest::prelude::*;

const ELF: &[u8] = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0program";

fn put(root: &Path, path: &str, content: &[u8]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn put_executable(root: &Path, path: &str, content: &[u8]) {
    put(root, path, content);
    fs::set_permissions(root.join(path), fs::Permissions::from_mode(0o755)).unwrap();
}

fn find(root: &Path, limits: &Limits) -> (Vec<Match>, WalkReport) {
    miner::find(root, limits, |_| ControlFlow::Continue(())).unwrap()
}

fn found(root: &Path) -> Vec<(String, String)> {
    find(root, &Limits::default()).0.into_iter().map(|found| (found.path, found.reason)).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|&(path, reason)| (path.to_owned(), reason.to_owned())).collect()
}

#[test]
fn a_copy_of_sleep_named_xmrig_is_found_and_called_what_it_is() {
    let root = tempfile::tempdir().unwrap();
    let sleep = bounded::read(Path::new("/bin/sleep"), 1 << 24).unwrap();
    put_executable(root.path(), "usr/bin/sleep", &sleep);
    put_executable(root.path(), "usr/bin/other", &vec![0; sleep.len()]);
    symlink("usr/bin", root.path().join("bin")).unwrap();
    put_executable(root.path(), "tmp/xmrig", &sleep);
    let expected = "named as a miner; same content as /usr/bin/sleep";
    assert_eq!(found(root.path()), pairs(&[("/tmp/xmrig", expected)]));

    let one = miner::check_file(root.path(), "/tmp/xmrig", &Limits::default()).unwrap().unwrap();
    assert_eq!((one.reason.as_str(), one.kind), (expected, Kind::Name));
    assert_eq!(miner::check_file(root.path(), "/bin/sleep", &Limits::default()).unwrap(), None);
    let missing = miner::check_file(root.path(), "/tmp/gone", &Limits::default()).unwrap_err();
    assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn miners_by_name_content_and_both() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "opt/.XMRig-6.21.0-linux-static", ELF);
    put(root.path(), "usr/sbin/nginx", &[ELF, b"\0stratum+tcp://pool:3333\0"].concat());
    put(root.path(), "tmp/kdevtmpfsi", &[ELF, b"\0donate.v2.xmrig.com\0"].concat());
    put(root.path(), "tmp/run.sh", b"#!/bin/sh\n./x -o pool.supportxmr.com:443 -u $WALLET\n");
    put_executable(root.path(), "tmp/minerd", b"packed by something unknown");
    assert_eq!(
        found(root.path()),
        pairs(&[
            ("/opt/.XMRig-6.21.0-linux-static", "named as a miner"),
            ("/tmp/kdevtmpfsi", "named as a miner; contains donate.v2.xmrig.com"),
            ("/tmp/minerd", "named as a miner"),
            ("/tmp/run.sh", "contains supportxmr.com"),
            ("/usr/sbin/nginx", "contains stratum+tcp://"),
        ])
    );
}

#[test]
fn near_misses_are_left_alone() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "usr/share/doc/minerd-docs.txt", b"stratum+tcp:// is how miners connect");
    put(root.path(), "usr/share/bash-completion/completions/xmrig", b"complete -F _xmrig xmrig");
    put(root.path(), "etc/suricata/mining.rules", b"content:\"stratum+tcp://\"; content:\"minexmr.com\"");
    put(root.path(), "usr/bin/t-rex-64", ELF);
    put(root.path(), "var/empty/xmrig", b"");
    put_executable(root.path(), "usr/bin/adblock", &[ELF, b"\0minexmr.com\0f2pool.com\0"].concat());
    fs::create_dir_all(root.path().join("srv/xmrig")).unwrap();
    symlink("/usr/bin/adblock", root.path().join("usr/bin/xmrig")).unwrap();
    assert_eq!(found(root.path()), []);
}

#[test]
fn hostile_trees_neither_block_nor_escape() {
    let outside = tempfile::tempdir().unwrap();
    put_executable(outside.path(), "xmrig", ELF);
    let tree = tempfile::tempdir().unwrap();
    let root = tree.path();
    symlink(outside.path(), root.join("out")).unwrap();
    symlink("..", root.join("up")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    fs::create_dir_all(root.join("tmp")).unwrap();
    assert!(Command::new("mkfifo").arg(root.join("tmp/xmrig")).status().unwrap().success());
    std::os::unix::net::UnixListener::bind(root.join("tmp/minerd")).unwrap();
    let mut sparse = fs::File::create(root.join("tmp/huge")).unwrap();
    sparse.write_all(ELF).unwrap();
    sparse.set_len(1 << 40).unwrap();
    put(root, "tmp/a\n\u{1b}[31m\u{202e}/x", ELF);
    put_executable(root, "tmp/a\n\u{1b}[31m\u{202e}/kinsing", ELF);

    let limits = Limits { content_bytes: 1 << 20, ..Limits::default() };
    let (matches, report) = find(root, &limits);
    assert_eq!(matches.len(), 1, "{matches:?}");
    assert_eq!(matches[0].path, "/tmp/a\\n\\u{1b}[31m\\u{202e}/kinsing");
    assert_eq!(report.incomplete(), None);
    for path in ["/tmp/xmrig", "/tmp/minerd", "/tmp"] {
        assert_eq!(miner::check_file(root, path, &limits).unwrap(), None, "{path}");
    }
    for path in ["/out/xmrig", "/up/xmrig", "/loop", "/tmp/xmrig/x"] {
        assert!(miner::check_file(root, path, &limits).is_err(), "{path}");
    }
}

#[test]
fn what_a_bound_cuts_off_is_said() {
    let root = tempfile::tempdir().unwrap();
    for number in 0..50 {
        put(root.path(), &format!("flat/{number}"), b"x");
    }
    put(root.path(), "a/b/c/d/e/xmrig", ELF);

    let shallow = Limits { depth: 3, ..Limits::default() };
    let (matches, report) = find(root.path(), &shallow);
    assert_eq!(matches, []);
    assert_eq!(report.incomplete().as_deref(), Some("deeper than 3 levels: /a/b/c/d"));

    let few = Limits { entries: 20, ..Limits::default() };
    assert_eq!(find(root.path(), &few).1.incomplete().as_deref(), Some("more than 20 entries"));

    let hurried = Limits { time: Duration::ZERO, ..Limits::default() };
    assert_eq!(find(root.path(), &hurried).1.incomplete().as_deref(), Some("not finished after 0 s"));
}

#[test]
fn a_chain_deeper_than_any_path_is_walked_to_the_bound() {
    let root = tempfile::tempdir().unwrap();
    let name = "d".repeat(200);
    let script = format!("cd \"$1\" && for i in $(seq 300); do mkdir {name} && cd -P {name} || exit 1; done");
    assert!(Command::new("bash").args(["-c", &script, "bash"]).arg(root.path()).status().unwrap().success());
    let (_, report) = find(root.path(), &Limits { depth: 1000, ..Limits::default() });
    assert_eq!((report.directories, report.incomplete()), (301, None));
    let (_, report) = find(root.path(), &Limits::default());
    assert!(report.incomplete().unwrap().starts_with("deeper than 128 levels"));
}

#[test]
fn the_visitor_sees_every_file_once_and_may_stop() {
    let root = tempfile::tempdir().unwrap();
    for number in 0..20 {
        put(root.path(), &format!("{}/{number}", number % 3), b"abc");
    }
    let mut paths = Vec::new();
    let report = walk(root.path(), &Limits::default(), |entry, _| {
        paths.push(String::from_utf8(entry.path.to_vec()).unwrap());
        ControlFlow::Continue(())
    })
    .unwrap();
    paths.sort();
    paths.dedup();
    assert_eq!((paths.len(), report.files, report.bytes, report.directories), (20, 20, 60, 4));

    let mut visited = 0;
    walk(root.path(), &Limits::default(), |_, _| {
        visited += 1;
        ControlFlow::Break(())
    })
    .unwrap();
    assert_eq!(visited, 1);
}

#[test]
fn mounts_of_the_kernel_are_not_entered_even_when_mounts_are() {
    let limits = Limits { depth: 1, cross_mounts: true, ..Limits::default() };
    let report = walk(Path::new("/"), &limits, |entry, _| {
        assert!(!entry.path.starts_with(b"/proc/"));
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(report.mounts_skipped.contains(&"/proc".to_owned()), "{:?}", report.mounts_skipped);
}

#[test]
fn what_may_not_be_read_is_said() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "secret/xmrig", ELF);
    fs::set_permissions(root.path().join("secret"), fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(root.path().join("secret")).is_ok() {
        eprintln!("skipped: this user may read everything");
        return;
    }
    let (matches, report) = find(root.path(), &Limits::default());
    fs::set_permissions(root.path().join("secret"), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(matches, []);
    assert!(report.incomplete().unwrap().starts_with("1 not readable, the first /secret: "));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the path and however the links point, nothing outside the root is ever judged.
    #[test]
    fn no_path_leads_outside(
        parts in proptest::collection::vec(
            prop::sample::select(vec!["..", ".", "", "a", "b", "up", "out", "rel", "self", "xmrig"]), 0..12),
        target in "(/|\\.\\./){0,4}(a|b|up|out|xmrig)(/\\.\\.){0,4}",
    ) {
        let outside = tempfile::tempdir().unwrap();
        put_executable(outside.path(), "xmrig", ELF);
        let root = outside.path().join("root");
        fs::create_dir_all(root.join("a/b")).unwrap();
        symlink("../..", root.join("up")).unwrap();
        symlink(outside.path(), root.join("out")).unwrap();
        symlink(&target, root.join("rel")).unwrap();
        symlink("self", root.join("a/self")).unwrap();
        let path = parts.join("/");
        let judged = miner::check_file(&root, &path, &Limits::default());
        prop_assert!(!matches!(judged, Ok(Some(_))), "{path} with rel -> {target}: {judged:?}");
    }
}

/// What `scan` finds of check 426 beyond what the sensor's look at single files does.
#[test]
fn configurations_packed_programs_and_setuid_programs_in_the_one_pass() {
    let root = tempfile::tempdir().unwrap();
    let configuration = br#"{"pools": [{"url": "stratum+tcp://h:1", "user": "4A"}], "donate-level": 1}"#;
    put(root.path(), "srv/config.json", configuration);
    put(root.path(), "srv/plain.json", br#"{"proxy": "stratum+tcp://h:1"}"#);
    put(root.path(), "srv/README.md", configuration);
    put(root.path(), "srv/rules.yar", configuration);
    put(root.path(), "opt/tool", &[ELF, b"\0\0UPX!\0\0"].concat());
    put(root.path(), "opt/worker", &[ELF, b"\0pool.minexmr.com:4444\0UPX!"].concat());
    put_executable(root.path(), "usr/bin/passwd", ELF);
    put_executable(root.path(), "srv/passwd", ELF);
    for path in ["usr/bin/passwd", "srv/passwd"] {
        fs::set_permissions(root.path().join(path), fs::Permissions::from_mode(0o4755)).unwrap();
    }
    let outcome =
        scan(root.path(), &Limits::default(), Selection::ALL, |_| ControlFlow::Continue(())).unwrap();
    let found = |check: u32| -> Vec<(&str, &str, bool)> {
        outcome.of(check).iter().map(|found| (found.subject.as_str(), found.class, found.fails())).collect()
    };
    assert_eq!(
        found(426),
        [
            ("/opt/worker", "content", true),
            ("/srv/config.json", "configuration", true),
            ("/opt/tool", "packed", false)
        ]
    );
    assert_eq!(found(48), [("/srv/passwd", "unexpected", true), ("/usr/bin/passwd", "expected", false)]);
    assert!(outcome.databases.is_empty() && found(448).is_empty() && found(425).is_empty());
}

/// The rules and lists that travel in our own programs must not make those programs look like miners.
#[test]
fn our_own_rules_do_not_trip_the_check() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    let root = tempfile::tempdir().unwrap();
    let mut program = ELF.to_vec();
    for file in fs::read_dir(rules).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            program.extend(bounded::read(&path, 1 << 24).unwrap());
        }
    }
    put_executable(root.path(), "usr/bin/fargard", &program);
    assert_eq!(found(root.path()), []);
}
