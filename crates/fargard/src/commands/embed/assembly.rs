//! Assemblies of the CDK (`cdk.out`): directories with templates, and documents that name each template by the hash of
//! its content. A template is uploaded only if its hash is new, so a changed one gets a new hash everywhere.

use std::path::{Component, Path, PathBuf};

use fargard_image::Digest;
use fargard_taskdef::embed::Embedding;
use serde::Deserialize;
use serde_json::Value;

use super::{Done, files::File};
use crate::failure::BadInput;

/// Most bytes of a manifest; that of a large app has some.
const MAX_MANIFEST: usize = 32 << 20;
/// Deepest nesting of assemblies (stages).
const MAX_DEPTH: usize = 8;

/// The documents of an assembly that name templates.
pub(super) struct Assembly {
    documents: Vec<File>,
}

/// The members of `manifest.json` that matter here.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    artifacts: std::collections::BTreeMap<String, Artifact>,
}

#[derive(Deserialize)]
struct Artifact {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    properties: Value,
}

impl Assembly {
    /// Reads an assembly with the stages in it; gives its stacks' templates too.
    pub(super) fn open(directory: &Path) -> anyhow::Result<(Self, Vec<File>)> {
        let mut assembly = Self { documents: Vec::new() };
        let mut templates = Vec::new();
        assembly.add(directory, &mut templates, 0)?;
        Ok((assembly, templates))
    }

    fn add(&mut self, directory: &Path, templates: &mut Vec<File>, depth: usize) -> anyhow::Result<()> {
        let path = directory.join("manifest.json");
        if depth > MAX_DEPTH {
            let reason = format!("{}: assemblies nested deeper than {MAX_DEPTH}", path.display());
            return Err(BadInput::because(reason).into());
        }
        let file = File::read_up_to(&path, MAX_MANIFEST)?;
        let manifest: Manifest = serde_json::from_str(&file.text).map_err(|error| {
            let at = (error.line(), error.column());
            BadInput::because(format!("{}:{}:{}: no manifest of the CDK: {error}", file.name, at.0, at.1))
        })?;
        self.documents.push(file);
        for artifact in manifest.artifacts.values() {
            let (name, kind) = match artifact.kind.as_str() {
                "aws:cloudformation:stack" => ("templateFile", Kind::Template),
                "cdk:asset-manifest" => ("file", Kind::Document),
                "cdk:cloud-assembly" => ("directoryName", Kind::Assembly),
                _ => continue,
            };
            let Some(inner) = artifact.properties.get(name).and_then(Value::as_str) else { continue };
            let inner = inside(directory, inner, &path)?;
            match kind {
                Kind::Template => templates.push(File::read(&inner)?),
                Kind::Document => self.documents.push(File::read_up_to(&inner, MAX_MANIFEST)?),
                Kind::Assembly => self.add(&inner, templates, depth + 1)?,
            }
        }
        Ok(())
    }

    /// The documents with the new hashes of the templates that changed.
    pub(super) fn rehash(self, all: &[Done]) -> anyhow::Result<Vec<Done>> {
        let mut hashes = Vec::new();
        for done in all {
            let (old, new) = (&done.file.text, &done.embedding.text);
            if old == new {
                continue;
            }
            let (old, new) = (hash(old), hash(new));
            let file =
                Path::new(&done.file.name).file_name().unwrap_or_default().to_string_lossy().into_owned();
            let quoted = Value::from(file).to_string();
            let names = |text: &str| self.documents.iter().any(|document| document.text.contains(text));
            if names(&old) {
                hashes.push((old, new));
            } else if self.documents.iter().any(|document| is_asset(document, &quoted)) {
                let reason = format!(
                    "{}: its asset is not named by the hash of its content, so an embedded template would not be uploaded; \
                     run cdk synth again",
                    done.file.name
                );
                return Err(BadInput::because(reason).into());
            }
        }
        Ok(self.documents.into_iter().filter_map(|file| renamed(file, &hashes)).collect())
    }
}

enum Kind {
    Template,
    Document,
    Assembly,
}

fn is_asset(document: &File, quoted: &str) -> bool {
    document.name.ends_with(".assets.json") && document.text.contains(quoted)
}

fn renamed(file: File, hashes: &[(String, String)]) -> Option<Done> {
    let text = hashes.iter().fold(file.text.clone(), |text, (old, new)| text.replace(old, new));
    (text != file.text).then(|| Done { file, embedding: Embedding { text, tasks: Vec::new() } })
}

/// A file of the assembly: a name, nothing that leads out of the directory.
fn inside(directory: &Path, name: &str, manifest: &Path) -> anyhow::Result<PathBuf> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(name)), None) => Ok(directory.join(name)),
        _ => {
            Err(BadInput::because(format!("{}: {name:?} is no name of a file beside it", manifest.display()))
                .into())
        }
    }
}

fn hash(text: &str) -> String {
    Digest::of(text.as_bytes()).hex().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Assembly, hash};
    use crate::commands::embed::{Done, Embedding};

    fn change(directory: &std::path::Path, from: &str, to: &str) -> anyhow::Result<Vec<(String, String)>> {
        let (assembly, templates) = Assembly::open(directory)?;
        let all: Vec<Done> = templates
            .into_iter()
            .map(|file| {
                let text = file.text.replace(from, to);
                Done { file, embedding: Embedding { text, tasks: Vec::new() } }
            })
            .collect();
        let rehashed = assembly.rehash(&all)?;
        let all = all.into_iter().chain(rehashed);
        Ok(all.map(|done| (done.file.name, done.embedding.text)).collect())
    }

    #[test]
    fn a_changed_template_has_its_new_hash_everywhere_and_back() {
        let scratch = tempfile::tempdir().unwrap();
        let stage = scratch.path().join("assembly-Stage");
        std::fs::create_dir(&stage).unwrap();
        let template = "{\"Resources\": {\"A\": 1}}";
        let asset = |name: &str| json!({"files": {name: {"source": {"path": "S.template.json"}, "destinations": {"d": {"objectKey": format!("{name}.json")}}}}});
        let manifest = json!({"artifacts": {
            "S": {"type": "aws:cloudformation:stack", "properties": {
                "templateFile": "S.template.json", "stackTemplateAssetObjectUrl": format!("s3://b/{}.json", hash(template))}},
            "S.assets": {"type": "cdk:asset-manifest", "properties": {"file": "S.assets.json"}},
            "Tree": {"type": "cdk:tree", "properties": {"file": "tree.json"}},
        }});
        let top = json!({"artifacts": {"assembly-Stage": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Stage"}}}});
        for (path, text) in [
            (stage.join("S.template.json"), template.to_owned()),
            (stage.join("S.assets.json"), asset(&hash(template)).to_string()),
            (stage.join("manifest.json"), manifest.to_string()),
            (scratch.path().join("manifest.json"), top.to_string()),
        ] {
            std::fs::write(path, text).unwrap();
        }
        let changed = change(scratch.path(), "\"A\": 1", "\"A\": 2").unwrap();
        assert_eq!(changed.len(), 3, "{changed:?}");
        let new = hash("{\"Resources\": {\"A\": 2}}");
        for (name, text) in &changed[1..] {
            assert!(text.contains(&new) && !text.contains(&hash(template)), "{name}: {text}");
        }
        for (name, text) in &changed {
            std::fs::write(name, text).unwrap();
        }
        let back = change(scratch.path(), "\"A\": 2", "\"A\": 1").unwrap();
        assert_eq!(back[1].1, manifest.to_string());
        // A hash that is not the content's cannot be followed.
        std::fs::write(stage.join("S.assets.json"), asset(&"0".repeat(64)).to_string()).unwrap();
        std::fs::write(stage.join("manifest.json"), manifest.to_string().replace(&hash(template), "x"))
            .unwrap();
        let error = change(scratch.path(), "\"A\": 2", "\"A\": 1").unwrap_err().to_string();
        assert!(error.contains("not named by the hash of its content"), "{error}");
        std::fs::write(stage.join("manifest.json"), manifest.to_string().replace("S.template.json", "../x"))
            .unwrap();
        assert!(
            change(scratch.path(), "", "").unwrap_err().to_string().contains("no name of a file beside it")
        );
    }
}
