//! What was seen of the network besides stopped calls.

use std::time::Duration;

use super::Engine;
use crate::capture::Consumer;

/// Longest wait for the record of a call whose packet was seen before it.
const RECORD: Duration = Duration::from_millis(50);

impl Engine {
    /// Handles what was seen of the network, after the calls that were stopped before it.
    pub(super) fn take_network(&mut self, consumer: &mut Consumer) {
        if !self.network.collect() {
            return;
        }
        consumer.await_flight(RECORD);
        self.work(consumer);
        if consumer.more_waits() {
            return;
        }
        for decoded in self.network.events(&self.observer) {
            let event = self.observer.observe(decoded);
            self.handle(event, || false);
        }
    }
}
