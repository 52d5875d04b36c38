//! The agent against a control plane, in simulated time.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod adverse;
mod rounds;
mod stage;
