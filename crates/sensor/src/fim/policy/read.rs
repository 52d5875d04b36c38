//! From the text of a policy file to a policy, with the place of each mistake.

use std::{ops::Range, rc::Rc, time::Duration};

use fargard_model::{Change, Priority};
use fargard_rules::{
    SourceFile,
    source::line_column,
    yaml::{self, Node},
};

use super::{Entry, Mistake, PROGRAM, Policy, WORKDIR, is_virtual};
use crate::fim::pattern::Pattern;

const MAX_ENTRIES: usize = 64;
const MAX_PATHS: usize = 256;
const MAX_NAME: usize = 128;
const MAX_TAGS: usize = 16;
const MAX_TAG: usize = 64;
/// Most mistakes that are told.
const MAX_MISTAKES: usize = 100;
/// Largest file that is hashed, unless the entry says otherwise: no program or library of common images is larger.
const DEFAULT_MAX_HASH: u64 = 256 << 20;
/// PCI DSS 11.5.2 asks for a comparison a week.
const DEFAULT_COMPARE: Duration = Duration::from_secs(24 * 3600);
const COMPARE: Range<u64> = 60..7 * 24 * 3600 + 1;

struct Reader<'a> {
    file: &'a SourceFile,
    mistakes: Vec<Mistake>,
}

/// Reads a policy or finds its mistakes.
pub(super) fn policy(file: &SourceFile) -> Result<Policy, Vec<Mistake>> {
    let mut reader = Reader { file, mistakes: Vec::new() };
    let documents = match yaml::documents(&file.text) {
        Ok(documents) => documents,
        Err(error) => {
            reader.mistake(&error.span, error.message);
            return Err(reader.mistakes);
        }
    };
    let policy = match documents.as_slice() {
        [one] => reader.policy(one),
        [] => {
            reader.mistake(&(0..0), "the file is empty: it needs `entries:`");
            None
        }
        [_, second, ..] => {
            reader.mistake(&second.span, "one document is one policy: remove this one");
            None
        }
    };
    match policy {
        Some(policy) if reader.mistakes.is_empty() => Ok(policy),
        _ => Err(reader.mistakes),
    }
}

impl Reader<'_> {
    fn mistake(&mut self, span: &Range<usize>, message: impl Into<String>) {
        if self.mistakes.len() < MAX_MISTAKES {
            let at = line_column(&self.file.text, span.start);
            self.mistakes.push(Mistake { file: self.file.name.clone(), at, message: message.into() });
        }
    }

    /// The values of known keys, in the order of `known`.
    fn members<'n, const N: usize>(
        &mut self,
        node: &'n Node,
        what: &str,
        known: [&str; N],
    ) -> [Option<&'n Rc<Node>>; N] {
        let mut values = [None; N];
        let Some(entries) = node.entries() else {
            self.mistake(&node.span, format!("{what} is a mapping with the keys {}", known.join(", ")));
            return values;
        };
        for (key, value) in entries {
            let name = key.text().unwrap_or_default();
            match known.iter().position(|one| *one == name).and_then(|at| values.get_mut(at)) {
                Some(slot @ None) => *slot = Some(value),
                Some(Some(_)) => self.mistake(&key.span, format!("{name} stands twice")),
                None => {
                    self.mistake(&key.span, format!("unknown key {name:?}; {what} has {}", known.join(", ")));
                }
            }
        }
        values
    }

    fn policy(&mut self, node: &Node) -> Option<Policy> {
        let [name, compare, entries] = self.members(node, "a policy", ["policy", "compare", "entries"]);
        let name = name.and_then(|name| self.name(name)).unwrap_or_else(|| "unnamed".to_owned());
        let compare = compare.map_or(Some(DEFAULT_COMPARE), |node| self.duration(node));
        let Some(entries) = entries else {
            if node.entries().is_some() {
                self.mistake(&node.span, "`entries:` is missing: the list of what is monitored");
            }
            return None;
        };
        let items = entries.items().unwrap_or_default();
        if items.is_empty() || items.len() > MAX_ENTRIES {
            self.mistake(&entries.span, format!("entries is a list of 1 to {MAX_ENTRIES} entries"));
        }
        let entries: Vec<Entry> =
            items.iter().take(MAX_ENTRIES).filter_map(|node| self.entry(node)).collect();
        for (at, entry) in entries.iter().enumerate() {
            if entries.iter().take(at).any(|other| other.name == entry.name)
                && let Some(node) = items.get(at)
            {
                self.mistake(&node.span, format!("there are two entries of the name {:?}", entry.name));
            }
        }
        Some(Policy { name, sha256: Policy::hash(&self.file.text), compare: compare?, entries })
    }

    fn entry(&mut self, node: &Node) -> Option<Entry> {
        const KEYS: [&str; 8] =
            ["name", "paths", "exclude", "changes", "recursive", "standards", "severity", "max_hash"];
        let [name, paths, exclude, changes, recursive, standards, severity, max_hash] =
            self.members(node, "an entry", KEYS);
        node.entries()?;
        for (key, value) in [("name", name), ("paths", paths)] {
            if value.is_none() {
                self.mistake(&node.span, format!("an entry needs {key}"));
            }
        }
        let paths = self.texts(paths?, "paths", MAX_PATHS);
        if paths.is_empty() {
            self.mistake(&node.span, "paths is a list of at least one path");
        }
        let covered = paths.iter().filter_map(|(text, span)| self.covered(text, span)).collect();
        let excluded = exclude.map(|node| self.texts(node, "exclude", MAX_PATHS)).unwrap_or_default();
        let excluded = excluded.iter().filter_map(|(text, span)| self.pattern(text, span)).collect();
        let changes = changes.map_or_else(
            || Change::ALL.into_iter().filter(|change| *change != Change::Shrink).collect(),
            |node| self.changes(node),
        );
        Some(Entry {
            name: self.name(name?)?,
            paths: paths.into_iter().map(|(text, _)| text).collect(),
            changes,
            recursive: recursive.is_none_or(|node| self.truth(node)),
            tags: standards.map(|node| self.tags(node)).unwrap_or_default(),
            severity: severity.map_or(Some(Priority::Warning), |node| self.severity(node))?,
            max_hash: max_hash.map_or(Some(DEFAULT_MAX_HASH), |node| self.bytes(node))?,
            covered,
            excluded,
        })
    }

    /// A path that is monitored; `None` also for one that the image declares, which is put in later.
    fn covered(&mut self, text: &str, span: &Range<usize>) -> Option<Pattern> {
        let declared = text == PROGRAM
            || text.strip_prefix(WORKDIR).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if declared {
            return None;
        }
        if text.starts_with('$') {
            self.mistake(span, format!("{text:?}: only {PROGRAM} and {WORKDIR} are known"));
            return None;
        }
        let pattern = self.pattern(text, span)?;
        if is_virtual(&pattern.base()) {
            self.mistake(
                span,
                format!("{text:?}: nothing below /proc, /sys and /dev is a file of the image"),
            );
            return None;
        }
        Some(pattern)
    }

    fn pattern(&mut self, text: &str, span: &Range<usize>) -> Option<Pattern> {
        Pattern::new(text).map_err(|message| self.mistake(span, message)).ok()
    }

    fn texts(&mut self, node: &Node, key: &str, most: usize) -> Vec<(String, Range<usize>)> {
        let single = node.text().map(|text| vec![(text.to_owned(), node.span.clone())]);
        let Some(items) = node.items() else {
            return single.unwrap_or_else(|| {
                self.mistake(&node.span, format!("{key} is a list of texts"));
                Vec::new()
            });
        };
        if items.len() > most {
            self.mistake(&node.span, format!("{key} has more than {most} items"));
        }
        let mut texts = Vec::new();
        for item in items.iter().take(most) {
            match item.text() {
                Some(text) => texts.push((text.to_owned(), item.span.clone())),
                None => self.mistake(&item.span, format!("{key} holds texts only")),
            }
        }
        texts
    }

    fn name(&mut self, node: &Node) -> Option<String> {
        let name = node.text().filter(|name| !name.trim().is_empty() && name.len() <= MAX_NAME);
        if name.is_none_or(|name| name.chars().any(char::is_control)) {
            self.mistake(&node.span, format!("a name is a line of 1 to {MAX_NAME} bytes"));
            return None;
        }
        name.map(str::to_owned)
    }

    fn changes(&mut self, node: &Node) -> Vec<Change> {
        let mut changes = Vec::new();
        for (text, span) in self.texts(node, "changes", Change::ALL.len()) {
            match Change::ALL.iter().find(|change| change.name() == text) {
                Some(change) => changes.push(*change),
                None => {
                    let known = Change::ALL.map(Change::name).join(", ");
                    self.mistake(&span, format!("unknown change {text:?}: use {known}"));
                }
            }
        }
        if changes.is_empty() {
            self.mistake(&node.span, "changes names at least one change");
        }
        changes.sort_unstable();
        changes.dedup();
        changes
    }

    fn truth(&mut self, node: &Node) -> bool {
        match node.text() {
            Some("true") => true,
            Some("false") => false,
            _ => {
                self.mistake(&node.span, "use true or false");
                true
            }
        }
    }

    fn tags(&mut self, node: &Node) -> Vec<String> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-()".contains(&byte);
        let mut tags = Vec::new();
        for (text, span) in self.texts(node, "standards", MAX_TAGS) {
            if text.is_empty() || text.len() > MAX_TAG || !text.bytes().all(allowed) {
                let message = format!("{text:?} is no tag as PCI_DSS_11.5.2: letters, digits and _.-()");
                self.mistake(&span, message);
            } else if !tags.contains(&text) {
                tags.push(text);
            }
        }
        tags
    }

    fn severity(&mut self, node: &Node) -> Option<Priority> {
        let severity = node.text().and_then(|text| text.parse().ok());
        if severity.is_none() {
            self.mistake(
                &node.span,
                "severity is emergency, alert, critical, error, warning, notice, informational or debug",
            );
        }
        severity
    }

    /// `512`, `64KiB`, `16MiB`, `1GiB`.
    fn bytes(&mut self, node: &Node) -> Option<u64> {
        let text = node.text().unwrap_or_default();
        let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let factor = match unit.trim() {
            "" => Some(1_u64),
            "KiB" => Some(1 << 10),
            "MiB" => Some(1 << 20),
            "GiB" => Some(1 << 30),
            _ => None,
        };
        let bytes = factor.and_then(|factor| digits.parse::<u64>().ok()?.checked_mul(factor));
        if bytes.is_none() {
            self.mistake(&node.span, format!("{text:?} is no number of bytes: 4096, 64KiB, 16MiB or 1GiB"));
        }
        bytes
    }

    /// `90s`, `15m`, `24h`, `7d`.
    fn duration(&mut self, node: &Node) -> Option<Duration> {
        let text = node.text().unwrap_or_default();
        let seconds = text.char_indices().last().and_then(|(at, unit)| {
            let factor = match unit {
                's' => 1,
                'm' => 60,
                'h' => 3600,
                'd' => 24 * 3600,
                _ => return None,
            };
            text.get(..at)?.parse::<u64>().ok()?.checked_mul(factor)
        });
        let seconds = seconds.filter(|seconds| COMPARE.contains(seconds));
        if seconds.is_none() {
            self.mistake(&node.span, format!("{text:?}: use a time from 60s to 7d, as 24h"));
        }
        seconds.map(Duration::from_secs)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use fargard_rules::SourceFile;

    use crate::fim::policy::{Policy, PolicyError};

    fn mistakes(text: &str) -> String {
        match Policy::parse(&SourceFile { name: "p.yaml".into(), text: text.into() }) {
            Ok(policy) => format!("{policy:?}"),
            Err(PolicyError::Mistakes(mistakes)) => {
                mistakes.iter().fold(String::new(), |mut all, mistake| {
                    let _ = writeln!(all, "{mistake}");
                    all
                })
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn mistakes_have_a_place() {
        insta::assert_snapshot!(mistakes(
            "policy: mine\ncompare: 1s\nentry: []\nentries:\n  - name: a\n    paths: [etc, /x/**y, /proc/1, $HOME]\n    \
             changes: [content, size]\n    recursive: yes\n    standards: [\"PCI DSS\"]\n    severity: high\n    \
             max_hash: 3MB\n  - paths: /x\n  - 7\n"
        ), @r#"
        p.yaml:3:1: error: unknown key "entry"; a policy has policy, compare, entries
        p.yaml:2:10: error: "1s": use a time from 60s to 7d, as 24h
        p.yaml:6:13: error: "etc" is not an absolute path: begin it with /
        p.yaml:6:18: error: "/x/**y": ** stands alone between two slashes
        p.yaml:6:26: error: "/proc/1": nothing below /proc, /sys and /dev is a file of the image
        p.yaml:6:35: error: "$HOME": only $PROGRAM and $WORKDIR are known
        p.yaml:7:24: error: unknown change "size": use create, delete, rename, content, shrink, mode, owner, link
        p.yaml:8:16: error: use true or false
        p.yaml:9:17: error: "PCI DSS" is no tag as PCI_DSS_11.5.2: letters, digits and _.-()
        p.yaml:10:15: error: severity is emergency, alert, critical, error, warning, notice, informational or debug
        p.yaml:12:5: error: an entry needs name
        p.yaml:13:5: error: an entry is a mapping with the keys name, paths, exclude, changes, recursive, standards, severity, max_hash
        "#);
        insta::assert_snapshot!(mistakes("a: [\n"), @"p.yaml:1:4: error: unclosed bracket '['");
        insta::assert_snapshot!(mistakes(""), @"p.yaml:1:1: error: the file is empty: it needs `entries:`");
    }

    #[test]
    fn a_policy_is_read() {
        let text = "policy: mine\ncompare: 90m\nentries:\n- name: conf\n  paths: [/etc/app]\n  exclude: [/etc/app/cache]\n  \
                    changes: [mode, content]\n  recursive: false\n  standards: [PCI_DSS_11.5.2]\n  severity: critical\n  \
                    max_hash: 1MiB\n";
        let policy = Policy::parse(&SourceFile { name: "p".into(), text: text.into() }).unwrap();
        let entry = &policy.entries[0];
        assert_eq!((policy.name.as_str(), policy.compare.as_secs()), ("mine", 5400));
        assert_eq!((entry.max_hash, entry.recursive, entry.changes.len()), (1 << 20, false, 2));
        assert_eq!(policy.entry_of(b"/etc/app"), Some(0));
        assert_eq!(policy.entry_of(b"/etc/app/x"), None, "not recursive");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "(policy|entries|name|paths|[-:/*\\[\\]{} \\n\"$a-z0-9]){0,40}") {
            let _ = mistakes(&text);
        }
    }
}
