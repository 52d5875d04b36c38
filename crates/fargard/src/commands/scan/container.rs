//! What a root file system does not say of its container: environment, command and user, from the image's configuration or
//! from the process whose root it is.

use std::path::Path;

use fargard_model::bounded;
use fargard_scan::{CHECK_41, CHECK_424, Finding, confined::Root, secrets, users};
use serde_json::Value;

use crate::failure::BadInput;

/// Longest configuration, environment and `/etc/passwd` read.
const MAX_CONFIG: usize = 16 << 20;
const MAX_ENVIRONMENT: usize = 8 << 20;
const MAX_PASSWD: usize = 4 << 20;

/// How a container is started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Container {
    environment: Vec<String>,
    command: Vec<String>,
    user: String,
}

impl Container {
    /// From an image's configuration: OCI's, or what `docker inspect` prints.
    pub(super) fn from_config(path: &Path) -> anyhow::Result<Self> {
        let bad = |reason: String| {
            BadInput::because(format!(
                "cannot use {}: {reason}; give an OCI image configuration or the output of docker inspect",
                path.display()
            ))
        };
        let text = bounded::read(path, MAX_CONFIG).map_err(|error| bad(error.to_string()))?;
        let document: Value = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
        let image = document.get(0).unwrap_or(&document);
        let config = image.get("config").or_else(|| image.get("Config")).filter(|config| config.is_object());
        let config = config.ok_or_else(|| bad("it has no object `config` or `Config`".to_owned()))?;
        let texts = |name: &str| -> Vec<String> {
            let list = config.get(name).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
        };
        Ok(Self {
            environment: texts("Env"),
            command: [texts("Entrypoint"), texts("Cmd")].concat(),
            user: config.get("User").and_then(Value::as_str).unwrap_or_default().to_owned(),
        })
    }

    /// From the process of `/proc/PID/root`; `None` for other directories and when it cannot be read.
    pub(super) fn of_process(root: &Path) -> Option<Self> {
        let process =
            root.strip_prefix("/proc").ok()?.to_str()?.trim_end_matches('/').strip_suffix("/root")?;
        let is_process = process == "self" || process.bytes().all(|byte| byte.is_ascii_digit());
        let of =
            |name: &str| bounded::read(&Path::new("/proc").join(process).join(name), MAX_ENVIRONMENT).ok();
        let texts = |bytes: Vec<u8>| -> Vec<String> {
            let parts = bytes.split(|byte| *byte == 0).filter(|part| !part.is_empty());
            parts.map(|part| String::from_utf8_lossy(part).into_owned()).collect()
        };
        let status = String::from_utf8(of("status").filter(|_| is_process)?).ok()?;
        let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
        Some(Self {
            environment: texts(of("environ")?),
            command: texts(of("cmdline")?),
            // The effective one of real, effective, saved and of file systems.
            user: uids.split_whitespace().nth(1)?.to_owned(),
        })
    }

    /// The variables, as `NAME=value`.
    pub(super) fn into_environment(self) -> Vec<String> {
        self.environment
    }

    /// What checks 41 and 424 find.
    pub(super) fn findings(&self, root: &Path) -> Vec<(u32, Vec<Finding>)> {
        let passwd = Root::open(root)
            .and_then(|root| root.open_file(b"/etc/passwd"))
            .ok()
            .flatten()
            .and_then(|(file, _)| bounded::read_from(file, MAX_PASSWD).ok());
        let mut secrets = secrets::environment(self.environment.iter().map(String::as_str));
        let words: Vec<&str> = self.command.iter().map(String::as_str).collect();
        secrets.extend(secrets::command(&words).into_iter().map(|secret| Finding {
            subject: "the command".to_owned(),
            class: secret.class,
            reason: secret.reason,
            severity: secret.severity,
        }));
        let root = users::root(&self.user, passwd.as_deref());
        vec![(CHECK_41.number, root.into_iter().collect()), (CHECK_424.number, secrets)]
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Container;

    #[test]
    fn configurations_of_oci_and_docker() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config.json");
        let expected = Container {
            environment: vec!["DB_PASSWORD=Zk8vTq2Lw9".to_owned()],
            command: vec!["/app".to_owned(), "--token=ab12CD34ef56".to_owned()],
            user: "app".to_owned(),
        };
        let inside = r#"{"Env": ["DB_PASSWORD=Zk8vTq2Lw9"], "Entrypoint": ["/app"], "Cmd": ["--token=ab12CD34ef56"], "User": "app"}"#;
        for text in [format!("{{\"config\": {inside}}}"), format!("[{{\"Config\": {inside}}}]")] {
            fs::write(&file, text).unwrap();
            assert_eq!(Container::from_config(&file).unwrap(), expected);
        }
        let root = directory.path();
        fs::create_dir(root.join("etc")).unwrap();
        fs::write(root.join("etc/passwd"), "app:x:0:0::/:\n").unwrap();
        let found: Vec<_> =
            expected.findings(root).into_iter().map(|(check, found)| (check, found.len())).collect();
        assert_eq!(found, [(41, 1), (424, 2)]);
        for bad in ["", "[]", "{\"config\": 1}"] {
            fs::write(&file, bad).unwrap();
            assert!(Container::from_config(&file).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_process_says_its_environment_and_user() {
        let own = Container::of_process("/proc/self/root".as_ref()).unwrap();
        assert!(own.environment.iter().any(|variable| variable.starts_with("PATH=")));
        assert_eq!(own.user, rustix::process::geteuid().as_raw().to_string());
        for other in ["/", "/proc", "/proc/x/root", "/tmp/1/root"] {
            assert_eq!(Container::of_process(other.as_ref()), None, "{other}");
        }
    }
}
