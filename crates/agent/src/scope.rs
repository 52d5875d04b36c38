//! Which services are meant: by tags, the narrowest first.

use fargard_aws::ecs::Tag;
use fargard_taskdef::embed::{Choice, MODE_LABEL};

/// The tag that includes (`true`) or excludes (`false`), as coverage reads it of clusters.
pub const MANAGED_TAG: &str = "FargardManaged";

/// What holds where no tag says anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Every service.
    #[default]
    All,
    /// Only what a tag includes.
    Tagged,
}

/// Whether a service is meant, and who said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scoped {
    /// How it is to be watched; `Off` for what is excluded.
    pub mode: Choice,
    /// `task definition`, `service`, `cluster` or `account`.
    pub by: &'static str,
}

/// Decides by tags: task definition before service before cluster before the account's default. `mode` is how what is
/// included without a mode of its own is watched.
#[must_use]
pub fn scope(definition: &[Tag], service: &[Tag], cluster: &[Tag], default: Scope, mode: Choice) -> Scoped {
    let levels = [("task definition", definition), ("service", service), ("cluster", cluster)];
    let said = levels.into_iter().find_map(|(by, tags)| Some(Scoped { mode: said(tags, mode)?, by }));
    said.unwrap_or(Scoped { mode: if default == Scope::All { mode } else { Choice::Off }, by: "account" })
}

fn said(tags: &[Tag], mode: Choice) -> Option<Choice> {
    let value = |key: &str| tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.trim());
    if let Some(choice) = value(MODE_LABEL).and_then(Choice::parse) {
        return Some(if choice == Choice::Auto { mode } else { choice });
    }
    match value(MANAGED_TAG)? {
        "true" | "True" | "TRUE" => Some(mode),
        "false" | "False" | "FALSE" => Some(Choice::Off),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use fargard_aws::ecs::Tag;
    use fargard_taskdef::embed::Choice;

    use super::{Scope, scope};

    #[test]
    fn the_narrowest_tag_counts() {
        let tags = |key: &str, value: &str| vec![Tag { key: key.to_owned(), value: value.to_owned() }];
        let (off, on) = (tags("fargard.mode", "off"), tags("FargardManaged", "true"));
        let attach = tags("fargard.mode", "attach");
        for (definition, service, cluster, default, mode, by) in [
            (vec![], vec![], vec![], Scope::All, Choice::Auto, "account"),
            (vec![], vec![], vec![], Scope::Tagged, Choice::Off, "account"),
            (vec![], vec![], on.clone(), Scope::Tagged, Choice::Auto, "cluster"),
            (vec![], off.clone(), on, Scope::All, Choice::Off, "service"),
            (attach, off.clone(), off, Scope::All, Choice::Attach, "task definition"),
            (
                tags("fargard.mode", "maybe"),
                vec![],
                tags("FargardManaged", "false"),
                Scope::All,
                Choice::Off,
                "cluster",
            ),
            (tags("other", "off"), vec![], vec![], Scope::All, Choice::Auto, "account"),
        ] {
            let found = scope(&definition, &service, &cluster, default, Choice::Auto);
            assert_eq!((found.mode, found.by), (mode, by), "{definition:?} {service:?} {cluster:?}");
        }
    }
}
