//! An ECS endpoint on loopback: what a tool registers there gets the sensor, everything else goes through unchanged.
//!
//! The tool is told by `AWS_ENDPOINT_URL_ECS`. What it signs for this endpoint is verified and signed again for ECS, with
//! the same credentials: other programs on the machine, which have not got them, are refused. Without a verdict of
//! embedding, or when that leaves a definition alone, the request goes through as it came.

mod forward;
mod http;
mod rewrite;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread::JoinHandle,
    time::Duration,
};

use fargard_aws::{Clock, Environment, Provider, Transport};
use fargard_taskdef::embed::{ImageLookup, Settings};

use forward::Forwarder;

/// Most connections at a time; tools use a few.
const MAX_CONNECTIONS: usize = 64;

/// What the endpoint does.
pub struct ProxyOptions {
    /// What to embed.
    pub settings: Settings,
    /// Refuse definitions of which a container stays unprotected that should not.
    pub require: bool,
    /// Credentials: the tool's own.
    pub provider: Provider,
    /// Says where ECS is: `AWS_ENDPOINT_URL_ECS` and the like, else the region's endpoint.
    pub environment: Environment,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Knows images.
    pub lookup: Box<dyn ImageLookup + Send>,
    /// Is told what was done, a line at a time.
    pub tell: Box<dyn Fn(&str) + Send + Sync>,
}

impl std::fmt::Debug for ProxyOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProxyOptions").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The endpoint; ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// There is no port or no thread to be had.
    pub fn start(options: ProxyOptions) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let ended = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&ended);
        let forwarder = Arc::new(Forwarder {
            settings: options.settings,
            require: options.require,
            provider: options.provider,
            environment: options.environment,
            clock: options.clock,
            lookup: Mutex::new(options.lookup),
            tell: options.tell,
            transport: Transport::default(),
        });
        let thread = std::thread::Builder::new()
            .name("embed proxy".to_owned())
            .spawn(move || serve(&listener, &forwarder, &stop))?;
        Ok(Self { address, ended, thread: Some(thread) })
    }

    /// The URL for `AWS_ENDPOINT_URL_ECS`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.ended.store(true, SeqCst);
        // The thread waits for a connection, so it gets one.
        let woken = TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

fn serve(listener: &TcpListener, forwarder: &Arc<Forwarder>, ended: &AtomicBool) {
    let connections = Arc::new(AtomicUsize::new(0));
    while let Ok((stream, _)) = listener.accept() {
        if ended.load(SeqCst) {
            return;
        }
        if connections.fetch_add(1, SeqCst) >= MAX_CONNECTIONS {
            connections.fetch_sub(1, SeqCst);
            continue;
        }
        let (forwarder, count) = (Arc::clone(forwarder), Arc::clone(&connections));
        let spawned = std::thread::Builder::new().name("embed proxy".to_owned()).spawn(move || {
            // A client that went away is its own business.
            let _ = http::converse(&stream, &forwarder);
            count.fetch_sub(1, SeqCst);
        });
        if spawned.is_err() {
            connections.fetch_sub(1, SeqCst);
        }
    }
}
