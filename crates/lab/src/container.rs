//! The thread that starts one container and waits for its end, and the one that checks its health.

use std::{
    io,
    os::fd::OwnedFd,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use fargard_taskdef::{HealthCheck, HealthCommand};

use crate::{
    launch::{Launched, Output, PidSpace, launch},
    observer::{Observer, Stream},
    options::Stage,
    plan::Plan,
    pump,
    schedule::Health,
    stage::spec::{Place, Process, Spec},
    stragglers::{self, Mark},
};

/// How long the output of an ended container is waited for, should something unseen hold it open.
const LAST_OUTPUT: Duration = Duration::from_secs(2);

/// How long the sensor may take to send the rest when its container has ended.
const SENSOR_DRAIN: Duration = Duration::from_secs(8);

/// What the supervisor is told.
#[derive(Debug)]
pub(crate) enum Message {
    /// The stage of a container was started.
    Started(usize, OwnedFd),
    /// Its program runs.
    Running(usize, u32),
    /// It did not come to run.
    Failed(usize, String),
    /// It ended with this exit code.
    Ended(usize, i32),
    /// A health check changed its mind.
    Health(usize, Health),
    /// Stop the task.
    Stop(String),
    /// Stop the task now.
    Kill,
}

/// What every container of a task has in common.
#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) stage: Stage,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) messages: mpsc::Sender<Message>,
    /// The process that keeps the task's pid namespace (`pidMode: task`).
    pub(crate) pause: Option<u32>,
}

impl Common {
    fn pid_space(&self, plan: &Plan) -> PidSpace {
        match (&plan.place, self.pause) {
            (Place::New(_), Some(pid)) => PidSpace::Of(pid),
            (Place::New(_), None) => PidSpace::Own,
            _ => PidSpace::Machine,
        }
    }
}

/// Starts a container in a thread of its own.
pub(crate) fn start(index: usize, plan: Plan, common: Common) -> io::Result<()> {
    let run = move || {
        let message = match run(index, &plan, &common) {
            Ok(Ok(code)) => Message::Ended(index, code),
            Ok(Err(reason)) => Message::Failed(index, reason),
            Err(error) => Message::Failed(index, error.to_string()),
        };
        let _ = common.messages.send(message);
    };
    thread::Builder::new().name("container".to_owned()).spawn(run).map(drop)
}

fn run(index: usize, plan: &Plan, common: &Common) -> io::Result<Result<i32, String>> {
    let (stdout_reader, stdout) = io::pipe()?;
    let (stderr_reader, stderr) = io::pipe()?;
    let observer = || Arc::clone(&common.observer);
    let outputs = [
        pump::start(plan.name.clone(), Stream::Stdout, stdout_reader, observer())?,
        pump::start(plan.name.clone(), Stream::Stderr, stderr_reader, observer())?,
    ];
    let spec = Spec {
        place: plan.place.clone(),
        process: plan.process.clone(),
        sensor: plan.sensor.as_ref().map(|sensor| sensor.spec.clone()),
    };
    let space = common.pid_space(plan);
    let mut launched = launch(&common.stage, &spec, space, Output::Pipes(stdout, stderr))?;
    let _ = common.messages.send(Message::Started(index, launched.handle()?));
    if let Err(reason) = launched.wait_ready() {
        launched.end();
        return Ok(Err(reason));
    }
    let mark = match space {
        PidSpace::Own => None,
        PidSpace::Of(_) => Mark::mount_namespace(launched.pid()),
        PidSpace::Machine => {
            Some(Mark::Variable(format!("ECS_CONTAINER_METADATA_URI_V4={}", plan.metadata_uri)))
        }
    };
    let _ = common.messages.send(Message::Running(index, launched.pid()));
    let result = launched.wait()?;
    if let Some(mark) = mark {
        let program = std::fs::canonicalize(&common.stage.program);
        let sensor = plan.sensor.as_ref().and(program.as_deref().ok());
        stragglers::kill(&mark, sensor.map(|program| (program, SENSOR_DRAIN)));
    }
    for output in outputs {
        // Closing is the only thing that happens on these channels.
        let _ = output.recv_timeout(LAST_OUTPUT);
    }
    Ok(result)
}

/// Runs a command in a running container and waits for it, at most that long; `None` when it took longer. Call it
/// in a thread made for it.
pub(crate) fn run_inside(
    plan: &Plan,
    common: &Common,
    pid: u32,
    process: Process,
    output: Output,
    time: Duration,
) -> io::Result<Option<Result<i32, String>>> {
    let isolated = matches!(plan.place, Place::New(_));
    let place = if isolated { Place::Inside { pid } } else { Place::Machine };
    let space = if isolated { PidSpace::Of(pid) } else { PidSpace::Machine };
    let began = Instant::now();
    let spec = Spec { place, process, sensor: None };
    let mut launched: Launched = launch(&common.stage, &spec, space, output)?;
    if let Err(reason) = launched.wait_ready() {
        launched.end();
        return Ok(Some(Err(reason)));
    }
    let result = launched.wait_within(time.saturating_sub(began.elapsed()))?;
    if result.is_none() {
        launched.end();
    }
    Ok(result)
}

/// Checks a container's health until the returned sender is dropped.
pub(crate) fn watch_health(
    index: usize,
    plan: Plan,
    check: HealthCheck,
    common: Common,
    pid: u32,
) -> io::Result<mpsc::Sender<()>> {
    let (stop, stopped) = mpsc::channel();
    let watch = move || {
        let began = Instant::now();
        let mut failures = 0;
        let interval = Duration::from_secs(check.interval);
        while stopped.recv_timeout(interval) == Err(mpsc::RecvTimeoutError::Timeout) {
            let passed = is_healthy(&plan, &check, &common, pid);
            let in_start_period = began.elapsed() < Duration::from_secs(check.start_period);
            failures = match (passed, in_start_period) {
                (true, _) => 0,
                (false, true) => failures,
                (false, false) => failures + 1,
            };
            let verdict = match failures {
                0 if passed => Health::Healthy,
                count if count >= check.retries => Health::Unhealthy,
                _ => continue,
            };
            if common.messages.send(Message::Health(index, verdict)).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("health".to_owned()).spawn(watch)?;
    Ok(stop)
}

/// One check, in a thread of its own, as it joins the container's pid namespace.
fn is_healthy(plan: &Plan, check: &HealthCheck, common: &Common, pid: u32) -> bool {
    let arguments = match &check.command {
        HealthCommand::Exec(arguments) => arguments.clone(),
        HealthCommand::Shell(command) => vec!["/bin/sh".to_owned(), "-c".to_owned(), command.clone()],
    };
    let process = Process { arguments, ..plan.process.clone() };
    let time = Duration::from_secs(check.timeout);
    thread::scope(|scope| {
        let run = || run_inside(plan, common, pid, process, Output::Nowhere, time);
        scope.spawn(run).join().is_ok_and(|result| matches!(result, Ok(Some(Ok(0)))))
    })
}
