//! The client against a control plane, and judged by AWS's own libraries.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests fail by panicking and say what they skip"
)]

mod credentials;
mod signature;
mod sweep;
