//! Any bytes as a part of a container image.
#![no_main]

#[path = "../checks/image.rs"]
mod image;

libfuzzer_sys::fuzz_target!(|data: &[u8]| image::check(data));
