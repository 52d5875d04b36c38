//! What stands in `deploy/`: templates, policies, the Terraform module, judged by others' tools and by what our programs
//! really call.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "helpers of tests fail like tests and say what they skip"
)]

mod policies;
mod stacks;
mod support;
mod templates;
mod terraform;
