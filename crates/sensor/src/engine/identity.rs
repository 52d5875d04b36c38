//! Where the sensor is: the ECS task and container, from the task metadata endpoint v4, or a stand-in for the
//! machine itself.

use std::os::unix::fs::MetadataExt as _;
use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use fargard_model::{Container, Task, bounded};
use serde::Deserialize;
use ureq::Agent;

use super::mounts;

/// Id of the container that stands for the sensor's own.
const STAND_IN: &str = "host";
const MAX_DOCUMENT: u64 = 1 << 20;
const MAX_LABELS: usize = 64;
/// More than a task definition may have, with those ECS adds.
const MAX_CONTAINERS: usize = 32;
const ATTEMPT: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Task and container, which may become known only later.
#[derive(Debug)]
pub(crate) struct Identity {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    task: Arc<Task>,
    container: Arc<Container>,
    /// CPUs of the task, where its definition limits them.
    cpus: Option<f64>,
    /// The task's containers.
    siblings: Vec<Container>,
    settled: bool,
    closing: bool,
}

impl Identity {
    /// A stand-in; `settled` when nothing better will come.
    pub(crate) fn new(task: Task, container: Container, settled: bool) -> Self {
        let state = State {
            task: Arc::new(task),
            container: Arc::new(container),
            cpus: None,
            siblings: Vec::new(),
            settled,
            closing: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Task and container as known now.
    pub(crate) fn arcs(&self) -> (Arc<Task>, Arc<Container>) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (Arc::clone(&state.task), Arc::clone(&state.container))
    }

    /// CPUs of the task, where the endpoint said so.
    pub(crate) fn cpus(&self) -> Option<f64> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).cpus
    }

    /// The task's containers as known now.
    pub(crate) fn siblings(&self) -> Vec<Container> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).siblings.clone()
    }

    /// Whether task and container are final.
    pub(crate) fn is_settled(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).settled
    }

    /// Waits until task and container are final, at most that long or until [`Identity::give_up`].
    pub(crate) fn wait(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !state.settled && !state.closing && Instant::now() < until {
            let left = until.saturating_duration_since(Instant::now());
            state = match self.changed.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        state.settled
    }

    /// The stand-in has to do: the container has ended.
    pub(crate) fn give_up(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closing = true;
        self.changed.notify_all();
    }

    /// Whether the stand-in has to do.
    pub(crate) fn is_given_up(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closing
    }

    /// Asks the endpoint at `base` until it answers.
    pub(crate) fn learn(&self, base: &str) {
        let config = Agent::config_builder()
            .timeout_global(Some(ATTEMPT))
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(true);
        let agent = config.build().new_agent();
        let mut pause = Duration::from_millis(50);
        while !self.is_given_up() {
            if let Ok((task, mut container, cpus, siblings)) = fetch(&agent, base) {
                container.mounts = mounts::own();
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.siblings = siblings;
                (state.task, state.container, state.settled) = (Arc::new(task), Arc::new(container), true);
                state.cpus = cpus;
                self.changed.notify_all();
                return;
            }
            self.wait(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Task, container, CPUs of the task, and all its containers.
type Answers = (Task, Container, Option<f64>, Vec<Container>);

/// Reads both documents of the endpoint.
fn fetch(agent: &Agent, base: &str) -> Result<Answers, String> {
    let get = |path: &str| {
        let mut answer = agent
            .get(format!("{}{path}", base.trim_end_matches('/')))
            .call()
            .map_err(|error| error.to_string())?;
        let reader = answer.body_mut().with_config().limit(MAX_DOCUMENT).reader();
        io::read_to_string(reader).map_err(|error| error.to_string())
    };
    parse(&get("/task")?, &get("")?)
}

/// Members of the task document that are used; all but the ARN may be absent.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct TaskDocument {
    cluster: String,
    #[serde(rename = "TaskARN")]
    task_arn: String,
    family: String,
    revision: String,
    service_name: String,
    launch_type: String,
    availability_zone: String,
    limits: LimitsDocument,
    containers: Vec<ContainerDocument>,
}

/// Limits of a task.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LimitsDocument {
    #[serde(rename = "CPU")]
    cpu: Option<f64>,
}

/// Members of a container document that are used.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ContainerDocument {
    docker_id: String,
    name: String,
    image: String,
    #[serde(rename = "ImageID")]
    image_id: String,
    labels: BTreeMap<String, String>,
    networks: Vec<NetworkDocument>,
    created_at: String,
    started_at: String,
}

/// A network of a container document.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NetworkDocument {
    #[serde(rename = "IPv4Addresses")]
    ipv4_addresses: Vec<String>,
}

/// Task and container from the endpoint's two documents.
fn parse(task: &str, container: &str) -> Result<Answers, String> {
    let task: TaskDocument = serde_json::from_str(task)
        .map_err(|error| format!("the task document is not understood: {error}"))?;
    let container: ContainerDocument = serde_json::from_str(container)
        .map_err(|error| format!("the container document is not understood: {error}"))?;
    let label = |name: &str| container.labels.get(&format!("com.amazonaws.ecs.{name}")).cloned();
    let or_label = |value: &str, name: &str| {
        if value.is_empty() { label(name).unwrap_or_default() } else { value.to_owned() }
    };
    let cpus = task.limits.cpu.filter(|cpus| cpus.is_finite() && *cpus > 0.0);
    let arn = or_label(&task.task_arn, "task-arn");
    if arn.is_empty() || arn.len() > 1024 {
        return Err("the documents name no task ARN".to_owned());
    }
    let cluster = or_label(&task.cluster, "cluster");
    let mut parts = arn.split(':').skip(3);
    let (region, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let model = Task {
        region: region.to_owned(),
        account: account.to_owned(),
        cluster: cluster.rsplit('/').next().unwrap_or_default().to_owned(),
        family: or_label(&task.family, "task-definition-family"),
        revision: or_label(&task.revision, "task-definition-version"),
        service: task.service_name,
        launch_type: task.launch_type,
        availability_zone: task.availability_zone,
        arn,
    };
    let siblings = task.containers.into_iter().take(MAX_CONTAINERS).map(ContainerDocument::model).collect();
    Ok((model, container.model(), cpus, siblings))
}

impl ContainerDocument {
    fn model(self) -> Container {
        let started = [&self.started_at, &self.created_at]
            .into_iter()
            .find_map(|text| text.parse::<jiff::Timestamp>().ok())
            .and_then(|time| u64::try_from(time.as_nanosecond()).ok());
        Container {
            id: self.docker_id,
            name: self.name,
            image: self.image,
            image_digest: self.image_id,
            started_at: started.unwrap_or(0),
            labels: self.labels.into_iter().take(MAX_LABELS).collect(),
            ip: self
                .networks
                .into_iter()
                .flat_map(|network| network.ipv4_addresses)
                .find(|address| address.len() <= 15)
                .unwrap_or_default(),
            ..Container::default()
        }
    }
}

/// The machine as a task: `local:<host>:<id>`.
pub(crate) fn local(hostname: &str, task_id: &str, started_at: u64) -> (Task, Container) {
    let host: String = hostname
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '_' })
        .take(64)
        .collect();
    let task = Task {
        arn: format!("local:{host}:{task_id}"),
        family: "local".to_owned(),
        launch_type: "LOCAL".to_owned(),
        ..Task::default()
    };
    let container =
        Container { id: STAND_IN.to_owned(), name: "host".to_owned(), started_at, ..Container::default() };
    (task, container)
}

/// Whether a container stands for the sensor's own while its name is not known.
pub(crate) fn is_stand_in(container: &Container) -> bool {
    container.id == STAND_IN
}

/// Names this start of the sensor: the machine's boot and the keeper that started the engine, whose number is
/// unique only in its pid namespace. The same for every engine of one keeper.
pub(crate) fn sensor_id(keeper: u32, keeper_start: u64) -> String {
    let boot = bounded::read_to_string(Path::new("/proc/sys/kernel/random/boot_id"), 64).unwrap_or_default();
    let boot: String = boot.chars().filter(char::is_ascii_hexdigit).take(12).collect();
    let namespace = std::fs::metadata("/proc/self/ns/pid").map_or(0, |data| data.ino());
    format!("{boot}-{namespace}-{keeper}-{keeper_start}")
}

/// The host's name, from the kernel.
pub(crate) fn hostname() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::{local, parse, sensor_id};

    const CONTAINER: &str = r#"{
        "DockerId": "cd189a933e5849daa93386466019ab50-2495160603", "Name": "curl", "DockerName": "curl",
        "Image": "111122223333.dkr.ecr.us-west-2.amazonaws.com/curltest:latest",
        "ImageID": "sha256:25f3695bedfb454a50f12d127839a68ad3caf91e451c1da073db34c542c4d2cb",
        "Labels": {
            "com.amazonaws.ecs.cluster": "arn:aws:ecs:us-west-2:111122223333:cluster/default",
            "com.amazonaws.ecs.container-name": "curl",
            "com.amazonaws.ecs.task-arn": "arn:aws:ecs:us-west-2:111122223333:task/default/cd189a933e5849daa93386466019ab50",
            "com.amazonaws.ecs.task-definition-family": "curltest",
            "com.amazonaws.ecs.task-definition-version": "2"
        },
        "DesiredStatus": "RUNNING", "KnownStatus": "RUNNING", "Limits": {"CPU": 10, "Memory": 128},
        "CreatedAt": "2020-10-08T20:09:11.44527186Z", "StartedAt": "2020-10-08T20:09:11.44527186Z",
        "Type": "NORMAL", "Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["192.0.2.3"]}],
        "Snapshotter": "overlayfs"
    }"#;
    const TASK: &str = r#"{
        "Cluster": "arn:aws:ecs:us-west-2:111122223333:cluster/default",
        "TaskARN": "arn:aws:ecs:us-west-2:111122223333:task/default/cd189a933e5849daa93386466019ab50",
        "Family": "curltest", "Revision": "3", "ServiceName": "web", "DesiredStatus": "RUNNING",
        "KnownStatus": "RUNNING", "Limits": {"CPU": 0.25, "Memory": 512},
        "PullStartedAt": "2020-10-08T20:47:16.053330955Z", "AvailabilityZone": "us-west-2a",
        "LaunchType": "FARGATE", "ClockDrift": {"ClockErrorBound": 0.5458234999999999}, "Containers": []
    }"#;

    #[test]
    fn fargates_documents_are_understood() {
        let (task, container, ..) = parse(TASK, CONTAINER).unwrap();
        assert_eq!(
            task.arn,
            "arn:aws:ecs:us-west-2:111122223333:task/default/cd189a933e5849daa93386466019ab50"
        );
        assert_eq!((task.region.as_str(), task.account.as_str()), ("us-west-2", "111122223333"));
        assert_eq!((task.cluster.as_str(), task.service.as_str()), ("default", "web"));
        assert_eq!((task.family.as_str(), task.revision.as_str()), ("curltest", "3"));
        assert_eq!((task.launch_type.as_str(), task.availability_zone.as_str()), ("FARGATE", "us-west-2a"));
        assert_eq!(container.id, "cd189a933e5849daa93386466019ab50-2495160603");
        assert_eq!(container.name, "curl");
        assert_eq!(container.image_tag(), "latest");
        assert!(container.image_digest.starts_with("sha256:25f3"));
        assert_eq!(container.started_at, 1_602_187_751_445_271_860);
    }

    #[test]
    fn labels_stand_in_for_missing_members() {
        let (task, _, none, _) = parse(r#"{"Cluster": "named-by-name"}"#, CONTAINER).unwrap();
        assert_eq!(none, None);
        let limited = r#"{"Limits": {"CPU": 0.25, "Memory": 512}}"#;
        assert_eq!(parse(limited, CONTAINER).unwrap().2, Some(0.25));
        assert_eq!(
            (task.cluster.as_str(), task.family.as_str(), task.revision.as_str()),
            ("named-by-name", "curltest", "2")
        );
        assert_eq!(task.id(), "cd189a933e5849daa93386466019ab50");
    }

    #[test]
    fn what_is_no_metadata_is_refused() {
        for (task, container) in [("{}", "{}"), ("[]", "{}"), ("", ""), (r#"{"Cluster": 5}"#, "{}")] {
            assert!(parse(task, container).is_err(), "{task}");
        }
    }

    #[test]
    fn the_machine_is_a_task_of_its_own() {
        let (task, container) = local("my host/x", "17", 9);
        assert_eq!((task.arn.as_str(), container.id.as_str()), ("local:my_host_x:17", "host"));
        assert_eq!(sensor_id(4, 5), sensor_id(4, 5));
        assert_ne!(sensor_id(4, 5), sensor_id(4, 6));
    }
}
