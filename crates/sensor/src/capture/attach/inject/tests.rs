//! Filters are installed in real processes, which then say what they noticed.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::net::UnixListener,
    },
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use fargard_model::{Trap, TrapSet};
use rustix::{
    event::{PollFd, PollFlags, Timespec, epoll, poll},
    process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open},
    thread::futex,
};

use super::{Filter, Refused, Takes, install, stranded_listener, undo_interruption};
use crate::{
    capture::{filter, layout::FLIGHT_BYTES},
    sys::{
        process::{self, Status},
        ptrace, seccomp,
        shared::Mapping,
    },
};

const ROLE: &str = "INJECTION_ROLE";
const SECOND: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(20);

fn program() -> Vec<u8> {
    let mut traps = TrapSet::default();
    traps.add(Trap::Exec, "test");
    traps.add(Trap::OpenWrite, "test");
    filter::build(&traps, filter::Besides::default()).unwrap().encode()
}

/// The test program in another role; prints what it has to say on lines that start with `@`.
struct Role {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Role {
    fn start(role: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["capture::attach::inject::tests::as_role", "--exact", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output }
    }

    /// The next line it says; `None` at its end.
    fn hear(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Some((_, said)) = line.trim_end().split_once('@') {
                return Some(said.to_owned());
            }
        }
    }

    fn say(&mut self, line: &str) {
        // An error means that it is gone, which is seen by what it says.
        let _ = writeln!(self.input, "{line}");
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn say(line: &str) {
    println!("\n@{line}");
    std::io::stdout().flush().unwrap();
}

fn hear() -> String {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn tid() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned()
}

#[test]
fn as_role() {
    let Ok(role) = std::env::var(ROLE) else { return };
    match role.split_once(' ') {
        Some(("tracer", pid)) => be_tracer(pid.parse().unwrap()),
        _ if role == "busy" => be_busy(),
        _ => be_blocked(&role),
    }
}

/// Makes one call that waits, and says what came of it.
fn be_blocked(call: &str) {
    let word = std::sync::atomic::AtomicU32::new(0);
    let time = Timespec { tv_sec: 1, tv_nsec: 0 };
    let path = std::env::temp_dir().join(format!("inject-{}", std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    let set = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    say(&format!("{} {}", tid(), path.display()));
    let start = Instant::now();
    let result = match call {
        "read" => {
            let mut byte = [0; 1];
            format!("{:?} {byte:?}", rustix::io::read(std::io::stdin(), &mut byte))
        }
        "nanosleep" => match rustix::thread::nanosleep(&time) {
            rustix::thread::NanosleepRelativeResult::Ok => "Ok".to_owned(),
            other => format!("{other:?}"),
        },
        "futex" => format!("{:?}", futex::wait(&word, futex::Flags::PRIVATE, 0, Some(&time))),
        "poll" => format!("{:?}", poll(&mut [], Some(&time))),
        "epoll_wait" => {
            let mut events =
                [epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) }; 1];
            format!("{:?}", epoll::wait(&set, &mut events[..], Some(&time)))
        }
        "accept" => format!("{:?}", rustix::net::accept(&listener).map(drop)),
        _ => panic!("no role {call}"),
    };
    let millis = start.elapsed().as_millis();
    std::fs::remove_file(&path).unwrap();
    // A call that the filter stops, from another thread.
    std::thread::spawn(|| std::fs::OpenOptions::new().write(true).open("/dev/null").map(drop).unwrap())
        .join()
        .unwrap();
    say(&format!("{result} after {millis}"));
}

/// Answers a listener's calls in a thread until its processes have ended; counts them.
fn serve(listener: OwnedFd) -> (Arc<AtomicU64>, JoinHandle<()>) {
    let calls = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&calls);
    let serve = move || {
        let room = Mapping::new(FLIGHT_BYTES).unwrap();
        loop {
            let mut one = [PollFd::new(&listener, PollFlags::IN)];
            poll(&mut one, None).unwrap();
            if !one[0].revents().contains(PollFlags::IN) {
                return;
            }
            if let Ok(call) = seccomp::receive(listener.as_fd(), &room, 0, FLIGHT_BYTES) {
                let _ = seccomp::answer_continue(listener.as_fd(), call.id);
                count.fetch_add(1, SeqCst);
            }
        }
    };
    (calls, std::thread::spawn(serve))
}

#[derive(Default)]
struct Keep(Option<OwnedFd>);

impl Takes for Keep {
    fn take(&mut self, listener: OwnedFd) {
        self.0 = Some(listener);
    }
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < until, "{what}");
        std::thread::yield_now();
    }
}

/// The thread waits in a call.
fn wait_blocked(pid: u32, tid: u32) {
    let path = format!("/proc/{pid}/task/{tid}/syscall");
    wait_until("the thread blocks", || {
        let text = std::fs::File::open(&path).and_then(|mut file| {
            let mut text = String::new();
            file.read_to_string(&mut text).map(|_| text)
        });
        // Not in the write of the line before, which ends by itself.
        text.is_ok_and(|text| !text.starts_with("running") && !text.starts_with("1 "))
    });
}

fn interrupt(tid: u32) {
    ptrace::seize_life(tid).unwrap();
    ptrace::interrupt(tid).unwrap();
    let stop = process::wait(Some(tid)).unwrap().1;
    assert!(matches!(stop, Status::Stopped(_, ptrace::EVENT_STOP)), "{stop:?}");
}

fn inject(pid: u32, tid: u32) -> Result<OwnedFd, Refused> {
    let program = program();
    let filter = Filter { program: &program, wait_killable: seccomp::knows_wait_killable() };
    let mut keep = Keep::default();
    let result = install(pid, tid, true, filter, &mut keep);
    ptrace::detach(tid, 0).unwrap();
    result.map(|()| keep.0.unwrap())
}

const CALLS: [(&str, &str); 6] = [
    ("read", "Ok(1) [120]"),
    ("nanosleep", "Ok"),
    ("futex", "Err(Os { code: 110, kind: TimedOut, message: \"Connection timed out\" })"),
    ("poll", "Ok(0)"),
    ("epoll_wait", "Ok(0)"),
    ("accept", "Ok(())"),
];

/// Brings about what the call waits for.
fn release(role: &mut Role, call: &str, path: &str) {
    match call {
        "read" => role.say("x"),
        "accept" => drop(std::os::unix::net::UnixStream::connect(path).unwrap()),
        _ => {}
    }
}

fn check(call: &str, expected: &str, said: &str) {
    let (result, millis) = said.rsplit_once(" after ").unwrap();
    assert_eq!(result, expected, "{call}");
    let millis: u64 = millis.parse().unwrap();
    if matches!(call, "nanosleep" | "futex" | "poll" | "epoll_wait") {
        assert!(millis >= SECOND.as_millis() as u64, "{call} took {millis} ms");
    }
}

#[test]
fn a_waiting_call_does_not_notice() {
    for (call, expected) in CALLS {
        let mut role = Role::start(call);
        let hello = role.hear().unwrap();
        let (tid, path) = hello.split_once(' ').unwrap();
        let tid = tid.parse().unwrap();
        wait_blocked(role.pid(), tid);
        interrupt(tid);
        let (calls, server) = serve(inject(role.pid(), tid).unwrap());
        release(&mut role, call, path);
        check(call, expected, &role.hear().unwrap());
        assert!(role.child.wait().unwrap().success());
        server.join().unwrap();
        assert!(calls.load(SeqCst) > 0, "{call}: the filter stops nothing");
        eprintln!("{call}: {expected}, {} calls seen", calls.load(SeqCst));
    }
}

#[test]
fn a_waiting_call_does_not_notice_a_mere_stop() {
    for (call, expected) in CALLS {
        let mut role = Role::start(call);
        let hello = role.hear().unwrap();
        let (tid, path) = hello.split_once(' ').unwrap();
        let tid = tid.parse().unwrap();
        wait_blocked(role.pid(), tid);
        interrupt(tid);
        undo_interruption(tid);
        ptrace::detach(tid, 0).unwrap();
        release(&mut role, call, path);
        check(call, expected, &role.hear().unwrap());
    }
}

#[test]
fn what_has_a_listener_is_refused_and_goes_on() {
    let mut role = Role::start("read");
    let hello = role.hear().unwrap();
    let (tid, path) = hello.split_once(' ').unwrap();
    let tid = tid.parse().unwrap();
    wait_blocked(role.pid(), tid);
    interrupt(tid);
    let (_, server) = serve(inject(role.pid(), tid).unwrap());
    interrupt(tid);
    assert_eq!(inject(role.pid(), tid).unwrap_err(), Refused::Filtered);
    release(&mut role, "read", path);
    check("read", "Ok(1) [120]", &role.hear().unwrap());
    assert!(role.child.wait().unwrap().success());
    server.join().unwrap();
}

/// Works in several threads with everything that could be harmed, and checks itself.
fn be_busy() {
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let work = || {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || {
            let (mut rounds, mut hash) = (0_u64, 0xcbf2_9ce4_8422_2325_u64);
            let set = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
            let none = Timespec { tv_sec: 0, tv_nsec: 0 };
            let short = Timespec { tv_sec: 0, tv_nsec: 50_000 };
            while !stop.load(SeqCst) {
                let mut events =
                    [epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) };
                        1];
                let time = if rounds.is_multiple_of(64) { &short } else { &none };
                match epoll::wait(&set, &mut events[..], Some(time)) {
                    Ok(0) | Err(rustix::io::Errno::INTR) => {}
                    other => panic!("{other:?}"),
                }
                let floats: f64 = (0..64).map(|n| f64::from(n) * 0.5).sum();
                assert!((floats - 1008.0).abs() < f64::EPSILON);
                for byte in 0..200_u64 {
                    hash = (hash ^ (byte & 0xff)).wrapping_mul(0x0100_0000_01b3);
                }
                rounds += 1;
                if rounds.is_multiple_of(16) {
                    std::fs::OpenOptions::new().write(true).open("/dev/null").map(drop).unwrap();
                }
            }
            let mut expected = 0xcbf2_9ce4_8422_2325_u64;
            for byte in 0..rounds * 200 {
                expected = (expected ^ (byte % 200)).wrapping_mul(0x0100_0000_01b3);
            }
            assert_eq!(hash, expected, "a register was lost");
            rounds
        })
    };
    let threads = [work(), work()];
    say(&format!("{}", std::process::id()));
    hear();
    stop.store(true, SeqCst);
    let rounds: Vec<u64> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    say(&format!("whole {rounds:?}"));
}

/// Gives its listener to whoever asks and waits until it was taken.
struct Offer;

impl Takes for Offer {
    fn take(&mut self, listener: OwnedFd) {
        say(&format!("listener {}", listener.as_raw_fd()));
        hear();
    }
}

fn be_tracer(pid: u32) {
    let tids: Vec<u32> = super::super::look::threads(pid);
    // A thread that works, not the one that waits.
    let tid = *tids.last().unwrap();
    say("go");
    ptrace::seize_life(tid).unwrap();
    loop {
        ptrace::interrupt(tid).unwrap();
        let program = program();
        let filter = Filter { program: &program, wait_killable: true };
        loop {
            match process::wait(Some(tid)).unwrap().1 {
                Status::Stopped(_, ptrace::EVENT_STOP) => break,
                Status::Stopped(signal, _) => ptrace::proceed(tid, signal).unwrap(),
                other => panic!("{other:?}"),
            }
        }
        match install(pid, tid, true, filter, &mut Offer) {
            Ok(()) => break,
            Err(Refused::Disturbed) => ptrace::proceed(tid, 0).unwrap(),
            Err(other) => panic!("{}", other.text()),
        }
    }
    undo_interruption(tid);
    ptrace::detach(tid, 0).unwrap();
    say("done");
}

/// What the killing found.
#[derive(Debug, Default)]
struct Tally {
    before: u32,
    stranded: u32,
    handed_over: u32,
    whole: u32,
}

fn kill_once(delay: Duration, tally: &mut Tally) {
    let mut busy = Role::start("busy");
    let pid: u32 = busy.hear().unwrap().parse().unwrap();
    let mut tracer = Role::start(&format!("tracer {pid}"));
    assert_eq!(tracer.hear().unwrap(), "go");
    let tracer_pid = tracer.pid();
    let go = Instant::now();
    let killer = std::thread::spawn(move || {
        while go.elapsed() < delay {
            std::hint::spin_loop();
        }
        crate::sys::signals::send(tracer_pid, libc::SIGKILL);
    });
    let mut listener = None;
    if let Some(said) = tracer.hear()
        && let Some(number) = said.strip_prefix("listener ")
    {
        let handle =
            pidfd_open(Pid::from_raw(tracer_pid.cast_signed()).unwrap(), PidfdFlags::empty()).unwrap();
        listener = pidfd_getfd(&handle, number.parse().unwrap(), PidfdGetfdFlags::empty()).ok();
        tracer.say("taken");
    }
    killer.join().unwrap();
    tracer.child.wait().unwrap();
    match &listener {
        Some(_) => tally.handed_over += 1,
        None => {
            // The code finishes by itself: the listener is there soon, or never.
            let until = Instant::now() + Duration::from_millis(20);
            while listener.is_none() && Instant::now() < until {
                listener = stranded_listener(pid);
            }
            if listener.is_some() { tally.stranded += 1 } else { tally.before += 1 }
        }
    }
    let server = listener.map(serve);
    busy.say("stop");
    let said = busy.hear();
    assert!(said.as_deref().is_some_and(|said| said.starts_with("whole")), "{delay:?}: {said:?} {tally:?}");
    assert!(busy.child.wait().unwrap().success(), "{delay:?} {tally:?}");
    tally.whole += 1;
    if let Some((_, server)) = server {
        server.join().unwrap();
    }
}

#[test]
fn a_tracer_killed_at_any_point_breaks_nobody() {
    let mut tally = Tally::default();
    for round in 0..100_u64 {
        kill_once(Duration::from_micros(round * 23), &mut tally);
    }
    eprintln!("100 tracers killed: {tally:?}");
    assert_eq!(tally.whole, 100);
}
