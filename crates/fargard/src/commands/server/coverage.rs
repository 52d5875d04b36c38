//! Options of `fargard server` about coverage.

use fargard_model::Secret;
use fargard_server::config::{CoverageSettings, NotifySettings};

/// What is read about coverage, and who is told of its changes.
#[derive(Debug, clap::Args)]
pub(super) struct CoverageArgs {
    /// SQS queue with ECS's events from EventBridge; may be given several times, or with commas in the environment
    #[arg(long, value_name = "URL", env = "FARGARD_ECS_QUEUE", value_delimiter = ',')]
    ecs_queue: Vec<String>,
    /// Seconds without a heartbeat after which a task's sensor counts as silent [default: 45]
    #[arg(long, value_name = "SECONDS", env = "FARGARD_SILENCE")]
    silence: Option<u64>,
    /// Minutes that a stopped task still counts [default: 60]
    #[arg(long, value_name = "MINUTES", env = "FARGARD_STOPPED")]
    stopped: Option<u64>,
    /// Answer GuardDuty's API without a signature, to this machine only, as an administrator of that account and region
    #[arg(long, value_name = "ACCOUNT/REGION", env = "FARGARD_GUARDDUTY_ANONYMOUS")]
    guardduty_anonymous: Option<String>,
    /// Seconds that a cluster's status must last before its change is told [default: 30]
    #[arg(long, value_name = "SECONDS", env = "FARGARD_NOTIFY_HOLD")]
    notify_hold: Option<u64>,
    /// URL that is told of changes of coverage; FARGARD_NOTIFY_WEBHOOK_SECRET signs the requests
    #[arg(long, value_name = "URL", env = "FARGARD_NOTIFY_WEBHOOK", hide_env_values = true)]
    notify_webhook: Option<String>,
    /// Event bus of EventBridge that is told, name or ARN
    #[arg(long, value_name = "BUS", env = "FARGARD_NOTIFY_EVENT_BUS")]
    notify_event_bus: Option<String>,
}

impl CoverageArgs {
    /// As settings.
    pub(super) fn settings(self) -> (CoverageSettings, NotifySettings) {
        let coverage = CoverageSettings {
            queues: self.ecs_queue,
            silence_seconds: self.silence,
            stopped_minutes: self.stopped,
            anonymous: self.guardduty_anonymous,
        };
        let notify = NotifySettings {
            hold_seconds: self.notify_hold,
            webhook: self.notify_webhook,
            webhook_secret: std::env::var("FARGARD_NOTIFY_WEBHOOK_SECRET").ok().map(Secret::new),
            event_bus: self.notify_event_bus,
            ..NotifySettings::default()
        };
        (coverage, notify)
    }
}
