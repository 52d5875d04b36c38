//! What was seen of the network besides stopped calls.

use super::Engine;
use crate::capture::Consumer;

impl Engine {
    /// Handles what was seen of the network, after the calls that were stopped before it.
    pub(super) fn take_network(&mut self, consumer: &mut Consumer) {
        if !self.network.collect() {
            return;
        }
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
