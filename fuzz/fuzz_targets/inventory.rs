//! Any bytes as metadata, programs, archives, advisories and versions.
#![no_main]

#[path = "../checks/inventory.rs"]
mod inventory;

libfuzzer_sys::fuzz_target!(|data: &[u8]| inventory::check(data));
