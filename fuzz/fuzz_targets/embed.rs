//! Any bytes as a task definition or template to be embedded.
#![no_main]

#[path = "../checks/embed.rs"]
mod embed;

libfuzzer_sys::fuzz_target!(|data: &[u8]| embed::check(data));
