//! `fargard demo`: server, console and example tasks under the sensor on this machine, until Ctrl-C.

use std::{collections::BTreeSet, io::Write, path::Path, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use fargard_lab::{Observation, Options, RunningTask, SensorOptions, SensorServer, TaskState};
use fargard_model::{Event, FindingKind};
use fargard_outputs::falco::printable;
use fargard_server::{Config, Running, Server, StartError, Update};
use fargard_store::{FindingDetail, StateStore};
use tokio::sync::{broadcast, mpsc};

use crate::failure::BadInput;

/// The example tasks, as they stand in the repository's `examples` folder.
const EXAMPLES: [(&str, &str); 2] = [
    (
        "fargate-vulnerability-compliance-task.json",
        include_str!("../../../../examples/fargate-vulnerability-compliance-task.json"),
    ),
    (
        "fargate-runtime-detection-task.json",
        include_str!("../../../../examples/fargate-runtime-detection-task.json"),
    ),
];
/// The examples' shells ignore SIGTERM as process 1; nobody wants to wait the 30 seconds ECS would.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);
/// The file that both examples write; without root it lands on the machine itself.
const DROPPED: &str = "/tmp/xmrig";

/// Arguments of `fargard demo`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Everything the demo makes is removed when it ends (Ctrl-C). As root the tasks run in \
                  namespaces of their own; as an ordinary user they are plain processes.\n\n\
                  Example:\n  fargard demo"
)]
pub(crate) struct Args {
    /// Address and port of the server; a loopback address [default: 127.0.0.1:8440, or a free port if that is taken]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<std::net::SocketAddr>,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime cannot be started")?;
    runtime.block_on(demo(args))?;
    Ok(ExitCode::SUCCESS)
}

async fn demo(args: Args) -> anyhow::Result<()> {
    let mut interrupted = Interrupted::listen()?;
    let data = DemoDirectory::make()?;
    let dropped = DroppedFile::note();
    let server = start_server(args.listen, data.path()).await?;
    let updates = server.subscribe();
    say(&format!(
        "Fargard demo. Everything runs on this machine; Ctrl-C ends it and removes what it made.\n\
         console  {}   (the link works once)\n",
        server.one_time_login_url().await?
    ))?;
    let (observations, mut observed) = mpsc::unbounded_channel();
    let tasks = start_tasks(&server, &observations).await;
    let outcome = match &tasks {
        Ok(_) => follow(&server, updates, &mut observed, &mut interrupted).await,
        Err(_) => Ok(()),
    };
    say("\nstopping ...\n")?;
    if let Ok(tasks) = &tasks {
        stop_tasks(tasks).await;
    }
    server.stop().await;
    dropped.remove();
    data.remove()?;
    tasks.map(drop).and(outcome)
}

/// Port 8440 is what the documentation names; another program may have it.
async fn start_server(listen: Option<std::net::SocketAddr>, data: &Path) -> anyhow::Result<Running> {
    let config = |listen| Config { listen, data: data.to_owned(), ..Config::default() };
    let usual = listen.unwrap_or(Config::default().listen);
    match Server::start(config(usual)).await {
        Err(StartError::Listen { address, .. }) if listen.is_none() => {
            let free = std::net::SocketAddr::new(address.ip(), 0);
            Ok(Server::start(config(free)).await?)
        }
        Err(error @ (StartError::Config(_) | StartError::Listen { .. })) => {
            Err(anyhow::Error::new(BadInput::because(error)))
        }
        other => Ok(other?),
    }
}

async fn start_tasks(
    server: &Running,
    observations: &mpsc::UnboundedSender<(&'static str, Observation)>,
) -> anyhow::Result<Vec<Arc<RunningTask>>> {
    let token = server.enrolment_token("demo").await?.reveal().to_owned();
    let mut tasks = Vec::new();
    for (file, text) in EXAMPLES {
        let reading =
            fargard_taskdef::read(text.as_bytes()).map_err(|error| anyhow::anyhow!("{file}: {error}"))?;
        let family = file.trim_end_matches(".json");
        let mut options = Options::new(reading.definition);
        options.cluster = "demo".to_owned();
        options.max_stop_timeout = Some(STOP_TIMEOUT);
        options.sensor = Some(SensorOptions {
            server: Some(SensorServer { url: server.url(), token: token.clone(), ca_file: None }),
            ..SensorOptions::default()
        });
        let sender = observations.clone();
        let observer = Arc::new(move |observation: &Observation| {
            // The receiver is gone only when the demo ends.
            let _ = sender.send((family, observation.clone()));
        });
        let task = tokio::task::spawn_blocking(move || fargard_lab::Task::start(options, observer))
            .await
            .context("the lab's thread ended")??;
        tasks.push(Arc::new(task));
    }
    Ok(tasks)
}

async fn stop_tasks(tasks: &[Arc<RunningTask>]) {
    tasks.iter().for_each(|task| task.stop());
    for task in tasks {
        let task = Arc::clone(task);
        // How it ended was observed; that it ended is all that counts here.
        let _ = tokio::task::spawn_blocking(move || task.wait()).await;
    }
}

/// Prints what happens until Ctrl-C.
async fn follow(
    server: &Running,
    mut updates: broadcast::Receiver<(u64, Update)>,
    observed: &mut mpsc::UnboundedReceiver<(&'static str, Observation)>,
    interrupted: &mut Interrupted,
) -> anyhow::Result<()> {
    let store = server.store();
    let mut printed = BTreeSet::new();
    loop {
        tokio::select! {
            () = interrupted.wait() => return Ok(()),
            Some((family, observation)) = observed.recv() => {
                if let Some(line) = describe(family, &observation) {
                    say(&line)?;
                }
            }
            update = updates.recv() => match update {
                Ok((_, Update::Finding { id })) => print_finding(&*store, &id, &mut printed).await?,
                Ok((_, Update::Task { .. })) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
            },
        }
    }
}

/// A line for an observation; `None` for those that say nothing to a reader.
fn describe(family: &str, observation: &Observation) -> Option<String> {
    match observation {
        Observation::Task(state @ (TaskState::Running | TaskState::Stopped { .. })) => {
            Some(format!("task     {family} {state}\n"))
        }
        Observation::Output { line, .. } => {
            Some(format!("output   {family} | {}\n", printable(&String::from_utf8_lossy(line))))
        }
        Observation::Warning(warning) => Some(format!("warning  {family}: {warning}\n")),
        Observation::Task(_) | Observation::Container { .. } => None,
    }
}

/// Prints a finding when it is new; later occurrences fold into it and only count.
async fn print_finding(
    store: &dyn StateStore,
    id: &str,
    printed: &mut BTreeSet<String>,
) -> anyhow::Result<()> {
    if printed.contains(id) {
        return Ok(());
    }
    let Some(detail) = store.finding(id).await? else { return Ok(()) };
    printed.insert(id.to_owned());
    say(&finding_text(&detail))
}

/// What, who, on what, where; the whole output line is in the console.
fn finding_text(detail: &FindingDetail) -> String {
    let finding = &detail.finding;
    let what = match (finding.kind, finding.check) {
        (FindingKind::Check, Some(number)) => format!("check {number} {}", finding.title),
        _ => finding.title.clone(),
    };
    let who = match detail.detections.first() {
        Some(detection) => actor(&detection.event),
        None => finding.summary.clone(),
    };
    let at = finding.first_seen.rfc3339();
    let time = at.get(11..19).unwrap_or(&at);
    format!(
        "finding  {time} {priority:<8} {what}\n         {who}\n         container {container}, task {task}\n",
        priority = finding.priority,
        who = printable(&who),
        container = printable(&finding.container.name),
        task = finding.task.id(),
    )
}

/// `touch /usr/bin/probe (pid 12, child of sh) on /usr/bin/probe`
fn actor(event: &Event) -> String {
    let process = &event.process;
    let parent = process.parent.as_ref().map_or("nobody known", |parent| parent.name.as_str());
    let line = format!("{} (pid {}, child of {parent})", process.cmdline(), process.pid);
    match event
        .fd
        .as_ref()
        .map(|fd| fd.name.as_str())
        .or_else(|| event.paths.first().map(|(_, path)| path.as_str()))
    {
        Some(target) if !target.is_empty() => format!("{line} on {target}"),
        _ => line,
    }
}

fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("standard output cannot be written")
}

/// Ctrl-C or SIGTERM, from the start on, so that nothing is left behind.
struct Interrupted {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Interrupted {
    fn listen() -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).context("SIGINT cannot be handled")?,
            terminate: signal(SignalKind::terminate()).context("SIGTERM cannot be handled")?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// The server's data for the time of the demo.
struct DemoDirectory(std::path::PathBuf);

impl DemoDirectory {
    fn make() -> anyhow::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let path = std::env::temp_dir().join(format!("fargard-demo-{}", std::process::id()));
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn remove(&self) -> anyhow::Result<()> {
        std::fs::remove_dir_all(&self.0).with_context(|| format!("{} cannot be removed", self.0.display()))
    }
}

/// The example's file where a task without isolation leaves it; removed unless it was there before.
struct DroppedFile {
    was_there: bool,
}

impl DroppedFile {
    fn note() -> Self {
        Self { was_there: Path::new(DROPPED).symlink_metadata().is_ok() }
    }

    fn remove(&self) {
        if !self.was_there {
            // With isolation it never appeared here.
            let _ = std::fs::remove_file(DROPPED);
        }
    }
}
