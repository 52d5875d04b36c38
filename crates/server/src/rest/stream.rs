//! `/api/v1/stream`: server-sent events about what changes.
//!
//! `finding` and `task` events carry an identity; the listener asks for what it shows. A `resync` event says that
//! updates were missed (the listener was slow, or comes back after a break): everything shown may be old.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use tokio::sync::{broadcast, mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    auth::Admin, error::ApiError, metrics::Metrics, query::Params, state::AppState, updates::Update,
};

/// A comment line is sent after this much silence, so that proxies keep the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) async fn stream(
    State(state): State<AppState>,
    _admin: Admin,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    params.finish()?;
    let updates = state.updates.subscribe();
    let now = id(&state.epoch, state.updates.latest());
    let missed = headers.get("last-event-id").is_some_and(|last| last.as_bytes() != now.as_bytes());
    let (sender, receiver) = mpsc::channel(16);
    let feed = Feed {
        updates,
        sender,
        stopping: state.stopping.clone(),
        metrics: state.metrics.clone(),
        epoch: state.epoch,
    };
    tokio::spawn(feed.run(missed.then_some(now)));
    let sse = Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok(sse.into_response())
}

/// Ids name the server's start too, so that a listener which comes back to another start resyncs.
fn id(epoch: &str, number: u64) -> String {
    format!("{epoch}-{number}")
}

struct Feed {
    updates: broadcast::Receiver<(u64, Update)>,
    sender: mpsc::Sender<Result<Event, axum::Error>>,
    stopping: watch::Receiver<bool>,
    metrics: Arc<Metrics>,
    epoch: Arc<str>,
}

impl Feed {
    async fn run(mut self, missed: Option<String>) {
        self.metrics.listeners(1);
        if let Some(now) = missed {
            let _ = self.sender.send(Ok(resync(0).id(now))).await;
        }
        while let Some(event) = self.next().await {
            if self.sender.send(event).await.is_err() {
                break;
            }
        }
        self.metrics.listeners(-1);
    }

    async fn next(&mut self) -> Option<Result<Event, axum::Error>> {
        let received = tokio::select! {
            received = self.updates.recv() => received,
            () = self.sender.closed() => return None,
            _ = self.stopping.wait_for(|stopping| *stopping) => return None,
        };
        match received {
            Ok((number, update)) => {
                let name = match update {
                    Update::Finding { .. } => "finding",
                    Update::Task { .. } => "task",
                };
                Some(Event::default().event(name).id(id(&self.epoch, number)).json_data(update))
            }
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                self.metrics.updates_lost(missed);
                Some(Ok(resync(missed)))
            }
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

fn resync(missed: u64) -> Event {
    Event::default().event("resync").data(format!("{{\"missed\":{missed}}}"))
}
