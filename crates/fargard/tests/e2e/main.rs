//! The real program on real input: a command under the sensor, a server that dies, a demo in a browser.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests fail by panicking and say what they skip"
)]

mod actions;
mod agent;
mod compliance;
mod console;
mod correlation;
mod coverage;
mod coverage_ecs;
mod coverage_vocabulary;
mod demo;
mod embed;
mod embed_lab;
mod engine_killed;
mod fim;
mod guardduty;
mod moto;
mod notices;
mod outage;
mod queues;
mod replay;
mod rules;
mod rules_test;
mod server;
mod server_crash;
mod support;
mod sweeps;
mod watch;
