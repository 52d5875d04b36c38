//! Templates of nested stacks that stand beside the templates that are named.

use std::{collections::BTreeSet, fs, path::Path};

use fargard_taskdef::embed;

use super::files::File;
use crate::failure::BadInput;

/// Most files that are worked on because others lead to them.
const MAX_FILES: usize = 500;

/// Adds the files that nested stacks lead to, and those that these lead to, each once. What leads to no file is told
/// of as a stack that is not followed.
pub(super) fn follow(files: &mut Vec<File>) -> anyhow::Result<()> {
    let canonical = |path: &Path| fs::canonicalize(path).ok().filter(|path| path.is_file());
    let mut known: BTreeSet<_> = files.iter().filter_map(|file| canonical(file.path()?)).collect();
    let named = files.len();
    let mut index = 0;
    while let Some(file) = files.get_mut(index) {
        let mut more = Vec::new();
        if let Some(directory) = file.path().and_then(Path::parent) {
            let directory = directory.to_owned();
            // What is wrong with the file is told when it is embedded.
            for nested in embed::nested_templates(&file.text).unwrap_or_default() {
                // A directory that the CDK made must be given as a whole, as others of its files name these.
                if nested.is_asset {
                    continue;
                }
                let path = directory.join(&nested.path);
                let Some(real) = canonical(&path) else { continue };
                if known.insert(real) {
                    more.push(File::read(&path)?);
                }
                file.nested.push(nested.name);
            }
        }
        files.append(&mut more);
        if files.len() - named > MAX_FILES {
            let reason =
                format!("nested stacks lead to more than {MAX_FILES} files beside those that are named");
            return Err(BadInput::because(reason).into());
        }
        index += 1;
    }
    Ok(())
}
