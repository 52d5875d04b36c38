//! The control plane as its clients see it: judged by AWS's own command line and by botocore's model of ECS.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests fail by panicking and say what they skip"
)]

mod judges;
mod life;
mod stage;
