//! What an image's name and configuration say.

use fargard_model::{Priority, foreign::printable};

use super::{Numbered, numbered};
use crate::{CHECK_56, CHECK_406, CHECK_7003, CHECK_7101};

/// Directories that a volume of an image should not lie over.
const SENSITIVE: &[&str] = &[
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/sbin",
    "/var/run",
    "/var/run/docker.sock",
];

/// Longest text of an image that is shown.
const MAX_SHOWN: usize = 200;

/// What is judged of a configuration.
#[derive(Clone, Debug, Default)]
pub struct Settings<'a> {
    /// The reference by which the image was asked for, where it was by one: `nginx:1.27`.
    pub reference: Option<&'a str>,
    /// Paths it wants as volumes.
    pub volumes: Vec<&'a str>,
    /// Ports it says it listens on, as `8080/tcp`.
    pub ports: Vec<&'a str>,
    /// The words of its health check; `None` where it has none.
    pub health: Option<Vec<&'a str>>,
}

/// Judges a configuration.
#[must_use]
pub fn settings(settings: &Settings<'_>) -> Vec<Numbered> {
    let mut found = Vec::new();
    found.extend(settings.reference.and_then(moving));
    found.extend(health(settings));
    for port in &settings.ports {
        if matches!(port.trim_end_matches("/tcp"), "22") {
            let reason =
                "the image says that it serves SSH; ECS Exec gives a shell with a record of who had it";
            found.push(numbered(CHECK_56.number, shown(port), "port", Priority::Warning, reason));
        }
    }
    for volume in &settings.volumes {
        let trimmed = volume.trim_end_matches('/');
        let path = if trimmed.is_empty() { "/" } else { trimmed };
        if SENSITIVE.contains(&path) {
            let reason = "a volume hides what the image has there, and outlives the container";
            found.push(numbered(CHECK_7101.number, shown(volume), "sensitive", Priority::Warning, reason));
        }
    }
    found
}

fn shown(text: &str) -> String {
    printable(text.chars().take(MAX_SHOWN).collect::<String>().as_bytes())
}

/// A name that says "whatever was pushed last".
fn moving(reference: &str) -> Option<Numbered> {
    if reference.contains('@') {
        return None;
    }
    let last = reference.rsplit('/').next().unwrap_or(reference);
    let tag = last.split_once(':').map(|(_, tag)| tag);
    let (class, reason) = match tag {
        None => ("latest", "no tag is given, which means latest: whatever was pushed last"),
        Some("latest") => ("latest", "latest is whatever was pushed last"),
        Some(_) => return None,
    };
    Some(numbered(CHECK_7003.number, shown(reference), class, Priority::Warning, reason))
}

fn health(settings: &Settings<'_>) -> Option<Numbered> {
    let reason = match settings.health.as_deref() {
        None | Some([]) => "there is no HEALTHCHECK",
        Some(["NONE", ..]) => "HEALTHCHECK is NONE",
        Some(_) => return None,
    };
    // What serves nobody is well as long as it runs.
    let severity = if settings.ports.is_empty() { Priority::Notice } else { Priority::Warning };
    let reason = format!("{reason} (ECS asks the task definition's healthCheck only)");
    Some(numbered(CHECK_406.number, "the configuration", "no-check", severity, reason))
}

#[cfg(test)]
mod tests {
    use super::{Settings, settings};

    fn failing(of: &Settings<'_>) -> Vec<(u32, String)> {
        let found = settings(of).into_iter().filter(|(_, found)| found.fails());
        found.map(|(check, found)| (check, found.subject)).collect()
    }

    #[test]
    fn names_health_ports_and_volumes() {
        let good = Settings {
            reference: Some("registry:5000/app:1.2"),
            volumes: vec!["/data", "/etcetera", "/var/run/app"],
            ports: vec!["8080/tcp", "2222/tcp", "22/udp"],
            health: Some(vec!["CMD", "true"]),
        };
        assert_eq!(failing(&good), []);
        for (reference, fails) in [
            ("nginx", true),
            ("registry:5000/nginx", true),
            ("a/b:latest", true),
            ("a/b:latest-slim", false),
            ("a@sha256:00", false),
            ("a:latest@sha256:00", false),
        ] {
            let named = Settings { reference: Some(reference), ..good.clone() };
            assert_eq!(!failing(&named).is_empty(), fails, "{reference}");
        }
        for (health, fails) in
            [(None, true), (Some(vec!["NONE"]), true), (Some(vec!["CMD-SHELL", "x"]), false)]
        {
            let of = Settings { health, ..good.clone() };
            assert_eq!(failing(&of).iter().any(|(check, _)| *check == 406), fails, "{of:?}");
        }
        let quiet = Settings { health: None, ports: Vec::new(), ..good.clone() };
        assert_eq!((failing(&quiet).len(), settings(&quiet).len()), (0, 1));
        let bad = Settings { ports: vec!["22/tcp"], volumes: vec!["/etc/", "/"], ..good };
        assert_eq!(
            failing(&bad),
            [(56, "22/tcp".to_owned()), (7101, "/etc/".to_owned()), (7101, "/".to_owned())]
        );
    }
}
