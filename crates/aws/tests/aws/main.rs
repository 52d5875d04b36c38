//! The client against a control plane, and judged by AWS's own libraries.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests fail by panicking and say what they skip"
)]

mod credentials;
mod events;
mod moto;
mod queue;
mod signature;
mod sweep;
