//! Options of every command that reads images from registries.

use std::path::PathBuf;

use clap::ValueHint;
use fargard_image::{ImageError, Registry, RegistryOptions};

/// How registries are reached.
#[derive(Debug, clap::Args)]
pub(crate) struct RegistryArgs {
    /// Ask no registry: only what is pinned and was looked up before is known
    #[arg(long)]
    offline: bool,
    /// Certificates to trust for registries instead of the usual ones (PEM)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    registry_ca: Option<PathBuf>,
    /// Address at which a registry is reached, as docker.io=https://mirror.internal
    #[arg(long, value_name = "HOST=URL", value_parser = mirror)]
    registry_mirror: Vec<(String, String)>,
}

fn mirror(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((host, url)) if !host.is_empty() && url.contains("://") => Ok((host.to_owned(), url.to_owned())),
        _ => Err("write HOST=URL".to_owned()),
    }
}

impl RegistryArgs {
    /// Registries as these options say; nobody is asked yet.
    pub(crate) fn open(&self) -> Result<Registry, ImageError> {
        Registry::new(RegistryOptions {
            ca_file: self.registry_ca.clone(),
            endpoints: self.registry_mirror.iter().cloned().collect(),
            cache: cache_directory(),
            offline: self.offline,
            ..RegistryOptions::default()
        })
    }
}

/// `fargard/images` in the user's cache directory (XDG base directories).
fn cache_directory() -> Option<PathBuf> {
    let named = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = named.or_else(|| std::env::home_dir().map(|home| home.join(".cache")))?;
    Some(cache.join("fargard/images"))
}
