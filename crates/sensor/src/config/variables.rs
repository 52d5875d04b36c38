//! Reading variables, with errors that name them.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    str::FromStr,
};

use fargard_model::Secret;

use super::{ConfigError, DEFAULT_SPOOL_BYTES, Server, Spool, refuse, token_from_file};

/// Variables by name. An empty value counts as not set.
pub(super) struct Variables<'a, F> {
    pub(super) lookup: &'a F,
}

impl<F: Fn(&str) -> Option<OsString>> Variables<'_, F> {
    pub(super) fn get(&self, name: &str) -> Option<OsString> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>, ConfigError> {
        match self.get(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => refuse(name, "the value is not UTF-8"),
        }
    }

    pub(super) fn parsed_by<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        parse(&text).map(Some).or_else(|hint| refuse(name, format!("{text:?}: {hint}")))
    }

    pub(super) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, ConfigError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        text.parse().map(Some).or_else(|_| refuse(name, format!("{text:?} is not a whole number")))
    }

    pub(super) fn server(&self) -> Result<Option<Server>, ConfigError> {
        let Some(url) = self.text("FARGARD_SERVER")? else { return Ok(None) };
        let token = match (self.text("FARGARD_TOKEN")?, self.get("FARGARD_TOKEN_FILE")) {
            (Some(token), _) => Secret::new(token),
            (None, Some(file)) => token_from_file(Path::new(&file))?,
            (None, None) => {
                return refuse(
                    "FARGARD_SERVER",
                    "an enrolment token is needed: set FARGARD_TOKEN or FARGARD_TOKEN_FILE",
                );
            }
        };
        Server::new(&url, token, self.get("FARGARD_CA_FILE").map(PathBuf::from)).map(Some)
    }

    pub(super) fn spool(&self) -> Result<Option<Spool>, ConfigError> {
        let max_bytes = self.number("FARGARD_SPOOL_MAX_BYTES")?.unwrap_or(DEFAULT_SPOOL_BYTES);
        Ok(self.get("FARGARD_SPOOL_DIR").map(|directory| Spool { directory: directory.into(), max_bytes }))
    }
}
