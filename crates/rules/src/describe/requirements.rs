//! What the files require.

use serde_json::{Value, json};

use crate::{SourceFile, yaml};

/// The highest engine version and every plugin that the files name.
#[derive(Debug, Default)]
pub(super) struct Requirements {
    pub(super) engine: String,
    pub(super) plugins: Vec<Value>,
}

/// Reads the requirements of files that load.
pub(super) fn of(files: &[SourceFile]) -> Requirements {
    let mut requirements = Requirements::default();
    let mut highest = Vec::new();
    for file in files {
        let documents = yaml::documents(&file.text).unwrap_or_default();
        for item in documents.iter().flat_map(|document| document.items().unwrap_or_default()) {
            if let Some(version) = item.get("required_engine_version").and_then(|version| version.text()) {
                // A lone number n means 0.n.0.
                let version =
                    if version.contains('.') { version.to_owned() } else { format!("0.{version}.0") };
                let parts: Vec<u64> = version.split('.').filter_map(|part| part.parse().ok()).collect();
                if parts > highest {
                    highest = parts;
                    requirements.engine = version;
                }
            }
            let plugins = item.get("required_plugin_versions").and_then(|plugins| plugins.items());
            requirements.plugins.extend(plugins.unwrap_or_default().iter().map(|plugin| {
                let alternatives =
                    plugin.get("alternatives").and_then(|list| list.items()).unwrap_or_default();
                json!({
                    "name": text(plugin, "name"), "version": text(plugin, "version"),
                    "alternatives": alternatives.iter().map(|one| {
                        json!({ "name": text(one, "name"), "version": text(one, "version") })
                    }).collect::<Vec<_>>(),
                })
            }));
        }
    }
    if requirements.engine.is_empty() {
        requirements.engine = "0.0.0".to_owned();
    }
    requirements
}

fn text<'a>(node: &'a yaml::Node, key: &str) -> &'a str {
    node.get(key).and_then(|value| value.text()).unwrap_or_default()
}
