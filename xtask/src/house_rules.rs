//! Rules of this repository that no other tool checks.

use anyhow::{Context, Result};
use fargard_model::bounded;

use crate::shell::{output, root};

/// The only place where `unsafe` may stand.
const UNSAFE_HOME: &str = "crates/sensor/src/sys";

/// Longest source file.
const MAX_LINES: usize = 800;

/// Largest file read; larger ones are data.
const MAX_BYTES: usize = 8 << 20;

/// Endings of files that people write and read; the length rule is for these.
const WRITTEN: [&str; 9] = ["rs", "sh", "toml", "md", "html", "css", "js", "mjs", "sql"];

/// Checks every file of the repository; each problem is `file:line: what`.
pub(crate) fn check() -> Result<Vec<String>> {
    let root = root();
    let own_path = root.to_string_lossy().into_owned();
    let mut problems = Vec::new();
    for name in
        output(&["git", "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"])?.lines()
    {
        let path = root.join(name);
        if !path.is_file()
            || path.is_symlink()
            || path.metadata().is_ok_and(|found| found.len() > MAX_BYTES as u64)
        {
            continue;
        }
        let bytes = bounded::read(&path, MAX_BYTES).with_context(|| format!("cannot read {name}"))?;
        let Ok(text) = String::from_utf8(bytes) else { continue };
        check_file(name, &text, &own_path, &mut problems);
    }
    Ok(problems)
}

fn check_file(name: &str, text: &str, own_path: &str, problems: &mut Vec<String>) {
    let ending = name.rsplit('.').next().unwrap_or_default();
    let lines = text.lines().count();
    if WRITTEN.contains(&ending) && lines > MAX_LINES {
        problems.push(format!("{name}:{lines}: longer than {MAX_LINES} lines; split it by reason to change"));
    }
    for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line)) {
        // A path of one component (`/src`) says nothing of a machine.
        if own_path.matches('/').count() > 1 && line.contains(own_path) {
            problems.push(format!("{name}:{number}: names the directory this machine builds in"));
        }
        if ending == "rs" && !name.starts_with(UNSAFE_HOME) && has_unsafe(line) {
            problems.push(format!("{name}:{number}: unsafe code outside {UNSAFE_HOME}"));
        }
    }
}

/// Whether a line of Rust opens unsafe code; comments do not count.
fn has_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let word = concat!("un", "safe");
    let mut rest = code;
    while let Some(at) = rest.find(word) {
        let before = rest.get(..at).and_then(|text| text.chars().next_back());
        let after = rest.get(at + word.len()..).unwrap_or_default();
        let opens = ["{", "fn ", "impl", "extern", "trait", "(no_mangle", "(link_section"];
        if !before.is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '"' | '`'))
            && opens.iter().any(|opening| after.trim_start().starts_with(opening))
        {
            return true;
        }
        rest = after;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{check_file, has_unsafe};

    fn problems(name: &str, text: &str) -> Vec<String> {
        let mut problems = Vec::new();
        check_file(name, text, "/build/fargard", &mut problems);
        problems
    }

    #[test]
    fn unsafe_code_is_seen_and_talk_of_it_is_not() {
        let word = concat!("un", "safe");
        for code in ["{ x }", "fn f() {}", "impl Send for X {}", "extern \"C\" {}"] {
            assert!(has_unsafe(&format!("    pub {word} {code}")), "{code}");
        }
        for line in [format!("// {word} {{}}"), format!("{word}_code = \"deny\""), format!("\"{word} fn\"")] {
            assert!(!has_unsafe(&line), "{line}");
        }
        let block = format!("let x = {word} {{ y() }};\n");
        assert_eq!(problems("crates/scan/src/a.rs", &block).len(), 1);
        assert!(problems("crates/sensor/src/sys/a.rs", &block).is_empty());
        assert!(problems("docs/a.md", &block).is_empty());
    }

    #[test]
    fn long_files_and_build_paths_are_named_by_line() {
        assert_eq!(problems("a.rs", &"x\n".repeat(801)).len(), 1);
        assert!(problems("Cargo.lock", &"x\n".repeat(801)).is_empty());
        assert_eq!(
            problems("a.md", "fine\nsee /build/fargard/target\n"),
            ["a.md:2: names the directory this machine builds in"]
        );
    }
}
