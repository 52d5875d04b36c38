//! Check 456: secrets in text files of any name.
//!
//! A first search over the whole file for what every secret needs (a known prefix, an address, a name that says so) leaves
//! few lines; those are judged as variables are, with two differences. In source code a value counts when it is quoted, as what is
//! not may be a call. And a name alone is not enough: the value must look as nobody writes a word, since files have
//! labels and translations where environments have values.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use fargard_model::{Priority, foreign::printable};

use super::{Secret, formats, names, url, values};
use crate::Finding;

/// Bytes of a file that are searched.
pub const MAX_TEXT: usize = 1 << 20;
/// Longest line that is judged; a longer one is a minified program or data.
const MAX_LINE: usize = 4096;
/// Most secrets of one file.
const MAX_FOUND: usize = 50;
/// Longest name that is shown.
const MAX_NAME: usize = 60;

/// A secret and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InText {
    /// Line, from 1.
    pub line: usize,
    /// What it is.
    pub class: &'static str,
    /// For people, masked.
    pub reason: String,
    /// How bad.
    pub severity: Priority,
}

/// Parts one of which a line must have, in any letter case.
static SIGNS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let words = [
        "pass", "pwd", "secret", "token", "key", "auth", "cred", "bearer", "basic ", "psk", "dsn", "://",
        "salt", "pepper",
    ];
    let signs = words.into_iter().chain(formats::prefixes());
    AhoCorasick::builder().ascii_case_insensitive(true).build(signs).ok()
});

/// Endings of source code, where only what is quoted is a value.
const CODE: &[&str] = &[
    ".c", ".cc", ".cpp", ".cs", ".dart", ".ex", ".exs", ".go", ".h", ".hpp", ".java", ".jl", ".js", ".jsx",
    ".kt", ".lua", ".m", ".mjs", ".php", ".pl", ".pm", ".py", ".r", ".rb", ".rs", ".scala", ".swift", ".tcl",
    ".ts", ".tsx", ".vue",
];

/// Endings of files that are made to be filled in.
const TEMPLATES: &[&str] = &[
    ".example",
    ".sample",
    ".dist",
    ".template",
    ".tmpl",
    ".tpl",
    ".j2",
    ".erb",
    ".in",
    ".md",
    ".rst",
    ".html",
    ".pot",
    ".po",
];

/// Parts of paths where credentials are made up.
const MADE_UP: &[&str] = &[
    "/test/",
    "/tests/",
    "/testdata/",
    "/spec/",
    "/fixtures/",
    "/examples/",
    "/example/",
    "/__tests__/",
    "/mock",
    "/doc/",
    "/docs/",
    "/samples/",
    "/locale",
    "/i18n/",
];

/// Programs' dependencies, and what systems ship: others have published it.
const PUBLISHED: &[&str] = &[
    "/node_modules/",
    "/site-packages/",
    "/dist-packages/",
    "/gems/",
    "/pkg/mod/",
    "/registry/src/",
    "/vendor/bundle/",
    "/usr/share/",
    "/usr/lib/",
    "/usr/include/",
    "/usr/local/go/",
    "/usr/local/lib/",
    "/lib/",
    "/var/lib/dpkg/",
    "/var/lib/apt/",
    "/var/cache/",
    "/proc/",
    "/sys/",
];

/// Whether a file of that path is searched at all. Of what others have published only known forms could count, and
/// those are theirs.
#[must_use]
pub fn is_searched(path: &[u8], size: u64) -> bool {
    let path = String::from_utf8_lossy(path);
    size > 0
        && size <= MAX_TEXT as u64
        && !PUBLISHED.iter().any(|part| {
            if part.starts_with("/usr") || part.len() < 6 || part.starts_with("/var") {
                path.starts_with(part)
            } else {
                path.contains(part)
            }
        })
}

/// The secrets in a file. Nothing of what is not text.
#[must_use]
pub fn find(path: &str, content: &[u8]) -> Vec<InText> {
    let content = content.get(..content.len().min(MAX_TEXT)).unwrap_or_default();
    let Some(signs) = SIGNS.as_ref().filter(|_| !content.iter().take(8192).any(|byte| *byte == 0)) else {
        return Vec::new();
    };
    let lower = path.to_ascii_lowercase();
    let place = Place {
        code: CODE.iter().any(|ending| lower.ends_with(ending)),
        template: TEMPLATES.iter().any(|ending| lower.ends_with(ending)),
        made_up: MADE_UP.iter().any(|part| lower.contains(part)),
    };
    let (mut found, mut judged): (Vec<InText>, Option<usize>) = (Vec::new(), None);
    let (mut counted, mut line) = (0, 1);
    for sign in signs.find_iter(content) {
        let start =
            memchr::memrchr(b'\n', content.get(..sign.start()).unwrap_or_default()).map_or(0, |at| at + 1);
        if judged == Some(start) {
            continue;
        }
        judged = Some(start);
        line += memchr::memchr_iter(b'\n', content.get(counted..start).unwrap_or_default()).count();
        counted = start;
        let rest = content.get(start..).unwrap_or_default();
        let text = rest.get(..memchr::memchr(b'\n', rest).unwrap_or(rest.len())).unwrap_or_default();
        if text.len() > MAX_LINE {
            continue;
        }
        for mut secret in place.judge(&String::from_utf8_lossy(text)) {
            if place.made_up || place.template {
                secret.severity = secret.severity.max(Priority::Notice);
            }
            if found.len() < MAX_FOUND {
                found.push(InText {
                    line,
                    class: secret.class,
                    reason: secret.reason,
                    severity: secret.severity,
                });
            }
        }
    }
    found
}

/// The findings in a file.
#[must_use]
pub fn findings(path: &[u8], content: &[u8]) -> Vec<Finding> {
    let shown = printable(path);
    let found = find(&shown, content).into_iter();
    found
        .map(|secret| Finding {
            subject: shown.clone(),
            class: secret.class,
            reason: format!("line {}: {}", secret.line, secret.reason),
            severity: secret.severity,
        })
        .collect()
}

/// What a path says of its lines.
struct Place {
    code: bool,
    template: bool,
    made_up: bool,
}

impl Place {
    fn judge(&self, line: &str) -> Vec<Secret> {
        let line = line.trim();
        let mut found: Vec<Secret> = Vec::new();
        // The forms are looked for in each word, since some are the whole of one.
        for word in line.split(|letter: char| {
            letter.is_whitespace() || matches!(letter, '"' | '\'' | '`' | ',' | ';' | '(' | ')' | '<' | '>')
        }) {
            let value = word.split_once(['=']).map_or(word, |(_, value)| value);
            if word.len() >= 16
                && let Some(secret) = formats::known("", word).or_else(|| formats::known("", value))
                && !found.contains(&secret)
            {
                found.push(secret);
            }
        }
        if line.contains("://")
            && let Some(password) = url::password(line).filter(|password| is_filled_in(password))
        {
            found.push(Secret::new("url-password", "an address with a password", password, Priority::Error));
        }
        if found.is_empty() && !self.template {
            found.extend(self.named(line));
        }
        found
    }

    /// `name = value` in the ways of configurations and languages.
    fn named(&self, line: &str) -> Option<Secret> {
        pairs(line).into_iter().find_map(|(name, value, quoted)| {
            if self.code && !quoted {
                return None;
            }
            if let Some(secret) = formats::known(&name, value) {
                return Some(secret);
            }
            let strength = names::strength(&name)?;
            let is_one = !values::is_reference(value)
                && values::can_be_secret(value, strength)
                && is_filled_in(value)
                && looks_typed(value);
            let shown: String = name.chars().take(MAX_NAME).collect();
            is_one.then(|| {
                let what = format!("{}: the name says that it is a secret", printable(shown.as_bytes()));
                Secret::new("named", &what, value, Priority::Error)
            })
        })
    }
}

/// Not a place for a value: `$PASSWORD`, `%s`, `{password}`, `...`.
fn is_filled_in(value: &str) -> bool {
    let has = |parts: &[&str]| parts.iter().any(|part| value.contains(part));
    !has(&["${", "$(", "{{", "{}", "%s", "%(", "%{", "<%", "#{", "...", "***", "\\n", "()", "ENC["])
        && !value.starts_with(['$', '%', '{', '@', '&', '*'])
}

/// What a person or a program chose as a secret and not as a word of a language: letters and digits, or many of
/// several kinds.
fn looks_typed(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    let signs = value.bytes().filter(u8::is_ascii_punctuation).count();
    let is_code =
        value.contains(['(', '[', '<', '>', '|']) && !value.contains(|letter: char| letter.is_ascii_digit());
    let mixed = (digits > 0 && letters > 0)
        || (signs > 0 && letters > 3 && value.len() >= 8 && values::is_varied(value));
    value.len() >= 6
        && !value.contains(' ')
        && !is_code
        && mixed
        && !is_identifier(value)
        && !is_digest_or_uuid(value)
}

/// `user_password`, `auth.token2`, `HTTP_AUTH_1`: words with separators, as programs name things.
fn is_identifier(value: &str) -> bool {
    let parts: Vec<&str> = value.split(['_', '-', '.', ':', '/']).filter(|part| !part.is_empty()).collect();
    let is_word = |part: &&str| {
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        let letters = part.trim_end_matches(|letter: char| letter.is_ascii_digit());
        let one_case = letters.bytes().all(|byte| byte.is_ascii_lowercase())
            || letters.bytes().all(|byte| byte.is_ascii_uppercase())
            || (letters.starts_with(|letter: char| letter.is_ascii_uppercase())
                && letters.bytes().skip(1).all(|byte| byte.is_ascii_lowercase()));
        digits <= 2 && one_case && letters.len() <= 14
    };
    parts.len() >= 2 && parts.iter().all(is_word)
}

/// A fingerprint of something (integrity values of lock files), or the number of a thing.
fn is_digest_or_uuid(value: &str) -> bool {
    let is_uuid = value.len() == 36
        && value.matches('-').count() == 4
        && value.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let is_named_digest = ["sha1-", "sha256-", "sha384-", "sha512-", "sha256:", "sha512:", "md5:"]
        .iter()
        .any(|start| value.starts_with(start));
    is_uuid || is_named_digest
}

/// Names and values of a line, and whether the value is quoted.
fn pairs(line: &str) -> Vec<(String, &str, bool)> {
    let mut found = Vec::new();
    for (at, sign) in line.char_indices().filter(|(_, letter)| matches!(letter, '=' | ':')) {
        let before = line.get(..at).unwrap_or_default();
        let after = line.get(at + sign.len_utf8()..).unwrap_or_default();
        // Comparisons, paths and scopes are no assignments.
        if after.starts_with(['=', ':', '/', '~']) || before.ends_with(['=', '!', '<', '>', '+', '~']) {
            continue;
        }
        let after = after.strip_prefix('>').unwrap_or(after).trim_start();
        let name = name_before(before);
        if name.is_empty() || after.is_empty() {
            continue;
        }
        let first = after.chars().next().unwrap_or(' ');
        let (value, quoted) = if matches!(first, '"' | '\'' | '`') {
            let inside = after.get(1..).unwrap_or_default();
            (inside.split(first).next().unwrap_or(inside), true)
        } else {
            let end = after.find(|letter: char| letter.is_whitespace() || matches!(letter, ',' | ';'));
            (after.get(..end.unwrap_or(after.len())).unwrap_or(after), false)
        };
        found.push((name, value.trim(), quoted));
    }
    found.extend(element(line));
    found.extend(words(line));
    found
}

/// The last word before the sign, without quotes, type and brackets.
fn name_before(before: &str) -> String {
    let trimmed =
        before.trim_end_matches(':').trim_end().trim_end_matches(['"', '\'', '`', ']', ')', '?']).trim_end();
    let start = trimmed
        .char_indices()
        .rev()
        .take(100)
        .take_while(|(_, letter)| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.'))
        .last()
        .map_or(trimmed.len(), |(at, _)| at);
    let name = trimmed.get(start..).unwrap_or_default();
    // `let token: &str = "..."`: the type stands between.
    name.trim_matches(['-', '.']).to_owned()
}

/// `<password>value</password>`.
fn element(line: &str) -> Option<(String, &str, bool)> {
    let (_, rest) = line.split_once('<')?;
    let (name, rest) = rest.split_once('>')?;
    let (value, rest) = rest.split_once("</")?;
    rest.starts_with(name).then(|| (name.to_owned(), value.trim(), true))
}

/// `machine x login y password z`, `requirepass z`: a name, a space, a value.
fn words(line: &str) -> Option<(String, &str, bool)> {
    let mut words = line.split_whitespace();
    let known =
        ["password", "passwd", "requirepass", "masterauth", "secret", "token", "_authToken", "bindpw"];
    let name = words.find(|word| known.contains(word))?;
    let value = words.next().filter(|_| words.next().is_none() || line.contains("login"))?;
    Some((
        if name == "requirepass" || name == "masterauth" { "password".to_owned() } else { name.to_owned() },
        value,
        false,
    ))
}
