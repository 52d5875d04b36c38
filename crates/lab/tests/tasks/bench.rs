//! What the tests have in common: a small root file system, tasks from JSON, and a record of what happened.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use fargard_lab::{Observation, Options, Outcome, RunningTask, Stream, Task, TaskState};

/// Longest wait for anything in these tests.
const PATIENCE: Duration = Duration::from_secs(40);
const APPLETS: &[&str] = &[
    "sh", "cat", "grep", "hostname", "id", "kill", "ls", "mkdir", "nc", "ps", "sleep", "touch", "wget",
    "env", "cp",
];
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n";
const GROUP: &str = "root:x:0:\napp:x:1000:\nextra:x:2000:app\n";

/// A tar of a root file system with busybox; `None`, said visibly, where the machine has no static busybox.
pub(crate) fn busybox_tar(directory: &Path) -> Option<PathBuf> {
    let busybox = Path::new("/bin/busybox");
    if !busybox.exists() {
        eprintln!("skipped: no /bin/busybox (package busybox-static)");
        return None;
    }
    let path = directory.join("busybox.tar");
    std::fs::write(&path, busybox_layer(busybox)).unwrap();
    Some(path)
}

fn busybox_layer(busybox: &Path) -> Vec<u8> {
    busybox_builder(busybox).into_inner().unwrap()
}

pub(crate) fn busybox_builder(busybox: &Path) -> tar::Builder<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_path_with_name(busybox, "bin/busybox").unwrap();
    for applet in APPLETS {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        header.set_uid(0);
        header.set_gid(0);
        builder.append_link(&mut header, format!("bin/{applet}"), "busybox").unwrap();
    }
    for (path, content) in [("etc/passwd", PASSWD), ("etc/group", GROUP)] {
        append(&mut builder, path, content.as_bytes());
    }
    builder
}

pub(crate) fn append(builder: &mut tar::Builder<Vec<u8>>, path: &str, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(content.len() as u64);
    builder.append_data(&mut header, path, content).unwrap();
}

/// What `docker save` would write of an image of busybox with that configuration.
pub(crate) fn image_tar(directory: &Path, config: &str) -> Option<PathBuf> {
    let layer = fargard_model::bounded::read(&busybox_tar(directory)?, 64 << 20).unwrap();
    let mut builder = tar::Builder::new(Vec::new());
    append(&mut builder, "layer.tar", &layer);
    append(&mut builder, "cafe.json", format!("{{\"config\":{config}}}").as_bytes());
    append(&mut builder, "manifest.json", br#"[{"Config":"cafe.json","Layers":["layer.tar"]}]"#);
    let path = directory.join("image.tar");
    std::fs::write(&path, builder.into_inner().unwrap()).unwrap();
    Some(path)
}

/// A definition with these containers (JSON objects without braces) and further members of the task.
pub(crate) fn options(containers: &[&str], members: &str) -> Options {
    let containers: Vec<String> = containers.iter().map(|one| format!("{{\"image\":\"i\",{one}}}")).collect();
    let text =
        format!("{{\"family\":\"test\",{members}\"containerDefinitions\":[{}]}}", containers.join(","));
    Options::new(fargard_taskdef::read(text.as_bytes()).unwrap().definition)
}

/// A container `name` that runs a shell script.
pub(crate) fn shell(name: &str, script: &str) -> String {
    let script = serde_json::to_string(script).unwrap();
    format!("\"name\":\"{name}\",\"entryPoint\":[\"sh\",\"-c\"],\"command\":[{script}]")
}

/// A task and what happened in it.
pub(crate) struct Bench {
    pub(crate) task: RunningTask,
    log: Arc<(Mutex<Vec<Observation>>, Condvar)>,
}

impl Bench {
    pub(crate) fn start(options: Options) -> Self {
        let log = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let sink = Arc::clone(&log);
        let observer = Arc::new(move |observation: &Observation| {
            sink.0.lock().unwrap().push(observation.clone());
            sink.1.notify_all();
        });
        Self { task: Task::start(options, observer).unwrap(), log }
    }

    /// Waits until something was observed for which `wanted` gives a value.
    pub(crate) fn wait_for<T>(&self, what: &str, wanted: impl Fn(&Observation) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        let mut log = self.log.0.lock().unwrap();
        loop {
            if let Some(found) = log.iter().find_map(&wanted) {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what} did not happen: {log:#?}");
            log = self.log.1.wait_timeout(log, left).unwrap().0;
        }
    }

    /// The lines so far that contain the text.
    pub(crate) fn lines_with(&self, part: &str) -> Vec<String> {
        let log = self.log.0.lock().unwrap();
        let lines = log.iter().filter_map(|observation| match observation {
            Observation::Output { line, .. } => Some(String::from_utf8_lossy(line).into_owned()),
            _ => None,
        });
        lines.filter(|line| line.contains(part)).collect()
    }

    /// Waits for a line that contains the text.
    pub(crate) fn wait_for_line(&self, part: &str) -> String {
        self.wait_for(part, |observation| match observation {
            Observation::Output { line, .. } => {
                Some(String::from_utf8_lossy(line).into_owned()).filter(|line| line.contains(part))
            }
            _ => None,
        })
    }

    /// The task's outcome, with what was observed.
    pub(crate) fn outcome(&self) -> (Outcome, Vec<Observation>) {
        self.wait_for("the end", |one| {
            matches!(one, Observation::Task(TaskState::Stopped { .. })).then_some(())
        });
        let outcome = self.task.wait();
        (outcome, self.log.0.lock().unwrap().clone())
    }

    /// The lines a container wrote to standard output, once the task has ended.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        let (_, log) = self.outcome();
        log.iter()
            .filter_map(|observation| match observation {
                Observation::Output { container, stream: Stream::Stdout, line } if container == name => {
                    Some(String::from_utf8_lossy(line).into_owned())
                }
                _ => None,
            })
            .collect()
    }

    /// Nothing of the task is left: no directory, no mount, no process.
    pub(crate) fn assert_clean(&self) {
        let _ = self.outcome();
        let arn = self.task.arn();
        let id = arn.rsplit('/').next().unwrap();
        assert!(!std::env::temp_dir().join(format!("fargard-lab-{id}")).exists());
        let mounts =
            fargard_model::bounded::read_to_string(Path::new("/proc/self/mountinfo"), 1 << 20).unwrap();
        assert!(!mounts.contains(id), "{mounts}");
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        for process in processes {
            let environment = fargard_model::bounded::read(&process.path().join("environ"), 1 << 20);
            let text = String::from_utf8_lossy(&environment.unwrap_or_default()).into_owned();
            assert!(!text.contains(id), "{} is left", process.path().display());
        }
    }
}

/// Runs one container of busybox with a script to its end; gives its lines.
pub(crate) fn run_script(script: &str, members: &str) -> Option<Vec<String>> {
    let directory = tempfile::tempdir().unwrap();
    let tar = busybox_tar(directory.path())?;
    let separator = if members.is_empty() { "" } else { "," };
    let mut options = options(&[&format!("{}{separator}{members}", shell("app", script))], "");
    options.rootfs.insert("app".to_owned(), tar);
    let bench = Bench::start(options);
    let lines = bench.lines("app");
    bench.assert_clean();
    Some(lines)
}
