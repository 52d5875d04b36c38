//! Loading rules by what a Falco configuration says of them.

use std::path::Path;

use fargard_model::bounded;
use fargard_rules::{
    LoadReport, SourceFile, load_with,
    options::{MAX_CONFIG, Options},
};

use crate::failure::BadInput;

/// Loads the files; the keys of the configuration that say something of rules apply.
pub(super) fn load(files: &[SourceFile], config: Option<&Path>) -> anyhow::Result<LoadReport> {
    Ok(load_with(files, &options(config)?))
}

/// The options of a Falco configuration; the default ones without a file.
#[expect(clippy::print_stderr, reason = "what is ignored is said beside the result")]
pub(crate) fn options(config: Option<&Path>) -> anyhow::Result<Options> {
    let Some(path) = config else { return Ok(Options::default()) };
    let text = bounded::read_to_string(path, MAX_CONFIG)
        .map_err(|error| BadInput::because(format!("cannot read {}: {error}", path.display())))?;
    let file = SourceFile { name: path.display().to_string(), text };
    let (options, ignored) =
        Options::of_falco_config(&file, |name| std::env::var(name).ok()).map_err(BadInput::because)?;
    if !ignored.is_empty() {
        eprintln!(
            "fargard: {}: these keys say nothing of rules and are ignored: {}",
            file.name,
            ignored.join(", ")
        );
    }
    Ok(options)
}
