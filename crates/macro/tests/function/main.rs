//! The real program, called by an imitated Lambda Runtime API, asking an imitated registry.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "helpers of tests fail like tests"
)]

mod calls;
mod corpus;
mod http;
mod lambda;
mod registry;
