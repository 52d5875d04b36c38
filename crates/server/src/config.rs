//! What an operator can set, and in which order it counts: flag, then environment, then file, then default.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use fargard_model::{Secret, bounded};
use serde::Deserialize;

mod coverage;

pub use coverage::{Anonymous, Coverage, CoverageSettings, Notify, NotifySettings, Webhook};

/// Where the server listens unless told otherwise.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8440);
/// Directory of the server's data unless told otherwise.
pub const DEFAULT_DATA: &str = "fargard-data";
/// Batches that may wait before sensors are told to come back later.
pub const DEFAULT_MAX_BACKLOG: u64 = 20_000;
/// Days events are kept unless told otherwise.
pub const DEFAULT_EVENT_DAYS: u64 = 30;
/// Shortest and longest token that an owner may make.
const MIN_TOKEN: usize = 32;
const MAX_TOKEN: usize = 128;
/// Longest configuration file.
const MAX_FILE: usize = 1 << 20;

/// A complete configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Directory of the database and of batches that were set aside; created when missing.
    pub data: PathBuf,
    /// Connection string of a PostgreSQL database for findings, tasks and tokens instead of SQLite.
    pub postgres: Option<Secret>,
    /// Where certificate and key come from; needed unless `listen` is a loopback address.
    pub tls: Option<Tls>,
    /// Tokens that the owner made; without an admin and an enrolment token the server makes its own at the first start.
    pub tokens: PresetTokens,
    /// Batches that may wait before sensors are told to come back later.
    pub max_backlog: u64,
    /// Days events are kept. Findings and tasks are not forgotten.
    pub event_days: u64,
    /// How coverage is judged.
    pub coverage: Coverage,
    /// Who is told of changes of coverage.
    pub notify: Notify,
}

/// Where a certificate and its key come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Files.
    Files {
        /// PEM file of the certificate and its chain, the server's own first.
        cert: PathBuf,
        /// PEM file of the private key.
        key: PathBuf,
    },
    /// A new one at each start, signed by nobody else: behind a load balancer, which encrypts and does not verify.
    SelfSigned,
}

/// Tokens that the owner made instead of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PresetTokens {
    /// For people and scripts.
    pub admin: Option<Secret>,
    /// For sensors, to enrol with.
    pub enrolment: Option<Secret>,
    /// For those who send ECS's events and sweeps.
    pub inventory: Option<Secret>,
}

/// One layer of settings: the file's, or what flags and environment say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address and port, as `127.0.0.1:8440`.
    pub listen: Option<String>,
    /// Data directory.
    pub data: Option<PathBuf>,
    /// PostgreSQL connection string.
    #[serde(default, deserialize_with = "secret")]
    pub postgres: Option<Secret>,
    /// Which parts of the server run here.
    pub role: Option<String>,
    /// See [`Config::max_backlog`].
    pub max_backlog: Option<u64>,
    /// See [`Config::event_days`].
    pub event_days: Option<u64>,
    /// Certificate and key.
    #[serde(default)]
    pub tls: TlsSettings,
    /// See [`Config::tokens`]; not in files, which more people read.
    #[serde(skip)]
    pub tokens: PresetTokens,
    /// How coverage is judged.
    #[serde(default)]
    pub coverage: CoverageSettings,
    /// Who is told of changes of coverage.
    #[serde(default)]
    pub notify: NotifySettings,
}

/// The `[tls]` table of [`Settings`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    /// See [`Tls::Files`].
    pub cert: Option<PathBuf>,
    /// See [`Tls::Files`].
    pub key: Option<PathBuf>,
    /// See [`Tls::SelfSigned`].
    pub self_signed: Option<bool>,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not TOML, or has keys that do not exist. The lines themselves are not shown: one may hold a
    /// password.
    #[error("{path}:{line}:{column}: {message}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// The address is not one.
    #[error("listen address {0:?} is not an IP address and a port, as {DEFAULT_LISTEN} or [::1]:8440")]
    Listen(String),
    /// The role does not exist (yet).
    #[error("role {0:?} is not supported: this build runs all parts in one process, use \"all\"")]
    Role(String),
    /// Only one of certificate and key.
    #[error("{present} is set but {missing} is not: TLS needs both")]
    HalfTls {
        /// The one that is set.
        present: &'static str,
        /// The other.
        missing: &'static str,
    },
    /// Two certificates.
    #[error("a self-signed certificate and files of one are set: one of both")]
    TwoCertificates,
    /// A token that could be guessed, or is none.
    #[error("the {0} token must have {MIN_TOKEN} to {MAX_TOKEN} letters, digits, `_` or `-`")]
    Token(&'static str),
    /// Secrets would travel in the clear.
    #[error(
        "{0} can be reached from other machines, so TLS is needed: set a certificate and a key (--tls-cert, --tls-key), \
         or listen on a loopback address behind a proxy"
    )]
    TlsNeeded(SocketAddr),
    /// A number that must not be 0.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
    /// A setting that cannot be used.
    #[error("{name}: {reason}")]
    Setting {
        /// Its name in the file.
        name: &'static str,
        /// Why.
        reason: String,
    },
    /// Everybody would be let in.
    #[error("coverage.anonymous lets in whoever reaches {0}: it is for a loopback address only")]
    AnonymousBeyondLoopback(SocketAddr),
}

impl Settings {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`ConfigError::Read`], [`ConfigError::Parse`].
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let text = bounded::read_to_string(path, MAX_FILE)
            .map_err(|error| ConfigError::Read { path: path.to_owned(), error })?;
        toml::from_str(&text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let before = text.get(..start).unwrap_or(&text);
            let line_start = before.rfind('\n').map_or(0, |at| at + 1);
            ConfigError::Parse {
                path: path.to_owned(),
                line: before.matches('\n').count() + 1,
                column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
                message: error.message().to_owned(),
            }
        })
    }

    /// These settings, and where they say nothing, those of a weaker layer.
    #[must_use]
    pub fn over(self, weaker: Self) -> Self {
        Self {
            listen: self.listen.or(weaker.listen),
            data: self.data.or(weaker.data),
            postgres: self.postgres.or(weaker.postgres),
            role: self.role.or(weaker.role),
            max_backlog: self.max_backlog.or(weaker.max_backlog),
            event_days: self.event_days.or(weaker.event_days),
            tls: TlsSettings {
                cert: self.tls.cert.or(weaker.tls.cert),
                key: self.tls.key.or(weaker.tls.key),
                self_signed: self.tls.self_signed.or(weaker.tls.self_signed),
            },
            tokens: self.tokens,
            coverage: self.coverage.over(weaker.coverage),
            notify: self.notify.over(weaker.notify),
        }
    }

    /// Fills in the defaults and checks the whole.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn resolve(self) -> Result<Config, ConfigError> {
        let usual = Config::default();
        let listen = match self.listen {
            Some(listen) => listen.parse().map_err(|_| ConfigError::Listen(listen))?,
            None => usual.listen,
        };
        if let Some(role) = self.role.filter(|role| role != "all") {
            return Err(ConfigError::Role(role));
        }
        let tls = self.tls.resolve()?;
        let config = Config {
            listen,
            data: self.data.unwrap_or(usual.data),
            postgres: self.postgres,
            tls,
            tokens: self.tokens,
            max_backlog: self.max_backlog.unwrap_or(usual.max_backlog),
            event_days: self.event_days.unwrap_or(usual.event_days),
            coverage: self.coverage.resolve()?,
            notify: self.notify.resolve()?,
        };
        config.check()?;
        Ok(config)
    }
}

impl TlsSettings {
    fn resolve(self) -> Result<Option<Tls>, ConfigError> {
        let half = |present, missing| Err(ConfigError::HalfTls { present, missing });
        match (self.cert, self.key, self.self_signed.unwrap_or(false)) {
            (None, None, false) => Ok(None),
            (None, None, true) => Ok(Some(Tls::SelfSigned)),
            (_, _, true) => Err(ConfigError::TwoCertificates),
            (Some(cert), Some(key), false) => Ok(Some(Tls::Files { cert, key })),
            (Some(_), None, false) => half("the certificate", "the key"),
            (None, Some(_), false) => half("the key", "the certificate"),
        }
    }
}

impl PresetTokens {
    fn check(&self) -> Result<(), ConfigError> {
        let named = [("admin", &self.admin), ("enrolment", &self.enrolment), ("inventory", &self.inventory)];
        for (name, token) in named {
            let fits = |text: &str| {
                (MIN_TOKEN..=MAX_TOKEN).contains(&text.len())
                    && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
            };
            if token.as_ref().is_some_and(|token| !fits(token.reveal())) {
                return Err(ConfigError::Token(name));
            }
        }
        Ok(())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: DEFAULT_LISTEN,
            data: DEFAULT_DATA.into(),
            postgres: None,
            tls: None,
            tokens: PresetTokens::default(),
            max_backlog: DEFAULT_MAX_BACKLOG,
            event_days: DEFAULT_EVENT_DAYS,
            coverage: Coverage::default(),
            notify: Notify::default(),
        }
    }
}

impl Config {
    /// A server on a free loopback port that keeps its data in `data`.
    #[must_use]
    pub fn local(data: impl Into<PathBuf>) -> Self {
        let listen = SocketAddr::new(DEFAULT_LISTEN.ip(), 0);
        Self { listen, data: data.into(), ..Self::default() }
    }

    /// Refuses what must not run.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.tls.is_none() && !self.listen.ip().is_loopback() {
            return Err(ConfigError::TlsNeeded(self.listen));
        }
        self.tokens.check()?;
        if self.coverage.anonymous.is_some() && !self.listen.ip().is_loopback() {
            return Err(ConfigError::AnonymousBeyondLoopback(self.listen));
        }
        if self.max_backlog == 0 {
            return Err(ConfigError::Zero("max_backlog"));
        }
        if self.event_days == 0 {
            return Err(ConfigError::Zero("event_days"));
        }
        Ok(())
    }
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Option::<String>::deserialize(deserializer).map(|text| text.map(Secret::new))
}

#[cfg(test)]
mod tests {
    use fargard_model::Secret;

    use super::{ConfigError, PresetTokens, Settings};

    fn parse(text: &str) -> Result<Settings, ConfigError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Settings::from_file(file.path())
    }

    #[test]
    fn the_stronger_layer_wins_and_the_weaker_fills_in() {
        let flags = Settings { listen: Some("127.0.0.1:1".into()), ..Settings::default() };
        let file =
            parse("listen = '127.0.0.1:2'\ndata = '/srv/fargard'\npostgres = 'postgres://u:pw@h/db'\n")
                .unwrap();
        let config = flags.over(file).resolve().unwrap();
        assert_eq!(config.listen.port(), 1);
        assert_eq!(config.data, std::path::Path::new("/srv/fargard"));
        assert!(!format!("{config:?}").contains("pw"), "a password shows in {config:?}");
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = parse("listen = '127.0.0.1:1'\n\nlistne = 'x'\n").unwrap_err().to_string();
        assert!(error.contains(":3:1: ") && error.contains("listne"), "{error}");
        let error = parse("[tls]\ncertificate = 'x'\n").unwrap_err().to_string();
        assert!(error.contains(":2:1: ") && error.contains("certificate"), "{error}");
    }

    #[test]
    fn a_broken_line_is_named_but_not_shown() {
        let error = parse("data = 'd'\npostgres = 'postgres://u:geheim@h/db\n").unwrap_err().to_string();
        assert!(error.contains(":2:") && !error.contains("geheim"), "{error}");
    }

    #[test]
    fn what_must_not_run_says_why() {
        for (text, part) in [
            ("listen = 'localhost'", "not an IP address and a port"),
            ("listen = '0.0.0.0:8440'", "TLS is needed"),
            ("listen = '[::]:8440'", "TLS is needed"),
            ("role = 'web'", "role \"web\" is not supported"),
            ("[tls]\ncert = 'a'", "the key is not"),
            ("[tls]\ncert = 'a'\nkey = 'b'\nself_signed = true", "one of both"),
            ("max_backlog = 0", "max_backlog must be at least 1"),
            ("event_days = 0", "event_days must be at least 1"),
        ] {
            let error = parse(text).unwrap().resolve().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        for tls in ["cert='a'\nkey='b'", "self_signed=true"] {
            assert!(parse(&format!("listen = '0.0.0.0:8440'\n[tls]\n{tls}")).unwrap().resolve().is_ok());
        }
        for token in ["short", &"x".repeat(129), &"with space ".repeat(4)] {
            let tokens = PresetTokens { inventory: Some(Secret::new(token)), ..PresetTokens::default() };
            let error = Settings { tokens, ..Settings::default() }.resolve().unwrap_err().to_string();
            assert!(
                error.contains("the inventory token must have 32 to 128") && !error.contains("with"),
                "{error}"
            );
        }
    }
}
