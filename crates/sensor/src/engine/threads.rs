//! The engine's threads: learning the task's name, packing and sending batches.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use fargard_model::Task;

use super::{
    announce::say,
    identity::Identity,
    notes::Notes,
    uplink::{
        client::Client,
        outbox::Outbox,
        packer::{self, SharedSpool},
        sender::Sender,
        spool::{Enrolment, Spool},
    },
};
use crate::config::Config;

/// The threads do little on their stacks.
const STACK: usize = 512 << 10;

/// What the threads of the engine share.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) outbox: Outbox,
    pub(super) identity: Identity,
    /// Names this start of the sensor in ids of detections and check results.
    pub(super) sensor: String,
    pub(super) checks_made: AtomicU64,
    pub(super) stop: AtomicBool,
    /// What the watchers say of themselves.
    pub(super) notes: Notes,
}

/// Packing and sending.
pub(super) struct Uplink {
    pub(super) thread: Option<JoinHandle<()>>,
    pub(super) done: mpsc::Receiver<()>,
}

/// A thread with a small stack.
pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Option<JoinHandle<()>> {
    spawn_with(name, STACK, work)
}

/// Starts a thread with a stack of so many bytes.
pub(super) fn spawn_with(
    name: &str,
    stack: usize,
    work: impl FnOnce() + Send + 'static,
) -> Option<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).stack_size(stack).spawn(work).ok()
}

/// Asks the metadata endpoint, where there is one.
pub(super) fn learn_identity(config: &Arc<Config>, common: &Arc<Common>) {
    if config.metadata.is_none() {
        return;
    }
    let (config, common) = (Arc::clone(config), Arc::clone(common));
    spawn("fargard-task", move || {
        if let Some(base) = &config.metadata {
            common.identity.learn(base);
        }
    });
}

/// Starts packing and sending where there is somewhere to put batches.
pub(super) fn start_uplink(config: &Arc<Config>, common: &Arc<Common>, restarts: u64) -> Option<Uplink> {
    if config.server.is_none() && config.spool.is_none() {
        return None;
    }
    let (config, common) = (Arc::clone(config), Arc::clone(common));
    let (done_sender, done) = mpsc::channel();
    let thread = spawn("fargard-uplink", move || {
        uplink(&config, &common, restarts);
        let _ = done_sender.send(());
    })?;
    Some(Uplink { thread: Some(thread), done })
}

fn uplink(config: &Config, common: &Common, restarts: u64) {
    // Batches carry the task's name: there are none before it is known.
    while !common.identity.is_settled() && !common.identity.is_given_up() {
        common.identity.wait(Duration::from_secs(60));
    }
    let (task, container) = common.identity.arcs();
    // An engine after a restart counts its batches anew, so it is a producer of its own.
    let producer = format!("{}:{restarts}", common.sensor);
    let enrolment =
        Enrolment { task: Task::clone(&task), container: (*container).clone(), producer: producer.clone() };
    let spool = SharedSpool::new(open_spool(config, &enrolment));
    thread::scope(|scope| {
        if let Some(server) = &config.server {
            match Client::new(server) {
                Ok(client) => {
                    let sender = Sender {
                        client,
                        server,
                        leftovers: config.spool.as_ref(),
                        enrolment,
                        spool: &spool,
                        outbox: &common.outbox,
                        drain: config.drain,
                    };
                    scope.spawn(|| sender.run());
                }
                Err(error) => say(&format!("{error}; nothing is sent")),
            }
        }
        packer::run(&common.outbox, &spool, &common.identity, &producer);
    });
    let spool = spool.into_inner();
    if let Some(line) = left_over(spool.len(), config) {
        say(&line);
    }
    spool.finish();
}

/// What is to be said of batches that were not sent.
fn left_over(batches: usize, config: &Config) -> Option<String> {
    let server = config.server.as_ref().filter(|_| batches > 0)?;
    Some(match &config.spool {
        Some(spool) => {
            format!("{batches} batches for {} wait in {}", server.url, spool.directory.display())
        }
        None => format!(
            "{batches} batches could not be sent to {} and are lost; with a spool directory they would wait",
            server.url
        ),
    })
}

fn open_spool(config: &Config, enrolment: &Enrolment) -> Spool {
    let Some(settings) = &config.spool else { return Spool::in_memory() };
    match Spool::create(&settings.directory, settings.max_bytes, enrolment) {
        Ok(spool) => spool,
        Err(error) => {
            say(&format!(
                "spool {}: {error}; unsent batches are kept in memory",
                settings.directory.display()
            ));
            Spool::in_memory()
        }
    }
}
