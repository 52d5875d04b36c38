//! Sends what ended producers left behind.

use std::{
    io,
    path::Path,
    time::{Duration, Instant},
};

use fargard_model::Secret;

use super::{Directory, Enrolment, Spool};
use crate::{
    config::Server,
    engine::uplink::client::{Client, SendError},
};

/// What [`drain`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrainReport {
    /// Batches the server has now.
    pub sent: u64,
    /// Batches the server refused for ever, with their records.
    pub refused: u64,
    /// Batches that are still there.
    pub left: u64,
    /// Why batches are left, in the server's or the connection's words.
    pub trouble: Option<String>,
}

/// Sends what ended producers left in a spool directory. Producers that still live are not touched.
///
/// # Errors
/// The directory cannot be read, or the CA file cannot be used. A server that cannot be reached is not an error:
/// see [`DrainReport::trouble`].
pub fn drain(directory: &Path, server: &Server, time: Duration) -> io::Result<DrainReport> {
    let client = Client::new(server).map_err(io::Error::other)?;
    let until = Instant::now() + time;
    let mut report = DrainReport::default();
    for (name, _) in Directory::at(directory)?.entries() {
        let Some((mut spool, enrolment)) = Spool::adopt(directory, &name) else { continue };
        if let Err(error) = send_all(&client, &server.token, &mut spool, &enrolment, until, &mut report) {
            report.trouble.get_or_insert_with(|| error.to_string());
        }
        report.left += spool.len() as u64;
        spool.finish();
    }
    Ok(report)
}

fn send_all(
    client: &Client,
    enrolment_token: &Secret,
    spool: &mut Spool,
    enrolment: &Enrolment,
    until: Instant,
    report: &mut DrainReport,
) -> Result<(), SendError> {
    if spool.next().is_none() {
        return Ok(());
    }
    let token = client.enrol(enrolment_token, enrolment)?;
    while let Some(key) = spool.next().filter(|_| Instant::now() < until) {
        let Some(content) = spool.content(key) else {
            spool.remove(key);
            continue;
        };
        match client.send(&token, &content) {
            Ok(()) => report.sent += 1,
            Err(SendError::Refused(_)) => report.refused += 1,
            Err(other) => return Err(other),
        }
        spool.remove(key);
    }
    Ok(())
}
