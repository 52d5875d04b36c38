//! Any bytes as rules files.
#![no_main]

#[path = "../checks/loader.rs"]
mod loader;

libfuzzer_sys::fuzz_target!(|data: &[u8]| loader::check(data));
