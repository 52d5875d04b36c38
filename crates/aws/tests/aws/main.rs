//! The client against a control plane, and judged by AWS's own libraries.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod credentials;
mod events;
mod moto;
mod queue;
mod signature;
mod sweep;
