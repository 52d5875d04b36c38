//! What a Prometheus server can read.

use std::{collections::BTreeMap, sync::atomic::AtomicU64, time::Duration};

use fargard_model::{Batch, Record};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

/// All counters of the server.
pub(crate) struct Metrics {
    registry: Registry,
    batches: Family<BatchLabels, Counter>,
    records: Family<RecordLabels, Counter>,
    lost: Counter,
    set_aside: Counter,
    queue_messages: Family<ResultLabels, Counter>,
    queue_failures: Counter,
    notices: Family<NoticeLabels, Counter>,
    notices_waiting: Family<SinkLabels, Gauge<u64, AtomicU64>>,
    apply: Histogram,
    requests: Family<RequestLabels, Counter>,
    backlog: Gauge<u64, AtomicU64>,
    findings: Family<StateLabels, Gauge<u64, AtomicU64>>,
    listeners: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BatchLabels {
    result: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RecordLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NoticeLabels {
    sink: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SinkLabels {
    sink: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("fargard"),
            batches: Family::default(),
            records: Family::default(),
            lost: Counter::default(),
            set_aside: Counter::default(),
            queue_messages: Family::default(),
            queue_failures: Counter::default(),
            notices: Family::default(),
            notices_waiting: Family::default(),
            apply: Histogram::new(exponential_buckets(0.000_5, 2.0, 16)),
            requests: Family::default(),
            backlog: Gauge::default(),
            findings: Family::default(),
            listeners: Gauge::default(),
        };
        metrics.registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("batches", "Batches received, by what became of them", self.batches.clone());
        registry.register("records", "Records folded into the state, by kind", self.records.clone());
        registry.register("batches_set_aside", "Batches the state store refuses", self.set_aside.clone());
        let (messages, failures) = (self.queue_messages.clone(), self.queue_failures.clone());
        registry.register("queue_messages", "Messages from queues, by what became of them", messages);
        registry.register("queue_failures", "Calls to queues that failed", failures);
        let (notices, waiting) = (self.notices.clone(), self.notices_waiting.clone());
        registry.register("notices", "Changes of coverage told, by receiver and result", notices);
        registry.register("notices_waiting", "Changes of coverage still to be told, by receiver", waiting);
        registry.register("updates_lost", "Live updates a slow listener missed", self.lost.clone());
        registry.register("apply_seconds", "Time to fold a batch into the state", self.apply.clone());
        registry.register("http_requests", "HTTP requests, by route and status", self.requests.clone());
        registry.register("backlog_batches", "Batches in the log that wait", self.backlog.clone());
        registry.register("findings", "Findings, by state", self.findings.clone());
        registry.register("listeners", "Open live streams", self.listeners.clone());
        // A gauge of 1, not OpenMetrics' type "info", which Prometheus's older text format does not know.
        let build = Family::<BuildLabels, Gauge>::default();
        build.get_or_create(&BuildLabels { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("build_info", "This build", build);
        self
    }

    /// A batch came in; `result` is `accepted`, `duplicate` or an error's code.
    pub(crate) fn batch(&self, result: &str) {
        self.batches.get_or_create(&BatchLabels { result: result.to_owned() }).inc();
    }

    /// A batch was folded, within this time.
    pub(crate) fn applied(&self, batch: &Batch, took: Duration) {
        self.apply.observe(took.as_secs_f64());
        for record in &batch.records {
            let kind = match record {
                Record::Event(_) => "event",
                Record::Detection(_) => "detection",
                Record::CheckResult(_) => "check_result",
                Record::FileChange(_) => "file_change",
                Record::Heartbeat(_) => "heartbeat",
            };
            self.records.get_or_create(&RecordLabels { kind }).inc();
        }
    }

    /// A batch was set aside.
    pub(crate) fn set_aside(&self) {
        self.set_aside.inc();
    }

    /// Messages came from a queue: `taken`, `unrelated` or `unreadable`.
    pub(crate) fn queue_messages(&self, result: &'static str, count: u64) {
        self.queue_messages.get_or_create(&ResultLabels { result }).inc_by(count);
    }

    /// A call to a queue failed.
    pub(crate) fn queue_failure(&self) {
        self.queue_failures.inc();
    }

    /// A receiver was told of a change (`told`), could not be (`failed`), or is not any more (`given_up`).
    pub(crate) fn notice(&self, sink: &'static str, result: &'static str) {
        self.notices.get_or_create(&NoticeLabels { sink, result }).inc();
    }

    /// How much each receiver is still to be told.
    pub(crate) fn notices_waiting(&self, waiting: &BTreeMap<String, u64>) {
        self.notices_waiting.clear();
        for (sink, count) in waiting {
            self.notices_waiting.get_or_create(&SinkLabels { sink: sink.clone() }).set(*count);
        }
    }

    /// A listener missed this many updates.
    pub(crate) fn updates_lost(&self, count: u64) {
        self.lost.inc_by(count);
    }

    /// A live stream opened (+1) or closed (-1).
    pub(crate) fn listeners(&self, change: i64) {
        self.listeners.inc_by(change);
    }

    /// A request was answered.
    pub(crate) fn request(&self, method: &str, route: &str, status: u16) {
        let labels = RequestLabels { method: method.to_owned(), route: route.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
    }

    /// The page, with the present backlog and findings by state.
    pub(crate) fn page<'a>(
        &self,
        backlog: u64,
        findings: impl IntoIterator<Item = (&'a String, &'a u64)>,
    ) -> Result<String, std::fmt::Error> {
        self.backlog.set(backlog);
        for (state, count) in findings {
            self.findings.get_or_create(&StateLabels { state: state.clone() }).set(*count);
        }
        let mut page = String::new();
        encode(&mut page, &self.registry)?;
        Ok(page)
    }
}
