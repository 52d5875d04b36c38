//! Query strings of the console's own links: a list of parameters in which one is set, added or taken out.

use crate::query::Params;

/// The parameters a page was asked with, to derive the links on it from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Links(Vec<(String, String)>);

impl Links {
    /// The parameters of a page, without empty ones (as forms send them) and without the cursor: every link that
    /// changes a filter begins at the first page.
    pub(super) fn of(params: &Params) -> Self {
        Self(params.0.iter().filter(|(name, value)| !value.is_empty() && name != "cursor").cloned().collect())
    }

    /// The parameters.
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// Whether a parameter has that value.
    pub(super) fn has(&self, name: &str, value: &str) -> bool {
        self.0.iter().any(|(key, held)| key == name && held == value)
    }

    /// The value of a parameter, the last one if it is repeated.
    pub(super) fn value(&self, name: &str) -> &str {
        self.0.iter().rev().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// With one more value of a parameter.
    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        let mut pairs = self.0.clone();
        pairs.push((name.to_owned(), value.to_owned()));
        Self(pairs)
    }

    /// Without one value of a parameter.
    pub(super) fn without(&self, name: &str, value: &str) -> Self {
        Self(self.0.iter().filter(|(key, held)| !(key == name && held == value)).cloned().collect())
    }

    /// With exactly this value of a parameter; empty takes it out.
    pub(super) fn set(&self, name: &str, value: &str) -> Self {
        let rest = Self(self.0.iter().filter(|(key, _)| key != name).cloned().collect());
        if value.is_empty() { rest } else { rest.with(name, value) }
    }

    /// With the value if it is not there, without it if it is.
    pub(super) fn toggled(&self, name: &str, value: &str) -> Self {
        if self.has(name, value) { self.without(name, value) } else { self.with(name, value) }
    }

    /// The link to `path` with these parameters.
    pub(super) fn to(&self, path: &str) -> String {
        let query: Vec<String> =
            self.0.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
    }
}

/// A link to `path` with these parameters.
pub(super) fn link(path: &str, pairs: &[(&str, &str)]) -> String {
    pairs.iter().fold(Links::default(), |links, (name, value)| links.with(name, value)).to(path)
}

/// The page of a task.
pub(super) fn task(arn: &str) -> String {
    format!("/tasks/{}", encode(arn))
}

/// A task for programs; there the ARN is a single segment of the path.
pub(super) fn task_json(arn: &str) -> String {
    format!("/api/v1/tasks/{}", encode(arn).replace('/', "%2F"))
}

/// The page of a cluster's coverage.
pub(super) fn cluster(arn: &str) -> String {
    format!("/coverage/{}", encode(arn))
}

/// A cluster's coverage for programs; there the ARN is a single segment of the path.
pub(super) fn cluster_json(arn: &str) -> String {
    format!("/api/v1/coverage/clusters/{}", encode(arn).replace('/', "%2F"))
}

/// The page of a finding.
pub(super) fn finding(id: &str) -> String {
    format!("/findings/{}", encode(id))
}

/// Percent-encodes all but what RFC 3986 calls unreserved, and `:` and `/`, which a path segment that is matched
/// to its end and a query may hold as they are.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~:/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The path of a page of this console to go back to: what was asked if it is one, or `/`. Never another host.
pub(super) fn local(path: &str) -> &str {
    let is_local = path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= 8_192
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_local { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::{Links, link, local, task};
    use crate::query::Params;

    fn links(pairs: &[(&str, &str)]) -> Links {
        Links::of(&Params(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()))
    }

    #[test]
    fn links_keep_the_other_filters_and_begin_at_the_first_page() {
        let links = links(&[("state", "open"), ("text", ""), ("cursor", "x"), ("tag", "a&b")]);
        assert_eq!(links.to("/findings"), "/findings?state=open&tag=a%26b");
        assert_eq!(links.toggled("state", "open").to("/f"), "/f?tag=a%26b");
        assert_eq!(links.toggled("state", "closed").to("/f"), "/f?state=open&tag=a%26b&state=closed");
        assert_eq!(links.set("tag", "é").to("/f"), "/f?state=open&tag=%C3%A9");
        assert_eq!(link("/f", &[]), "/f");
    }

    #[test]
    fn names_cannot_leave_their_link() {
        assert_eq!(task("local:h:1?x=#'\""), "/tasks/local:h:1%3Fx%3D%23%27%22");
    }

    #[test]
    fn the_way_back_stays_here() {
        for path in ["/", "/findings?state=open", "/tasks/arn:aws:ecs:eu-west-1:1:task/c/i"] {
            assert_eq!(local(path), path);
        }
        for path in ["", "//evil", "https://evil", "/\\evil", "/a\r\nb", "javascript:alert(1)"] {
            assert_eq!(local(path), "/");
        }
    }
}
