//! Programs that depend on how the kernel treats them do under the sensor what they do without: the same output, the
//! same exit, whatever they are written in. Every class of calls is stopped here, more than any rules ask for.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking and says on the terminal what it left out"
)]

mod languages;
mod privilege;
mod programs;
mod signals;
mod supervised;
mod terminal;
