//! ECS's events from SQS queues, where rules of EventBridge put them.
//!
//! A message is deleted when what it tells is durable. What is no event of ECS's shape is counted and left there: it
//! comes again until the queue's redrive policy puts it aside. While the store does not answer, messages are kept back,
//! so that they do not count as tried too often.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    time::Duration,
};

use fargard_aws::{Clock as _, Message, Queue, SystemClock};
use fargard_coverage::event::{self, EventError};
use fargard_store::CoverageStore;
use tokio::sync::{mpsc, watch};

use crate::metrics::Metrics;

/// How long a message is waited for; SQS's longest.
const WAIT: Duration = Duration::from_secs(20);
/// How long messages are kept back while they are worked on.
const KEPT: Duration = Duration::from_secs(60);
/// Pauses after a failure: the first, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Messages of a queue, and where to say which are done with.
struct Delivery {
    messages: Vec<Message>,
    done: Sender<Vec<String>>,
}

/// Reads queues.
pub(crate) struct Queues {
    deliveries: mpsc::Receiver<Delivery>,
    store: Arc<dyn CoverageStore>,
    metrics: Arc<Metrics>,
}

impl Queues {
    /// Starts a thread for each queue. They are not waited for at the end: a message that was received and not deleted
    /// comes again.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(crate) fn start(
        queues: Vec<Queue>,
        store: Arc<dyn CoverageStore>,
        metrics: Arc<Metrics>,
        stopping: &watch::Receiver<bool>,
    ) -> io::Result<Self> {
        let (sender, deliveries) = mpsc::channel(1);
        for queue in queues {
            let thread = Thread {
                queue,
                deliveries: sender.clone(),
                stopping: stopping.clone(),
                metrics: metrics.clone(),
            };
            std::thread::Builder::new().name("ecs-queue".to_owned()).spawn(move || thread.run())?;
        }
        Ok(Self { deliveries, store, metrics })
    }

    /// Takes what the threads receive until the server stops; ends at once where there is no queue.
    pub(crate) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        loop {
            let delivery = tokio::select! {
                delivery = self.deliveries.recv() => delivery,
                _ = stopping.wait_for(|stopping| *stopping) => return,
            };
            let Some(Delivery { messages, done }) = delivery else { return };
            let Some(receipts) = self.take(messages, &mut stopping).await else { return };
            // A thread that is gone deletes nothing; they come again.
            let _ = done.send(receipts);
        }
    }

    /// Merges what messages tell; receipts of those that are done with. `None` when the server stops before.
    async fn take(
        &self,
        messages: Vec<Message>,
        stopping: &mut watch::Receiver<bool>,
    ) -> Option<Vec<String>> {
        let (mut items, mut receipts) = (Vec::new(), Vec::new());
        let mut taken = 0;
        for message in messages {
            match event::items(message.body.as_bytes()) {
                Ok(told) => {
                    items.extend(told);
                    taken += 1;
                }
                Err(EventError::Unrelated { .. }) => self.metrics.queue_messages("unrelated", 1),
                Err(error @ EventError::Shape(_)) => {
                    let (id, received) = (message.id, message.received);
                    tracing::warn!(message = id, received, %error, "a message in a queue is no event of ECS and is left there");
                    self.metrics.queue_messages("unreadable", 1);
                    continue;
                }
            }
            receipts.push(message.receipt);
        }
        let mut pause = PAUSE.0;
        while let Err(error) = self.store.merge(&items).await {
            tracing::error!(%error, "events from a queue could not be kept");
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stopping.wait_for(|stopping| *stopping) => return None,
            }
            pause = (pause * 2).min(PAUSE.1);
        }
        self.metrics.queue_messages("taken", taken);
        Some(receipts)
    }
}

/// Receives and deletes, which block.
struct Thread {
    queue: Queue,
    deliveries: mpsc::Sender<Delivery>,
    stopping: watch::Receiver<bool>,
    metrics: Arc<Metrics>,
}

impl Thread {
    fn run(self) {
        let mut pause = PAUSE.0;
        while !*self.stopping.borrow() {
            match self.queue.receive(WAIT) {
                Ok(messages) => {
                    pause = PAUSE.0;
                    if !messages.is_empty() && self.deliver(messages).is_none() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::error!(queue = self.queue.url(), %error, "a queue could not be read");
                    self.metrics.queue_failure();
                    SystemClock.wait(pause);
                    pause = (pause * 2).min(PAUSE.1);
                }
            }
        }
    }

    /// Has messages taken and deletes them; `None` when the server has stopped.
    fn deliver(&self, messages: Vec<Message>) -> Option<()> {
        let (done, taken) = channel();
        let receipts: Vec<String> = messages.iter().map(|message| message.receipt.clone()).collect();
        self.deliveries.blocking_send(Delivery { messages, done }).ok()?;
        let receipts = loop {
            match taken.recv_timeout(KEPT / 3) {
                Ok(receipts) => break receipts,
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => self.check(self.queue.keep_back(&receipts, KEPT)),
            }
        };
        // What could not be deleted comes again, and changes nothing.
        self.check(self.queue.delete(&receipts));
        Some(())
    }

    fn check(&self, done: Result<(), fargard_aws::AwsError>) {
        if let Err(error) = done {
            tracing::error!(queue = self.queue.url(), %error, "messages of a queue could not be dealt with");
            self.metrics.queue_failure();
        }
    }
}
