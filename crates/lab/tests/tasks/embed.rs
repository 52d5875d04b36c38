//! Embedded definitions really run: what runs behind the sensor is what ran without it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use fargard_taskdef::embed::{self, Choice, ImageConfig, ImageTable, Settings};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{
    bench::{Bench, append, image_tar},
    rooted,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        rooted("embed::what_runs_behind_the_sensor_is_what_ran_without_it", semantics),
        rooted("embed::the_app_is_the_entry_process_and_its_programs_are_seen", wrapped),
        rooted("embed::a_task_runs_on_when_its_sidecar_is_killed", attached),
    ]
}

/// The static sensor, if it was built.
fn sensor() -> Option<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
    let path = target.join(format!("{}-unknown-linux-musl/sensor/fargard-sensor", std::env::consts::ARCH));
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: no static sensor at {}; build it with cargo xtask sensor", path.display());
    None
}

/// What deploy/sensor/Containerfile makes, as `docker save` writes it.
fn sensor_tar(directory: &Path) -> Option<PathBuf> {
    let program = fargard_model::bounded::read(&sensor()?, 64 << 20).unwrap();
    let mut layer = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(program.len() as u64);
    layer.append_data(&mut header, "fargard/fargard-sensor", program.as_slice()).unwrap();
    let config = json!({"config": {
        "User": "65532:65532", "Volumes": {"/fargard": {}},
        "Entrypoint": ["/fargard/fargard-sensor"], "Cmd": ["--version"],
    }});
    let mut builder = tar::Builder::new(Vec::new());
    append(&mut builder, "layer.tar", &layer.into_inner().unwrap());
    append(&mut builder, "beef.json", config.to_string().as_bytes());
    append(&mut builder, "manifest.json", br#"[{"Config":"beef.json","Layers":["layer.tar"]}]"#);
    let path = directory.join("sensor.tar");
    std::fs::write(&path, builder.into_inner().unwrap()).unwrap();
    Some(path)
}

/// A task of one container.
fn task(app: &Value) -> String {
    json!({
        "family": "embed", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc",
        "cpu": "256", "memory": "512", "containerDefinitions": [app],
    })
    .to_string()
}

fn embedded(text: &str, mode: Choice, image: &ImageConfig) -> String {
    let settings = Settings { sensor_image: "sensor:1".into(), mode, ..Settings::default() };
    let images = ImageTable(BTreeMap::from([("app:1".to_owned(), image.clone())]));
    embed::embed(text, &settings, &images).unwrap().text
}

fn start(text: &str, command: Option<&[String]>, app: &Path, sensor: &Path) -> Bench {
    let mut definition = fargard_taskdef::read(text.as_bytes()).unwrap().definition;
    let mut rootfs = BTreeMap::from([("app".to_owned(), app.to_owned())]);
    if definition.container("fargard-sensor").is_some() {
        rootfs.insert("fargard-sensor".to_owned(), sensor.to_owned());
    }
    if let Some(command) = command {
        definition.containers[0].command = Some(command.to_vec());
    }
    Bench::start(fargard_lab::Options { rootfs, ..fargard_lab::Options::new(definition) })
}

/// A list that prints the word, or what it is given as the arguments of another such list.
fn says(word: &str) -> Vec<String> {
    ["/bin/busybox", "sh", "-c", "echo $0 $*; echo $$"]
        .iter()
        .map(|part| (*part).to_owned())
        .chain([word.to_owned()])
        .collect()
}

fn semantics() {
    let directory = tempfile::tempdir().unwrap();
    let Some(sensor) = sensor_tar(directory.path()) else { return };
    let choices = |word: &'static str| [None, Some(says(word))];
    let mut ran = 0;
    for entrypoint in choices("image-entrypoint") {
        for cmd in choices("image-cmd") {
            let config = json!({"Entrypoint": entrypoint, "Cmd": cmd}).to_string();
            let Some(app) = image_tar(directory.path(), &config) else { return };
            let image = ImageConfig {
                entrypoint: entrypoint.clone().unwrap_or_default(),
                cmd: cmd.clone().unwrap_or_default(),
                ..ImageConfig::default()
            };
            for entry_point in choices("entryPoint") {
                for command in choices("command") {
                    let first = entry_point.as_ref().or(entrypoint.as_ref());
                    if first.is_none() && command.is_none() && cmd.is_none() {
                        continue;
                    }
                    let mut definition = json!({"name": "app", "image": "app:1"});
                    for (name, value) in [("entryPoint", &entry_point), ("command", &command)] {
                        if let Some(value) = value {
                            definition[name] = json!(value);
                        }
                    }
                    let text = task(&definition);
                    let new = embedded(&text, Choice::Wrap, &image);
                    for run_task in choices("run-task") {
                        let plain = start(&text, run_task.as_deref(), &app, &sensor).lines("app");
                        let behind = start(&new, run_task.as_deref(), &app, &sensor).lines("app");
                        assert_eq!(behind, plain, "{text}\n{new}\n{run_task:?}");
                        assert!(plain.last().is_some_and(|pid| pid == "1"), "{plain:?}");
                        ran += 1;
                    }
                }
            }
        }
    }
    eprintln!("{ran} combinations ran");
    assert_eq!(ran, 30);
}

fn wrapped() {
    let directory = tempfile::tempdir().unwrap();
    let Some(sensor) = sensor_tar(directory.path()) else { return };
    let script = "echo pid $$; env; touch /bin/new; exit 7";
    let image = ImageConfig {
        entrypoint: vec!["/bin/sh".into(), "-c".into()],
        cmd: vec![script.into()],
        ..ImageConfig::default()
    };
    let config = json!({"Entrypoint": image.entrypoint, "Cmd": image.cmd}).to_string();
    let Some(app) = image_tar(directory.path(), &config) else { return };
    let text = task(&json!({"name": "app", "image": "app:1"}));
    let bench = start(&embedded(&text, Choice::Auto, &image), None, &app, &sensor);
    let (outcome, _) = bench.outcome();
    assert_eq!(outcome.essential_exit, Some(7));
    let lines = bench.lines("app");
    assert!(lines.contains(&"pid 1".to_owned()), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("FARGARD_")), "{lines:?}");
    bench.wait_for_line("\"rule\":\"Write below binary dir\"");
    bench.assert_clean();
}

fn attached() {
    let directory = tempfile::tempdir().unwrap();
    let Some(sensor) = sensor_tar(directory.path()) else { return };
    let Some(app) = image_tar(directory.path(), "{}") else { return };
    let script = "echo started; until [ -e /tmp/stop ]; do /bin/sleep 0.2; done; echo ended";
    let text = task(&json!({"name": "app", "image": "other:1", "command": ["/bin/sh", "-c", script]}));
    let new = embedded(&text, Choice::Auto, &ImageConfig::default());
    let bench = start(&new, None, &app, &sensor);
    let sidecar = bench.wait_for("the sidecar", |observation| match observation {
        fargard_lab::Observation::Container { name, state: fargard_lab::ContainerState::Running { pid } }
            if name == "fargard-sensor" =>
        {
            Some(*pid)
        }
        _ => None,
    });
    bench.wait_for_line("started");
    // It watches by then: it says so.
    bench.wait_for_line("fargard:");
    let pid = rustix::process::Pid::from_raw(i32::try_from(sidecar).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    bench.wait_for("the sidecar's end", |observation| match observation {
        fargard_lab::Observation::Container { name, state: fargard_lab::ContainerState::Stopped { .. } }
            if name == "fargard-sensor" =>
        {
            Some(())
        }
        _ => None,
    });
    assert_eq!(bench.lines_with("ended"), [""; 0], "the app runs on");
    bench.task.kill();
    bench.assert_clean();
}
