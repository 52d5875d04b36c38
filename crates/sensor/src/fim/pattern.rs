//! Path patterns of a policy: `/etc/cron.*`, `/home/*/.ssh`, `/opt/**/*.so`.
//!
//! `*` and `?` stand for characters of one component, `**` as a component for any number of components. Everything
//! else stands for itself.

/// Most components of a pattern.
const MAX_COMPONENTS: usize = 64;
/// Longest pattern in bytes.
const MAX_LENGTH: usize = 1024;

/// What a path is to a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Relation {
    /// Neither it nor anything below matches.
    Apart,
    /// Something below may match.
    Above,
    /// It lies below something that matches.
    Below,
    /// It matches.
    Match,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Component {
    Literal(Vec<u8>),
    Glob(Vec<u8>),
    AnyDepth,
}

/// A path pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    components: Vec<Component>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it and what to write instead.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err(format!("{text:?} is not an absolute path: begin it with /"));
        }
        if text.len() > MAX_LENGTH || text.contains('\0') {
            return Err(format!("a path is at most {MAX_LENGTH} bytes long and has no NUL"));
        }
        let mut components = Vec::new();
        for part in text.split('/').filter(|part| !part.is_empty()) {
            components.push(match part {
                "." | ".." => return Err(format!("{text:?}: write the path without {part:?}")),
                "**" if components.last() == Some(&Component::AnyDepth) => continue,
                "**" => Component::AnyDepth,
                _ if part.contains("**") => {
                    return Err(format!("{text:?}: ** stands alone between two slashes"));
                }
                _ if part.contains(['*', '?']) => Component::Glob(part.into()),
                _ => Component::Literal(part.into()),
            });
        }
        if components.len() > MAX_COMPONENTS {
            return Err(format!("{text:?} has more than {MAX_COMPONENTS} components"));
        }
        Ok(Self { components })
    }

    /// The leading components that stand for themselves, as a path: `/home` of `/home/*/.ssh`.
    pub(crate) fn base(&self) -> Vec<u8> {
        let mut base = Vec::new();
        for component in &self.components {
            let Component::Literal(name) = component else { break };
            base.push(b'/');
            base.extend_from_slice(name);
        }
        if base.is_empty() {
            base.push(b'/');
        }
        base
    }

    /// The same pattern with another base.
    pub(crate) fn rebased(&self, base: &[u8]) -> Self {
        let literal = |component: &&Component| matches!(component, Component::Literal(_));
        let rest = self.components.iter().skip_while(literal).cloned();
        let components = parts(base).map(|part| Component::Literal(part.to_vec())).chain(rest).collect();
        Self { components }
    }

    /// What an absolute path is to this pattern.
    pub(crate) fn relation(&self, path: &[u8]) -> Relation {
        let end = self.components.len();
        // Which components may stand for the path's next one.
        let mut alive = vec![false; end + 1];
        start(&self.components, &mut alive, 0);
        let mut below = alive[end];
        for part in parts(path) {
            let mut next = vec![false; end + 1];
            for (at, component) in self.components.iter().enumerate() {
                if alive.get(at) != Some(&true) {
                    continue;
                }
                match component {
                    Component::AnyDepth => start(&self.components, &mut next, at),
                    Component::Literal(name) if name == part => start(&self.components, &mut next, at + 1),
                    Component::Glob(glob) if glob_matches(glob, part) => {
                        start(&self.components, &mut next, at + 1);
                    }
                    _ => {}
                }
            }
            below |= alive.last() == Some(&true);
            alive = next;
        }
        if alive.last() == Some(&true) {
            Relation::Match
        } else if below {
            Relation::Below
        } else if alive.contains(&true) {
            Relation::Above
        } else {
            Relation::Apart
        }
    }
}

/// Marks a position, and those after it that `**` may stand for nothing at.
fn start(components: &[Component], alive: &mut [bool], mut at: usize) {
    loop {
        if let Some(slot) = alive.get_mut(at) {
            *slot = true;
        }
        if components.get(at) != Some(&Component::AnyDepth) {
            return;
        }
        at += 1;
    }
}

fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty())
}

/// Whether a glob stands for a name: in time of the product of their lengths at most.
fn glob_matches(glob: &[u8], name: &[u8]) -> bool {
    let (mut g, mut n) = (0, 0);
    let mut star = None;
    while let Some(byte) = name.get(n) {
        match glob.get(g) {
            Some(b'*') => {
                star = Some((g, n));
                g += 1;
            }
            Some(wanted) if wanted == byte || *wanted == b'?' => {
                g += 1;
                n += 1;
            }
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                g = at + 1;
                n = from + 1;
            }
        }
    }
    glob.iter().skip(g).all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Pattern, Relation, glob_matches};

    fn relation(pattern: &str, path: &str) -> Relation {
        Pattern::new(pattern).unwrap().relation(path.as_bytes())
    }

    #[test]
    fn paths_relate_to_patterns() {
        use Relation::{Above, Apart, Below, Match};
        for (pattern, path, expected) in [
            ("/etc/passwd", "/etc/passwd", Match),
            ("/etc/passwd", "/etc", Above),
            ("/etc/passwd", "/", Above),
            ("/etc/passwd", "/etc/passwd-", Apart),
            ("/usr/bin", "/usr/bin/ls", Below),
            ("/usr/bin/", "/usr/bin", Match),
            ("/home/*/.ssh", "/home/a/.ssh", Match),
            ("/home/*/.ssh", "/home/a", Above),
            ("/home/*/.ssh", "/home/a/b/.ssh", Apart),
            ("/opt/**/*.so", "/opt/x.so", Match),
            ("/opt/**/*.so", "/opt/a/b/x.so.1", Above),
            ("/opt/**/*.so", "/opt/a/b/x.so", Match),
            ("/var/log/**", "/var/log", Match),
            ("/var/log/**", "/var/log/a/b", Match),
            ("/etc/cron.?", "/etc/cron.d/x", Below),
            ("/", "/anything", Below),
            ("/a\nb", "/a\nb", Match),
        ] {
            assert_eq!(relation(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn bases_end_at_the_first_glob() {
        let base = |text: &str| String::from_utf8(Pattern::new(text).unwrap().base()).unwrap();
        assert_eq!(base("/home/*/.ssh"), "/home");
        assert_eq!(base("/etc/passwd"), "/etc/passwd");
        assert_eq!(base("/**/x"), "/");
        let moved = Pattern::new("/bin/*.sh").unwrap().rebased(b"/usr/bin");
        assert_eq!(moved, Pattern::new("/usr/bin/*.sh").unwrap());
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        for (text, part) in
            [("etc", "absolute"), ("/a/../b", "without \"..\""), ("/a/**b", "stands alone"), ("/\0", "NUL")]
        {
            assert!(Pattern::new(text).unwrap_err().contains(part), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn globs_match_as_the_regular_expression_they_mean(glob in "[ab*?]{0,8}", name in "[ab]{0,8}") {
            fn slow(glob: &[u8], name: &[u8]) -> bool {
                match (glob.split_first(), name.split_first()) {
                    (None, _) => name.is_empty(),
                    (Some((b'*', rest)), below) => {
                        slow(rest, name) || below.is_some_and(|(_, below)| slow(glob, below))
                    }
                    (Some((wanted, rest)), Some((byte, below))) => {
                        (*wanted == b'?' || wanted == byte) && slow(rest, below)
                    }
                    (Some(_), None) => false,
                }
            }
            prop_assert_eq!(glob_matches(glob.as_bytes(), name.as_bytes()), slow(glob.as_bytes(), name.as_bytes()));
        }

        #[test]
        fn everything_above_a_match_is_above_or_matches(
            pattern in "(/([ab*?]{1,2}|\\*\\*)){1,4}", path in "(/[ab]{1,2}){1,5}",
        ) {
            let Ok(pattern) = Pattern::new(&pattern) else { return Ok(()) };
            if pattern.relation(path.as_bytes()) == Relation::Match {
                for (at, _) in path.match_indices('/').skip(1) {
                    prop_assert_ne!(pattern.relation(&path.as_bytes()[..at]), Relation::Apart);
                }
            }
        }
    }
}
