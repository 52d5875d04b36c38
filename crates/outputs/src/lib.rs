//! Forms in which detections and findings leave.

pub mod falco;
