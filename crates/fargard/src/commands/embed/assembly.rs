//! Assemblies of the CDK (`cdk.out`): directories with templates, and documents that name each template by the hash of
//! its content. A template is uploaded only if its hash is new, so a changed one gets a new hash everywhere.

use std::path::{Component, Path, PathBuf};

use fargard_image::Digest;
use fargard_taskdef::embed::{self, Embedding};
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
                Kind::Template => add_template(&inner, directory, templates, depth)?,
                Kind::Document => self.documents.push(File::read_up_to(&inner, MAX_MANIFEST)?),
                Kind::Assembly => self.add(&inner, templates, depth + 1)?,
            }
        }
        Ok(())
    }

    /// Gives templates that changed their new names, in each other and in the documents; the documents that change.
    ///
    /// A stack's template is named by the hash of its content, a nested one's by a hash of what the CDK made it of.
    pub(super) fn rehash(self, all: &mut [Done]) -> anyhow::Result<Vec<Done>> {
        let mut names: Vec<Name> = Vec::new();
        // Templates of nested stacks stand before those that name them.
        for done in all {
            done.embedding.text = renamed(&done.embedding.text, &names);
            names.extend(self.name(done, &names)?);
        }
        let changed = self.documents.into_iter().filter_map(|file| {
            let text = renamed(&file.text, &names);
            (text != file.text).then(|| Done { file, embedding: Embedding { text, tasks: Vec::new() } })
        });
        Ok(changed.collect())
    }

    /// What a template is called; `None` for one that is no asset.
    fn name(&self, done: &Done, others: &[Name]) -> anyhow::Result<Option<Name>> {
        let (old, new) = (&done.file.text, &done.embedding.text);
        let had = has_sensor(old) || others.iter().any(|other| other.had && old.contains(&other.old));
        let has = has_sensor(new) || others.iter().any(|other| other.has && new.contains(&other.new));
        let hashes = (Digest::of(old.as_bytes()), Digest::of(new.as_bytes()));
        if self.documents.iter().any(|document| document.text.contains(hashes.0.hex())) {
            let (old, new) = (hashes.0.hex().to_owned(), hashes.1.hex().to_owned());
            return Ok(Some(Name { old, new, had, has }));
        }
        let path = Path::new(&done.file.name);
        let beside = |document: &&File| Path::new(&document.name).parent() == path.parent();
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let found = self.documents.iter().filter(beside).find_map(|document| key(document, &file));
        let Some(key) = found.filter(|_| old != new || had) else { return Ok(None) };
        let mut name = from_hex(&key).ok_or_else(|| {
            let reason = format!(
                "{}: its asset is called {key:?}, not by a hash; run cdk synth again",
                done.file.name
            );
            BadInput::because(reason)
        })?;
        // What the sensor put in changes the name, and taking it out changes it back.
        for (_, hash) in [(had, &hashes.0), (has, &hashes.1)].into_iter().filter(|(counts, _)| *counts) {
            let hash = from_hex(hash.hex()).unwrap_or_default();
            name.iter_mut().zip(hash).for_each(|(byte, other)| *byte ^= other);
        }
        let new = name.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Some(Name { old: key, new, had, has }))
    }
}

/// What a template's file was called among the assets, and is.
struct Name {
    old: String,
    new: String,
    /// It, or one that it names, had the sensor; has it.
    had: bool,
    has: bool,
}

fn has_sensor(text: &str) -> bool {
    embed::undo(text).is_ok_and(|plain| plain != *text)
}

/// Reads a stack's template, and before it those of the stacks in it.
fn add_template(
    path: &Path,
    directory: &Path,
    templates: &mut Vec<File>,
    depth: usize,
) -> anyhow::Result<()> {
    let mut file = File::read(path)?;
    if depth > MAX_DEPTH {
        let reason = format!("{}: stacks nested deeper than {MAX_DEPTH}", file.name);
        return Err(BadInput::because(reason).into());
    }
    // What is wrong with the file is told when it is embedded.
    for nested in embed::nested_templates(&file.text).unwrap_or_default() {
        let inner = inside(directory, &nested.path, path)?;
        file.nested.push(nested.name);
        if !templates.iter().any(|known| known.path() == Some(&inner)) {
            add_template(&inner, directory, templates, depth + 1)?;
        }
    }
    templates.push(file);
    Ok(())
}

/// The key of a file among the assets of a document.
fn key(document: &File, file: &str) -> Option<String> {
    let assets: Value = serde_json::from_str(&document.text).ok()?;
    let mut files = assets.get("files")?.as_object()?.iter();
    let source = |asset: &Value| asset.get("source")?.get("path")?.as_str().map(str::to_owned);
    files.find(|(_, asset)| source(asset).as_deref() == Some(file)).map(|(key, _)| key.clone())
}

/// The bytes of a hash.
fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|letter| letter.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

enum Kind {
    Template,
    Document,
    Assembly,
}

fn renamed(text: &str, names: &[Name]) -> String {
    names.iter().fold(text.to_owned(), |text, name| text.replace(&name.old, &name.new))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use fargard_image::Digest;
    use fargard_taskdef::embed::{self, ImageTable, Settings};

    use super::Assembly;
    use crate::commands::embed::{Done, Embedding};

    fn hash(text: &str) -> String {
        Digest::of(text.as_bytes()).hex().to_owned()
    }

    fn change(directory: &std::path::Path, from: &str, to: &str) -> anyhow::Result<Vec<(String, String)>> {
        let (assembly, templates) = Assembly::open(directory)?;
        let mut all: Vec<Done> = templates
            .into_iter()
            .map(|file| {
                let text = file.text.replace(from, to);
                Done { file, embedding: Embedding { text, tasks: Vec::new() } }
            })
            .collect();
        let rehashed = assembly.rehash(&mut all)?;
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
        // A name that is no hash cannot be followed.
        std::fs::write(stage.join("S.assets.json"), asset("latest").to_string()).unwrap();
        std::fs::write(stage.join("manifest.json"), manifest.to_string().replace(&hash(template), "x"))
            .unwrap();
        let error = change(scratch.path(), "\"A\": 2", "\"A\": 1").unwrap_err().to_string();
        assert!(error.contains("called \"latest\", not by a hash"), "{error}");
        std::fs::write(stage.join("manifest.json"), manifest.to_string().replace("S.template.json", "../x"))
            .unwrap();
        assert!(
            change(scratch.path(), "", "").unwrap_err().to_string().contains("no name of a file beside it")
        );
    }

    /// Embeds all templates, or takes the sensor out of them, and writes what comes of it.
    fn work(directory: &std::path::Path, undoes: bool) {
        let (assembly, templates) = Assembly::open(directory).unwrap();
        let done = |file: crate::commands::embed::File| {
            let settings = Settings {
                sensor_image: "sensor".to_owned(),
                nested: file.nested.clone(),
                ..Settings::default()
            };
            let embedding = match undoes {
                true => Embedding { text: embed::undo(&file.text).unwrap(), tasks: Vec::new() },
                false => embed::embed(&file.text, &settings, &ImageTable::default()).unwrap(),
            };
            assert!(embedding.tasks.iter().all(|task| task.skip.is_none()), "{:?}", embedding.tasks);
            Done { file, embedding }
        };
        let mut all: Vec<Done> = templates.into_iter().map(done).collect();
        let rehashed = assembly.rehash(&mut all).unwrap();
        for done in all.into_iter().chain(rehashed) {
            std::fs::write(&done.file.name, done.embedding.text).unwrap();
        }
    }

    #[test]
    fn templates_of_nested_stacks_get_new_names_where_they_are_named() {
        let scratch = tempfile::tempdir().unwrap();
        let task = json!({"Type": "AWS::ECS::TaskDefinition", "Properties": {"RequiresCompatibilities": ["FARGATE"],
            "ContainerDefinitions": [{"Name": "app", "Image": "app:1", "EntryPoint": ["/app"]}]}});
        let inner = json!({"Resources": {"Task": task}}).to_string();
        // As the CDK does: not the hash of what is in the file.
        let (inner_key, outer_key) = ("1f".repeat(32), "2e".repeat(32));
        let stack = |file: &str, key: &str| {
            json!({"Type": "AWS::CloudFormation::Stack",
            "Properties": {"TemplateURL": {"Fn::Join": ["", ["https://s3.", {"Ref": "AWS::Region"}, format!("/b/{key}.json")]]}},
            "Metadata": {"aws:asset:path": file, "aws:asset:property": "TemplateURL"}})
        };
        let outer =
            json!({"Resources": {"Inner": stack("Inner.nested.template.json", &inner_key)}}).to_string();
        let top =
            json!({"Resources": {"Outer": stack("Outer.nested.template.json", &outer_key)}}).to_string();
        let source = |file: &str| json!({"source": {"path": file}, "destinations": {}});
        let assets = json!({"files": {inner_key.clone(): source("Inner.nested.template.json"),
            outer_key.clone(): source("Outer.nested.template.json"), hash(&top): source("Top.template.json")}});
        let manifest = json!({"artifacts": {
            "Top": {"type": "aws:cloudformation:stack", "properties": {"templateFile": "Top.template.json",
                "stackTemplateAssetObjectUrl": format!("s3://b/{}.json", hash(&top))}},
            "Top.assets": {"type": "cdk:asset-manifest", "properties": {"file": "Top.assets.json"}}}});
        let files = [
            ("Inner.nested.template.json", inner),
            ("Outer.nested.template.json", outer),
            ("Top.template.json", top),
            ("Top.assets.json", assets.to_string()),
            ("manifest.json", manifest.to_string()),
        ];
        for (name, text) in &files {
            std::fs::write(scratch.path().join(name), text).unwrap();
        }
        let read = |name: &str| {
            let bytes = fargard_model::bounded::read(&scratch.path().join(name), 1 << 20).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        work(scratch.path(), false);
        let embedded = files.each_ref().map(|(name, _)| read(name));
        assert!(embedded[0].contains("fargard-sensor"), "{}", embedded[0]);
        let assets: serde_json::Value = serde_json::from_str(&read("Top.assets.json")).unwrap();
        let key = |file: &str| {
            let mut files = assets["files"].as_object().unwrap().iter();
            files.find(|(_, asset)| asset["source"]["path"] == file).unwrap().0.clone()
        };
        for (file, old, names_it) in [
            ("Inner.nested.template.json", &inner_key, &embedded[1]),
            ("Outer.nested.template.json", &outer_key, &embedded[2]),
            ("Top.template.json", &hash(&files[2].1), &embedded[4]),
        ] {
            assert_ne!(&key(file), old);
            assert!(names_it.contains(&key(file)) && !names_it.contains(old), "{file}: {names_it}");
        }
        assert_eq!(key("Top.template.json"), hash(&embedded[2]), "named by its content, as before");
        work(scratch.path(), false);
        assert_eq!(files.each_ref().map(|(name, _)| read(name)), embedded, "twice is once");
        work(scratch.path(), true);
        assert_eq!(
            files.each_ref().map(|(name, _)| read(name)),
            files.each_ref().map(|(_, text)| text.clone())
        );
    }
}
