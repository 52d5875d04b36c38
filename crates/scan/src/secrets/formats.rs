//! Credentials of known forms, by what their issuers publish of them: prefix, alphabet, length, checksum.

use fargard_model::Priority;

use super::Secret;
use crate::keys::base64;

/// Letters that a credential consists of behind its prefix.
#[derive(Clone, Copy, Debug)]
enum Letters {
    /// Letters and digits.
    Plain,
    /// Also `-` and `_`.
    Url,
    /// Also `-`, `_` and `.`.
    Dotted,
    /// Also `-`, `_` and `/`.
    Webhook,
    /// Also `-`, `_`, `+`, `/` and `=`.
    Padded,
    /// Hexadecimal digits in small letters and `-`.
    Uuid,
    /// Hexadecimal digits in small letters.
    Hex,
    /// Capital letters and the digits of base 32.
    Base32,
}

impl Letters {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Plain => byte.is_ascii_alphanumeric(),
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
            Self::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'),
            Self::Webhook => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/'),
            Self::Padded => byte.is_ascii_alphanumeric() || b"-_+/=".contains(&byte),
            Self::Uuid => Self::Hex.has(byte) || byte == b'-',
            Self::Hex => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            Self::Base32 => byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte),
        }
    }
}

/// A credential's form.
struct Form {
    class: &'static str,
    what: &'static str,
    prefix: &'static str,
    letters: Letters,
    /// Shortest and longest text behind the prefix.
    length: (usize, usize),
    severity: Priority,
    /// Whether the rest is right, beyond its letters.
    check: fn(&str) -> bool,
}

macro_rules! forms {
    ($($class:literal $what:literal $prefix:literal $letters:ident $min:literal..=$max:literal $severity:ident $check:expr;)*) => {
        &[$(Form {
            class: $class, what: $what, prefix: $prefix, letters: Letters::$letters, length: ($min, $max),
            severity: Priority::$severity, check: $check,
        }),*]
    };
}

#[rustfmt::skip]
const FORMS: &[Form] = forms![
    "aws-access-key-id" "an AWS access key id" "AKIA" Base32 16..=16 Warning any;
    "aws-access-key-id" "an AWS access key id (temporary)" "ASIA" Base32 16..=16 Warning any;
    "github-token" "a GitHub token" "ghp_" Plain 36..=36 Error has_checksum;
    "github-token" "a GitHub token" "gho_" Plain 36..=36 Error has_checksum;
    "github-token" "a GitHub token" "ghu_" Plain 36..=36 Error has_checksum;
    "github-token" "a GitHub token" "ghs_" Plain 36..=36 Error has_checksum;
    "github-token" "a GitHub token" "ghr_" Plain 36..=76 Error any;
    "github-token" "a GitHub token" "github_pat_" Url 82..=82 Error any;
    "npm-token" "an npm token" "npm_" Plain 36..=36 Error has_checksum;
    "gitlab-token" "a GitLab token" "glpat-" Url 20..=60 Error any;
    "slack-token" "a Slack token" "xoxb-" Url 20..=120 Error has_digits;
    "slack-token" "a Slack token" "xoxp-" Url 20..=120 Error has_digits;
    "slack-token" "a Slack token" "xoxa-" Url 20..=120 Error has_digits;
    "slack-token" "a Slack token" "xoxs-" Url 20..=120 Error has_digits;
    "slack-token" "a Slack app token" "xapp-" Url 20..=140 Error has_digits;
    "stripe-key" "a Stripe key" "sk_live_" Plain 20..=120 Error any;
    "stripe-key" "a Stripe key" "rk_live_" Plain 20..=120 Error any;
    "stripe-key" "a Stripe test key" "sk_test_" Plain 20..=120 Warning any;
    "stripe-key" "a Stripe webhook secret" "whsec_" Plain 20..=80 Error any;
    "google-api-key" "a Google API key" "AIza" Url 35..=35 Error any;
    "google-oauth" "a Google OAuth client secret" "GOCSPX-" Url 28..=28 Error any;
    "sendgrid-key" "a SendGrid key" "SG." Dotted 66..=66 Error any;
    "digitalocean-token" "a DigitalOcean token" "dop_v1_" Hex 64..=64 Error any;
    "pypi-token" "a PyPI token" "pypi-AgE" Url 50..=400 Error any;
    "openai-key" "an OpenAI key" "sk-proj-" Url 40..=200 Error any;
    "anthropic-key" "an Anthropic key" "sk-ant-" Url 40..=200 Error any;
    "openai-key" "an OpenAI key" "sk-" Plain 48..=48 Error any;
    "huggingface-token" "a Hugging Face token" "hf_" Plain 34..=40 Error any;
    "shopify-token" "a Shopify token" "shpat_" Hex 32..=32 Error any;
    "databricks-token" "a Databricks token" "dapi" Hex 32..=32 Error any;
    "vault-token" "a Vault token" "hvs." Dotted 24..=200 Error any;
    "newrelic-key" "a New Relic key" "NRAK-" Plain 27..=27 Error any;
    "grafana-token" "a Grafana token" "glsa_" Url 40..=50 Error any;
    "docker-token" "a Docker token" "dckr_pat_" Url 27..=40 Error any;
    "linear-key" "a Linear key" "lin_api_" Plain 40..=40 Error any;
    "mailgun-key" "a Mailgun key" "key-" Hex 32..=32 Error any;
    "twilio-key" "a Twilio key" "SK" Hex 32..=32 Error any;
    "square-token" "a Square token" "EAAA" Url 60..=60 Error any;
    "doppler-token" "a Doppler token" "dp.pt." Plain 40..=44 Error any;
    "atlassian-token" "an Atlassian token" "ATATT3x" Padded 180..=200 Error ends_in_hex;
    "cloudflare-token" "a Cloudflare key" "v1.0-" Hex 160..=180 Error any;
    "crates-token" "a crates.io token" "cio" Plain 32..=32 Error any;
    "figma-token" "a Figma token" "figd_" Url 38..=50 Error any;
    "flyio-token" "a Fly.io token" "FlyV1 fm2_" Padded 80..=600 Error any;
    "launchdarkly-key" "a LaunchDarkly key" "api-" Uuid 36..=36 Error any;
    "notion-token" "a Notion token" "ntn_" Plain 40..=50 Error any;
    "postman-key" "a Postman key" "PMAK-" Url 59..=59 Error any;
    "pulumi-token" "a Pulumi token" "pul-" Hex 40..=40 Error any;
    "rubygems-key" "a RubyGems key" "rubygems_" Hex 48..=48 Error any;
    "sentry-token" "a Sentry token" "sntrys_" Padded 60..=300 Error any;
    "brevo-key" "a Brevo key" "xkeysib-" Url 81..=81 Error any;
    "shopify-secret" "a Shopify secret" "shpss_" Hex 32..=32 Error any;
    "terraform-token" "a Terraform Cloud token" "atlasv1." Url 60..=70 Error any;
    "tailscale-key" "a Tailscale key" "tskey-" Url 20..=70 Error any;
    "planetscale-token" "a PlanetScale token" "pscale_tkn_" Dotted 32..=64 Error any;
    "easypost-key" "an EasyPost key" "EZAK" Plain 54..=54 Error any;
    "slack-webhook" "a Slack webhook" "hooks.slack.com/services/T" Webhook 30..=60 Error any;
    "discord-webhook" "a Discord webhook" "discord.com/api/webhooks/" Webhook 60..=120 Error any;
];

/// What the forms begin with, and what marks those that have no prefix.
pub(super) fn prefixes() -> impl Iterator<Item = &'static str> {
    FORMS.iter().map(|form| form.prefix).chain(["eyJ", ":AA"])
}

/// A credential of a known form in a value.
pub(super) fn known(name: &str, value: &str) -> Option<Secret> {
    for form in FORMS {
        for (at, _) in value.match_indices(form.prefix) {
            if let Some(rest) = form.behind(value, at) {
                let whole = value.get(at..at + form.prefix.len() + rest.len())?;
                return Some(Secret::new(form.class, form.what, whole, form.severity));
            }
        }
    }
    aws_secret(name, value).or_else(|| telegram(value)).or_else(|| jwt(value)).or_else(|| basic(value))
}

impl Form {
    /// What stands behind the prefix at `at`, if it is as it should be.
    fn behind<'value>(&self, value: &'value str, at: usize) -> Option<&'value str> {
        let before = at.checked_sub(1).and_then(|before| value.as_bytes().get(before));
        if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
            return None;
        }
        let rest = value.get(at + self.prefix.len()..)?;
        let length = rest.bytes().take_while(|byte| self.letters.has(*byte)).count();
        let rest = rest.get(..length)?;
        let fits = (self.length.0..=self.length.1).contains(&length);
        (fits && (self.check)(rest) && !is_made_up(rest)).then_some(rest)
    }
}

fn any(_: &str) -> bool {
    true
}

fn has_digits(rest: &str) -> bool {
    rest.bytes().filter(u8::is_ascii_digit).count() >= 4
}

/// The example of a manual, or one letter over and over.
fn is_made_up(rest: &str) -> bool {
    let upper = rest.to_ascii_uppercase();
    let mut letters: Vec<u8> = rest.bytes().collect();
    letters.sort_unstable();
    letters.dedup();
    upper.contains("EXAMPLE") || upper.contains("XXXX") || letters.len() < 6
}

/// GitHub's and npm's tokens end with the CRC-32 of the thirty letters before, in base 62.
fn has_checksum(rest: &str) -> bool {
    let Some((random, checksum)) = rest.split_at_checked(30) else { return false };
    let mut crc = flate2::Crc::new();
    crc.update(random.as_bytes());
    let mut left = crc.sum();
    let digits = checksum.bytes().rev().all(|letter| {
        let digit = left % 62;
        left /= 62;
        base62(letter) == Some(digit)
    });
    digits && left == 0
}

/// Atlassian's tokens end with `=` and eight capital hexadecimal digits.
fn ends_in_hex(rest: &str) -> bool {
    rest.rsplit_once('=').is_some_and(|(_, end)| {
        end.len() == 8 && end.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte))
    })
}

fn base62(letter: u8) -> Option<u32> {
    Some(match letter {
        b'0'..=b'9' => u32::from(letter - b'0'),
        b'A'..=b'Z' => u32::from(letter - b'A') + 10,
        b'a'..=b'z' => u32::from(letter - b'a') + 36,
        _ => return None,
    })
}

/// Forty letters of base 64 under a name that says what they are: they have no prefix.
fn aws_secret(name: &str, value: &str) -> Option<Secret> {
    let name = name.to_ascii_lowercase();
    let is_named = name.contains("secret") && (name.contains("aws") || name.contains("access_key"));
    let letters = value.bytes().all(|byte| base64::is_letter(byte) && byte != b'-' && byte != b'_');
    let varied = value.bytes().any(|byte| byte.is_ascii_lowercase())
        && value.bytes().any(|byte| byte.is_ascii_uppercase());
    (is_named && value.len() == 40 && letters && varied && !is_made_up(value))
        .then(|| Secret::new("aws-secret-key", "an AWS secret access key", value, Priority::Error))
}

/// A bot's number, a colon and 35 letters.
fn telegram(value: &str) -> Option<Secret> {
    let (number, rest) = value.split_once(':')?;
    let is_number = (8..=10).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_token = rest.len() == 35 && rest.bytes().all(|byte| Letters::Url.has(byte)) && !is_made_up(rest);
    (is_number && is_token)
        .then(|| Secret::new("telegram-token", "a Telegram bot token", value, Priority::Error))
}

/// A JSON web token (RFC 7519): header and claims are JSON, the header names an algorithm.
fn jwt(value: &str) -> Option<Secret> {
    let token = value.strip_prefix("Bearer ").unwrap_or(value);
    let mut parts = token.split('.');
    let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
    let header = base64::decode(header.bytes())?;
    let claims = base64::decode(claims.bytes())?;
    let is_one = parts.next().is_none()
        && header.starts_with(b"{")
        && claims.starts_with(b"{")
        && memchr::memmem::find(&header, b"\"alg\"").is_some()
        && signature.len() >= 20;
    is_one.then(|| Secret::new("jwt", "a JSON web token", token, Priority::Warning))
}

/// `Basic` and base 64 of a user, a colon and a password (RFC 7617).
fn basic(value: &str) -> Option<Secret> {
    let encoded = value.strip_prefix("Basic ").or_else(|| value.strip_prefix("basic "))?;
    let decoded = base64::decode(encoded.trim().bytes())?;
    let text = std::str::from_utf8(&decoded).ok()?;
    let (_, password) = text.split_once(':')?;
    super::values::can_be_password(password)
        .then(|| Secret::new("basic-auth", "a user and password for HTTP", encoded, Priority::Error))
}

#[cfg(test)]
mod tests {
    use super::known;

    /// Texts are put together here so that other scanners do not take this file for a leak.
    #[test]
    fn forms_and_their_checksums() {
        for (name, value, class) in [
            ("A", format!("ghp_{}{}", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ", "0mLq17"), Some("github-token")),
            ("A", format!("ghp_{}{}", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ", "0mLq18"), None),
            ("A", format!("AKIA{}", "Q3EGRMB5ZT7KWPLD"), Some("aws-access-key-id")),
            ("A", format!("AKIA{}", "IOSFODNN7EXAMPLE"), None),
            (
                "AWS_SECRET_ACCESS_KEY",
                format!("{}{}", "kq1Wz9RtYb3uLp0s", "VxNe5HaGd7Jc2FmToI8rQXyB"),
                Some("aws-secret-key"),
            ),
            ("A", format!("sk_live_{}", "4eC39HqLyjWDarjtT1zdp7dc"), Some("stripe-key")),
            (
                "A",
                format!("{}.{}.{}", "eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxIn0", "c2lnbmF0dXJlc2lnbmF0dXJl"),
                Some("jwt"),
            ),
            ("A", "Basic YWRtaW46aHVudGVyMjI=".to_owned(), Some("basic-auth")),
            (
                "A",
                format!(
                    "https://hooks.slack.com/services/T{}",
                    "0AB1CD2E/B0FG3HI4J/k5LmN6oPq7RsT8uVw9XyZ0a1"
                ),
                Some("slack-webhook"),
            ),
            ("A", "plain".to_owned(), None),
        ] {
            assert_eq!(known(name, &value).map(|found| found.class), class, "{value}");
        }
    }
}
