//! Prevention and killing.

use std::os::unix::fs::PermissionsExt as _;

use super::{Ran, run};

const RULES: &str = "
- rule: Attach
  desc: d
  condition: evt.type = ptrace and evt.arg.request in (PTRACE_ATTACH, PTRACE_SEIZE)
  output: attach %evt.arg.request %evt.res
  priority: CRITICAL
  action: prevent
- rule: Sniffer
  desc: d
  condition: evt.type = socket and evt.arg.domain = AF_PACKET
  output: sniffer
  priority: CRITICAL
  action: prevent
";

/// Seizes a child, makes a packet socket and an ordinary one; prints the error of each.
const PROGRAM: &str = "
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
read, write = os.pipe()
child = os.fork()
if child == 0:
    os.close(write)
    os.read(read, 1)
    os._exit(0)
seized = libc.ptrace(0x4206, child, ctypes.c_void_p(0), ctypes.c_void_p(0))
print('seize', ctypes.get_errno() if seized else 0)
try:
    socket.socket(17, socket.SOCK_RAW)
    print('packet', 0)
except OSError as error:
    print('packet', error.errno)
socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
traced = libc.ptrace(0x4208, child, ctypes.c_void_p(0), ctypes.c_void_p(0))
print('other request', ctypes.get_errno())
os._exit(3)
";

fn program(prevent: &[(&str, &str)]) -> Ran {
    let ran = run(RULES, prevent, &["python3", "-c", PROGRAM]);
    assert_eq!(ran.output.status.code(), Some(3), "{ran:?}", ran = ran.output);
    ran
}

#[test]
fn a_call_that_a_rule_prevents_fails_and_is_not_made() {
    let ran = program(&[("FARGARD_PREVENT", "on")]);
    // The child was not seized, so the other request finds no tracee.
    assert_eq!(ran.stdout(), "seize 1\npacket 1\nother request 3\n");
    let found = ran.outputs("Attach");
    assert_eq!(found.len(), 1, "{:?}", ran.alerts);
    assert!(found[0].ends_with("attach PTRACE_SEIZE EPERM (prevented)"), "{found:?}");
    assert!(ran.outputs("Sniffer")[0].ends_with("sniffer (prevented)"), "{:?}", ran.alerts);
    assert_eq!(ran.alerts[0]["output_fields"]["fargard.action"], "prevented");
}

#[test]
fn a_dry_run_changes_nothing_and_is_what_is_done_unless_told_otherwise() {
    for (setting, words) in [
        (&[][..], Some("(would have been prevented)")),
        (&[("FARGARD_PREVENT", "dry-run")], Some("(would have been prevented)")),
        (&[("FARGARD_PREVENT", "off")], None),
    ] {
        let ran = program(setting);
        let first = ran.stdout();
        let first: Vec<&str> = first.lines().take(2).collect();
        assert_eq!(first, ["seize 0", "packet 0"], "{setting:?}");
        let found = ran.outputs("Attach");
        assert_eq!(found.len(), 1, "{:?}", ran.alerts);
        match words {
            Some(words) => assert!(found[0].ends_with(words), "{found:?}"),
            None => assert!(!found[0].ends_with(')'), "{found:?}"),
        }
    }
}

#[test]
fn tracing_cannot_deny_and_says_so() {
    let ran = program(&[("FARGARD_PREVENT", "on"), ("FARGARD_BACKEND", "trace")]);
    assert!(ran.stdout().contains("packet 0"), "{}", ran.stdout());
    let found = ran.outputs("Sniffer");
    assert!(found[0].contains("not prevented: the backend 'trace'"), "{found:?}");
}

fn kill_rule(name: &str) -> String {
    format!(
        "- rule: Miner\n  desc: d\n  condition: evt.type = execve and proc.name = {name}\n  output: ran\n  \
         priority: CRITICAL\n  action: kill\n"
    )
}

#[test]
fn a_process_is_killed_and_its_parent_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let miner = place.path().join("miner");
    std::fs::copy("/bin/sleep", &miner).unwrap();
    std::fs::set_permissions(&miner, std::fs::Permissions::from_mode(0o755)).unwrap();
    let script = format!("{} {}; echo ended with $?", miner.display(), 300);
    let ran = run(&kill_rule("miner"), &[("FARGARD_PREVENT", "on")], &["sh", "-c", &script]);
    assert_eq!(ran.stdout(), "ended with 137\n");
    assert!(ran.outputs("Miner")[0].ends_with("ran (killed)"), "{:?}", ran.alerts);
    let script = format!("{} 0.1; echo ended with $?", miner.display());
    let ran = run(&kill_rule("miner"), &[], &["sh", "-c", &script]);
    assert_eq!(ran.stdout(), "ended with 0\n");
    assert!(ran.outputs("Miner")[0].ends_with("(would have been killed)"), "{:?}", ran.alerts);
}

#[test]
fn the_entry_process_is_not_killed() {
    let on = [("FARGARD_PREVENT", "on")];
    let ran = run(&kill_rule("sh"), &on, &["sh", "-c", "/bin/true; echo alive"]);
    assert_eq!((ran.stdout().as_str(), ran.output.status.code()), ("alive\n", Some(0)));
    let found = ran.outputs("Miner");
    assert!(found[0].contains("(not killed: it is the container's entry process"), "{found:?}");
    let told = String::from_utf8_lossy(&ran.output.stderr).into_owned();
    assert!(told.contains("is not killed, although a rule asks for it"), "{told}");
}

#[test]
fn rules_that_cannot_prevent_leave_the_command_running() {
    let rules = "- rule: R\n  desc: d\n  condition: evt.type = openat and fd.name = /x\n  output: o\n  \
                 priority: INFO\n  action: prevent\n";
    let ran = run(rules, &[("FARGARD_PREVENT", "on")], &["echo", "out"]);
    assert_eq!((ran.stdout().as_str(), ran.output.status.code()), ("out\n", Some(0)));
    let told = String::from_utf8_lossy(&ran.output.stderr).into_owned();
    assert!(told.contains("depends on 'fd.name = /x'"), "{told}");
}
