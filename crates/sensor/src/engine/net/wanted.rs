//! Of whom the network is told, and whether anybody wants to know of connections that were not stopped calls.

use crate::config::{Config, NetworkChoice};

/// Whether processes whose calls are not stopped matter as well: this is a task's network, not a whole machine's.
pub(super) fn tells_of_everybody(config: &Config) -> bool {
    config.network == NetworkChoice::All || is_of_a_task(config.metadata.as_deref())
}

/// Whether somebody wants to know of connections of which no call was stopped: `rules`, a timeline, a recording.
pub(in super::super) fn wants_connections(config: &Config, rules: bool) -> bool {
    let told = config.server.is_some() || config.spool.is_some() || config.record.is_some();
    tells_of_everybody(config) && (rules || told)
}

/// Whether the metadata endpoint is at the address that ECS gives it: then this network is a task's own. A local
/// stand-in for ECS shares the machine's.
fn is_of_a_task(metadata: Option<&str>) -> bool {
    metadata.and_then(host_of).as_deref() == Some("169.254.170.2")
}

/// The host of a base URL, in lower case.
pub(super) fn host_of(url: &str) -> Option<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next()?;
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    Some(host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::{host_of, is_of_a_task, wants_connections};
    use crate::config::{Config, NetworkChoice};

    #[test]
    fn hosts_of_urls() {
        assert_eq!(host_of("https://Fargard.example:8440").as_deref(), Some("fargard.example"));
        assert_eq!(host_of("https://fargard.example/base").as_deref(), Some("fargard.example"));
        assert!(is_of_a_task(Some("http://169.254.170.2/v4/0123-456")));
        assert!(!is_of_a_task(Some("http://127.0.0.1:4711/v4/x")) && !is_of_a_task(None));
    }

    #[test]
    fn connections_are_wanted_in_a_task_or_when_asked_for() {
        let mut config = Config::default();
        assert!(!wants_connections(&config, true), "outside of a task");
        config.metadata = Some("http://169.254.170.2/v4/0".to_owned());
        assert!(wants_connections(&config, true) && !wants_connections(&config, false));
        config.record = Some("events".into());
        assert!(wants_connections(&config, false));
        config.metadata = None;
        assert!(!wants_connections(&config, true));
        config.network = NetworkChoice::All;
        assert!(wants_connections(&config, true));
    }
}
