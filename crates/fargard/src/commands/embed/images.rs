//! Where image configurations come from.

use std::path::PathBuf;

use fargard_model::bounded;
use fargard_taskdef::embed::ImageTable;

use crate::failure::BadInput;

/// Most bytes of a file with image configurations.
const MAX_BYTES: usize = 16 << 20;

/// Reads the files of `--image-config`; of an image that stands in several the last counts.
pub(super) fn open(files: &[PathBuf]) -> anyhow::Result<ImageTable> {
    let mut table = ImageTable::default();
    for path in files {
        let name = path.display();
        let text = bounded::read_to_string(path, MAX_BYTES)
            .map_err(|error| BadInput::because(format!("{name}: {error}")))?;
        let mut read: ImageTable = serde_json::from_str(&text).map_err(|error| {
            let at = (error.line(), error.column());
            BadInput::because(format!("{name}:{}:{}: no table of image configurations: {error}", at.0, at.1))
        })?;
        table.0.append(&mut read.0);
    }
    Ok(table)
}
