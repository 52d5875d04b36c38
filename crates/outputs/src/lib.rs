//! The forms in which detections and findings leave.

pub mod compliance;
pub mod falco;
