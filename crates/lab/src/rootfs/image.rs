//! The configuration in an image archive.

use std::collections::BTreeMap;

use fargard_taskdef::ImageProcess;
use serde::{Deserialize, de::IgnoredAny};

/// What an image says of its containers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ImageConfig {
    pub(crate) process: ImageProcess,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) working_directory: Option<String>,
    pub(crate) user: Option<String>,
    /// Paths that other containers get with `volumesFrom`.
    pub(crate) volumes: Vec<String>,
    /// Digest of the configuration: the image's id.
    pub(crate) id: String,
}

/// One element of `manifest.json` in what `docker save` writes.
#[derive(Debug, Deserialize)]
pub(super) struct Manifest {
    #[serde(rename = "Config")]
    pub(super) config: String,
    #[serde(rename = "Layers", default)]
    pub(super) layers: Vec<String>,
}

#[derive(Default, Deserialize)]
struct Document {
    #[serde(default)]
    config: Option<Config>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Config {
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    env: Option<Vec<String>>,
    working_dir: String,
    user: String,
    volumes: Option<BTreeMap<String, IgnoredAny>>,
}

impl ImageConfig {
    /// Reads an image configuration (OCI's or Docker's, which agree in these members).
    pub(super) fn read(bytes: &[u8], id: String) -> serde_json::Result<Self> {
        let config = serde_json::from_slice::<Document>(bytes)?.config.unwrap_or_default();
        let environment = config.env.unwrap_or_default();
        let pairs = environment.iter().filter_map(|pair| pair.split_once('='));
        Ok(Self {
            process: ImageProcess {
                entry_point: config.entrypoint.unwrap_or_default(),
                command: config.cmd.unwrap_or_default(),
            },
            environment: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            working_directory: Some(config.working_dir).filter(|directory| !directory.is_empty()),
            user: Some(config.user).filter(|user| !user.is_empty()),
            volumes: config.volumes.unwrap_or_default().into_keys().collect(),
            id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::ImageConfig;

    #[test]
    fn reads_what_docker_writes() {
        let text = br#"{"architecture":"amd64","config":{"User":"app","Env":["PATH=/bin","A=b=c"],
            "Entrypoint":["/ep"],"Cmd":null,"WorkingDir":"/w","Volumes":{"/v":{}},"Labels":{"x":"y"}},"rootfs":{}}"#;
        let config = ImageConfig::read(text, "sha256:0".into()).unwrap();
        assert_eq!(config.process.entry_point, ["/ep"]);
        assert_eq!(config.environment[1], ("A".to_owned(), "b=c".to_owned()));
        assert_eq!(config.user.as_deref(), Some("app"));
        assert_eq!(config.working_directory.as_deref(), Some("/w"));
        assert_eq!(config.volumes, ["/v"]);
        assert!(ImageConfig::read(b"1", String::new()).is_err());
    }
}
