//! Any bytes as Sigma rules.
#![no_main]

#[path = "../checks/sigma.rs"]
mod sigma;

libfuzzer_sys::fuzz_target!(|data: &[u8]| sigma::check(data));
