//! The monitor on real directories: what changed, by whom, what it was before.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Command,
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use fargard_model::{
    Arg, Change, Container, Event, EventType, FileChange, FoundBy, Outcome, Process, Source, Task, Timestamp,
    event::ArgValue,
};
use fargard_rules::SourceFile;

use super::{Fim, Host, Keeper, Start, baseline::Baseline, policy::Policy, stored};

struct Recorder {
    changes: mpsc::Sender<FileChange>,
    lost: Arc<Mutex<Vec<(&'static str, u64)>>>,
}

impl Host for Recorder {
    fn change(&mut self, change: FileChange) {
        let _ = self.changes.send(change);
    }

    fn lost(&mut self, class: &'static str, number: u64) {
        if number > 0 {
            self.lost.lock().unwrap().push((class, number));
        }
    }

    fn say(&mut self, _: &str) {}
}

struct Shelf(stored::Place);

impl Keeper for Shelf {
    fn load(&mut self, host: &mut dyn Host) -> Option<Baseline> {
        self.0.load(&policy()).unwrap_or_else(|_| {
            host.lost("fim_baseline_refused", 1);
            None
        })
    }

    fn store(&mut self, _: &mut dyn Host, baseline: &Baseline) {
        self.0.store(&policy().sha256, baseline).unwrap();
    }
}

fn policy() -> Policy {
    Policy::parse(&SourceFile { name: "test".into(), text: POLICY.into() }).unwrap()
}

/// A monitored directory.
struct Place {
    root: Arc<tempfile::TempDir>,
    fim: Fim,
    changes: mpsc::Receiver<FileChange>,
    lost: Arc<Mutex<Vec<(&'static str, u64)>>>,
}

const POLICY: &str = "
policy: test
entries:
  - name: conf
    paths: [/etc, /bin]
    exclude: [/etc/cache]
    standards: [PCI_DSS_11.5.2]
    severity: critical
  - name: logs
    paths: [/log]
    changes: [shrink, delete, rename]
";

impl Place {
    fn new(prepare: impl FnOnce(&Path)) -> Self {
        Self::with(prepare, u64::MAX)
    }

    fn with(prepare: impl FnOnce(&Path), started: u64) -> Self {
        let root = tempfile::tempdir().unwrap();
        for directory in ["etc", "usr/bin", "log"] {
            fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        prepare(root.path());
        Self::start(Arc::new(root), started)
    }

    fn start(root: Arc<tempfile::TempDir>, started: u64) -> Self {
        let (sender, changes) = mpsc::channel();
        let lost = Arc::<Mutex<Vec<_>>>::default();
        let keeper = stored::Place::new(root.path(), None, &Task::default(), &Container::default());
        let host = Recorder { changes: sender, lost: Arc::clone(&lost) };
        let start = Start { root: root.path().to_owned(), policy: policy(), started };
        let fim = Fim::start(start, host, Shelf(keeper)).unwrap();
        let place = Self { root, fim, changes, lost };
        let until = Instant::now() + Duration::from_secs(10);
        while place.fim.status().baseline.is_none() {
            assert!(Instant::now() < until, "no baseline");
            std::thread::yield_now();
        }
        place
    }

    /// Ends the monitor and gives its place to another one.
    fn end(self) -> (Arc<tempfile::TempDir>, Vec<FileChange>) {
        let Self { root, fim, changes, .. } = self;
        for thread in fim.finish().0 {
            thread.join().unwrap();
        }
        (root, changes.try_iter().collect())
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.root.path().join(path)
    }

    fn next(&self) -> FileChange {
        self.changes.recv_timeout(Duration::from_secs(10)).expect("a change is reported")
    }

    /// A marker file's change comes after everything that happened before; all changes up to it.
    fn settle(&self) -> Vec<FileChange> {
        let mut changes = Vec::new();
        fs::write(self.at("etc/marker"), Timestamp::now().0.to_string()).unwrap();
        loop {
            let change = self.next();
            if change.path == "/etc/marker" {
                return changes;
            }
            changes.push(change);
        }
    }

    fn call(&mut self, kind: EventType, flags: u64, paths: &[(&'static str, &str)]) {
        let event = Event {
            num: 1,
            time: Timestamp::now(),
            source: Source::Syscall,
            kind,
            tid: 7,
            process: Arc::new(Process { pid: 4_000_000, name: "app".into(), ..Process::default() }),
            args: vec![Arg { name: "flags".into(), value: ArgValue::Flags(flags, "".into()) }],
            paths: paths.iter().map(|(name, path)| ((*name).into(), (*path).to_owned())).collect(),
            fd: None,
            outcome: Outcome::Attempt,
            task: Arc::new(Task::default()),
            container: Arc::new(Container::default()),
            evidence: fargard_model::Evidence::default(),
        };
        assert_eq!(self.fim.consider(&event), 0);
    }
}

const O_WRONLY: u64 = 1;

#[test]
fn a_change_has_its_before_after_and_writer() {
    let mut place = Place::new(|root| fs::write(root.join("etc/passwd"), "root\n").unwrap());
    place.call(EventType::Openat, O_WRONLY, &[("name", "/etc/passwd")]);
    fs::write(place.at("etc/passwd"), "root\neve\n").unwrap();
    let change = place.next();
    assert_eq!((change.path.as_str(), change.changes.as_slice()), ("/etc/passwd", &[Change::Content][..]));
    assert_eq!((change.entry.as_str(), change.severity.name()), ("conf", "Critical"));
    let (before, after) = (change.before.unwrap(), change.after.unwrap());
    assert_eq!((before.size, after.size), (5, 9));
    let sum = Command::new("sha256sum").arg(place.at("etc/passwd")).output().unwrap();
    assert!(String::from_utf8(sum.stdout).unwrap().starts_with(after.sha256.unwrap().as_str()));
    let writer = change.writer.unwrap();
    assert_eq!((writer.process.name.as_str(), writer.call), ("app", EventType::Openat));
    // Somebody else, later: nobody's call explains it.
    let status =
        Command::new("sh").arg("-c").arg(format!("echo x >>{}", place.at("etc/passwd").display())).status();
    assert!(status.unwrap().success());
    let change = place.next();
    assert_eq!((change.path.as_str(), change.writer), ("/etc/passwd", None));
    assert_eq!(change.before.unwrap().size, 9);
    assert_eq!(change.found_by, FoundBy::Watch);
}

#[test]
fn a_call_that_is_told_later_than_its_change_still_made_it() {
    let mut place = Place::new(|root| fs::write(root.join("etc/passwd"), "root\n").unwrap());
    fs::write(place.at("etc/passwd"), "root\neve\n").unwrap();
    // The change is known and waits for its writer.
    let until = Instant::now() + Duration::from_secs(10);
    while place.fim.status().changes == 0 {
        assert!(Instant::now() < until, "no change");
        std::thread::yield_now();
    }
    place.call(EventType::Openat, O_WRONLY, &[("name", "/etc/passwd")]);
    assert_eq!(place.next().writer.unwrap().process.name, "app");
}

#[test]
fn every_kind_of_change_is_told_apart() {
    let place = Place::new(|root| {
        for name in ["a", "b", "c", "d", "e"] {
            fs::write(root.join("etc").join(name), name).unwrap();
        }
        fs::create_dir(root.join("etc/cache")).unwrap();
        fs::write(root.join("log/app.log"), "12345").unwrap();
    });
    fs::set_permissions(place.at("etc/a"), fs::Permissions::from_mode(0o4755)).unwrap();
    fs::remove_file(place.at("etc/b")).unwrap();
    fs::rename(place.at("etc/c"), place.at("etc/c2")).unwrap();
    std::os::unix::fs::chown(place.at("etc/d"), Some(123), Some(456)).unwrap();
    fs::hard_link(place.at("etc/e"), place.at("etc/e2")).unwrap();
    symlink("/etc/a", place.at("etc/new\nlink")).unwrap();
    fs::write(place.at("etc/cache/x"), "not covered").unwrap();
    fs::OpenOptions::new().append(true).open(place.at("log/app.log")).unwrap().set_len(2).unwrap();
    fs::write(place.at("log/other.log"), "logs may come").unwrap();
    fs::write(place.at("etc/short-lived"), "x").unwrap();
    fs::remove_file(place.at("etc/short-lived")).unwrap();
    let mut told: Vec<(String, String)> =
        place.settle().iter().map(|change| (change.path.clone(), change.what())).collect();
    told.sort();
    let expected = [
        ("/etc/a", "mode"),
        ("/etc/b", "delete"),
        ("/etc/c2", "rename"),
        ("/etc/d", "owner"),
        ("/etc/e2", "create"),
        ("/etc/new\nlink", "create"),
        ("/log/app.log", "shrink"),
    ];
    assert_eq!(told, expected.map(|(path, what)| (path.to_owned(), what.to_owned())));
}

#[test]
fn a_file_put_in_place_by_rename_is_one_change_of_content() {
    let mut place = Place::new(|root| fs::write(root.join("etc/passwd"), "root\n").unwrap());
    place.call(EventType::Openat, O_WRONLY, &[("name", "/etc/passwd+")]);
    fs::write(place.at("etc/passwd+"), "root\neve\n").unwrap();
    place.call(EventType::Rename, 0, &[("oldpath", "/etc/passwd+"), ("newpath", "/etc/passwd")]);
    fs::rename(place.at("etc/passwd+"), place.at("etc/passwd")).unwrap();
    let changes = place.settle();
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!((changes[0].path.as_str(), changes[0].what().as_str()), ("/etc/passwd", "content"));
    assert_eq!(changes[0].writer.as_ref().unwrap().call, EventType::Rename);
}

#[test]
fn new_moved_and_removed_directories_are_followed() {
    let place = Place::new(|root| {
        fs::create_dir_all(root.join("etc/app/conf")).unwrap();
        fs::write(root.join("etc/app/conf/x"), "x").unwrap();
    });
    fs::create_dir_all(place.at("etc/new/deep")).unwrap();
    fs::write(place.at("etc/new/deep/file"), "1").unwrap();
    let told: Vec<String> = place.settle().into_iter().map(|change| change.path).collect();
    for path in ["/etc/new", "/etc/new/deep", "/etc/new/deep/file"] {
        assert_eq!(told.iter().filter(|told| *told == path).count(), 1, "{path} {told:?}");
    }
    fs::write(place.at("etc/new/deep/file"), "22").unwrap();
    let change = place.next();
    assert_eq!((change.path.as_str(), change.what().as_str()), ("/etc/new/deep/file", "content"));
    fs::rename(place.at("etc/app"), place.at("etc/moved")).unwrap();
    let change = place.next();
    assert_eq!((change.path.as_str(), change.from.as_deref()), ("/etc/moved", Some("/etc/app")));
    assert_eq!((change.what().as_str(), change.below), ("rename", 2));
    let watched = || place.fim.status().watches;
    let until = Instant::now() + Duration::from_secs(10);
    while watched() < 6 && Instant::now() < until {
        std::thread::yield_now();
    }
    fs::remove_dir_all(place.at("etc/new")).unwrap();
    let told = place.settle();
    assert!(
        told.iter().all(|change| change.what() == "delete" || change.path.starts_with("/etc/moved")),
        "{told:?}"
    );
    assert!(told.iter().any(|change| change.path == "/etc/new/deep/file" || change.below > 0), "{told:?}");
}

#[test]
fn links_of_the_policys_paths_are_followed_and_watched() {
    let mut place = Place::new(|root| {
        symlink("usr/bin", root.join("bin")).unwrap();
        fs::write(root.join("usr/bin/tool"), "1").unwrap();
    });
    place.call(EventType::Openat, O_WRONLY, &[("name", "/bin/tool")]);
    fs::write(place.at("usr/bin/tool"), "2").unwrap();
    let change = place.next();
    assert_eq!((change.path.as_str(), change.writer.is_some()), ("/usr/bin/tool", true));
    fs::remove_file(place.at("bin")).unwrap();
    symlink("tmp", place.at("bin")).unwrap();
    let change = place.next();
    assert_eq!((change.path.as_str(), change.what().as_str()), ("/bin", "content"));
}

#[test]
fn what_the_app_changed_before_its_baseline_is_told() {
    let place = Place::with(|root| fs::write(root.join("etc/early"), "x").unwrap(), 1);
    let change = place.next();
    assert_eq!((change.path.as_str(), change.found_by), ("/etc/early", FoundBy::Start));
    assert_eq!(change.before, None);
    let place = Place::new(|root| fs::write(root.join("etc/early"), "x").unwrap());
    assert!(place.settle().is_empty(), "it came with the image");
}

#[test]
fn the_end_waits_for_what_was_just_done() {
    let place = Place::new(|root| fs::write(root.join("etc/x"), "1").unwrap());
    fs::write(place.at("etc/x"), "22").unwrap();
    let (_, changes) = place.end();
    assert_eq!(changes.into_iter().map(|change| change.path).collect::<Vec<_>>(), ["/etc/x"]);
}

#[test]
fn what_changed_between_two_sensors_is_told_by_the_second() {
    let place = Place::new(|root| {
        for name in ["a", "b", "c"] {
            fs::write(root.join("etc").join(name), "1").unwrap();
        }
    });
    let (root, changes) = place.end();
    assert!(changes.is_empty());
    let at = |name: &str| root.path().join("etc").join(name);
    fs::write(at("a"), "2").unwrap();
    fs::remove_file(at("b")).unwrap();
    fs::write(at("new"), "").unwrap();
    let place = Place::start(Arc::clone(&root), u64::MAX);
    let mut told: Vec<_> = [place.next(), place.next(), place.next()]
        .into_iter()
        .map(|change| (change.path.clone(), change.what(), change.found_by, change.before.is_some()))
        .collect();
    told.sort_by(|one, other| one.0.cmp(&other.0));
    let stored = |path: &str, what: &str, before| (path.to_owned(), what.to_owned(), FoundBy::Stored, before);
    assert_eq!(
        told,
        [
            stored("/etc/a", "content", true),
            stored("/etc/b", "delete", true),
            stored("/etc/new", "create", false)
        ]
    );
    let (root, _) = place.end();
    let place = Place::start(root, u64::MAX);
    let (_, changes) = place.end();
    assert!(changes.is_empty(), "told once: {changes:?}");
}

#[test]
fn hostile_files_hold_nothing_up() {
    let place = Place::new(|root| {
        rustix::fs::mknodat(
            rustix::fs::CWD,
            root.join("etc/fifo"),
            rustix::fs::FileType::Fifo,
            0o644.into(),
            0,
        )
        .unwrap();
        fs::File::create(root.join("etc/sparse")).unwrap().set_len(1 << 40).unwrap();
        symlink("loop", root.join("etc/loop")).unwrap();
        let mut deep = root.join("etc");
        for _ in 0..100 {
            deep.push("d");
        }
        fs::create_dir_all(&deep).unwrap();
    });
    // A file that is written all the time is reported all the same.
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writer = {
        let (stop, path) = (Arc::clone(&stop), place.at("etc/busy"));
        std::thread::spawn(move || {
            let mut number = 0_u64;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                number += 1;
                fs::write(&path, number.to_string()).unwrap();
            }
        })
    };
    let change = place.next();
    assert_eq!(change.path, "/etc/busy");
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().unwrap();
    assert!(place.lost.lock().unwrap().is_empty());
}

#[test]
fn a_flood_is_bounded_and_counted() {
    let place = Place::new(|_| {});
    for number in 0..9000 {
        fs::write(place.at(&format!("etc/f{number}")), "").unwrap();
    }
    let mut reported = 0;
    let Place { fim, changes, lost, root: _root, .. } = place;
    while let Ok(change) = changes.recv_timeout(Duration::from_secs(5)) {
        reported += u64::from(change.path.starts_with("/etc/f"));
        let shed: u64 =
            lost.lock().unwrap().iter().filter(|(class, _)| *class == "fim_rate").map(|(_, n)| n).sum();
        if reported + shed >= 9000 {
            break;
        }
    }
    let files = fim.status().entries[0].files;
    for thread in fim.finish().0 {
        thread.join().unwrap();
    }
    let shed: u64 =
        lost.lock().unwrap().iter().filter(|(class, _)| *class == "fim_rate").map(|(_, n)| n).sum();
    assert!(reported + shed >= 9000, "{reported} {shed} {files}");
}
