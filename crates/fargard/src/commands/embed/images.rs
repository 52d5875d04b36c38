//! Where image configurations come from.

use std::path::PathBuf;

use clap::ValueHint;
use fargard_image::{LockFile, Lookup, Origin};
use fargard_model::bounded;
use fargard_taskdef::embed::{ImageConfig, ImageLookup, ImageTable, LookupFailure, Platform};

use crate::{commands::registry::RegistryArgs, failure::BadInput};

/// Most bytes of a file with image configurations.
const MAX_BYTES: usize = 16 << 20;

/// Options that say where image configurations come from.
#[derive(Debug, clap::Args)]
pub(crate) struct ImageArgs {
    /// JSON file with configurations by image: {"nginx:1.27": {"entrypoint": [..], "cmd": [..]}}
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    image_config: Vec<PathBuf>,
    /// Where to look images up: docker-archive:FILE, oci:DIR, inspect:FILE (of `docker image inspect`), or registry;
    /// may be given several times, the first that has the image counts
    #[arg(long, value_name = "SOURCE")]
    image_source: Vec<Origin>,
    /// What images were found to be, with their digests: looked at before the sources, and written when they add to it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    lock_file: Option<PathBuf>,
    #[command(flatten)]
    registry: RegistryArgs,
}

/// All that is known of images: given configurations, then the lock file, then the sources.
pub(crate) struct Images {
    table: ImageTable,
    lookup: Option<Lookup>,
    lock_file: Option<PathBuf>,
}

impl ImageArgs {
    /// Reads what is given; nobody is asked yet.
    pub(crate) fn open(&self) -> anyhow::Result<Images> {
        let bad = |error: fargard_image::ImageError| BadInput::because(error.to_string());
        let wanted = self.lock_file.is_some() || !self.image_source.is_empty();
        let lookup = if wanted {
            let lock = match &self.lock_file {
                Some(path) => LockFile::read(path).map_err(bad)?,
                None => LockFile::default(),
            };
            let registry = self.registry.open().map_err(bad)?;
            Some(Lookup::new(lock, self.image_source.clone(), registry))
        } else {
            None
        };
        Ok(Images { table: table(&self.image_config)?, lookup, lock_file: self.lock_file.clone() })
    }
}

impl Images {
    /// Writes what was found into the lock file.
    pub(crate) fn write_lock(&self) -> anyhow::Result<()> {
        if let (Some(path), Some(news)) = (&self.lock_file, self.lookup.as_ref().and_then(Lookup::news)) {
            news.write(path)?;
        }
        Ok(())
    }
}

impl ImageLookup for Images {
    fn config(&self, image: &str, platform: &Platform) -> Result<ImageConfig, LookupFailure> {
        self.config_with(image, platform, None)
    }

    fn config_with(
        &self,
        image: &str,
        platform: &Platform,
        secret: Option<&str>,
    ) -> Result<ImageConfig, LookupFailure> {
        match &self.lookup {
            Some(lookup) if !self.table.0.contains_key(image) => lookup.config_with(image, platform, secret),
            None if self.table.0.is_empty() => ().config(image, platform),
            _ => self.table.config(image, platform),
        }
    }
}

/// Reads the files of `--image-config`; of an image that stands in several the last counts.
fn table(files: &[PathBuf]) -> anyhow::Result<ImageTable> {
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
