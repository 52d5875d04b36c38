//! What every page has around its content.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Uri, header, request::Parts},
    response::Response,
};
use fargard_model::{FindingState, Priority, Timestamp};
use fargard_store::{Overview, StateStore, StoreError};

use super::{
    assets::{PATHS, Paths},
    badge::Badge,
    links, text,
};
use crate::{auth::Admin, state::AppState};

/// Colours, as the reader chose them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Theme {
    /// As the system is set.
    #[default]
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// Name of the cookie that keeps the theme.
pub(super) const THEME_COOKIE: &str = "fargard_theme";
/// Name of the cookie that tells the next page what was just done.
pub(super) const DONE_COOKIE: &str = "fargard_done";

impl Theme {
    /// The name in the cookie and in the style sheet.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme of that name.
    pub(super) fn of(name: &str) -> Option<Self> {
        [Self::Auto, Self::Light, Self::Dark].into_iter().find(|theme| theme.name() == name)
    }
}

/// Which entry of the navigation a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// The first page.
    Overview,
    /// Findings and one finding.
    Findings,
    /// Tasks and one task.
    Tasks,
    /// Coverage and one cluster.
    Coverage,
    /// Compliance with its parts.
    Compliance,
    /// Rules.
    Rules,
    /// None of them.
    Other,
}

/// Who reads, and how.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    /// Name of the token that was used; empty before a login.
    pub(super) who: String,
    /// Path and query of the page.
    pub(super) here: String,
    /// `http://host:port` as the browser named this server.
    pub(super) origin: String,
    /// The present, the same for all of the page.
    pub(super) now: Timestamp,
    theme: Theme,
    done: Option<String>,
}

impl FromRequestParts<AppState> for Reader {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        let admin = Admin::from_request_parts(parts, state).await?;
        Ok(Self::of(&parts.headers, &parts.uri, admin.name, state.tls))
    }
}

impl Reader {
    /// The reader of a request, who may be nobody.
    pub(super) fn of(headers: &HeaderMap, uri: &Uri, who: String, tls: bool) -> Self {
        let here = uri.path_and_query().map_or("/", |here| here.as_str());
        Self {
            who,
            here: links::local(here).to_owned(),
            origin: origin(headers, tls),
            now: Timestamp::now(),
            theme: cookie(headers, THEME_COOKIE).and_then(Theme::of).unwrap_or_default(),
            done: cookie(headers, DONE_COOKIE).and_then(done_notice),
        }
    }

    /// The frame of a page, with the counters of the store.
    pub(super) async fn frame(
        &self,
        store: &dyn StateStore,
        title: &str,
        section: Section,
    ) -> Result<Frame, StoreError> {
        let overview = store.overview(self.now).await?;
        Ok(self.frame_with(Some(&overview), title, section))
    }

    /// The frame of a page with these counters, or without.
    pub(super) fn frame_with(&self, overview: Option<&Overview>, title: &str, section: Section) -> Frame {
        Frame {
            title: text::line(title, text::CELL),
            section,
            who: text::line(&self.who, 40),
            here: self.here.clone(),
            theme: self.theme,
            done: self.done.clone(),
            counters: overview.map(counters).unwrap_or_default(),
            assets: &PATHS,
        }
    }
}

/// What every page has around its content.
#[derive(Debug)]
pub(super) struct Frame {
    /// Title of the page.
    pub(super) title: String,
    /// Entry of the navigation.
    pub(super) section: Section,
    /// Who is logged in; empty for nobody.
    pub(super) who: String,
    /// Path and query of the page.
    pub(super) here: String,
    /// Colours.
    pub(super) theme: Theme,
    /// What was just done.
    pub(super) done: Option<String>,
    /// Open findings by severity.
    pub(super) counters: Vec<Counter>,
    /// Paths of the style sheet, script and icon.
    pub(super) assets: &'static Paths,
}

impl Frame {
    /// The entries of the navigation: title, link, key after `g`, whether it is the present one.
    pub(super) fn entries(&self) -> [(&'static str, &'static str, &'static str, bool); 6] {
        [
            ("Overview", "/", "o", self.section == Section::Overview),
            ("Findings", OPEN_FINDINGS, "f", self.section == Section::Findings),
            ("Tasks", "/tasks", "t", self.section == Section::Tasks),
            ("Coverage", "/coverage", "c", self.section == Section::Coverage),
            ("Compliance", "/compliance", "m", self.section == Section::Compliance),
            ("Rules", "/rules", "r", self.section == Section::Rules),
        ]
    }

    /// The choices of colours: name, label, whether it is the present one.
    pub(super) fn themes(&self) -> [(&'static str, &'static str, bool); 3] {
        [(Theme::Auto, "System"), (Theme::Light, "Light"), (Theme::Dark, "Dark")]
            .map(|(theme, label)| (theme.name(), label, theme == self.theme))
    }
}

/// The list of open findings.
pub(super) const OPEN_FINDINGS: &str = "/findings?state=open";

/// Open findings of one severity.
#[derive(Debug)]
pub(super) struct Counter {
    /// The severity.
    pub(super) badge: Badge,
    /// How many.
    pub(super) count: u64,
    /// How many, for people.
    pub(super) shown: String,
    /// The list of them.
    pub(super) href: String,
}

/// Open findings by severity: those that count always, the others when there are any.
pub(super) fn counters(overview: &Overview) -> Vec<Counter> {
    const ALWAYS: [Priority; 4] = [Priority::Critical, Priority::Error, Priority::Warning, Priority::Notice];
    Priority::ALL
        .into_iter()
        .map(|priority| (priority, overview.open_by_priority.get(priority.name()).copied().unwrap_or(0)))
        .filter(|(priority, count)| *count > 0 || ALWAYS.contains(priority))
        .map(|(priority, count)| Counter {
            badge: Badge::of_priority(priority),
            count,
            shown: text::number(count),
            href: links::link("/findings", &[("state", "open"), ("priority", priority.name())]),
        })
        .collect()
}

/// `http://host:port` as the browser named this server; a host of other characters than names and addresses have
/// is not repeated.
fn origin(headers: &HeaderMap, tls: bool) -> String {
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .filter(|host| host.len() <= 255)
        .filter(|host| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte)));
    let scheme = if tls { "https" } else { "http" };
    format!("{scheme}://{}", host.unwrap_or("SERVER"))
}

/// The value of a cookie.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// The value of [`DONE_COOKIE`] for a change of so many findings.
pub(super) fn done_value(state: FindingState, changed: usize) -> String {
    format!("{}.{changed}", state.name())
}

/// The sentence for a value of [`DONE_COOKIE`]; `None` for what this console did not write.
fn done_notice(value: &str) -> Option<String> {
    let (state, changed) = value.split_once('.')?;
    let verb = match state.parse().ok()? {
        FindingState::Open => "reopened",
        FindingState::Acknowledged => "acknowledged",
        FindingState::Suppressed => "suppressed",
        FindingState::Closed => "closed",
    };
    match changed.parse::<u64>().ok()? {
        0 => Some("No finding was changed: none was selected, or they are gone.".to_owned()),
        1 => Some(format!("1 finding {verb}.")),
        many => Some(format!("{} findings {verb}.", text::number(many))),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::{done_notice, origin};

    #[test]
    fn a_notice_is_only_what_the_console_wrote() {
        assert_eq!(done_notice("acknowledged.3").as_deref(), Some("3 findings acknowledged."));
        assert_eq!(done_notice("open.1").as_deref(), Some("1 finding reopened."));
        for forged in ["<b>.1", "open.x", "open", ""] {
            assert_eq!(done_notice(forged), None);
        }
    }

    #[test]
    fn a_strange_host_is_not_repeated() {
        let with =
            |host: &'static str| HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
        assert_eq!(origin(&with("127.0.0.1:8440"), false), "http://127.0.0.1:8440");
        assert_eq!(origin(&with("[::1]:8440"), true), "https://[::1]:8440");
        assert_eq!(origin(&with("a';rm"), false), "http://SERVER");
    }
}
