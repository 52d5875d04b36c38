//! The real program, called by an imitated Lambda Runtime API, asking an imitated registry.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests fail by panicking and say what they skip"
)]

mod calls;
mod corpus;
mod http;
mod lambda;
mod registry;
