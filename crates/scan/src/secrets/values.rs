//! What can be a secret, and what cannot.

use super::names::Strength;

/// Shortest password that is reported.
const MIN_PASSWORD: usize = 4;

/// Words that stand where a secret will be, and values that say there is none.
#[rustfmt::skip]
const PLACEHOLDERS: &[&str] = &[
    "true", "false", "yes", "no", "on", "off", "none", "null", "nil", "undefined", "auto", "default", "disabled", "enabled",
    "required", "optional", "empty", "unset", "todo", "tbd", "fixme", "redacted", "masked", "hidden", "removed", "dummy",
    "fake", "sample", "example", "placeholder", "random", "generate", "generated", "file", "env", "vault", "basic", "bearer", "bcrypt",
    "argon2", "md5", "sha256", "sha512", "hs256", "rs256", "scram-sha-256", "trust", "peer", "cookie", "jwt", "database", "redis",
    "memory", "string", "text", "password", "passwd", "pass", "secret", "token", "key", "apikey", "changeme", "change_me", "changeit",
    "change-me", "insert", "value", "xxx", "xxxx", "test", "testing", "local", "development", "production", "username", "user", "ldap", "oauth2", "plain",
];

/// Parts that only placeholders have.
#[rustfmt::skip]
const PLACEHOLDER_PARTS: &[&str] = &[
    "changeme", "change_me", "change-me", "change_this", "change-this", "change this", "your_", "your-", "yourpassword", "your password", "yoursecret", "yourtoken", "your token", "_here", "-here",
    "replace", "placeholder", "example", "dummy", "insert_", "insert-", "redacted", "to_be_", "xxxxx", "*****", "....", "not_a_", "not-a-", "notasecret", "not-secret", "<", "enter_", "putyour", "mysecret", "my-secret", "my_secret", "mypassword", "supersecret", "fake",
];

/// Whether a value only says where the secret is.
pub(super) fn is_reference(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let prefixes = [
        "arn:",
        "vault:",
        "ssm:",
        "secretsmanager:",
        "file:",
        "ref:",
        "op://",
        "awssm:",
        "gcp:",
        "azurekv:",
        "secret:",
        "secret/",
        "kv/",
        "bao:",
        "env:",
        "env.",
        "exec:",
        "path:",
        "projects/",
    ];
    prefixes.iter().any(|prefix| lower.starts_with(prefix)) || is_expansion(value)
}

/// `${NAME}`, `$NAME`, `$(command)`, `{{ template }}`, `%NAME%`, `<%= ... %>`.
fn is_expansion(value: &str) -> bool {
    let wrapped = [
        ("${", "}"),
        ("$(", ")"),
        ("{{", "}}"),
        ("%(", ")s"),
        ("<", ">"),
        ("[", "]"),
        ("#{", "}"),
        ("__", "__"),
    ];
    wrapped.iter().any(|(open, close)| value.starts_with(open) && value.ends_with(close))
        || value.strip_prefix('$').is_some_and(|name| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
                && !name.starts_with(|letter: char| letter.is_ascii_digit())
        })
        || (value.len() > 2 && value.starts_with('%') && value.ends_with('%'))
}

/// Whether a text in the place of a password can be one.
pub(super) fn can_be_password(text: &str) -> bool {
    text.chars().count() >= MIN_PASSWORD && !is_placeholder(text) && !is_reference(text)
}

/// Whether a value can be the secret that its variable's name announces.
pub(super) fn can_be_secret(value: &str, strength: Strength) -> bool {
    if !can_be_password(value) || is_setting(value) {
        return false;
    }
    match strength {
        Strength::Strong => true,
        Strength::Weak => looks_random(value),
    }
}

/// A placeholder in any letter case.
fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let bare = lower.trim_end_matches(|letter: char| letter.is_ascii_punctuation());
    let first = value.chars().next();
    PLACEHOLDERS.contains(&bare)
        || PLACEHOLDERS.contains(&lower.as_str())
        || PLACEHOLDER_PARTS.iter().any(|part| lower.contains(part))
        || value.chars().all(|letter| Some(letter) == first)
}

/// A path, a number, a version, an address without a password, a list of words: settings, not secrets.
fn is_setting(value: &str) -> bool {
    let is_path = value.starts_with('/') && (value.matches('/').count() >= 2 || value.len() < 16)
        || value.starts_with("./")
        || value.starts_with("../")
        || value.starts_with("~/")
        || value.starts_with("C:\\");
    let is_number = value.len() < 6 && value.bytes().all(|byte| byte.is_ascii_digit());
    let is_amount =
        value.trim_end_matches(|letter: char| letter.is_ascii_alphabetic()).parse::<f64>().is_ok()
            && value.len() < 6;
    let is_address = value.contains("://");
    let is_version = value.split('.').count() >= 3
        && value
            .trim_start_matches('v')
            .split(['.', '-'])
            .all(|part| part.len() <= 4 && part.parse::<u32>().is_ok());
    let has_file_ending = [
        ".txt", ".pem", ".key", ".crt", ".json", ".yml", ".yaml", ".conf", ".jks", ".p12", ".pub", ".gpg",
        ".asc", ".env",
    ]
    .iter()
    .any(|ending| value.ends_with(ending));
    let is_host = value.contains('.') && value.ends_with(".com")
        || value.ends_with(".local")
        || value.ends_with(".internal");
    let is_class = value.matches('.').count() >= 2
        && value.split('.').all(|part| part.len() > 1 && part.bytes().all(|byte| byte.is_ascii_alphabetic()));
    let is_text = value.matches(' ').count() >= 4;
    let is_list = value.matches(',').count() >= 2;
    is_path
        || is_number
        || is_amount
        || is_address
        || is_version
        || has_file_ending
        || is_host
        || is_class
        || is_text
        || is_list
}

/// Whether a value is too varied for a word: letters of several kinds, or many letters of a hexadecimal number.
fn looks_random(value: &str) -> bool {
    let kinds = [
        value.bytes().any(|byte| byte.is_ascii_lowercase()),
        value.bytes().any(|byte| byte.is_ascii_uppercase()),
        value.bytes().any(|byte| byte.is_ascii_digit()),
    ];
    let kinds = kinds.iter().filter(|kind| **kind).count();
    value.len() >= 12 && !value.contains(' ') && kinds >= 2 && entropy(value) >= 3.0 && !is_wordy(value)
}

/// Whether it has the entropy of something that is not a word.
pub(super) fn is_varied(value: &str) -> bool {
    entropy(value) >= 3.0 && !is_wordy(value)
}

/// Whether it is words with separators between, as a name: `my-app-production-1`.
fn is_wordy(value: &str) -> bool {
    let parts: Vec<&str> =
        value.split(['-', '_', '.', '/', ':', ' ']).filter(|part| !part.is_empty()).collect();
    parts.len() >= 2
        && parts.iter().all(|part| {
            let letters = part.bytes().filter(u8::is_ascii_alphabetic).count();
            letters == part.len() || letters == 0 && part.len() <= 4
        })
}

/// Shannon's entropy of the bytes, in bits a byte.
fn entropy(value: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in value.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total = f64::from(u32::try_from(value.len()).unwrap_or(u32::MAX));
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / total;
            -share * share.log2()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::{Strength, can_be_secret};

    #[test]
    fn what_cannot_be_a_secret() {
        for value in [
            "",
            "true",
            "changeme",
            "${DB_PASSWORD}",
            "$DB_PASSWORD",
            "/run/secrets/db",
            "3600",
            "60s",
            "your-token-here",
            "arn:aws:secretsmanager:eu-west-1:1:secret:x",
            "xxxxxxxx",
            "{{ .Values.password }}",
            "server.key",
            "1.2.3",
            "<password>",
            "org.example.security.TokenService",
        ] {
            assert!(!can_be_secret(value, Strength::Strong) || super::is_reference(value), "{value}");
        }
        assert!(!can_be_secret("my-app-production", Strength::Weak));
    }

    #[test]
    fn what_can() {
        for value in [
            "hunter22",
            "s3cr3tP4ss",
            "correct horse battery",
            "9f86d081884c7d659a2feaa0c55ad015",
            "/9j4AAQSkZJRgABAQAAAQABAAD",
        ] {
            assert!(can_be_secret(value, Strength::Strong), "{value}");
        }
        assert!(can_be_secret("9f86d081884c7d659a2feaa0c55ad015", Strength::Weak));
    }
}
