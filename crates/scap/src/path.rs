//! Paths as Falco resolves them: against a directory, without looking at any file system.

/// Where the directory of a relative path is not known.
pub(crate) const UNKNOWN: &str = "<UNKNOWN>";

/// The path against its directory, without `.`, `..` and repeated slashes.
pub(crate) fn resolve(directory: &str, path: &str) -> String {
    let mut resolved = String::with_capacity(directory.len() + path.len() + 2);
    if !path.starts_with('/') {
        push_parts(&mut resolved, directory);
    }
    push_parts(&mut resolved, path);
    if resolved.is_empty() {
        resolved.push('/');
    }
    if !path.starts_with('/') && directory.starts_with(UNKNOWN) {
        resolved.remove(0);
    }
    resolved
}

fn push_parts(resolved: &mut String, path: &str) {
    // The common case: nothing to take out.
    if path.starts_with('/') && !path.ends_with('/') && !path.contains("//") && !path.contains("/.") {
        resolved.push_str(path);
        return;
    }
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                let end = resolved.rfind('/').unwrap_or(0);
                resolved.truncate(end);
            }
            part => {
                resolved.push('/');
                resolved.push_str(part);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{UNKNOWN, resolve};

    #[test]
    fn paths_are_resolved_without_a_file_system() {
        for (directory, path, resolved) in [
            ("/root", "a", "/root/a"),
            ("/root/", "./a//b/", "/root/a/b"),
            ("/root", "/etc/passwd", "/etc/passwd"),
            ("/root", "/etc/../bin/./sh", "/bin/sh"),
            ("/a/b", "../../../c", "/c"),
            ("/", "..", "/"),
            ("", "x", "/x"),
            ("/tmp", "", "/tmp"),
            ("/x", "/etc/.hidden", "/etc/.hidden"),
            (UNKNOWN, "x", "<UNKNOWN>/x"),
            (UNKNOWN, "/x", "/x"),
        ] {
            assert_eq!(resolve(directory, path), resolved, "{directory} {path}");
        }
    }
}
