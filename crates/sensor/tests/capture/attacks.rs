//! What a hostile app can do to the sensor from inside, and what comes of it.

use std::process::Stdio;

use super::support::{self, Run, as_nobody, children, kill, resume, stop, wait_until};

/// Tries, as the same user as the sensor, to get at the processes whose ids it is given.
const INTRUDER: &str = r#"
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for pid in map(int, sys.argv[1:]):
    for name in "mem", "environ", "maps", "fd/3", "map_files", "auxv":
        try:
            os.open(f"/proc/{pid}/{name}", os.O_RDONLY)
            print("opened", name)
        except OSError as error:
            print(name, error.strerror)
    try:
        os.open(f"/proc/{pid}/mem", os.O_RDWR)
        print("opened mem to write")
    except OSError as error:
        print("write", error.strerror)
    seize = libc.ptrace(0x4206, pid, 0, 0)
    print("traced" if seize == 0 else "ptrace " + os.strerror(ctypes.get_errno()))
    handle = libc.syscall(434, pid, 0)
    for number in range(3, 8):
        if libc.syscall(438, handle, number, 0) >= 0:
            print("took descriptor", number)
print("end")
"#;

#[test]
fn memory_and_descriptors_of_the_sensor_are_closed_to_its_own_user() {
    let Some(user) = as_nobody() else { return };
    for backend in super::BACKENDS {
        let run = Run::new().backend(backend).by(&user).writable_for_all();
        let script = "read ids; exec python3 -c \"$0\" $ids";
        let mut child = run
            .command(&["sh", "-c", script, INTRUDER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (keeper, engine) = run.sensor(child.id());
        std::io::Write::write_all(
            &mut child.stdin.take().unwrap(),
            format!("{keeper} {engine}\n").as_bytes(),
        )
        .unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.ends_with("end\n"), "{backend}: {text}");
        for success in ["opened", "traced", "took"] {
            assert!(!text.contains(success), "{backend}: {text}");
        }
        assert!(run.counters().exact());
    }
}

#[test]
fn a_flood_of_opens_pushes_out_no_execution() {
    for backend in super::BACKENDS {
        let run = Run::new().backend(backend).ring(128 << 10);
        let mut command = run.workload("flood 2 20");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (_, engine) = run.sensor(child.id());
        stop(engine);
        drop(child.stdin.take());
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        resume(engine);
        let counters = run.counters();
        println!(
            "{backend}: {}, {counters:?}",
            text.lines().find(|line| line.contains("opens")).unwrap_or("")
        );
        assert!(text.contains(" failed: 0\n"), "{backend}: {text}");
        assert!(counters.exact() && counters.get("ring_file") > 1000, "{backend}: {counters:?}");
        assert_eq!(counters.get("ring_exec"), 0, "{backend}: {counters:?}");
        let executed = run.lines().iter().filter(|line| line.contains("execve Text0=\"/bin/true\"")).count();
        assert_eq!(executed, 20, "{backend}");
    }
}

/// Takes every process there is until told to stop.
pub(super) const BOMB: &str = r#"
import os, signal, sys, threading, time
done = False
def told():
    global done
    sys.stdin.read()
    done = True
threading.Thread(target=told, daemon=True).start()
children = []
refused = 0
while not done:
    os.close(os.open("/dev/null", os.O_WRONLY))
    try:
        child = os.fork()
        if child == 0:
            signal.pause()
        children.append(child)
    except BlockingIOError:
        refused += 1
        if refused == 1:
            print("full", flush=True)
for child in children:
    os.kill(child, signal.SIGKILL)
for child in children:
    os.waitpid(child, 0)
print("refused", refused > 0, flush=True)
"#;

#[test]
fn without_a_process_to_be_had_records_wait_until_there_is_one() {
    let user = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", "prlimit", "--nproc=24:24"];
    if !support::plain(&user).arg("true").output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no other user or no limit can be had here");
        return;
    }
    let run = Run::new().by(&user).writable_for_all().backend("notify");
    let mut child =
        run.command(&["python3", "-c", BOMB]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (keeper, engine) = run.sensor(child.id());
    let mut lines = support::lines_of(child.stdout.take().unwrap());
    assert_eq!(lines.next().unwrap(), "full");
    kill(engine);
    // Whoever is quicker has the free place; the keeper tries again and again.
    drop(child.stdin.take());
    assert_eq!(lines.next().unwrap(), "refused True");
    assert!(child.wait().unwrap().success());
    wait_until("the sensor's end", || children(keeper, "fargard-engine").is_empty().then_some(()));
    let counters = run.counters();
    assert!(counters.exact(), "{counters:?}");
    assert!(counters.get("engine_restarts") >= 1, "{counters:?}");
}

#[test]
fn signals_during_calls_make_no_second_record_where_the_kernel_lets_them_interrupt() {
    let Some(program) = support::compiled("timer_opens.c") else { return };
    let run = Run::new().backend("notify").interruptible().ring(16 << 20);
    let output = run.command(&[program.path(), "20000"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = |name: &str| -> u64 {
        let word = text.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        word.unwrap().parse().unwrap()
    };
    let counters = run.counters();
    let records = run.lines().iter().filter(|line| line.contains("\"/dev/null\"")).count() as u64;
    println!("{} {records} records, {counters:?}", text.trim());
    assert_eq!((number("done"), number("failed")), (20_000, 0));
    assert!(counters.exact() && counters.get("ring_file") == 0, "{counters:?}");
    // A call that was interrupted right after its answer was taken has a record and is EINTR to the program.
    assert!((20_000..=20_000 + number("interrupted")).contains(&records), "{records} of {text}");
}

#[test]
fn a_low_limit_of_open_files_is_the_apps_alone() {
    let limit = ["prlimit", "--nofile=8:4096"];
    if !support::plain(&limit).arg("true").output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: prlimit cannot set a limit here");
        return;
    }
    for backend in super::BACKENDS {
        let run = Run::new().by(&limit).backend(backend);
        let mut command = run.command(&["sh", "-c", "ulimit -n; read line; : > /dev/null"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (keeper, engine) = run.sensor(child.id());
        kill(engine);
        wait_until("a new engine", || {
            children(keeper, "fargard-engine").iter().find(|pid| **pid != engine).copied()
        });
        drop(child.stdin.take());
        assert_eq!(child.wait_with_output().unwrap().stdout, b"8\n", "{backend}");
        let counters = run.counters();
        assert!(counters.exact() && counters.get("consumed") == 2, "{backend}: {counters:?}");
    }
}
