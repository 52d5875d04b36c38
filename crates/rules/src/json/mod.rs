//! JSON text (RFC 8259) read in place: one pass checks it and notes where the members of an object lie, and what is
//! asked for later is found by walking the text again. Nothing is copied and no tree is built, because a rule asks
//! for two or three of the hundred values of a record.

mod layout;
mod members;
mod scan;
#[cfg(test)]
pub(crate) mod tests;
mod unescape;
mod value;

pub use members::Members;
pub use scan::{Fault, MAX_DEPTH, Scanner};
pub use value::Json;
