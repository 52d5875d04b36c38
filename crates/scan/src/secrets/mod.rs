//! Check 424: secrets in environment variables of images, task definitions and processes, and in commands.
//!
//! Three questions, in this order. Is the value of a known form, whatever the variable is called ([`formats`])? Is it an
//! address with a password in it ([`url`])? Does the name say that it is a secret ([`names`]), and is the value one that can be
//! a secret rather than a path, a switch, a reference or a placeholder ([`values`])?

mod formats;
mod mask;
mod names;
pub mod text;
mod url;
mod values;

use fargard_model::{Priority, foreign::printable};

pub use self::mask::mask;
use crate::{Finding, keys};

/// Longest value that is judged.
const MAX_VALUE: usize = 128 << 10;

/// Longest name that is shown.
const MAX_NAME: usize = 200;

/// What a variable's value was taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// One word for filters: `aws-secret-key`, `url-password`, `named`.
    pub class: &'static str,
    /// For people, with the value masked.
    pub reason: String,
    /// How bad it is.
    pub severity: Priority,
}

impl Secret {
    fn new(class: &'static str, what: &str, secret: &str, severity: Priority) -> Self {
        Self { class, reason: format!("{what}: {}", mask(secret)), severity }
    }
}

/// The secret in a variable, if there is one.
#[must_use]
pub fn variable(name: &str, value: &str) -> Option<Secret> {
    let value = unquoted(value.trim());
    if value.is_empty() || value.len() > MAX_VALUE {
        return None;
    }
    if let Some(key) = keys::find(value.as_bytes()).first() {
        let severity = if key.encoding.encrypted { Priority::Warning } else { Priority::Error };
        return Some(Secret {
            class: "private-key",
            reason: format!("a private key: {}", key.describe()),
            severity,
        });
    }
    if let Some(found) = formats::known(name, value) {
        return Some(found);
    }
    if values::is_reference(value) {
        return None;
    }
    if let Some(password) = url::password(value) {
        return Some(Secret::new("url-password", "an address with a password", password, Priority::Error));
    }
    let strength = names::strength(name)?;
    values::can_be_secret(value, strength)
        .then(|| Secret::new("named", "the name says that it is a secret", value, Priority::Error))
}

/// The secrets in an environment: `NAME=value` each.
#[must_use]
pub fn environment<'a>(variables: impl IntoIterator<Item = &'a str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for variable_text in variables {
        let Some((name, value)) = variable_text.split_once('=') else { continue };
        if let Some(secret) = variable(name, value) {
            findings.push(Finding {
                subject: printable(name.chars().take(MAX_NAME).collect::<String>().as_bytes()),
                class: secret.class,
                reason: secret.reason,
                severity: secret.severity,
            });
        }
    }
    findings
}

/// A secret in the words of a command: `--password=value`, `--password value`, `PASSWORD=value`, and values of known forms.
#[must_use]
pub fn command(words: &[&str]) -> Vec<Secret> {
    let mut found = Vec::new();
    let mut previous = None;
    for word in words {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (Some(name), value),
            None => (previous.filter(|name: &&str| name.starts_with("--")), *word),
        };
        let name = name.map(|name| name.trim_start_matches('-').replace('-', "_")).unwrap_or_default();
        if !value.starts_with('-') {
            found.extend(variable(&name, value));
        }
        previous = Some(*word);
    }
    found
}

/// Without a pair of quotes around it.
fn unquoted(value: &str) -> &str {
    ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(value)
}
