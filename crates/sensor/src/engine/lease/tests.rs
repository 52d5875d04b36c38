//! Leases on real files that real processes open.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use fargard_model::{EventType, bounded, event::ArgValue};
use fargard_rules::{Reads, SourceFile, load};
use rustix::event::{EventfdFlags, eventfd};

use super::{
    Opened, ring,
    watcher::{Coverage, Order, SetUp, Sink, Watcher},
};
use crate::capture::LeasedFiles;

const PATIENCE: Duration = Duration::from_secs(10);

struct TestSink {
    opened: Sender<Opened>,
    lost: Arc<Mutex<BTreeMap<&'static str, u64>>>,
    coverage: Arc<Mutex<Option<Coverage>>>,
}

impl Sink for TestSink {
    fn opened(&mut self, opened: Opened) -> bool {
        self.opened.send(opened).is_ok()
    }

    fn lost(&mut self, class: &'static str) {
        *self.lost.lock().unwrap().entry(class).or_default() += 1;
    }

    fn covers(&mut self, coverage: &Coverage) {
        *self.coverage.lock().unwrap() = Some(coverage.clone());
    }
}

/// A directory all of whose files are wanted, and a thread that watches them.
struct Watched {
    directory: tempfile::TempDir,
    orders: SyncSender<Order>,
    bell: std::os::fd::OwnedFd,
    opened: Receiver<Opened>,
    lost: Arc<Mutex<BTreeMap<&'static str, u64>>>,
    coverage: Arc<Mutex<Option<Coverage>>>,
    thread: Option<JoinHandle<()>>,
}

impl Watched {
    fn with(names: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().to_str().unwrap();
        let text = format!(
            "- rule: r\n  desc: d\n  output: o\n  priority: INFO\n  condition: evt.type in (open, openat) and \
             fd.name startswith {place}/ and not fd.name contains other\n"
        );
        let ruleset = Arc::new(load(&[SourceFile { name: "t".into(), text }]).ruleset.unwrap());
        let (sender, opened) = channel();
        let (lost, coverage) = (Arc::default(), Arc::default());
        let sink = TestSink { opened: sender, lost: Arc::clone(&lost), coverage: Arc::clone(&coverage) };
        let (orders, receiver) = sync_channel(64);
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).unwrap();
        let thread_bell = bell.try_clone().unwrap();
        let thread = std::thread::spawn(move || {
            let (reads, files) = (Reads::of(&ruleset), LeasedFiles::made());
            let set_up = SetUp { reads, orders: receiver, bell: thread_bell, files, number: 0 };
            Watcher::new(sink, set_up).unwrap().run();
        });
        let watched = Self { directory, orders, bell, opened, lost, coverage, thread: Some(thread) };
        for name in names {
            fs::write(watched.path(name), "secret\n").unwrap();
            watched.order(Order::Consider(watched.text(name)));
        }
        watched.order(Order::Searched { over: 0, cut: false });
        watched.covers(|coverage| coverage.leased == names.len());
        for name in names {
            watched.is_leased(name);
        }
        watched
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn order(&self, order: Order) {
        self.orders.send(order).unwrap();
        ring(&self.bell);
    }

    fn covers(&self, wanted: impl Fn(&Coverage) -> bool) {
        wait_for(|| self.coverage.lock().unwrap().as_ref().filter(|coverage| wanted(coverage)).map(|_| ()));
    }

    /// Waits until the kernel lists a lease on the file that nobody waits for.
    fn is_leased(&self, name: &str) {
        use std::os::unix::fs::MetadataExt as _;
        let inode = format!(":{} ", fs::metadata(self.path(name)).unwrap().ino());
        wait_for(|| {
            let locks = bounded::read_to_string(Path::new("/proc/locks"), 1 << 20).unwrap();
            locks.lines().any(|line| line.contains("ACTIVE    WRITE") && line.contains(&inode)).then_some(())
        });
    }

    fn run(&self, program: &str, args: &[&str]) -> std::process::Output {
        Command::new(program).args(args).current_dir(self.directory.path()).output().unwrap()
    }

    fn python(&self, code: &str) -> String {
        let output = self.run("python3", &["-c", &format!("import os\n{code}")]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn next(&self) -> Opened {
        let opened = self.opened.recv_timeout(PATIENCE);
        opened.unwrap_or_else(|_| panic!("nothing is told; {:?}", self.lost.lock().unwrap()))
    }

    fn lost(&self, class: &str) -> u64 {
        self.lost.lock().unwrap().get(class).copied().unwrap_or(0)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.order(Order::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "waited too long");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

fn argv(opened: &Opened) -> Vec<String> {
    opened.by.as_ref().and_then(|seen| seen.argv.clone()).unwrap_or_default()
}

#[test]
fn whoever_opens_a_leased_file_is_named_and_gets_it() {
    let watched = Watched::with(&["key"]);
    let output = watched.run("cat", &["key"]);
    assert_eq!(output.stdout, b"secret\n");
    let opened = watched.next();
    assert_eq!(argv(&opened), ["cat", "key"]);
    assert_eq!(opened.call.unresolved[0].raw, "key");
    assert_eq!(opened.call.resolve("/"), [("name".into(), watched.text("key"))]);
    let by = opened.by.unwrap();
    assert_eq!((by.stat.comm.as_str(), by.stat.ppid), ("cat", std::process::id()));
    assert!(by.exe.unwrap().ends_with("/cat"));
    assert_eq!(opened.call.kind, EventType::Openat);
    assert_eq!(opened.call.flag_bits() & 0o3, 0);
    assert!(watched.opened.try_recv().is_err(), "an open is told once");
}

#[test]
fn relative_paths_links_and_threads_are_followed() {
    let watched = Watched::with(&["key"]);
    fs::create_dir(watched.path("other")).unwrap();
    std::os::unix::fs::symlink("../key", watched.path("other/link")).unwrap();
    fs::hard_link(watched.path("key"), watched.path("other/hard")).unwrap();
    for (code, raw, resolved) in [
        ("os.open('key', 0, dir_fd=os.open('.', os.O_DIRECTORY))", "key", "key"),
        ("os.chdir('other'); open('../key')", "../key", "key"),
        ("open('other/link')", "other/link", "other/link"),
        ("open('other/hard')", "other/hard", "other/hard"),
        (
            "import threading\nt = threading.Thread(target=lambda: open('key')); t.start(); t.join()",
            "key",
            "key",
        ),
    ] {
        watched.is_leased("key");
        watched.python(code);
        let opened = watched.next();
        assert_eq!(opened.call.unresolved[0].raw, raw, "{code}");
        assert_eq!(opened.call.resolve("/"), [("name".into(), watched.text(resolved))], "{code}");
        assert!(opened.by.is_some_and(|seen| seen.stat.comm.starts_with("python")), "{code}");
    }
}

#[test]
fn what_is_no_read_is_let_through_and_not_told() {
    let watched = Watched::with(&["key"]);
    for code in [
        "os.close(os.open('key', os.O_RDWR))",
        "os.close(os.open('key', os.O_WRONLY | os.O_APPEND))",
        "os.truncate('key', 3)",
        "open('key', 'w').write('new')",
        "os.stat('key'); os.access('key', os.R_OK); os.open('key', os.O_PATH)",
        "os.chmod('key', 0o700); os.rename('key', 'key2'); os.rename('key2', 'key')",
    ] {
        watched.is_leased("key");
        watched.python(code);
    }
    fs::copy("/bin/true", watched.path("key")).unwrap();
    watched.is_leased("key");
    assert!(watched.run("./key", &[]).status.success(), "it can be executed");
    assert_eq!(watched.lost("lease_refused_open"), 0);
    // What comes next is told: the others were not.
    watched.is_leased("key");
    watched.run("cat", &["key"]);
    assert_eq!(argv(&watched.next()), ["cat", "key"]);
}

#[test]
fn an_open_that_does_not_wait_is_refused_once_and_never_again() {
    let watched = Watched::with(&["key"]);
    let open = "try: os.open('key', os.O_NONBLOCK); print('opened')\nexcept OSError as e: print(e.strerror)";
    assert_eq!(watched.python(open), "Resource temporarily unavailable");
    let opened = watched.next();
    assert_eq!((opened.call.tid, opened.by), (0, None), "somebody tried");
    watched.covers(|coverage| coverage.refused == 1 && coverage.watched == 1 && coverage.leased == 0);
    assert_eq!(watched.python(open), "opened");
    assert_eq!(watched.python(open), "opened");
}

#[test]
fn a_new_file_of_the_name_is_leased_in_place_of_the_old_one() {
    let watched = Watched::with(&["key"]);
    for replace in ["mv new.other key", "rm key; echo new > key", "ln -f new.other key"] {
        fs::write(watched.path("new.other"), "new\n").unwrap();
        assert!(watched.run("sh", &["-c", replace]).status.success());
        watched.is_leased("key");
        assert_eq!(watched.run("cat", &["key"]).stdout, b"new\n", "{replace}");
        assert_eq!(argv(&watched.next()), ["cat", "key"], "{replace}");
    }
}

#[test]
fn files_that_come_later_are_leased() {
    let watched = Watched::with(&["key"]);
    fs::write(watched.path("later"), "x").unwrap();
    watched.is_leased("later");
    fs::create_dir(watched.path("new")).unwrap();
    fs::write(watched.path("new/deep"), "x").unwrap();
    watched.is_leased("new/deep");
    watched.run("cat", &["later"]);
    assert_eq!(argv(&watched.next()), ["cat", "later"]);
    watched.run("cat", &["new/deep"]);
    assert_eq!(argv(&watched.next()), ["cat", "new/deep"]);
}

#[test]
fn opens_of_an_open_file_are_counted_and_its_holder_is_named() {
    let watched = Watched::with(&["key"]);
    let mut holder = Command::new("python3")
        .args(["-c", "import os; a = open('key'); os.utime('key'); b = open('key'); input()"])
        .current_dir(watched.directory.path())
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    assert_eq!(watched.next().by.unwrap().pid, holder.id(), "the first by its lease");
    // Between the two something else happens: inotify merges what is the same.
    let second = watched.next();
    assert_eq!(second.by.as_ref().unwrap().pid, holder.id(), "the second by its descriptor");
    assert!(second.call.result.is_some_and(|number| number > 2));
    assert_eq!(watched.lost("lease_missed"), 1);
    writeln!(holder.stdin.as_mut().unwrap()).unwrap();
    holder.wait().unwrap();
    watched.is_leased("key");
}

#[test]
fn the_sensors_own_reads_pass_and_are_not_told() {
    let watched = Watched::with(&["key"]);
    for _ in 0..20 {
        watched.is_leased("key");
        File::open(watched.path("key")).unwrap();
    }
    // The checks open files without waiting, and then wait for those with a lease.
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(watched.path("key"), executable).unwrap();
    for _ in 0..20 {
        watched.is_leased("key");
        let limits = fargard_scan::Limits::default();
        let looked = fargard_scan::miner::check_file(Path::new("/"), &watched.text("key"), &limits);
        assert!(matches!(looked, Ok(None)), "{looked:?}");
    }
    assert_eq!(watched.lost("lease_unattributed"), 0);
    watched.is_leased("key");
    watched.run("cat", &["key"]);
    assert_eq!(argv(&watched.next()), ["cat", "key"]);
}

#[test]
fn two_openers_at_once_are_both_named() {
    let watched = Watched::with(&["key"]);
    // Both wait for the pipe to close, then open.
    let script = "exec 9>&-; { read x <&8; exec cat key; } & { read x <&8; exec head key; } & wait";
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec 8<&0; {script}")]).stdin(reader);
    shell.current_dir(watched.directory.path()).stdout(std::process::Stdio::null());
    let mut child = shell.spawn().unwrap();
    drop(shell);
    drop(writer);
    child.wait().unwrap();
    let told = wait_for(|| {
        let told: u64 = watched.opened.try_iter().map(|_| 1).sum();
        Some(told + watched.lost("lease_missed")).filter(|told| *told > 0)
    });
    assert!(told >= 1);
}

/// The share of opens that are named, and the time an open takes: printed, with a floor that a loaded machine holds.
#[test]
fn most_opens_in_quick_succession_are_named() {
    let watched = Watched::with(&["key"]);
    fs::write(watched.path("unleased.other"), "x").unwrap();
    let code = "import time\n\
        def opens(path, number, pause):\n    \
            times = []\n    \
            for _ in range(number):\n        \
                time.sleep(pause); start = time.perf_counter(); os.close(os.open(path, 0)); \
                times.append(time.perf_counter() - start)\n    \
            times.sort(); return '%.0f %.0f' % (times[number // 2] * 1e6, times[number * 9 // 10] * 1e6)\n\
        print(opens('key', 200, 0.002), opens('unleased.other', 200, 0.002))";
    let said = watched.python(code);
    let named = wait_for(|| {
        let mut named = 0;
        while let Ok(opened) = watched.opened.recv_timeout(Duration::from_millis(300)) {
            named += u64::from(opened.by.is_some());
        }
        Some(named)
    });
    let missed = watched.lost("lease_missed");
    eprintln!(
        "of 200 opens 2 ms apart {named} were named, {missed} counted as missed, {} unattributed; us of an open, median and 90 %: leased, then not leased: {said}",
        watched.lost("lease_unattributed")
    );
    assert!(named + missed >= 100, "{named} {missed}");
    assert!(named >= 50, "{named}");
}

#[test]
fn flags_are_told_as_the_call_has_them() {
    let watched = Watched::with(&["key"]);
    watched.python("os.open('key', os.O_NOFOLLOW | os.O_CLOEXEC)");
    let opened = watched.next();
    let flags = opened.call.args.iter().find(|arg| arg.name == "flags").unwrap();
    assert!(matches!(&flags.value, ArgValue::Flags(_, names) if names == "O_RDONLY|O_CLOEXEC"), "{flags:?}");
    assert_eq!(Path::new(&opened.call.resolve("/")[0].1), watched.path("key"));
}
