//! Rounds over an account's services.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use fargard_aws::{
    AwsError, Ecs,
    ecs::{Cluster, ServiceDescription, Tag},
};
use fargard_model::Timestamp;
use fargard_taskdef::embed::{Choice, ImageLookup, Settings};
use serde::Serialize;

use crate::{
    Assessment, Candidate, Facts, Ledger, LedgerError, OwnerTag, Scope, Status,
    assess::{self, Assessed},
    decide::decide,
    owner::owner,
    scope::scope,
    wake::Wake,
};

/// How long what is known of a revision counts: its tags and its image may change.
const FRESH: Duration = Duration::from_secs(3600);

/// What the agent is to do.
#[derive(Clone, Debug)]
pub struct AgentOptions {
    /// What to embed.
    pub settings: Settings,
    /// What holds where no tag says anything.
    pub scope: Scope,
    /// Only these clusters, names or ARNs; all where empty.
    pub clusters: Vec<String>,
    /// Tags by which owners are known, beyond the usual ones.
    pub owner_tags: Vec<OwnerTag>,
    /// Change also what code owns.
    pub include_owned: bool,
    /// Change anything at all.
    pub apply: bool,
    /// Roll-outs of the agent's at a time.
    pub in_flight: usize,
    /// Changes taken back within a day that make the agent stop changing.
    pub max_failures: usize,
    /// How long a roll-out may take.
    pub patience: Duration,
    /// Where the ledger is kept; in memory only without.
    pub state: Option<PathBuf>,
}

impl Default for AgentOptions {
    /// Reports only.
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            scope: Scope::All,
            clusters: Vec::new(),
            owner_tags: Vec::new(),
            include_owned: false,
            apply: false,
            in_flight: 1,
            max_failures: 3,
            patience: Duration::from_secs(1800),
            state: None,
        }
    }
}

/// Why a round could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RoundError {
    /// AWS.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// What was tried cannot be kept, so nothing more is tried.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// A service in a round.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// The cluster's name.
    pub cluster: String,
    /// The service's name.
    pub service: String,
    /// The service's ARN.
    pub arn: String,
    /// ARN of the revision it runs.
    pub definition: String,
    /// How it stands.
    pub status: Status,
    /// Why.
    pub reason: String,
    /// What the agent did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done: Option<String>,
    /// What the agent would register.
    #[serde(skip)]
    pub candidate: Option<Candidate>,
    /// Source and settings.
    #[serde(skip)]
    pub(crate) identity: String,
}

/// What a round found and did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Round {
    /// Services.
    pub standings: Vec<Standing>,
    /// Why nothing (more) is changed, though something could be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// What could not be looked at.
    pub failures: Vec<String>,
}

/// What is known of a revision.
#[derive(Debug)]
struct Known {
    at: Timestamp,
    tags: Vec<Tag>,
    /// By mode.
    assessed: BTreeMap<String, Assessed>,
}

/// Keeps services covered. Blocking.
pub struct Agent<'l> {
    pub(crate) ecs: Ecs,
    pub(crate) options: AgentOptions,
    pub(crate) ledger: Ledger,
    lookup: &'l dyn ImageLookup,
    known: BTreeMap<String, Known>,
}

impl std::fmt::Debug for Agent<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent").field("options", &self.options).finish_non_exhaustive()
    }
}

impl<'l> Agent<'l> {
    /// An agent that knows what was tried before.
    ///
    /// # Errors
    /// The state file cannot be read.
    pub fn new(ecs: Ecs, options: AgentOptions, lookup: &'l dyn ImageLookup) -> Result<Self, LedgerError> {
        let ledger = options.state.as_deref().map(Ledger::read).transpose()?.unwrap_or_default();
        Ok(Self { ecs, options, ledger, lookup, known: BTreeMap::new() })
    }

    /// Looks at everything, and changes what is to be changed.
    ///
    /// # Errors
    /// The account cannot be listed, or the state file not be written.
    pub fn round(&mut self) -> Result<Round, RoundError> {
        let arns = match self.options.clusters.is_empty() {
            true => self.ecs.list_clusters()?,
            false => self.options.clusters.clone(),
        };
        let mut round = Round::default();
        let clusters = self.ecs.describe_clusters::<Cluster>(&arns)?;
        let missing = clusters.failures.iter().map(|failure| format!("{}: {}", failure.arn, failure.reason));
        round.failures.extend(missing);
        for cluster in clusters.found.iter().filter(|cluster| cluster.status == "ACTIVE") {
            let services = self.ecs.list_services(&cluster.cluster_arn)?;
            self.look(cluster, &services, &mut round)?;
        }
        let used: BTreeSet<&String> = round.standings.iter().map(|standing| &standing.definition).collect();
        self.known.retain(|arn, _| used.contains(arn));
        self.act(&mut round)?;
        Ok(round)
    }

    /// Looks at those services only that events are about. Only a whole round begins changes, so that the number of
    /// roll-outs under way is known; this one sees sooner what became of them.
    ///
    /// # Errors
    /// As [`Agent::round`].
    pub fn look_at(&mut self, wakes: &BTreeSet<Wake>) -> Result<Round, RoundError> {
        let mut by_cluster: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for wake in wakes {
            match wake {
                Wake::All => return self.round(),
                Wake::Service { cluster, service } => {
                    by_cluster.entry(cluster).or_default().push(service.clone());
                }
            }
        }
        let wanted = |name: &str| {
            let all = &self.options.clusters;
            all.is_empty() || all.iter().any(|own| own.rsplit('/').next() == Some(name))
        };
        by_cluster.retain(|name, _| wanted(name));
        let names: Vec<String> = by_cluster.keys().map(|name| (*name).to_owned()).collect();
        let mut round = Round::default();
        for cluster in self.ecs.describe_clusters::<Cluster>(&names)?.found {
            let services = by_cluster.get(cluster.cluster_name.as_str()).cloned().unwrap_or_default();
            self.look(&cluster, &services, &mut round)?;
        }
        self.settle(&mut round)?;
        Ok(round)
    }

    fn look(&mut self, cluster: &Cluster, services: &[String], round: &mut Round) -> Result<(), AwsError> {
        let described = self.ecs.describe_services::<ServiceDescription>(&cluster.cluster_arn, services)?;
        for service in described.found.iter().filter(|service| service.status == "ACTIVE") {
            match self.stand(cluster, service) {
                Ok(standing) => round.standings.push(standing),
                Err(error) => round.failures.push(format!("{}: {error}", service.service_arn)),
            }
        }
        Ok(())
    }

    fn stand(&mut self, cluster: &Cluster, service: &ServiceDescription) -> Result<Standing, AwsError> {
        let now = self.ecs.account().clock().now();
        let (scoped, assessed) = self.assessed(cluster, service, now)?;
        let owner = owner(&service.tags, &self.options.owner_tags).filter(|_| !self.options.include_owned);
        let facts = Facts {
            service,
            scoped: &scoped,
            owner: owner.as_deref(),
            assessment: &assessed.assessment,
            attempt: self.ledger.attempt(&service.service_arn, &assessed.identity),
            now,
            patience: self.options.patience,
        };
        let (status, reason) = decide(&facts);
        let candidate = match assessed.assessment {
            Assessment::Candidate(candidate) => Some(*candidate),
            _ => None,
        };
        Ok(Standing {
            cluster: cluster.cluster_name.clone(),
            service: service.service_name.clone(),
            arn: service.service_arn.clone(),
            definition: service.task_definition.clone(),
            status,
            reason,
            done: None,
            candidate,
            identity: assessed.identity,
        })
    }

    /// Whether the service is meant, and what embedding makes of what it runs.
    fn assessed(
        &mut self,
        cluster: &Cluster,
        service: &ServiceDescription,
        now: Timestamp,
    ) -> Result<(crate::Scoped, Assessed), AwsError> {
        let arn = &service.task_definition;
        if arn.is_empty() {
            // With controllers of their own, services have task sets instead.
            let reason = "the service has no task definition of its own (external deployment controller)";
            let assessment = Assessment::Unreadable(reason.to_owned());
            let scoped =
                scope(&[], &service.tags, &cluster.tags, self.options.scope, self.options.settings.mode);
            return Ok((scoped, Assessed { identity: String::new(), assessment }));
        }
        let of = |tags: &[Tag]| {
            scope(tags, &service.tags, &cluster.tags, self.options.scope, self.options.settings.mode)
        };
        let fresh = u64::try_from(FRESH.as_nanos()).unwrap_or(u64::MAX);
        if self.known.get(arn).is_some_and(|known| known.at.0.saturating_add(fresh) <= now.0) {
            self.known.remove(arn);
        }
        if let Some(known) = self.known.get(arn) {
            let scoped = of(&known.tags);
            if let Some(assessed) = known.assessed.get(&format!("{:?}", scoped.mode)) {
                return Ok((scoped, assessed.clone()));
            }
        }
        let answer = self.ecs.describe_task_definition(arn)?;
        let tags = assess::tags(&answer);
        let scoped = of(&tags);
        let assessed = match scoped.mode {
            // What is excluded is not worth asking a registry for.
            Choice::Off => Assessed {
                identity: String::new(),
                assessment: Assessment::LeftAlone { intended: true, reason: String::new() },
            },
            mode => {
                let settings = Settings { mode, ..self.options.settings.clone() };
                assess::examine(&answer, &settings, self.lookup)
            }
        };
        let known =
            self.known.entry(arn.clone()).or_insert(Known { at: now, tags, assessed: BTreeMap::new() });
        known.assessed.insert(format!("{:?}", scoped.mode), assessed.clone());
        Ok((scoped, assessed))
    }

    /// Settles what became of earlier changes, then begins new ones.
    fn act(&mut self, round: &mut Round) -> Result<(), RoundError> {
        self.settle(round)?;
        let under_way =
            round.standings.iter().filter(|standing| standing.status == Status::RollingOut).count();
        let mut room = self.options.in_flight.saturating_sub(under_way);
        for standing in round.standings.iter_mut().filter(|standing| standing.status == Status::Unprotected) {
            if !self.options.apply {
                "report only: --apply would change it".clone_into(&mut standing.reason);
                continue;
            }
            let day = Duration::from_secs(24 * 3600);
            let now = self.ecs.account().clock().now();
            let since = Timestamp(now.0.saturating_sub(u64::try_from(day.as_nanos()).unwrap_or(u64::MAX)));
            let failed = self.ledger.quarantined_since(since);
            if failed >= self.options.max_failures {
                let most = self.options.max_failures;
                round.held = Some(format!(
                    "{failed} changes were taken back within a day (--max-failures {most}): nothing more is changed; look \
                     into those, then go on with a higher number or tomorrow"
                ));
                break;
            }
            if room == 0 {
                "waits for the roll-outs under way".clone_into(&mut standing.reason);
                continue;
            }
            match self.protect(standing)? {
                Ok(true) => room -= 1,
                Ok(false) => {}
                Err(error) => {
                    standing.reason = error.to_string();
                    round.held = Some(format!("a change failed: {error}"));
                    break;
                }
            }
        }
        Ok(())
    }

    fn settle(&mut self, round: &mut Round) -> Result<(), RoundError> {
        for standing in &mut round.standings {
            match standing.status {
                Status::TakenBack => self.quarantine_taken_back(standing)?,
                Status::Stuck if self.options.apply => {
                    if let Err(error) = self.restore(standing)? {
                        round.failures.push(format!("{}: {error}", standing.arn));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes the ledger down.
    pub(crate) fn save(&self) -> Result<(), LedgerError> {
        self.options.state.as_deref().map_or(Ok(()), |path| self.ledger.write(path))
    }
}
