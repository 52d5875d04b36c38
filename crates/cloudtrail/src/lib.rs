//! CloudTrail records from files as AWS delivers and prints them.
//!
//! [`Reader`] opens files and directories in the order in which Falco's plugin does and gives their records one by
//! one; [`Records`] does the same for bytes in memory. Understood are delivered documents (`{"Records": [...]}`),
//! arrays, JSON lines and single records, each also in gzip. What is damaged becomes an error that says where, and
//! the records around it are still given.

mod document;
mod files;
mod reader;
mod resync;
mod split;
#[cfg(test)]
mod tests;
mod time;

pub use reader::{MAX_FILE, ReadError, Reader};
pub use split::{Damage, Records};

/// Reads any bytes as CloudTrail and every value of what comes out. For fuzzing: it must neither panic nor hang.
pub fn exercise(bytes: &[u8]) {
    for record in Records::new(bytes).flatten() {
        let json = record.json();
        let _ = (json.compact(), json.indented());
        if let Some(identity) = record.path(&["userIdentity", "type"]) {
            let _ = identity.as_str();
        }
    }
}
