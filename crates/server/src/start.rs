//! Bringing the parts together, and taking them apart in order.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, thread::available_parallelism, time::Duration};

use fargard_aws::{AccountOptions, AwsError, Queue};
use fargard_rules::Ruleset;
use fargard_store::{CoverageStore, StateStore, StoreError, TokenKind};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, broadcast, watch},
    task::JoinHandle,
    time::Instant,
};

use crate::{
    app,
    auth::{
        self,
        first_start::{self, FirstTokens},
        preset,
    },
    backlog::Backlog,
    compliance::Compliance,
    config::{self, Config, ConfigError},
    coverage::{Judge, Queues, Telling},
    error::ApiError,
    notify::{self, Deliverer, Sink},
    serve,
    state::AppState,
    stores::{self, Stores},
    tls,
    updates::{Update, Updates},
    worker::Worker,
};
use fargard_model::{Secret, Timestamp};

/// How long the log may be drained when the server stops; what is left is folded at the next start.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration must not run.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data directory cannot be made or written, or another server uses it.
    #[error("data directory {path}: {error}")]
    Data {
        /// The directory.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The store cannot be opened or does not answer.
    #[error("{what}: {error}")]
    Store {
        /// Which store.
        what: String,
        /// Why.
        error: StoreError,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("{path}: {reason}")]
    Tls {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The rules that come with this build do not load.
    #[error("the built-in rules do not load: {0}")]
    Rules(String),
    /// AWS cannot be asked as the configuration wants it.
    #[error("{what}: {error}")]
    Aws {
        /// What for.
        what: String,
        /// Why.
        error: AwsError,
    },
    /// A thread cannot be started.
    #[error("a thread that reads queues cannot be started: {0}")]
    Thread(io::Error),
    /// Tokens cannot be made or kept.
    #[error("tokens cannot be made: {0}")]
    Tokens(String),
}

/// The server; see [`Server::start`].
#[derive(Debug)]
pub struct Server;

/// A server that runs. [`Running::stop`] ends it in order; when it is merely dropped, its parts end by themselves, and
/// what is in the log stays there for the next start.
pub struct Running {
    addr: SocketAddr,
    state: AppState,
    first_tokens: Option<FirstTokens>,
    stop: watch::Sender<bool>,
    drain: watch::Sender<Option<Instant>>,
    serving: JoinHandle<()>,
    working: JoinHandle<()>,
    sweeping: JoinHandle<()>,
    judging: JoinHandle<()>,
    summing: JoinHandle<()>,
    reading: JoinHandle<()>,
    telling: Vec<JoinHandle<()>>,
}

impl Server {
    /// Opens the stores, starts the worker, listens. Must be called within a multi-threaded tokio runtime.
    ///
    /// # Errors
    /// See [`StartError`]; nothing runs then.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        config.check()?;
        let tls = config.tls.as_ref().map(tls::acceptor).transpose()?;
        let rules = Arc::new(built_in_rules()?);
        // Before anything runs: what AWS's configuration lacks is found here.
        let queues = queues(&config)?;
        let sinks = notify::sinks(&config.notify)
            .map_err(|error| StartError::Aws { what: "the event bus".to_owned(), error })?;
        let taken = stores::take_directory(&config.data)?;
        let Stores { state: store, coverage, compliance, log, events, retention } =
            stores::open(&config).await?;
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(|error| StartError::Listen { address: config.listen, error })?;
        let addr =
            listener.local_addr().map_err(|error| StartError::Listen { address: config.listen, error })?;
        preset::keep(&*store, &config.tokens).await.map_err(StartError::tokens)?;
        let has_own = config.tokens.admin.is_some() && config.tokens.enrolment.is_some();
        let first_tokens = match has_own {
            true => None,
            false => first_start::tokens(&*store).await.map_err(StartError::tokens)?,
        };
        let (stop, stopping) = watch::channel(false);
        let (drain, draining) = watch::channel(None);
        let seal = auth::Seal::open(&config.data)
            .map_err(|error| StartError::Data { path: config.data.clone(), error })?;
        let terms = Arc::new(config.coverage.clone());
        let judge = judge(&config, coverage.clone(), terms.clone(), &sinks);
        let state = AppState {
            store,
            coverage,
            compliance: Arc::new(Compliance::new(compliance)),
            terms,
            seal: Arc::new(seal),
            events,
            log,
            rules,
            epoch: uuid::Uuid::now_v7().simple().to_string().into(),
            updates: Updates::default(),
            metrics: Arc::default(),
            backlog: Arc::new(Backlog::new(config.max_backlog)),
            attempts: Arc::default(),
            decoders: Arc::new(Semaphore::new(available_parallelism().map_or(2, usize::from).max(2))),
            stopping: stopping.clone(),
            tls: tls.is_some(),
        };
        let worker = Worker::new(state.clone(), config.data.join("set-aside"), draining);
        let working = tokio::spawn(async move {
            worker.run().await;
            drop(taken);
        });
        let summing = tokio::spawn(state.compliance.clone().run(stopping.clone()));
        let judging = tokio::spawn(judge.run(stopping.clone()));
        let (coverage, metrics) = (state.coverage.clone(), state.metrics.clone());
        let queues = Queues::start(queues, coverage.clone(), metrics.clone(), &stopping)
            .map_err(StartError::Thread)?;
        let reading = tokio::spawn(queues.run(stopping.clone()));
        let deliver = |sink| Deliverer::new(sink, coverage.clone(), metrics.clone()).run(stopping.clone());
        let telling = sinks.into_iter().map(|sink| tokio::spawn(deliver(sink))).collect();
        let sweeping = tokio::spawn(retention.run(stopping.clone()));
        let serving = tokio::spawn(serve::serve(listener, tls, app::router(state.clone()), stopping));
        tracing::info!(%addr, data = %config.data.display(), tls = state.tls, "the server listens");
        Ok(Running {
            addr,
            state,
            first_tokens,
            stop,
            drain,
            serving,
            working,
            sweeping,
            judging,
            reading,
            summing,
            telling,
        })
    }
}

fn queues(config: &Config) -> Result<Vec<Queue>, StartError> {
    let open = |url: &String| {
        Queue::open(url, AccountOptions::default())
            .map_err(|error| StartError::Aws { what: "a queue of events".to_owned(), error })
    };
    config.coverage.queues.iter().map(open).collect()
}

fn judge(
    config: &Config,
    store: Arc<dyn CoverageStore>,
    terms: Arc<config::Coverage>,
    sinks: &[Sink],
) -> Judge {
    let telling = Telling {
        hold: config.notify.hold,
        source: config.notify.source.clone(),
        sinks: sinks.iter().map(|sink| sink.name().to_owned()).collect(),
    };
    Judge::new(store, terms, telling, Timestamp::now())
}

fn built_in_rules() -> Result<Ruleset, StartError> {
    let report = fargard_rules::load(&fargard_rules::default_rules());
    report.ruleset.ok_or_else(|| {
        let first = report.diagnostics.iter().find(|diagnostic| diagnostic.is_error());
        StartError::Rules(first.map(ToString::to_string).unwrap_or_default())
    })
}

impl StartError {
    #[expect(clippy::needless_pass_by_value, reason = "it is the argument of map_err")]
    fn tokens(error: ApiError) -> Self {
        Self::Tokens(error.message().to_owned())
    }
}

impl Running {
    /// What its handlers reach.
    #[cfg(test)]
    pub(crate) fn state(&self) -> &AppState {
        &self.state
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The address as browsers and sensors write it: `http://127.0.0.1:8440`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", if self.state.tls { "https" } else { "http" }, self.addr)
    }

    /// The tokens of a first start. Show them to the owner, then call [`Running::first_tokens_shown`].
    #[must_use]
    pub fn first_tokens(&self) -> Option<&FirstTokens> {
        self.first_tokens.as_ref()
    }

    /// Makes a new admin and a new enrolment token, for an owner who lost them; older ones stay valid.
    ///
    /// # Errors
    /// [`StartError::Tokens`].
    pub async fn new_tokens(&self) -> Result<FirstTokens, StartError> {
        first_start::new_tokens(&*self.state.store).await.map_err(StartError::tokens)
    }

    /// Notes that the owner has the first tokens, so that the next start makes no others.
    ///
    /// # Errors
    /// [`StartError::Tokens`].
    pub async fn first_tokens_shown(&self) -> Result<(), StartError> {
        first_start::shown(&*self.state.store).await.map_err(|error| StartError::tokens(error.into()))
    }

    /// A new enrolment token, named in the store for people.
    ///
    /// # Errors
    /// [`StartError::Tokens`].
    pub async fn enrolment_token(&self, name: &str) -> Result<Secret, StartError> {
        first_start::put(&*self.state.store, TokenKind::Enrolment, name).await.map_err(StartError::tokens)
    }

    /// A new admin token, for a program that uses the REST interface.
    ///
    /// # Errors
    /// [`StartError::Tokens`].
    pub async fn admin_token(&self, name: &str) -> Result<Secret, StartError> {
        first_start::put(&*self.state.store, TokenKind::Admin, name).await.map_err(StartError::tokens)
    }

    /// A link that logs a browser in, once, within ten minutes.
    ///
    /// # Errors
    /// [`StartError::Tokens`].
    pub async fn one_time_login_url(&self) -> Result<String, StartError> {
        let code = auth::one_time_code(&self.state, "one-time link").await.map_err(StartError::tokens)?;
        Ok(format!("{}/login?code={}", self.url(), code.reveal()))
    }

    /// What changes from now on: a number and an update.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<(u64, Update)> {
        self.state.updates.subscribe()
    }

    /// Findings and tasks.
    #[must_use]
    pub fn store(&self) -> Arc<dyn StateStore> {
        self.state.store.clone()
    }

    /// Closes the gate, lets requests in progress finish, folds what is in the log, and ends. Takes at most about
    /// 20 seconds; what was acknowledged and is not folded by then stays in the log for the next start.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "serving ended badly");
        }
        let _ = self.drain.send(Some(Instant::now() + DRAIN_TIME));
        let parts = [
            ("the worker", self.working),
            ("the sweeper", self.sweeping),
            ("the judge", self.judging),
            ("the keeper of compliance by day", self.summing),
            ("the reader of queues", self.reading),
        ];
        let telling = self.telling.into_iter().map(|telling| ("who tells of changes", telling));
        for (part, ending) in parts.into_iter().chain(telling) {
            if let Err(error) = ending.await {
                tracing::error!(%error, "{part} ended badly");
            }
        }
        tracing::info!("the server has stopped");
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("addr", &self.addr).finish_non_exhaustive()
    }
}
