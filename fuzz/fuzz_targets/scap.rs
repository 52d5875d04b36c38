//! Any bytes as a capture.
#![no_main]

#[path = "../checks/scap.rs"]
mod scap;

libfuzzer_sys::fuzz_target!(|data: &[u8]| scap::check(data));
