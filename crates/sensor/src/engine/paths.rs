//! Absolute, normalised paths from what a process said.

/// Longest path that is kept (`PATH_MAX`).
pub(crate) const MAX_PATH: usize = 4096;

/// The absolute form of `path`, resolved against `base` when it is relative, without `.`, `..` and repeated
/// slashes. Symbolic links are not followed: that is what Falco's `fd.name` means. Empty when neither is absolute.
pub(crate) fn resolve(base: &str, path: &str) -> String {
    let absolute = path.starts_with('/');
    if !absolute && !base.starts_with('/') {
        return String::new();
    }
    if absolute && is_normal(path) {
        let mut path = path.to_owned();
        cut(&mut path, MAX_PATH);
        return path;
    }
    let mut parts: Vec<&str> = Vec::new();
    let base_parts = if absolute { "" } else { base };
    for part in base_parts.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    let mut resolved = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum::<usize>().max(1));
    for part in parts {
        resolved.push('/');
        resolved.push_str(part);
    }
    if resolved.is_empty() {
        resolved.push('/');
    }
    cut(&mut resolved, MAX_PATH);
    resolved
}

/// Every slash begins a part that is neither empty nor could be `.` or `..`, as in nearly all paths.
fn is_normal(path: &str) -> bool {
    let bytes = path.as_bytes();
    bytes
        .iter()
        .zip(bytes.iter().skip(1).chain(b"/"))
        .all(|(byte, next)| *byte != b'/' || !b"/.".contains(next))
}

/// Shortens text to at most `limit` bytes, at a character's edge.
pub(crate) fn cut(text: &mut String, limit: usize) {
    if text.len() > limit {
        let edge = (0..=limit).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(edge);
    }
}

/// What follows the last slash.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MAX_PATH, cut, file_name, resolve};

    #[test]
    fn paths_resolve_as_the_kernel_walks_them() {
        for (base, path, expected) in [
            ("/tmp", "a", "/tmp/a"),
            ("/tmp", "/usr//bin/./probe", "/usr/bin/probe"),
            ("/tmp/x", "../../../etc/shadow", "/etc/shadow"),
            ("/", "..", "/"),
            ("/tmp", "", "/tmp"),
            ("", "a", ""),
            ("pipe:[1]", "a", ""),
        ] {
            assert_eq!(resolve(base, path), expected, "{base} {path}");
        }
    }

    #[test]
    fn names_of_files() {
        assert_eq!((file_name("/a/b"), file_name("b"), file_name("/")), ("b", "b", ""));
    }

    proptest! {
        #[test]
        fn a_resolved_path_is_normal(base in "(/[a-z.]{0,3}){0,6}", path in "[a-z./]{0,40}") {
            let resolved = resolve(&base, &path);
            if !resolved.is_empty() {
                prop_assert!(resolved.starts_with('/') && resolved.len() <= MAX_PATH);
                prop_assert!(!resolved.contains("//"));
                prop_assert!(resolved.split('/').all(|part| part != "." && part != ".."));
                prop_assert_eq!(resolve("", &resolved), resolved);
            }
        }

        #[test]
        fn cutting_keeps_characters(mut text in ".{0,40}", limit in 0_usize..50) {
            cut(&mut text, limit);
            prop_assert!(text.len() <= limit);
        }
    }
}
