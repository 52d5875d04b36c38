//! Image configurations: OCI image-spec 1.1 `config.md`, and the same in the words of `docker image inspect`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::{Digest, ImageError, Platform, json};

/// What an image says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// What it is made for.
    #[serde(flatten)]
    pub platform: Platform,
    /// When it was made, as written there.
    #[serde(default)]
    pub created: Option<String>,
    /// What containers of it run.
    #[serde(default, deserialize_with = "json::or_default")]
    pub config: RunConfig,
    /// Its layers before packing.
    #[serde(default, deserialize_with = "json::or_default")]
    rootfs: RootFs,
    /// How it was made, the first step first.
    #[serde(default, deserialize_with = "json::or_default")]
    pub history: Vec<History>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct RootFs {
    #[serde(default, deserialize_with = "json::or_default")]
    diff_ids: Vec<Digest>,
}

/// What a container of an image runs unless told otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RunConfig {
    /// User, as `app`, `1000:1000`; empty is root.
    #[serde(default, deserialize_with = "json::or_default")]
    pub user: String,
    /// `KEY=value`.
    #[serde(default, deserialize_with = "json::or_default")]
    pub env: Vec<String>,
    /// What is run before the command; `None` where the image sets none.
    #[serde(default, deserialize_with = "json::words")]
    pub entrypoint: Option<Vec<String>>,
    /// Command, or the arguments of the entry point; `None` where the image sets none.
    #[serde(default, deserialize_with = "json::words")]
    pub cmd: Option<Vec<String>>,
    /// Directory it starts in; empty is `/`.
    #[serde(default, deserialize_with = "json::or_default")]
    pub working_dir: String,
    /// Labels.
    #[serde(default, deserialize_with = "json::or_default")]
    pub labels: BTreeMap<String, String>,
    /// Ports it says it listens on, as `8080/tcp`.
    #[serde(default, deserialize_with = "keys")]
    pub exposed_ports: Vec<String>,
    /// Paths it wants as volumes.
    #[serde(default, deserialize_with = "keys")]
    pub volumes: Vec<String>,
    /// How its health is asked for.
    #[serde(default)]
    pub healthcheck: Option<HealthCheck>,
    /// Signal that ends it, as `SIGQUIT`; empty is SIGTERM.
    #[serde(default, deserialize_with = "json::or_default")]
    pub stop_signal: String,
    /// Shell of commands that are one word.
    #[serde(default, deserialize_with = "json::words")]
    pub shell: Option<Vec<String>>,
}

/// How a container's health is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HealthCheck {
    /// `["CMD", ...]`, `["CMD-SHELL", TEXT]`, or `["NONE"]`.
    #[serde(default, deserialize_with = "json::words")]
    pub test: Option<Vec<String>>,
}

/// One step of making an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// When.
    #[serde(default)]
    pub created: Option<String>,
    /// The instruction, as `/bin/sh -c #(nop)  USER app`.
    #[serde(default, deserialize_with = "json::or_default")]
    pub created_by: String,
    /// Remark.
    #[serde(default, deserialize_with = "json::or_default")]
    pub comment: String,
    /// Whether it made no layer.
    #[serde(default, deserialize_with = "json::or_default")]
    pub empty_layer: bool,
}

/// The keys of a map whose values say nothing; sorted.
fn keys<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    /// Written back as a list, so both are read.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Keys {
        Map(BTreeMap<String, IgnoredAny>),
        List(Vec<String>),
    }
    Ok(match Option::<Keys>::deserialize(deserializer)? {
        Some(Keys::Map(map)) => map.into_keys().collect(),
        Some(Keys::List(list)) => list,
        None => Vec::new(),
    })
}

impl ImageConfig {
    /// Reads a configuration.
    ///
    /// # Errors
    /// It is no JSON, or a member has another type than the format says.
    pub fn parse(bytes: &[u8]) -> Result<Self, ImageError> {
        json::parse("the image configuration", bytes)
    }

    /// Digests of the layers before packing, the lowest first.
    #[must_use]
    pub fn diff_ids(&self) -> &[Digest] {
        &self.rootfs.diff_ids
    }

    /// What a container runs when nothing overrides it: entry point, then command.
    #[must_use]
    pub fn argv(&self) -> Vec<String> {
        let parts = [&self.config.entrypoint, &self.config.cmd];
        parts.into_iter().flatten().flatten().cloned().collect()
    }
}

/// One image of `docker image inspect`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Inspected {
    pub(crate) id: Option<String>,
    #[serde(default, deserialize_with = "json::or_default")]
    pub(crate) repo_tags: Vec<String>,
    #[serde(default, deserialize_with = "json::or_default")]
    pub(crate) repo_digests: Vec<String>,
    #[serde(default, deserialize_with = "json::or_default")]
    architecture: String,
    #[serde(default, deserialize_with = "json::or_default")]
    variant: String,
    #[serde(default, deserialize_with = "json::or_default")]
    os: String,
    created: Option<String>,
    config: Option<RunConfig>,
    #[serde(rename = "RootFS", default, deserialize_with = "json::or_default")]
    root_fs: InspectedLayers,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedLayers {
    #[serde(default, deserialize_with = "json::or_default")]
    layers: Vec<Digest>,
}

impl Inspected {
    /// The configuration in the image's own words; `inspect` knows no history. `None` where the document tells of
    /// something else than an image (a container has a configuration, but no image id and layers).
    pub(crate) fn into_config(self) -> Option<ImageConfig> {
        Some(ImageConfig {
            platform: Platform { os: self.os, architecture: self.architecture, variant: self.variant },
            created: self.created,
            config: self.config?,
            rootfs: RootFs { diff_ids: self.root_fs.layers },
            history: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::ImageConfig;

    const USUAL: &str = r#"{"architecture":"arm64","os":"linux","variant":"v8","created":"2024-05-01T00:00:00Z",
      "config":{"User":"101","ExposedPorts":{"80/tcp":{},"443/tcp":{}},"Env":["PATH=/bin","A=b=c"],
        "Entrypoint":["/docker-entrypoint.sh"],"Cmd":["nginx","-g","daemon off;"],"WorkingDir":"/srv",
        "Labels":{"maintainer":"x"},"StopSignal":"SIGQUIT","Healthcheck":{"Test":["CMD","true"],"Interval":5000000000}},
      "rootfs":{"type":"layers","diff_ids":["sha256:0000000000000000000000000000000000000000000000000000000000000000"]},
      "history":[{"created":"2024-05-01T00:00:00Z","created_by":"ADD x","empty_layer":true},{"created_by":"RUN y"}],
      "moby.buildkit.buildinfo.v1":"?"}"#;

    #[test]
    fn the_words_of_docker_are_read() {
        let config = ImageConfig::parse(USUAL.as_bytes()).unwrap();
        assert_eq!(config.platform.to_string(), "linux/arm64/v8");
        assert_eq!(config.argv(), ["/docker-entrypoint.sh", "nginx", "-g", "daemon off;"]);
        assert_eq!((config.config.user.as_str(), config.config.working_dir.as_str()), ("101", "/srv"));
        assert_eq!(config.config.exposed_ports, ["443/tcp", "80/tcp"]);
        assert_eq!(config.config.healthcheck.as_ref().unwrap().test.as_ref().unwrap()[1], "true");
        assert_eq!((config.diff_ids().len(), config.history.len()), (1, 2));
        assert!(config.history[0].empty_layer && !config.history[1].empty_layer);
        let again = serde_json::to_vec(&config).unwrap();
        assert_eq!(ImageConfig::parse(&again).unwrap(), config);
    }

    #[test]
    fn nothing_set_is_not_the_same_as_an_empty_list() {
        let of = |text: &str| ImageConfig::parse(text.as_bytes()).unwrap().config;
        assert_eq!(of(r#"{"config":{"Cmd":null}}"#).cmd, None);
        assert_eq!(of(r#"{"config":{"Cmd":[]}}"#).cmd, Some(Vec::new()));
        assert_eq!(of(r#"{"config":{"Entrypoint":"/app"}}"#).entrypoint, Some(vec!["/app".to_owned()]));
        assert_eq!(of(r#"{"config":null,"rootfs":null,"history":null}"#), of("{}"));
    }

    #[test]
    fn other_types_are_refused_with_their_place() {
        for text in
            [r#"{"config":{"Cmd":[1]}}"#, r#"{"config":{"User":1}}"#, r#"{"rootfs":{"diff_ids":["x"]}}"#]
        {
            let error = ImageConfig::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("line 1"), "{text}: {error}");
        }
    }
}
