//! Inputs to begin with: rules, tables of tests, and the material beside the repository.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fargard_model::bounded;
use serde_json::Value;

use super::files;
use crate::shell::root;

/// Longest file that is read.
const MAX_FILE: usize = 64 << 20;
/// Most CloudTrail records.
const MAX_RECORDS: usize = 500;
/// Bytes of a capture that are taken.
const MAX_CAPTURE: usize = 64 << 10;

/// Inputs of our own, inputs of others, and all that others wrote: nothing of that is to be kept.
#[derive(Debug, Default)]
pub(super) struct Seeds {
    pub(super) own: Vec<Vec<u8>>,
    pub(super) shared: Vec<Vec<u8>>,
    pub(super) foreign: Vec<Vec<u8>>,
}

/// The inputs of a target.
pub(super) fn of(target: &str) -> Result<Seeds> {
    let mut seeds = Seeds::default();
    match target {
        "condition" => {
            for text in texts(&root().join("rules"), "yaml")? {
                seeds.own.extend(conditions(&text));
            }
            seeds.own.extend(literals(&root().join("crates/rules/src/syntax"))?);
            seeds.own.extend(literals(&root().join("crates/rules/src/ruleset"))?);
            for name in ["filter_accept.json", "filter_reject.json"] {
                seeds.shared.extend(strings(&shared().join("data/falco/vectors").join(name))?);
            }
            for text in texts(&shared().join("data/falco"), "yaml")? {
                seeds.shared.extend(conditions(&text));
            }
        }
        "loader" => {
            for text in texts(&root().join("rules"), "yaml")? {
                seeds.own.extend(items(&text));
            }
            for place in ["load", "ruleset", "lint", "unit_test"] {
                seeds.own.extend(literals(&root().join("crates/rules/src").join(place))?);
            }
            for place in ["data/falco/loader", "data/falco"] {
                for text in texts(&shared().join(place), "yaml")? {
                    seeds.shared.extend(items(&text));
                    seeds.shared.push(text.into_bytes());
                }
            }
        }
        "sigma" => {
            for text in texts(&root().join("crates/sigma/tests/rules"), "yml")? {
                seeds.own.extend(text.split("\n---\n").map(|document| document.as_bytes().to_vec()));
            }
            seeds.own.extend(literals(&root().join("crates/sigma/tests"))?);
        }
        "embed" => {
            for ending in ["json", "yaml", "yml"] {
                seeds.own.extend(
                    texts(&root().join("crates/taskdef/tests/embed"), ending)?
                        .into_iter()
                        .map(String::into_bytes),
                );
                for text in texts(&shared().join("data/taskdefs"), ending)? {
                    seeds.shared.push(text.clone().into_bytes());
                    seeds.foreign.push(text.into_bytes());
                }
            }
        }
        "cloudtrail" => {
            seeds.own.extend(literals(&root().join("crates/rules/src/fields"))?);
            seeds.own.extend(literals(&root().join("crates/rules/src/json"))?);
            let directory = shared().join("data/cloudtrail/invictus-ir");
            seeds.shared.extend(records(&directory)?);
            for path in files(&directory)? {
                seeds.foreign.push(bounded::read(&path, MAX_FILE)?);
            }
        }
        "network" => {
            for text in texts(&root().join("crates/sensor/src/net/testdata"), "tsv")? {
                let hex = text.lines().filter_map(|line| line.split('\t').next());
                seeds.own.extend(hex.filter_map(from_hex));
            }
        }
        "scap" => {
            for path in files(&shared().join("data/falco/captures"))? {
                let bytes = bounded::read(&path, MAX_FILE)?;
                seeds.shared.push(bytes.get(..MAX_CAPTURE).unwrap_or(&bytes).to_vec());
                seeds.foreign.push(bytes);
            }
        }
        _ => {}
    }
    Ok(seeds)
}

/// The material beside the repository, when it is there.
fn shared() -> PathBuf {
    std::env::var_os("FARGARD_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from)
}

/// The files of a directory with that ending.
fn texts(directory: &Path, ending: &str) -> Result<Vec<String>> {
    files(directory)?
        .iter()
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .map(|path| {
            bounded::read_to_string(path, MAX_FILE).with_context(|| format!("cannot read {}", path.display()))
        })
        .collect()
}

/// Bytes written as hexadecimal digits.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    let byte = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(byte).collect()
}

/// The items of a rules file.
fn items(text: &str) -> Vec<Vec<u8>> {
    text.split("\n- ").map(|item| format!("- {}", item.trim_start_matches("- ")).into_bytes()).collect()
}

/// Conditions of a rules file: what follows the key, with the deeper lines below it.
fn conditions(text: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(first) = line.strip_prefix("  condition:") else { continue };
        let mut condition = first.trim_start_matches([' ', '>', '-', '|']).to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with("   ")) {
            condition.push(' ');
            condition.push_str(more.trim());
        }
        found.push(condition.trim().as_bytes().to_vec());
    }
    found
}

/// The strings of a JSON list.
fn strings(path: &Path) -> Result<Vec<Vec<u8>>> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let list: Value = serde_json::from_slice(&bounded::read(path, MAX_FILE)?)?;
    Ok(list
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|text| Some(text.as_str()?.as_bytes().to_vec()))
        .collect())
}

/// Records of CloudTrail files.
fn records(directory: &Path) -> Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    for path in files(directory)? {
        let file: Value = serde_json::from_slice(&bounded::read(&path, MAX_FILE)?)?;
        let records = file.get("Records").and_then(Value::as_array);
        found.extend(records.into_iter().flatten().map(|record| record.to_string().into_bytes()));
        if found.len() > MAX_RECORDS {
            break;
        }
    }
    found.truncate(MAX_RECORDS);
    Ok(found)
}

/// String literals of the Rust files of a directory: tests keep their tables in them.
fn literals(directory: &Path) -> Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    for text in texts(directory, "rs")? {
        let mut rest = text.as_str();
        while let Some((_, after)) = rest.split_once('"') {
            let (literal, behind) = literal(after);
            if literal.len() > 2 {
                found.push(literal.into_bytes());
            }
            rest = behind;
        }
    }
    Ok(found)
}

/// A literal up to its closing quote, and what follows.
fn literal(text: &str) -> (String, &str) {
    let mut literal = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => break,
            '\\' => match chars.next() {
                Some('n') => literal.push('\n'),
                Some('t') => literal.push('\t'),
                Some('\n') => chars = chars.as_str().trim_start().chars(),
                Some(other) => literal.push(other),
                None => break,
            },
            other => literal.push(other),
        }
    }
    (literal, chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::{conditions, items, literal};

    #[test]
    fn rules_and_tables_are_taken_apart() {
        let text = "- macro: m\n  condition: a.b = c\n\n- rule: r\n  condition: >\n    a.b = c\n    and m\n  output: x\n";
        let all: Vec<String> =
            conditions(text).into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect();
        assert_eq!(all, ["a.b = c", "a.b = c and m"]);
        assert_eq!(items(text).len(), 2);
        assert!(items(text).iter().all(|item| item.starts_with(b"- ") && !item.starts_with(b"- - ")));
        assert_eq!(literal(r#"a \"b\"\n" rest"#), ("a \"b\"\n".to_owned(), " rest"));
    }
}
