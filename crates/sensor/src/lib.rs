//! What runs inside a task: the shim, the keeper and the engine.

pub mod capture;
pub mod config;
pub mod engine;
pub mod fim;
pub mod net;
pub mod probe;
pub mod raw;
pub mod sys;
