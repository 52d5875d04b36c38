//! What a variable's name says.

/// How surely a name is a secret's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// `..._KEY`, `..._AUTH`: of a secret when the value looks random.
    Weak,
    /// `..._PASSWORD`, `..._SECRET`: of a secret unless the value cannot be one.
    Strong,
}

/// Words that make a name a secret's.
#[rustfmt::skip]
const STRONG: &[&str] = &[
    "apikey", "apitoken", "accesstoken", "authtoken", "bearer", "credential", "credentials", "creds", "jwt", "pass",
    "passcode", "passphrase", "passwd", "password", "passwords", "privatekey", "psk", "pw", "pwd", "secret",
    "secretkey", "secrets", "token", "pin", "encryptionkey", "signingkey", "masterkey", "accesskey", "adminpass",
    "rootpassword", "dbpassword", "userpassword", "webhook", "pepper", "salt", "passwort",
];
const WEAK: &[&str] = &[
    "auth",
    "key",
    "keys",
    "seed",
    "session",
    "cookie",
    "dsn",
    "hash",
    "sig",
    "signature",
    "license",
    "licence",
];

/// Pairs of words that make one of them: `API_KEY`, `PRIVATE_KEY`.
const STRONG_BEFORE_KEY: &[&str] = &[
    "access",
    "account",
    "api",
    "app",
    "encryption",
    "encrypt",
    "license",
    "licence",
    "master",
    "private",
    "secret",
    "shared",
    "signing",
    "storage",
    "cookie",
    "session",
    "crypt",
    "cipher",
    "auth",
    "security",
    "integration",
    "ingest",
];

/// Words after which a name is about a secret and is none: where it is, how long it lives, what it is called.
#[rustfmt::skip]
const ABOUT: &[&str] = &[
    "algorithm", "algo", "alg", "arn", "attempts", "bucket", "class", "chars", "config", "count", "dir", "directory", "disabled",
    "driver", "duration", "enable", "enabled", "encoder", "endpoint", "engine", "env", "expiration", "expire", "expires", "expiry",
    "field", "file", "filename", "files", "format", "fingerprint", "gpg", "header", "hint", "host", "id", "ids", "interval", "issuer",
    "length", "len", "lifetime", "limit", "location", "max", "method", "min", "minlength", "mode", "name", "names", "number",
    "owner", "param", "path", "pattern", "policy", "port", "prefix", "provider", "public", "reader", "ref", "region", "require",
    "required", "reset", "rotation", "server", "service", "size", "source", "store", "strategy", "suffix", "timeout", "ttl", "type",
    "uri", "url", "usage", "use", "user", "username", "validation", "validity", "version", "versions", "algorithms", "iterations", "rounds", "cost",
    "backend", "cache", "domain", "command", "cmd", "plugin", "module", "manager", "regex", "index", "table", "column",
    "delimiter", "separator", "default", "days", "hours", "minutes", "seconds", "ms", "audience", "scope", "scopes",
];

/// Words before which a key is no secret: `PUBLIC_KEY`, `GPG_KEY`, `PRIMARY_KEY`.
const HARMLESS_BEFORE_KEY: &[&str] = &[
    "gpg",
    "pgp",
    "public",
    "pub",
    "primary",
    "foreign",
    "sort",
    "partition",
    "hash",
    "signer",
    "release",
    "host",
    "cli",
    "object",
    "cache",
    "routing",
    "shard",
    "map",
    "registry",
    "ssh",
    "redis",
    "metric",
    "label",
    "translation",
    "idempotency",
    "dedup",
    "context",
    "header",
    "query",
    "site",
];

/// Beginnings that say a variable is a switch or a setting, whatever follows.
#[rustfmt::skip]
const SETTING_FIRST: &[&str] = &["allow", "enable", "disable", "use", "no", "skip", "require", "is", "has", "with", "without", "min", "max", "ignore", "generate", "random"];

/// Words that make it a switch wherever they stand.
const SETTING_ANYWHERE: &[&str] = &["allow", "random", "generate", "empty", "onetime", "min", "max", "reset"];

/// How surely a name is a secret's; `None` when it is none's.
pub(super) fn strength(name: &str) -> Option<Strength> {
    let words = words(name);
    let last = words.last()?.as_str();
    let before = words.len().checked_sub(2).and_then(|at| words.get(at)).map_or("", String::as_str);
    if words.first().is_some_and(|first| SETTING_FIRST.contains(&first.as_str())) {
        return None;
    }
    if last.len() <= 2 && last.bytes().all(|byte| byte.is_ascii_digit()) && words.len() > 1 {
        // PASSWORD_2 is as PASSWORD.
        let shorter: Vec<&str> = words.iter().take(words.len() - 1).map(String::as_str).collect();
        return strength(&shorter.join("_"));
    }
    if words.iter().any(|word| SETTING_ANYWHERE.contains(&word.as_str())) {
        return None;
    }
    if ABOUT.contains(&last) || words.iter().any(|word| word == "public" || word == "example") {
        return None;
    }
    if last == "key" || last == "keys" {
        if HARMLESS_BEFORE_KEY.contains(&before) {
            return None;
        }
        let is_strong = STRONG_BEFORE_KEY.contains(&before) || words.iter().any(|word| word == "secret");
        return Some(if is_strong { Strength::Strong } else { Strength::Weak });
    }
    if STRONG.contains(&last) || is_glued(last) {
        return Some(Strength::Strong);
    }
    if WEAK.contains(&last) {
        return Some(Strength::Weak);
    }
    // PASSWORD_ADMIN, TOKEN_GITHUB: the word leads.
    let leads = words.iter().any(|word| STRONG.contains(&word.as_str()) || is_glued(word));
    leads.then_some(Strength::Weak)
}

/// `MYSQLPASSWORD`, `PGPASSWORD`, `authtoken`: a word with something in front.
fn is_glued(word: &str) -> bool {
    ["password", "passwd", "passphrase", "secret", "apikey", "token", "secretkey"]
        .iter()
        .any(|ending| word.len() > ending.len() && word.ends_with(ending))
}

/// The words of `DB_PASSWORD`, `dbPassword`, `db-password`, `db.password`, in small letters.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = '_';
    for letter in name.chars().take(200) {
        if !letter.is_ascii_alphanumeric() {
            before = '_';
            continue;
        }
        let begins = before == '_' || (letter.is_ascii_uppercase() && before.is_ascii_lowercase());
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(letter.to_ascii_lowercase());
        }
        before = letter;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::{Strength, strength};

    #[test]
    fn names_of_secrets() {
        for name in [
            "MYSQL_ROOT_PASSWORD",
            "dbPassword",
            "PGPASSWORD",
            "API_KEY",
            "AWS_SECRET_ACCESS_KEY",
            "app.secret",
            "GITHUB_TOKEN",
            "DB_PASS",
            "JWT_SECRET",
            "SECRET_KEY_BASE",
            "PASSWORD_2",
            "REDIS_PW",
        ] {
            assert!(strength(name).is_some(), "{name}");
        }
        assert_eq!(strength("DATADOG_KEY"), Some(Strength::Weak));
    }

    #[test]
    fn names_about_secrets() {
        for name in [
            "MYSQL_ROOT_PASSWORD_FILE",
            "TOKEN_TTL",
            "PASSWORD_MIN_LENGTH",
            "GPG_KEY",
            "WORDPRESS_CLI_GPG_KEY",
            "PUBLIC_KEY",
            "SECRET_NAME",
            "MYSQL_ALLOW_EMPTY_PASSWORD",
            "MYSQL_RANDOM_ROOT_PASSWORD",
            "AWS_ACCESS_KEY_ID",
            "KEYCLOAK_VERSION",
            "KEYBOARD",
            "PATH",
            "TOKENIZERS_PARALLELISM",
            "ALLOW_ANONYMOUS_LOGIN",
            "PASSENGER_APP_ENV",
        ] {
            assert_eq!(strength(name), None, "{name}");
        }
    }
}
