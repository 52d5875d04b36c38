//! Starting a task and holding on to it.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use fargard_model::Timestamp;
use fargard_taskdef::{TaskDefinition, size};

use crate::{
    container::{self, Common, Message},
    error::{LabError, Tried},
    launch::{Launched, Output, PidSpace, launch},
    metadata::{ContainerRecord, Server, TaskRecord},
    names::Names,
    observer::{Observation, Observer, Outcome, StopCode, TaskState},
    options::{Options, Stage},
    plan::{self, Plan},
    schedule::Schedule,
    scratch::Scratch,
    stage::spec::{Place, Process, Spec},
    supervisor::Supervisor,
};

/// Most bytes of output [`RunningTask::exec`] gives back.
const MAX_EXEC_OUTPUT: u64 = 16 << 20;

/// A task that was started. Dropping it kills the task and waits for its end.
pub struct RunningTask {
    names: Names,
    common: Common,
    plans: Vec<Plan>,
    pids: Arc<Mutex<BTreeMap<String, u32>>>,
    thread: Mutex<Life>,
}

/// The thread that runs a task, or what it gave.
enum Life {
    Runs(JoinHandle<Outcome>),
    Ended(Outcome),
}

/// What a command in a container did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// Exit code.
    pub exit_code: i32,
    /// Standard output and error together.
    pub output: Vec<u8>,
}

/// Ways to start a task.
#[derive(Debug)]
pub struct Task;

impl Task {
    /// Starts a task; its containers run until they end or the task is stopped. Root file systems are made before
    /// this returns, containers are started after.
    ///
    /// # Errors
    /// The options ask for what cannot be had, or this machine does not let the lab make it.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a task takes its options over; callers move them into threads"
    )]
    pub fn start(options: Options, observer: Arc<dyn Observer>) -> Result<RunningTask, LabError> {
        let options = &options;
        plan::check(options)?;
        let names = Names::new(&options.definition, &options.cluster);
        observer.observe(&Observation::Task(TaskState::Provisioning));
        for difference in plan::differences(options) {
            observer.observe(&Observation::Warning(difference));
        }
        let scratch = Scratch::new(&names.id).tried(|| "make a private directory for the task".into())?;
        let record = Arc::new(Mutex::new(record(&options.definition, &names)));
        let server = Server::start(Arc::clone(&record)).tried(|| "serve the metadata endpoint".into())?;
        observer.observe(&Observation::Task(TaskState::Pending));
        let plans = plan::make(options, &names, &scratch, &server)?;
        complete(&record, &plans);
        let (sender, messages) = mpsc::channel();
        let mut common = Common { stage: options.stage.clone(), observer, messages: sender, pause: None };
        let shared = options.definition.pid_mode.as_deref() == Some("task") && plan::is_isolated(options);
        let pause = if shared { Some(Pause::start(&options.stage)?) } else { None };
        common.pause = pause.as_ref().map(|pause| pause.pid);
        let pids = Arc::new(Mutex::new(BTreeMap::new()));
        let supervisor = Supervisor::new(
            plans.clone(),
            common.clone(),
            Schedule::new(&options.definition),
            Arc::clone(&record),
            Arc::clone(&pids),
        );
        let end = End { scratch, server, pause, record };
        let observer = Arc::clone(&common.observer);
        let life = move || {
            let outcome = supervisor.run(&messages);
            end.clean_up(observer.as_ref());
            let (code, reason) = (outcome.code, outcome.reason.clone());
            observer.observe(&Observation::Task(TaskState::Stopped { code, reason }));
            outcome
        };
        let thread = thread::Builder::new().name("task".to_owned()).spawn(life);
        let thread = Mutex::new(Life::Runs(thread.tried(|| "start a thread".into())?));
        Ok(RunningTask { names, common, plans, pids, thread })
    }
}

fn record(definition: &TaskDefinition, names: &Names) -> TaskRecord {
    let containers = definition.containers.iter().map(|container| ContainerRecord {
        name: container.name.clone(),
        image: container.image.clone(),
        labels: container.labels.clone(),
        cpu: container.cpu.unwrap_or(0),
        memory: container.memory.or(container.memory_reservation).unwrap_or(0),
        log_driver: container.log.as_ref().map(|log| log.driver.clone()),
        log_options: container.log.as_ref().map(|log| log.options.clone()).unwrap_or_default(),
        volumes: container
            .mount_points
            .iter()
            .map(|mount| (mount.volume.clone(), mount.path.clone()))
            .collect(),
        has_health_check: container.health_check.is_some(),
        ..ContainerRecord::default()
    });
    let units =
        definition.cpu.as_deref().and_then(size::cpu_units).and_then(|units| u32::try_from(units).ok());
    TaskRecord {
        names: names.clone(),
        cpu: units.map(|units| f64::from(units) / 1024.0),
        memory: definition.memory.as_deref().and_then(size::memory_mib),
        containers: containers.collect(),
        stopping: false,
        known: TaskState::Provisioning.name(),
        pull_started: Timestamp::now(),
        pull_stopped: Timestamp::now(),
        execution_stopped: None,
    }
}

/// What is known once root file systems are made.
fn complete(record: &Mutex<TaskRecord>, plans: &[Plan]) {
    let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
    record.pull_stopped = Timestamp::now();
    record.known = TaskState::Pending.name();
    for (container, plan) in record.containers.iter_mut().zip(plans) {
        container.image_id.clone_from(&plan.image_id);
    }
}

/// What lasts as long as the task.
struct End {
    scratch: Scratch,
    server: Server,
    pause: Option<Pause>,
    record: Arc<Mutex<TaskRecord>>,
}

impl End {
    fn clean_up(self, observer: &dyn Observer) {
        let state = TaskState::Deprovisioning;
        {
            let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
            record.known = state.name();
            record.execution_stopped = Some(Timestamp::now());
        }
        observer.observe(&Observation::Task(state));
        drop(self.pause);
        drop(self.server);
        if let Err(error) = self.scratch.remove() {
            let path = self.scratch.path().display().to_string();
            observer.observe(&Observation::Warning(format!("cannot remove {path}: {error}")));
        }
    }
}

/// The process that keeps the pid namespace of a task with `pidMode: task`.
struct Pause {
    pid: u32,
    /// Dropping it ends the process.
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Pause {
    fn start(stage: &Stage) -> Result<Self, LabError> {
        let (ready, started) = mpsc::channel();
        let (stop, stopped) = mpsc::channel::<()>();
        let stage = stage.clone();
        let life = move || {
            let mut launched = match start_pause(&stage) {
                Ok(launched) => launched,
                Err(error) => return drop(ready.send(Err(error))),
            };
            let _ = ready.send(Ok(launched.pid()));
            let _ = stopped.recv();
            launched.end();
        };
        let what = || "keep a pid namespace for the task".to_owned();
        let thread = thread::Builder::new().name("pause".to_owned()).spawn(life).tried(what)?;
        let pid = started.recv().map_err(io::Error::other).and_then(|result| result).tried(what)?;
        Ok(Self { pid, stop: Some(stop), thread: Some(thread) })
    }
}

fn start_pause(stage: &Stage) -> io::Result<Launched> {
    let process = Process {
        arguments: Vec::new(),
        environment: Vec::new(),
        working_directory: None,
        identity: None,
        capabilities: None,
        nofile: None,
    };
    let spec = Spec { place: Place::Pause, process, sensor: None };
    let mut launched = launch(stage, &spec, PidSpace::Own, Output::Nowhere)?;
    if let Err(reason) = launched.wait_ready() {
        launched.end();
        return Err(io::Error::other(reason));
    }
    Ok(launched)
}

impl Drop for Pause {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl RunningTask {
    /// The task's ARN: `arn:aws:ecs:local:000000000000:task/<cluster>/<32 hexadecimal digits>`.
    #[must_use]
    pub fn arn(&self) -> String {
        self.names.task_arn()
    }

    /// The task as records name it.
    #[must_use]
    pub fn identity(&self) -> fargard_model::Task {
        self.names.task()
    }

    /// `ECS_CONTAINER_METADATA_URI_V4` of a container.
    #[must_use]
    pub fn metadata_uri(&self, container: &str) -> Option<&str> {
        self.plan(container).map(|plan| plan.metadata_uri.as_str())
    }

    /// The first process of a running container, as the machine numbers it.
    #[must_use]
    pub fn pid(&self, container: &str) -> Option<u32> {
        self.pids.lock().unwrap_or_else(PoisonError::into_inner).get(container).copied()
    }

    fn plan(&self, container: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.name == container)
    }

    /// Stops the task as ECS's StopTask does: SIGTERM, and SIGKILL after each container's `stopTimeout`. Returns at
    /// once.
    pub fn stop(&self) {
        let _ = self.common.messages.send(Message::Stop("stopped by its user".to_owned()));
    }

    /// Ends every container at once. Returns at once.
    pub fn kill(&self) {
        let _ = self.common.messages.send(Message::Kill);
    }

    /// Runs a command in a running container as root, as ECS Exec does, and waits for it.
    ///
    /// # Errors
    /// The container does not run, the command cannot be executed, or takes longer than `time`.
    pub fn exec(&self, container: &str, arguments: &[String], time: Duration) -> io::Result<Executed> {
        let not_running = || io::Error::new(io::ErrorKind::NotFound, format!("{container:?} is not running"));
        let plan = self.plan(container).ok_or_else(not_running)?;
        let pid = self.pid(container).ok_or_else(not_running)?;
        let mut process = Process { arguments: arguments.to_vec(), ..plan.process.clone() };
        if let Some(identity) = &mut process.identity {
            (identity.uid, identity.gid) = (0, 0);
            identity.groups.clear();
        }
        let (reader, writer) = io::pipe()?;
        let output = Output::Pipes(writer.try_clone()?, writer);
        thread::scope(|scope| {
            let run = || container::run_inside(plan, &self.common, pid, process, output, time);
            let thread = scope.spawn(run);
            let mut output = Vec::new();
            reader.take(MAX_EXEC_OUTPUT).read_to_end(&mut output)?;
            let result = thread.join().map_err(|_| io::Error::other("the waiting thread failed"))??;
            match result {
                Some(Ok(exit_code)) => Ok(Executed { exit_code, output }),
                Some(Err(reason)) => Err(io::Error::other(reason)),
                None => Err(io::ErrorKind::TimedOut.into()),
            }
        })
    }

    /// Waits until the task has stopped and everything it used is removed; gives the same outcome every time.
    #[must_use]
    pub fn wait(&self) -> Outcome {
        let mut life = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = || Outcome {
            code: StopCode::TaskFailedToStart,
            reason: "the lab's own thread failed".to_owned(),
            exit_codes: BTreeMap::new(),
            essential_exit: None,
        };
        let outcome = match std::mem::replace(&mut *life, Life::Ended(failed())) {
            Life::Runs(thread) => thread.join().unwrap_or_else(|_| failed()),
            Life::Ended(outcome) => outcome,
        };
        *life = Life::Ended(outcome.clone());
        outcome
    }
}

impl Drop for RunningTask {
    fn drop(&mut self) {
        self.kill();
        let _ = self.wait();
    }
}

impl std::fmt::Debug for RunningTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningTask").field("arn", &self.arn()).finish_non_exhaustive()
    }
}
