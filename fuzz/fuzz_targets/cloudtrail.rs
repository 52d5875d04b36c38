//! Any bytes as a CloudTrail record.
#![no_main]

#[path = "../checks/cloudtrail.rs"]
mod cloudtrail;

libfuzzer_sys::fuzz_target!(|data: &[u8]| cloudtrail::check(data));
