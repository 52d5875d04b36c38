//! The process's environment, as a value that tests can make.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use fargard_model::bounded;

/// Largest configuration file read.
const MAX_FILE: usize = 1 << 20;

/// Environment variables; empty ones count as absent, as for AWS's own tools.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// That of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let wanted = |name: &str| name.starts_with("AWS_") || name == "HOME";
        let pairs = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok().filter(|name| wanted(name))?;
            Some((name, value.into_string().ok()?))
        });
        Self(pairs.collect())
    }

    /// The variable's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// `AWS_CONFIG_FILE` and the like, or a file below the home directory.
    pub(crate) fn file(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        if let Some(path) = self.get(variable) {
            return match (path.strip_prefix("~/"), self.get("HOME")) {
                (Some(rest), Some(home)) => Some(Path::new(home).join(rest)),
                _ => Some(path.into()),
            };
        }
        Some(Path::new(self.get("HOME")?).join(below_home))
    }

    /// The file's text; `None` where there is no such file.
    pub(crate) fn read(path: &Path) -> io::Result<Option<String>> {
        match bounded::read_to_string(path, MAX_FILE) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// Names only: values may be secrets.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
