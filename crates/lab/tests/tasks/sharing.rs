//! What the containers of a task share: volumes, network, process numbers, metadata.

use fargard_lab::{ContainerState, Observation};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::{
    bench::{Bench, busybox_tar, options, shell},
    rooted,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        rooted("sharing::a_volume_is_shared_and_may_be_read_only", volume),
        rooted("sharing::containers_reach_each_other_on_loopback", loopback),
        rooted("sharing::pid_mode_task_shows_every_container", pid_mode),
        rooted("sharing::metadata_answers_as_the_agent_does", metadata),
    ]
}

fn volume() {
    let mount = |read_only: bool| {
        format!(
            "\"mountPoints\":[{{\"sourceVolume\":\"v\",\"containerPath\":\"/data/deep\",\"readOnly\":{read_only}}}]"
        )
    };
    let writer =
        format!("{},\"essential\":false,{}", shell("writer", "echo hello > /data/deep/file"), mount(false));
    let wait = "\"dependsOn\":[{\"containerName\":\"writer\",\"condition\":\"SUCCESS\"}]";
    let script = "cat /data/deep/file; touch /data/deep/x || echo refused";
    let reader = format!("{},\"essential\":false,{},{wait}", shell("reader", script), mount(true));
    let heir = format!(
        "{},\"volumesFrom\":[{{\"sourceContainer\":\"reader\"}}],\"dependsOn\":[{{\"containerName\":\"reader\",\"condition\":\"COMPLETE\"}}]",
        shell("heir", "cat /data/deep/file; touch /data/deep/y || echo refused")
    );
    let bench = Bench::start(options(&[&writer, &reader, &heir], "\"volumes\":[{\"name\":\"v\"}],"));
    for name in ["reader", "heir"] {
        let lines = bench.lines(name);
        assert_eq!(lines[0], "hello", "{name}: {lines:?}");
        assert!(lines.contains(&"refused".to_owned()), "{name}: {lines:?}");
    }
    bench.assert_clean();
}

fn loopback() {
    let directory = tempfile::tempdir().unwrap();
    let Some(tar) = busybox_tar(directory.path()) else { return };
    // A port that was free a moment ago: the network is the machine's.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = format!("{},\"essential\":false", shell("server", &format!("nc -l -p {port} -e hostname")));
    let script = format!("until nc 127.0.0.1 {port} < /dev/null; do sleep 0.1; done");
    let client = format!(
        "{},\"dependsOn\":[{{\"containerName\":\"server\",\"condition\":\"START\"}}]",
        shell("client", &script)
    );
    let mut options = options(&[&server, &client], "");
    for name in ["server", "client"] {
        options.rootfs.insert(name.to_owned(), tar.clone());
    }
    let bench = Bench::start(options);
    assert!(bench.lines("client").iter().any(|line| line.starts_with("lab-")));
    bench.assert_clean();
}

fn pid_mode() {
    let directory = tempfile::tempdir().unwrap();
    let Some(tar) = busybox_tar(directory.path()) else { return };
    let other = format!("{},\"essential\":false", shell("other", "sleep 54321 & exec sleep 12345"));
    let script = "echo pid $$; until ps | grep -q '[1]2345'; do sleep 0.1; done; ps | grep -c '[s]leep [15]'";
    let app = format!(
        "{},\"dependsOn\":[{{\"containerName\":\"other\",\"condition\":\"START\"}}]",
        shell("app", script)
    );
    let mut options = options(&[&other, &app], "\"pidMode\":\"task\",");
    for name in ["other", "app"] {
        options.rootfs.insert(name.to_owned(), tar.clone());
    }
    let bench = Bench::start(options);
    let lines = bench.lines("app");
    assert_ne!(lines[0], "pid 1", "PID 1 is the task's own");
    assert_eq!(lines[1], "2", "{lines:?}");
    bench.assert_clean();
}

fn metadata() {
    let directory = tempfile::tempdir().unwrap();
    let Some(tar) = busybox_tar(directory.path()) else { return };
    let script = "wget -q -O - $ECS_CONTAINER_METADATA_URI_V4; echo; wget -q -O - $ECS_CONTAINER_METADATA_URI_V4/task; echo; sleep 1000";
    let app = format!("{},\"dockerLabels\":{{\"a\":\"b\"}},\"cpu\":128", shell("app", script));
    let mut options = options(&[&app], "\"cpu\":\".25 vCPU\",\"memory\":\"512\",");
    options.rootfs.insert("app".to_owned(), tar);
    options.cluster = "blue".to_owned();
    let bench = Bench::start(options);
    let container: Value = serde_json::from_str(&bench.wait_for_line("DockerId")).unwrap();
    let task: Value = serde_json::from_str(&bench.wait_for_line("\"Containers\"")).unwrap();
    assert_eq!(container["Name"], "app");
    assert_eq!(container["Labels"]["a"], "b");
    assert_eq!(container["Labels"]["com.amazonaws.ecs.task-arn"], bench.task.arn());
    assert_eq!(container["Labels"]["com.amazonaws.ecs.task-definition-version"], "1");
    assert_eq!(container["Limits"]["CPU"], 128);
    assert_eq!(container["Networks"][0]["NetworkMode"], "awsvpc");
    assert_eq!(task["TaskARN"], bench.task.arn());
    assert_eq!(task["Cluster"], "arn:aws:ecs:local:000000000000:cluster/blue");
    assert_eq!((&task["LaunchType"], &task["Limits"]["CPU"]), (&"FARGATE".into(), &0.25.into()));
    assert_eq!(task["Containers"][0]["DockerId"], container["DockerId"]);
    let uri = bench.task.metadata_uri("app").unwrap();
    assert!(uri.ends_with(container["DockerId"].as_str().unwrap()));
    bench.wait_for("running", |one| {
        matches!(one, Observation::Container { state: ContainerState::Running { .. }, .. }).then_some(())
    });
    let status = |path: &str| match ureq::get(format!("{uri}{path}")).call() {
        Ok(answer) => answer.status().as_u16(),
        Err(ureq::Error::StatusCode(code)) => code,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(
        [status(""), status("/task"), status("/stats"), status("x"), status("/../x")],
        [200, 200, 404, 404, 404]
    );
    assert!(matches!(ureq::post(uri).send_empty(), Err(ureq::Error::StatusCode(405))));
    bench.task.kill();
    bench.assert_clean();
    assert!(
        ureq::get(bench.task.metadata_uri("app").unwrap()).call().is_err(),
        "the endpoint ends with the task"
    );
}
