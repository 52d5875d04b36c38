//! Looks for the files that rules want, in the whole root file system, within bounds.

use std::{
    collections::HashSet,
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use fargard_rules::Reads;

/// Most files that are watched: each keeps a descriptor.
pub(super) const MAX_FILES: usize = 512;
/// Most files that are remembered to choose from.
const MAX_CHOICE: usize = 16_384;
/// Directories that are none of the image's.
const VIRTUAL: [&str; 3] = ["/proc", "/sys", "/dev"];

/// How far a walk goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Files and directories.
    pub(super) entries: usize,
    /// Directories in each other.
    pub(super) depth: usize,
    /// Time.
    pub(super) time: Duration,
}

impl Bounds {
    /// Of a container's root file system.
    pub(super) const CONTAINER: Self = Self { entries: 1_000_000, depth: 32, time: Duration::from_secs(30) };
    /// Of a whole machine, on which one command is watched: only where secrets usually are.
    pub(super) const MACHINE: Self = Self { entries: 20_000, depth: 3, time: Duration::from_secs(1) };
}

/// Files that rules want.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Path, and the wanting rules by their positions.
    files: Vec<(String, Vec<usize>)>,
    /// Files that were not remembered.
    dropped: usize,
    /// A bound ended the walk.
    pub(super) cut: bool,
}

/// Looks at the files that rules name in full, and walks from one directory after the other. Links are not followed.
pub(super) fn walk(starts: &[PathBuf], bounds: Bounds, reads: &mut Reads, stop: &AtomicBool) -> Found {
    let mut found = Found::default();
    let named: HashSet<PathBuf> = reads.named().into_iter().map(PathBuf::from).collect();
    for path in named.iter().filter(|path| fs::symlink_metadata(path).is_ok_and(|data| data.is_file())) {
        found.consider(path, reads);
    }
    let until = Instant::now() + bounds.time;
    let mut left = bounds.entries;
    let mut open: Vec<(PathBuf, usize)> = starts.iter().rev().map(|start| (start.clone(), 0)).collect();
    while let Some((directory, depth)) = open.pop() {
        let mut below = Vec::new();
        let ended = fs::read_dir(&directory).into_iter().flatten().flatten().try_for_each(|entry| {
            if left == 0 || Instant::now() > until || stop.load(Ordering::Relaxed) {
                return ControlFlow::Break(());
            }
            left -= 1;
            let Ok(kind) = entry.file_type() else { return ControlFlow::Continue(()) };
            let path = entry.path();
            if kind.is_dir() && !starts.contains(&path) && !is_virtual(&path) {
                below.push((path, depth + 1));
            } else if kind.is_file() && !named.contains(&path) {
                found.consider(&path, reads);
            }
            ControlFlow::Continue(())
        });
        found.cut |= ended.is_break();
        match depth < bounds.depth {
            true => open.append(&mut below),
            false => found.cut |= !below.is_empty(),
        }
        if ended.is_break() {
            break;
        }
    }
    found
}

fn is_virtual(path: &Path) -> bool {
    VIRTUAL.iter().any(|root| path == Path::new(root))
}

impl Found {
    fn consider(&mut self, path: &Path, reads: &mut Reads) {
        // Rules are text: they cannot name other paths.
        let Some(path) = path.to_str() else { return };
        let wanting = reads.wanting(path);
        match self.files.len() {
            _ if wanting.is_empty() => {}
            MAX_CHOICE => self.dropped += 1,
            _ => self.files.push((path.to_owned(), wanting)),
        }
    }

    /// The files to watch, and how many are left over. Files of rules that want few files come first: those of the
    /// others are the less likely to matter, and the likelier to be opened all the time.
    pub(super) fn choose(mut self) -> (Vec<String>, usize) {
        let mut wanted: Vec<usize> = Vec::new();
        for rule in self.files.iter().flat_map(|(_, rules)| rules) {
            if wanted.len() <= *rule {
                wanted.resize(rule + 1, 0);
            }
            if let Some(count) = wanted.get_mut(*rule) {
                *count += 1;
            }
        }
        let fewest = |rules: &[usize]| rules.iter().filter_map(|rule| wanted.get(*rule)).min().copied();
        self.files.sort_by_cached_key(|(path, rules)| (fewest(rules), path.len()));
        let over = self.files.len().saturating_sub(MAX_FILES) + self.dropped;
        (self.files.into_iter().take(MAX_FILES).map(|(path, _)| path).collect(), over)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs, os::unix::fs::symlink, path::PathBuf, sync::Arc, sync::atomic::AtomicBool, time::Duration,
    };

    use fargard_rules::{Reads, SourceFile, load};

    use super::{Bounds, Found, MAX_FILES, walk};

    fn reads(condition: &str) -> Reads {
        let text = format!(
            "- rule: r\n  desc: d\n  output: o\n  priority: INFO\n  condition: evt.type = openat and {condition}\n"
        );
        let ruleset = load(&[SourceFile { name: "t".into(), text }]).ruleset.unwrap();
        Reads::of(&Arc::new(ruleset))
    }

    fn look(start: PathBuf, bounds: Bounds) -> (Vec<String>, bool) {
        let mut reads = reads("fd.filename = secret");
        let found = walk(&[start], bounds, &mut reads, &AtomicBool::new(false));
        let cut = found.cut;
        (found.choose().0, cut)
    }

    #[test]
    fn files_are_found_within_bounds_and_links_are_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let place = |name: &str| root.path().join(name);
        fs::create_dir_all(place("a/b/c")).unwrap();
        for file in ["secret", "a/b/c/secret", "a/other"] {
            fs::write(place(file), "").unwrap();
        }
        symlink(place("a"), place("link")).unwrap();
        symlink(place("secret"), place("a/b/secret")).unwrap();
        let text = |name: &str| place(name).to_str().unwrap().to_owned();
        let whole = (vec![text("secret"), text("a/b/c/secret")], false);
        let wide = Bounds { entries: 100, depth: 8, time: Duration::from_secs(60) };
        assert_eq!(look(root.path().to_owned(), wide), whole);
        let flat = Bounds { depth: 1, ..wide };
        assert_eq!(look(root.path().to_owned(), flat), (vec![text("secret")], true));
        let few = Bounds { entries: 1, ..wide };
        assert!(look(root.path().to_owned(), few).1);
    }

    #[test]
    fn files_that_rules_name_are_found_without_a_walk() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name).to_str().unwrap().to_owned();
        fs::write(at("secret"), "").unwrap();
        symlink(at("secret"), at("link")).unwrap();
        let condition = format!("fd.name in ({}, {}, {})", at("secret"), at("link"), at("none"));
        let no_walk = Bounds { entries: 0, depth: 0, time: Duration::ZERO };
        let found = |bounds| {
            let mut reads = reads(&condition);
            walk(&[root.path().to_owned()], bounds, &mut reads, &AtomicBool::new(false)).choose()
        };
        assert_eq!(found(no_walk), (vec![at("secret")], 0));
        let whole = Bounds { entries: 100, depth: 8, time: Duration::from_secs(60) };
        assert_eq!(found(whole), (vec![at("secret")], 0));
    }

    #[test]
    fn the_most_specific_files_come_first() {
        let many = (0..MAX_FILES + 3).map(|number| (format!("/etc/{number}"), vec![0]));
        let files = many.chain([("/srv/the/only/one".to_owned(), vec![0, 1])]).collect();
        let (chosen, over) = Found { files, dropped: 2, cut: false }.choose();
        assert_eq!((chosen.len(), over), (MAX_FILES, 6));
        assert_eq!(chosen[0], "/srv/the/only/one");
    }
}
