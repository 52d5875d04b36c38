//! `pmatch`: sets of path prefixes by component, whose components may be shell patterns.

use super::glob::Glob;

/// A set of search paths.
#[derive(Clone, Debug)]
pub(crate) struct PathSet {
    prefixes: Vec<Vec<Component>>,
}

#[derive(Clone, Debug)]
enum Component {
    Exact(String),
    Pattern(Glob),
}

impl PathSet {
    pub(crate) fn new<'a>(paths: impl Iterator<Item = &'a str>) -> Self {
        let prefixes = paths
            .map(|path| {
                components(path)
                    .map(|component| {
                        if component.contains(['*', '?', '[']) {
                            Component::Pattern(Glob::new(component, false))
                        } else {
                            Component::Exact(component.to_owned())
                        }
                    })
                    .collect()
            })
            .collect();
        Self { prefixes }
    }

    /// The components of each path, up to the first that is a pattern.
    pub(crate) fn literals(&self) -> impl Iterator<Item = Vec<Box<str>>> {
        let name = |component: &Component| match component {
            Component::Exact(name) => Some(name.as_str().into()),
            Component::Pattern(_) => None,
        };
        self.prefixes.iter().map(move |prefix| prefix.iter().map_while(name).collect())
    }

    /// Whether a search path is the path itself or one of the directories above it.
    pub(crate) fn covers(&self, path: &str) -> bool {
        self.prefixes.iter().any(|prefix| {
            let mut parts = components(path);
            prefix.iter().all(|component| {
                parts.next().is_some_and(|part| match component {
                    Component::Exact(name) => name == part,
                    Component::Pattern(glob) => glob.matches(part),
                })
            })
        })
    }
}

fn components(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::PathSet;

    #[test]
    fn prefixes_are_by_component() {
        let set = PathSet::new(["/var/run", "/etc/", "/home/*/.ssh"].into_iter());
        for (path, expected) in [
            ("/var/run", true),
            ("/var/run/x", true),
            ("/var/runner", false),
            ("/var", false),
            ("/etc/passwd", true),
            ("/home/a/.ssh/id_rsa", true),
            ("/home/.ssh", false),
        ] {
            assert_eq!(set.covers(path), expected, "{path}");
        }
    }
}
