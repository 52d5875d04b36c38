//! The example tasks, embedded and really run: what the sensor sees reaches a real server, and the task runs whatever
//! becomes of server and sensor. The sensor is the static program in an image of its own, as on Fargate.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{
    server::{Place, Tokens, agent, get_until, stop},
    support::{Running, fargard, is_root, repository},
};

const COMPLIANCE: &str = "fargate-vulnerability-compliance-task";
const DETECTION: &str = "fargate-runtime-detection-task";
const TOKEN: &str = "arn:aws:secretsmanager:us-east-1:012345678910:secret:fargard-token";
const APPLETS: [&str; 8] = ["sh", "cp", "sleep", "touch", "chmod", "cat", "rm", "echo"];

/// Images and files of the tasks of a test.
struct Stage {
    directory: tempfile::TempDir,
    app: PathBuf,
}

/// `None`, said visibly, where something is missing on this machine.
fn stage() -> Option<Stage> {
    let busybox = Path::new("/bin/busybox");
    if !is_root() || !busybox.exists() {
        eprintln!("skipped: needs root, and /bin/busybox (package busybox-static)");
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut layer = tar::Builder::new(Vec::new());
    layer.append_path_with_name(busybox, "bin/busybox").unwrap();
    for applet in APPLETS {
        let mut header = header(0o777, 0);
        header.set_entry_type(tar::EntryType::Symlink);
        layer.append_link(&mut header, format!("bin/{applet}"), "busybox").unwrap();
    }
    for name in ["tmp/", "usr/bin/", "var/log/"] {
        let mut header = header(0o755, 0);
        header.set_entry_type(tar::EntryType::Directory);
        layer.append_data(&mut header, name, std::io::empty()).unwrap();
    }
    put(&mut layer, "etc/shadow", b"root:*:1::::::\n", 0o600);
    put(&mut layer, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n", 0o644);
    let app = directory.path().join("app.tar");
    fs::write(&app, layer.into_inner().unwrap()).unwrap();
    Some(Stage { directory, app })
}

fn put(builder: &mut tar::Builder<Vec<u8>>, path: &str, content: &[u8], mode: u32) {
    builder.append_data(&mut header(mode, content.len() as u64), path, content).unwrap();
}

/// Root's.
fn header(mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// The static sensor, if it was built.
fn sensor_program() -> Option<Vec<u8>> {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    let path = target.join(format!("{}-unknown-linux-musl/sensor/fargard-sensor", std::env::consts::ARCH));
    let program = fs::read(&path).ok();
    if program.is_none() {
        eprintln!("skipped: no static sensor at {}; build it with cargo xtask sensor", path.display());
    }
    program
}

impl Stage {
    /// What deploy/sensor/Containerfile makes, as `docker save` writes it; without the program if there is none.
    fn sensor_image(&self, program: Option<&[u8]>) -> PathBuf {
        let mut layer = tar::Builder::new(Vec::new());
        match program {
            Some(program) => put(&mut layer, "fargard/fargard-sensor", program, 0o755),
            None => put(&mut layer, "fargard/README", b"no program", 0o644),
        }
        let config = json!({"config": {
            "User": "65532:65532", "Volumes": {"/fargard": {}},
            "Entrypoint": ["/fargard/fargard-sensor"], "Cmd": ["--version"],
        }});
        let mut image = tar::Builder::new(Vec::new());
        put(&mut image, "layer.tar", &layer.into_inner().unwrap(), 0o644);
        put(&mut image, "config.json", config.to_string().as_bytes(), 0o644);
        put(&mut image, "manifest.json", br#"[{"Config":"config.json","Layers":["layer.tar"]}]"#, 0o644);
        let path = self.directory.path().join("sensor.tar");
        fs::write(&path, image.into_inner().unwrap()).unwrap();
        path
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Embeds a definition with the real command; what it says of it comes along.
    fn embed(&self, definition: &Path, mode: &str, server: Option<&str>) -> (PathBuf, String) {
        let path = self.directory.path().join(format!("embedded-{mode}.json"));
        let mut command = fargard();
        command.args(["embed", "--sensor-image", "registry.example/sensor:1", "--mode", mode, "--output"]);
        command.arg(&path);
        if let Some(server) = server {
            command.args(["--server", server, "--token-secret", TOKEN]);
        }
        let output = command.arg(definition).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        (path, said)
    }

    /// Runs a definition whose app's container is `app`.
    fn run(&self, definition: &Path, app: &str, options: &[&str]) -> Running {
        let mut command = fargard();
        command.args(["task", "run", "--stop-timeout", "1", "--rootfs"]);
        command.arg(format!("{app}={}", self.app.display())).args(options).arg(definition);
        Running::start(&mut command)
    }
}

fn example(name: &str) -> PathBuf {
    repository().join(format!("examples/{name}.json"))
}

fn container(name: &str) -> &'static str {
    if name == COMPLIANCE { "Fargate-vul-comp-test" } else { "intruder" }
}

/// The process of a container, as the machine numbers it.
fn pid_of(task: &mut Running, container: &str) -> u32 {
    let line = task.wait_for(&["container", container, "RUNNING (pid "]);
    let number = line.rsplit("(pid ").next().unwrap().trim_end_matches(')');
    number.parse().unwrap()
}

/// What of a container's first process is the container runtime's or the app's business.
fn facts(pid: u32) -> BTreeMap<String, String> {
    let read = |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace('\0', "\n");
    let mut facts = BTreeMap::from([("argv".to_owned(), text(read("cmdline")))]);
    for name in ["exe", "cwd", "root"] {
        let link = fs::read_link(format!("/proc/{pid}/{name}")).unwrap();
        facts.insert(name.to_owned(), link.display().to_string());
    }
    for line in text(read("status")).lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let kept =
            ["Uid", "Gid", "Groups", "SigBlk", "SigIgn", "SigCgt", "CapInh", "CapPrm", "CapEff", "CapBnd"];
        if kept.contains(&name) {
            facts.insert(name.to_owned(), value.trim().to_owned());
        } else if name == "NSpid" {
            facts.insert(name.to_owned(), value.split_whitespace().last().unwrap_or_default().to_owned());
        }
    }
    let stat = text(read("stat"));
    let after: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // Group, session and terminal, by its own numbers: both are the process itself.
    facts.insert(
        "leads".to_owned(),
        format!("{} {} {}", after[2] == pid.to_string(), after[3] == pid.to_string(), after[4]),
    );
    let mut environment: Vec<String> = text(read("environ"))
        .lines()
        .filter(|line| !line.starts_with("ECS_CONTAINER_METADATA_URI_V4=") && !line.starts_with("HOSTNAME="))
        .map(str::to_owned)
        .collect();
    environment.sort();
    facts.insert("environment".to_owned(), environment.join("\n"));
    let mut descriptors: Vec<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .flatten()
        .map(|entry| {
            let link = fs::read_link(entry.path()).unwrap_or_default().display().to_string();
            let kind = link.split('[').next().unwrap_or_default().to_owned();
            format!("{} {kind}", entry.file_name().display())
        })
        .collect();
    descriptors.sort();
    facts.insert("descriptors".to_owned(), descriptors.join(", "));
    facts
}

fn parent_of(pid: u32) -> u32 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(')').next().unwrap().split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Waits until the server tells of a finding of that check, or with that title, in that container.
fn wait_for_finding(place: &Place, tokens: &Tokens, container: &str, wanted: &str) -> Value {
    let fits = |finding: &Value| {
        finding["container"]["name"] == container
            && (finding["check"].as_u64().is_some_and(|check| wanted == check.to_string())
                || finding["title"] == wanted)
    };
    let found = |page: &Value| page["findings"].as_array().unwrap().iter().find(|one| fits(one)).cloned();
    let page =
        get_until(&agent(), &place.url(), &tokens.admin, "/api/v1/findings", |page| found(page).is_some());
    found(&page).unwrap_or_else(|| panic!("no finding {wanted} in {container}: {page:#}"))
}

fn finish(task: Running) -> String {
    task.signal(Signal::TERM);
    task.finish().1
}

#[test]
fn wrapped_examples_run_as_without_the_sensor_and_reach_the_server() {
    let (Some(stage), Some(program)) = (stage(), sensor_program()) else { return };
    let sensor = format!("fargard-sensor={}", stage.sensor_image(Some(&program)).display());
    let place = Place::new();
    let (server, tokens) = place.first_start();
    let token = stage.file("token", &format!("{}\n", tokens.enrolment));
    let secret = format!("{TOKEN}={}", token.display());
    for (name, ready, wanted) in [
        (COMPLIANCE, "[+] Sleeping...", &["426"][..]),
        (DETECTION, "[+] Done, sleeping...", &["426", "Crypto miner executed", "Write below binary dir"]),
    ] {
        let app = container(name);
        let mut plain = stage.run(&example(name), app, &["--no-sensor"]);
        plain.wait_for(&[ready]);
        let pid = pid_of(&mut plain, app);
        assert_eq!(parent_of(pid), plain.pid());
        let without = facts(pid);
        finish(plain);

        let (embedded, said) = stage.embed(&example(name), "auto", Some(&place.url()));
        assert!(said.contains(&format!("{app}: wrap")), "{said}");
        let mut task = stage.run(&embedded, app, &["--rootfs", &sensor, "--secret", &secret]);
        task.wait_for(&[ready]);
        let pid = pid_of(&mut task, app);
        assert_eq!(parent_of(pid), task.pid(), "who started it is its parent");
        let with = facts(pid);
        assert_eq!(with, without, "{name}");
        assert_eq!(with["NSpid"], "1");
        assert!(!with["environment"].contains("FARGARD"), "{with:#?}");
        for wanted in wanted {
            let finding = wait_for_finding(&place, &tokens, app, wanted);
            assert_eq!(finding["task"]["family"], name, "{finding:#}");
        }
        let printed = finish(task);
        assert!(printed.contains("container fargard-sensor STOPPED (exit code 0)"), "{printed}");
    }
    stop(server);
}

#[test]
fn attached_examples_reach_the_server() {
    let (Some(stage), Some(program)) = (stage(), sensor_program()) else { return };
    let sensor = format!("fargard-sensor={}", stage.sensor_image(Some(&program)).display());
    let place = Place::new();
    let (server, tokens) = place.first_start();
    let token = stage.file("token", &tokens.enrolment);
    let secret = format!("{TOKEN}={}", token.display());

    let (embedded, said) = stage.embed(&example(COMPLIANCE), "attach", Some(&place.url()));
    assert!(said.contains("Fargate-vul-comp-test: attach"), "{said}");
    let mut task = stage.run(&embedded, "Fargate-vul-comp-test", &["--rootfs", &sensor, "--secret", &secret]);
    task.wait_for(&["[+] Sleeping..."]);
    let pid = pid_of(&mut task, "Fargate-vul-comp-test");
    let plain = facts(pid);
    assert!(plain["argv"].contains("cp /bin/sleep /tmp/xmrig"), "{plain:#?}");
    assert!(!plain["environment"].contains("FARGARD"), "{plain:#?}");
    // The app copies the miner and never runs it: that is found among its files.
    let finding = wait_for_finding(&place, &tokens, "Fargate-vul-comp-test", "426");
    assert!(finding["summary"].as_str().unwrap().contains("/tmp/xmrig"), "{finding:#}");
    assert_eq!(finding["task"]["family"], COMPLIANCE);
    finish(task);

    // What runs before the sidecar is not seen, so this one comes again.
    let text = fs::read_to_string(example(DETECTION)).unwrap();
    let again = text.replace("/tmp/xmrig 1;", "while true; do /tmp/xmrig 1; sleep 1; done;");
    assert_ne!(again, text);
    let definition = stage.file("again.json", &again);
    let (embedded, _) = stage.embed(&definition, "attach", Some(&place.url()));
    let mut task = stage.run(&embedded, "intruder", &["--rootfs", &sensor, "--secret", &secret]);
    pid_of(&mut task, "intruder");
    for wanted in ["Crypto miner executed", "426"] {
        wait_for_finding(&place, &tokens, "intruder", wanted);
    }
    finish(task);
    stop(server);
}

#[test]
fn without_a_server_the_task_runs_and_what_happened_arrives_later() {
    let (Some(stage), Some(program)) = (stage(), sensor_program()) else { return };
    let sensor = format!("fargard-sensor={}", stage.sensor_image(Some(&program)).display());
    for mode in ["wrap", "attach"] {
        let place = Place::new();
        let (server, tokens) = place.first_start();
        stop(server);
        let token = stage.file("token", &tokens.enrolment);
        let secret = format!("{TOKEN}={}", token.display());
        let (embedded, _) = stage.embed(&example(COMPLIANCE), mode, Some(&place.url()));
        let mut task =
            stage.run(&embedded, "Fargate-vul-comp-test", &["--rootfs", &sensor, "--secret", &secret]);
        task.wait_for(&["[+] Sleeping..."]);
        task.wait_for(&["task RUNNING"]);
        let server = place.start();
        wait_for_finding(&place, &tokens, "Fargate-vul-comp-test", "426");
        finish(task);
        stop(server);
    }
}

#[test]
fn without_the_program_in_the_sensors_image_only_wrapped_containers_do_not_start() {
    let Some(stage) = stage() else { return };
    let sensor = format!("fargard-sensor={}", stage.sensor_image(None).display());
    let (embedded, said) = stage.embed(&example(COMPLIANCE), "wrap", None);
    assert!(said.contains("does not start without"), "the exception is said: {said}");
    let task = stage.run(&embedded, "Fargate-vul-comp-test", &["--rootfs", &sensor]);
    let (status, printed) = task.finish();
    assert_eq!(status.code(), Some(3), "{printed}");
    assert!(printed.contains("\"/fargard/fargard-sensor\": no such file or directory"), "{printed}");

    let (embedded, said) = stage.embed(&example(COMPLIANCE), "attach", None);
    assert!(!said.contains("does not start without"), "{said}");
    let mut task = stage.run(&embedded, "Fargate-vul-comp-test", &["--rootfs", &sensor]);
    task.wait_for(&["container fargard-sensor could not be started"]);
    task.wait_for(&["[+] Sleeping..."]);
    task.wait_for(&["task RUNNING"]);
    finish(task);
}

#[test]
fn the_app_works_on_when_its_sidecar_is_killed() {
    let (Some(stage), Some(program)) = (stage(), sensor_program()) else { return };
    let sensor = format!("fargard-sensor={}", stage.sensor_image(Some(&program)).display());
    let text = fs::read_to_string(example(COMPLIANCE)).unwrap();
    let waits = "until [ -e /tmp/go ]; do sleep 0.2; done; /bin/sleep 0.1 && echo went on; exit 7'";
    let (before, _) = text.split_once("while true").unwrap();
    let definition = format!("{before}{waits}\"{}", text.split_once("done'\"").unwrap().1);
    let definition = stage.file("waits.json", &definition);
    let (embedded, _) = stage.embed(&definition, "attach", None);
    let mut task = stage.run(&embedded, "Fargate-vul-comp-test", &["--rootfs", &sensor]);
    task.wait_for(&["[+] Sleeping..."]);
    task.wait_for(&["came from outside; its executions are seen"]);
    let app = pid_of(&mut task, "Fargate-vul-comp-test");
    let sidecar = i32::try_from(pid_of(&mut task, "fargard-sensor")).unwrap();
    kill_process(Pid::from_raw(sidecar).unwrap(), Signal::KILL).unwrap();
    task.wait_for(&["container fargard-sensor STOPPED (exit code 137)"]);
    fs::write(format!("/proc/{app}/root/tmp/go"), "").unwrap();
    task.wait_for(&["went on"]);
    let (status, printed) = task.finish();
    assert_eq!(status.code(), Some(7), "{printed}");
}
