//! A local ECS control plane: the API in its JSON 1.1 protocol with the real field set, roll-outs, events, throttling.
//!
//! Nothing runs: tasks are states that follow each other in simulated time, which only [`ControlPlane::advance`]
//! moves. What an image would do is said by [`ImageBehaviour`]. It is for tests of what talks to ECS.

mod answer;
mod clusters;
mod definitions;
mod events;
mod input;
mod instances;
mod lifecycle;
mod paging;
mod protocol;
mod rollout;
mod rollout_history;
mod server;
mod service_text;
mod services;
mod settings;
mod tags;
mod task_text;
mod tasks;
mod throttle;
mod world;

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fargard_model::{Secret, Timestamp};
use serde_json::Value;

use self::{server::Server, world::World};

/// What a container of an image does in the simulation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageBehaviour {
    /// It runs until it is stopped; what images do that nothing is said of.
    Runs,
    /// It cannot be pulled, for this reason.
    CannotPull(String),
    /// It runs for so long and ends with this code.
    Exits {
        /// Its life.
        after: Duration,
        /// Its exit code.
        code: i32,
    },
    /// It runs for so long and is ended by ECS.
    Killed {
        /// Its life.
        after: Duration,
        /// Its exit code.
        code: i32,
        /// Why, in ECS's words: `OutOfMemoryError: Container killed due to memory usage`.
        reason: String,
    },
}

/// What to imitate.
#[derive(Clone, Debug)]
pub struct ControlPlaneOptions {
    /// Twelve digits.
    pub account: String,
    /// Region.
    pub region: String,
    /// The time at the start.
    pub now: Timestamp,
    /// Refuse what exceeds ECS's request rates, in simulated time.
    pub throttle: bool,
    /// Secrets by access key; where there are any, signatures are verified.
    pub keys: BTreeMap<String, Secret>,
}

impl Default for ControlPlaneOptions {
    fn default() -> Self {
        Self {
            account: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            now: Timestamp(1_795_000_000_000_000_000),
            throttle: false,
            keys: BTreeMap::new(),
        }
    }
}

/// A control plane that listens on loopback; ends when dropped.
#[derive(Debug)]
pub struct ControlPlane {
    world: Arc<Mutex<World>>,
    server: Server,
}

impl ControlPlane {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// There is no port or no thread to be had.
    pub fn start(options: ControlPlaneOptions) -> io::Result<Self> {
        let world = Arc::new(Mutex::new(World::new(options)));
        let server = Server::start(Arc::clone(&world))?;
        Ok(Self { world, server })
    }

    /// The URL for `AWS_ENDPOINT_URL_ECS`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Carries out a call without HTTP, signature and throttling.
    ///
    /// # Errors
    /// ECS's error: its name and message.
    pub fn call(&self, operation: &str, input: &Value) -> Result<Value, (String, String)> {
        protocol::call(&mut self.world(), operation, input).map_err(|refusal| (refusal.code, refusal.message))
    }

    /// The simulated time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.world().now
    }

    /// Lets time pass: tasks change state, roll-outs go on.
    pub fn advance(&self, time: Duration) {
        lifecycle::advance(&mut self.world(), time);
    }

    /// Says what containers of an image do from now on.
    pub fn set_image(&self, image: &str, behaviour: ImageBehaviour) {
        self.world().images.insert(image.to_owned(), behaviour);
    }

    /// Registers an EC2 instance in a cluster, on which its tasks of launch type EC2 run; its ARN.
    #[must_use]
    pub fn add_container_instance(&self, cluster: &str) -> String {
        self.world().add_instance(cluster)
    }

    /// Has ECS say these members of a task from now on, and tell of it by an event: for what nothing here brings about.
    pub fn alter_task(&self, arn: &str, members: &Value) {
        lifecycle::alter(&mut self.world(), arn, members);
    }

    /// How often each operation was called over HTTP, those refused by throttling under `throttled`.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.world().calls.clone()
    }

    /// Takes what EventBridge would have delivered since the last time, in order. At most [`MAX_EVENTS`] are kept; the
    /// oldest go first.
    #[must_use]
    pub fn take_events(&self) -> Vec<Value> {
        std::mem::take(&mut self.world().events).into()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Events kept for [`ControlPlane::take_events`].
pub const MAX_EVENTS: usize = 100_000;
