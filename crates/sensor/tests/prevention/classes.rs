//! Which calls are stopped, judged by strace.

use std::{collections::BTreeMap, process::Command};

use super::run;

const NAMES: &str = "clone,mmap,mprotect,prctl,capset,kill,tgkill,mknodat,utimensat,setxattr,truncate,ftruncate,\
                     process_vm_readv,pidfd_getfd,personality,keyctl,add_key,open_by_handle_at,setsid,setpgid,\
                     quotactl,swapon,reboot,delete_module,pivot_root,unshare,pidfd_send_signal";

/// Calls of every class, each also in a form that is not to be seen.
const PROGRAM: &str = "
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(*args):
    return libc.syscall(*[ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args])
place = sys.argv[1].encode()
call(9, 0, 4096, 7, 0x22, -1, 0)
page = call(9, 0, 4096, 3, 0x22, -1, 0)
call(10, page, 4096, 6)
call(10, page, 4096, 5)
call(10, page, 4096, 3)
call(62, os.getpid(), 0)
call(62, os.getpid(), 18)
call(234, os.getpid(), os.getpid(), 28)
call(424, -1, 15, 0, 0)
call(157, 4, 1, 0, 0, 0)
call(157, 3, 0, 0, 0, 0)
call(126, 0, 0)
call(259, -100, place + b'/fifo', 0o10600, 0)
call(280, -100, place + b'/fifo', 0, 0)
call(188, place + b'/fifo', b'user.x', b'1', 1, 0)
call(76, place + b'/fifo', 0)
call(77, -1, 0)
call(310, os.getpid(), 0, 0, 0, 0, 0)
call(438, -1, 0, 0)
call(135, 0xffffffff)
call(250, 0, -1, 0)
call(248, b'user', b'd', b'x', 1, -99)
call(304, -1, 0, 0)
call(112)
call(109, 0, 0)
call(179, 0, b'/nope', 0, 0)
call(167, b'/nope', 0)
call(169, 0, 0, 0, 0)
call(176, b'nope', 0)
call(155, b'/nope', b'/nope')
call(272, 0)
for flags in (0x4000011, 0x11):
    if call(56, flags, 0, 0, 0, 0) == 0:
        os._exit(0)
";

/// Whether a line of strace is of a call that the classes hold.
fn belongs(name: &str, line: &str) -> bool {
    match name {
        "mmap" | "mprotect" => line.contains("PROT_WRITE|PROT_EXEC"),
        "clone" => line.contains("CLONE_NEW"),
        "kill" | "tgkill" => line.contains("SIG"),
        _ => true,
    }
}

/// The names of constants in a text, that rules and strace spell the same.
fn words(name: &str, text: &str) -> String {
    let prefix = match name {
        "mprotect" => "PROT_",
        "kill" | "tgkill" | "pidfd_send_signal" => "SIG",
        "prctl" => "PR_",
        _ => return String::new(),
    };
    let words = text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    words.filter(|word| word.starts_with(prefix)).take(3).collect::<Vec<_>>().join("|")
}

type Counts = BTreeMap<(String, String), u32>;

fn count(counts: &mut Counts, name: &str, text: &str) {
    *counts.entry((name.to_owned(), words(name, text))).or_default() += 1;
}

fn by_strace(place: &str) -> Counts {
    let output = Command::new("strace")
        .args(["-f", "-qq", "-e", "signal=none", "-e", &format!("trace={NAMES}")])
        .args(["python3", "-c", PROGRAM, place])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut counts = Counts::new();
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        let call = line.split_once("] ").filter(|_| line.starts_with("[pid")).map_or(line, |(_, rest)| rest);
        let Some((name, rest)) = call.split_once('(') else { continue };
        if belongs(name, rest) && NAMES.split(',').any(|known| known == name) {
            count(&mut counts, name, rest.split(" = ").next().unwrap());
        }
    }
    counts
}

#[test]
fn the_classes_hold_the_calls_that_strace_shows() {
    let place = tempfile::tempdir().unwrap();
    let names: Vec<&str> = NAMES.split(',').collect();
    let rules = format!(
        "- rule: All\n  desc: d\n  condition: evt.type in ({})\n  \
         output: '@%evt.type@ %evt.arg.sig %evt.arg.option %evt.arg.prot'\n  priority: INFO\n",
        names.join(", ")
    );
    let here = place.path().to_str().unwrap();
    let ran = run(&rules, &[], &["python3", "-c", PROGRAM, here]);
    assert!(ran.output.status.success(), "{:?}", ran.output);
    let mut seen = Counts::new();
    for output in ran.outputs("All") {
        let mut parts = output.split('@').skip(1);
        count(&mut seen, parts.next().unwrap(), parts.next().unwrap());
    }
    std::fs::remove_file(place.path().join("fifo")).unwrap();
    let expected = by_strace(here);
    assert_eq!(seen, expected);
    for name in names {
        assert!(expected.keys().any(|(known, _)| known == name), "the program makes no {name}");
    }
}

#[test]
fn a_call_that_no_rule_can_match_is_not_stopped() {
    let rules = "- rule: Hide\n  desc: d\n  condition: evt.type = prctl and evt.arg.option = PR_SET_DUMPABLE\n  \
                 output: x %evt.arg.option\n  priority: INFO\n\
                 - rule: Exec\n  desc: d\n  condition: evt.type = execve\n  output: x\n  priority: INFO\n";
    let explained = |rules: &str| {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("rules.yaml");
        std::fs::write(&file, rules).unwrap();
        let mut sensor = Command::new(env!("CARGO_BIN_EXE_fargard-sensor"));
        let output =
            sensor.arg("explain").env("FARGARD_RULES", &file).env("FARGARD_CHECKS", "off").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let text = explained(rules);
    assert!(text.contains("option is PR_SET_DUMPABLE  [x86-64 157, i386 172, x32 157]"), "{text}");
    assert!(text.contains("io_uring_setup     always"), "{text}");
    let place = tempfile::tempdir().unwrap();
    let ran = run(rules, &[], &["python3", "-c", PROGRAM, place.path().to_str().unwrap()]);
    assert_eq!(ran.outputs("Hide").len(), 1, "{:?}", ran.alerts);
}

#[test]
fn a_way_around_the_sensor_is_told_of_without_a_rule() {
    let rules = "- rule: Exec\n  desc: d\n  condition: evt.type = execve and proc.name = nobody\n  output: x\n  \
                 priority: INFO\n";
    let program = "import ctypes; libc = ctypes.CDLL(None)\n\
                   for _ in range(2): libc.syscall(425, 1, ctypes.create_string_buffer(120))";
    let ran = run(rules, &[], &["python3", "-c", program]);
    let found = ran.outputs("Calls through io_uring");
    assert_eq!(found.len(), 1, "{:?}", ran.alerts);
    assert!(found[0].contains("what it does through it is not seen (command=python3"), "{found:?}");
}
