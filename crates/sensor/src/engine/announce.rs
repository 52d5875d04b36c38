//! What the engine says of itself on standard error.

use std::{
    io::{self, Write as _},
    sync::atomic::{AtomicBool, Ordering},
};

use crate::capture::CaptureInfo;

static SPEAKS: AtomicBool = AtomicBool::new(false);

/// Lets the engine speak, or not.
pub(crate) fn set_speaking(speaks: bool) {
    SPEAKS.store(speaks, Ordering::Relaxed);
}

/// One line on standard error, if the engine may speak. A closed standard error is nobody's trouble.
pub(crate) fn say(line: &str) {
    if SPEAKS.load(Ordering::Relaxed) {
        let _ = io::stderr().write_all(format!("fargard: {line}\n").as_bytes());
    }
}

/// How calls are captured, why, and what differs from running without a sensor.
pub(crate) fn introduce(info: &CaptureInfo, rules: usize) {
    let features =
        if info.features.is_empty() { String::new() } else { format!(" [{}]", info.features.join(", ")) };
    say(&format!("watching with {}: {}{features}; rules: {rules}", info.backend.name(), info.reason));
    for note in &info.notes {
        say(&format!("note: {note}"));
    }
}
