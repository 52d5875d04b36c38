//! Versions of the rule language and of plugins that files require.

/// The version of Falco's engine whose language this is (Falco 0.44).
pub(super) const ENGINE: Version = Version(0, 62, 0);
/// Plugins whose fields are built in.
pub(super) const PLUGINS: [(&str, Version); 3] =
    [("cloudtrail", Version(0, 17, 1)), ("container", Version(0, 7, 1)), ("json", Version(0, 7, 3))];

/// A semantic version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub(super) u64, pub(super) u64, pub(super) u64);

impl Version {
    /// `1.2.3`, what follows `-` or `+` is ignored; a lone number `n` means `0.n.0` where `lone_is_minor`.
    pub(super) fn parse(text: &str, lone_is_minor: bool) -> Option<Self> {
        if lone_is_minor && let Ok(number) = text.parse() {
            return Some(Self(0, number, 0));
        }
        let core = text.split(['-', '+']).next()?;
        let mut parts = core.split('.').map(|part| part.parse().ok());
        let version = Self(parts.next()??, parts.next()??, parts.next()??);
        parts.next().is_none().then_some(version)
    }

    /// Whether something of this version serves where `required` is asked for.
    pub(super) fn satisfies(self, required: Self) -> bool {
        self.0 == required.0 && self >= required
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}
