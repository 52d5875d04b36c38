//! An action for each of Falco's stable rules, which are used as they are.

use std::{
    collections::BTreeSet,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use fargard_lab::{Isolation, Observation, Options, PrintFormat, STAGE_COMMAND, SensorOptions, Stage, Task};

use super::{
    image,
    stage::{Action, Alerts, check, fires, marker_rules, names_in, script},
};
use crate::support::{is_root, shared};

/// What a container on Fargate can do.
const ACTIONS: &[Action] = &[
    fires("Directory traversal monitored file read", "actor run cat /tmp/../opt/../etc/hosts"),
    fires("Read sensitive file trusted after startup", "/usr/sbin/httpd read-after 6 /etc/shadow")
        .also(&["Read sensitive file untrusted"]),
    fires("Read sensitive file untrusted", "/bin/cat /etc/shadow"),
    fires("Run shell untrusted", "/usr/sbin/httpd run sh -c true"),
    fires("System user interactive", "actor as 1 /usr/bin/login"),
    fires("Terminal shell in container", "runc terminal sh -c true"),
    fires("Contact K8S API Server From Container", "actor hold udp 127.0.0.1 443").cannot(
        "fd.sip.name needs the addresses of a name that only Kubernetes resolves; on ECS there is none",
    ),
    fires("Netcat Remote Code Execution in Container", "/bin/nc 127.0.0.1 1 -e /bin/true"),
    fires("Search Private Keys or Passwords", "/bin/find /root -name id_rsa"),
    fires("Clear Log Activities", "echo > /var/log/syslog"),
    fires("Remove Bulk Data from Disk", "/usr/bin/shred -u /tmp/nothing"),
    fires("Create Symlink Over Sensitive Files", "ln -s /etc /tmp/soft"),
    fires("Create Hardlink Over Sensitive Files", "ln /etc/shadow /tmp/hard"),
    fires("Packet socket created in container", "actor packet"),
    fires(
        "Redirect STDOUT/STDIN to Network Connection in Container",
        "actor hold input-from 127.0.0.1 $PORT",
    ),
    fires("Debugfs Launched in Privileged Container", "debugfs /dev/sda1")
        .cannot("no container on Fargate is privileged, so container.privileged is never true"),
    fires("PTRACE attached to process", "actor attach"),
    fires("PTRACE anti-debug attempt", "actor traceme"),
    fires("Find AWS Credentials", "/bin/find /root/.aws/credentials"),
    fires("Execution from /dev/shm", "echo true > /dev/shm/script; /bin/sh /dev/shm/script"),
    fires("Execution from /dev/shm", "cd /dev/shm; cp /bin/actor tool; ./tool; cd /")
        .also(&["Drop and execute new binary in container"]),
    fires("Drop and execute new binary in container", "cp /bin/actor /tmp/dropped; /tmp/dropped"),
    fires("Disallowed SSH Connection Non Standard Port", "/usr/bin/ssh hold tcp ::1 $SSH"),
    fires("Fileless execution via memfd_create", "actor memory x"),
];

/// What needs capabilities that Fargate gives to no container.
const PRIVILEGED: &[Action] = &[
    fires("Detect release_agent File Container Escapes", "echo x > $HERE/release_agent"),
    fires("Linux Kernel Module Injection Detected", "$HERE/actor module"),
];
/// `CAP_SYS_MODULE` and `CAP_SYS_ADMIN`.
const PRIVILEGES: u64 = 1 << 16 | 1 << 21;

fn rules() -> Option<PathBuf> {
    shared("data/falco/falco_rules.yaml")
}

#[test]
fn each_stable_rule_of_falco_has_an_action() {
    let Some(rules) = rules() else { return };
    let tested: BTreeSet<String> =
        ACTIONS.iter().chain(PRIVILEGED).map(|action| action.rule.to_owned()).collect();
    assert_eq!(tested, names_in(&rules));
}

#[test]
fn each_stable_rule_of_falco_is_fired_by_a_real_action_and_by_no_other() {
    let Some(rules) = rules() else { return };
    let peer = TcpListener::bind("127.0.0.1:0").expect("a port");
    // A port of the rule, at the one address of this machine that the rule does not take for a private one.
    let ssh =
        [4444, 8443, 8080, 88, 443, 80].into_iter().find_map(|port| TcpListener::bind(("::1", port)).ok());
    let port = |listener: &TcpListener| listener.local_addr().expect("an address").port().to_string();
    let actions: Vec<&Action> =
        ACTIONS.iter().filter(|action| ssh.is_some() || !action.script.contains("$SSH")).collect();
    if ssh.is_none() {
        eprintln!("skipped: SSH to another port: no port can be bound at ::1");
    }
    let fill = |script: &str| {
        script.replace("$PORT", &port(&peer)).replace("$SSH", &ssh.as_ref().map(port).unwrap_or_default())
    };
    check(&[rules], &actions, fill);
}

#[test]
fn rules_about_capabilities_that_fargate_does_not_give_fire_outside_of_it() {
    let Some(rules) = rules() else { return };
    let capabilities = rustix::thread::capabilities(None).expect("capabilities can be read").effective;
    if !is_root() || capabilities.bits() & PRIVILEGES != PRIVILEGES {
        eprintln!("skipped: needs root with CAP_SYS_ADMIN and CAP_SYS_MODULE");
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let here = directory.path();
    if image::actor(here).is_none() {
        return;
    }
    // The name decides which executions are markers.
    std::os::unix::fs::symlink("actor", here.join("marker")).expect("a link");
    let fill = |text: &str| text.replace("$HERE", here.to_str().expect("made of ASCII"));
    let scripts: Vec<String> = PRIVILEGED.iter().map(|action| fill(action.script)).collect();
    let text = script(&fill("$HERE/marker"), &scripts);
    let actions: Vec<&Action> = PRIVILEGED.iter().collect();
    perform_here(&rules, here, &text, PRIVILEGED.len()).check(&actions);
}

/// Runs a script as a task whose container is no more than a process of this machine, with all its rights.
fn perform_here(rules: &Path, directory: &Path, script: &str, count: usize) -> Alerts {
    let container = serde_json::json!({"name": "app", "image": "i", "command": ["sh", "-c", script]});
    let text = serde_json::json!({"family": "actions", "containerDefinitions": [container]}).to_string();
    let mut options = Options::new(fargard_taskdef::read(text.as_bytes()).expect("a definition").definition);
    options.isolation = Isolation::None;
    options.stage =
        Stage { program: env!("CARGO_BIN_EXE_fargard").into(), arguments: vec![STAGE_COMMAND.into()] };
    let rules = vec![rules.to_owned(), marker_rules(directory)];
    options.sensor = Some(SensorOptions { print: PrintFormat::Json, rules, ..SensorOptions::default() });
    let lines = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&lines);
    let observer = move |observation: &Observation| {
        if let Observation::Output { line, .. } = observation {
            let mut lines = sink.lock().expect("no observer panics");
            lines.push_str(&String::from_utf8_lossy(line));
            lines.push('\n');
        }
    };
    let outcome = Task::start(options, Arc::new(observer)).expect("the task starts").wait();
    assert_eq!(outcome.essential_exit, Some(0));
    let printed = lines.lock().expect("no observer panics").clone();
    Alerts::read(printed, count)
}
