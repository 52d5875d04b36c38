//! Calls in Falco's words: their parameters, the names of flags, and conditions on arguments in registers.

mod arg_set;
pub mod flags;
mod params;

pub use arg_set::ArgSet;
pub use params::{Form, Param, octal, params};
