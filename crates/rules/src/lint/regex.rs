//! Regular expressions that look like a search. They must match the whole value, as in Falco.

use crate::syntax::ast::{Check, List, Literal, Op, Operand, Right, Test};

/// Fields whose values begin with `/`.
const PATHS: [&str; 9] = [
    "fd.name",
    "fd.nameraw",
    "fd.directory",
    "proc.exepath",
    "proc.pexepath",
    "proc.cwd",
    "fs.path.name",
    "fs.path.source",
    "fs.path.target",
];
/// Fields of many words.
const LINES: [&str; 7] =
    ["proc.cmdline", "proc.pcmdline", "proc.acmdline", "proc.args", "proc.exeline", "evt.args", "proc.env"];

/// Why a comparison's pattern can hardly match.
pub(super) fn mistake(check: &Check) -> Option<String> {
    let Operand::Field(field) = &check.left else { return None };
    let patterns: &[Literal] = match &check.test {
        Test::Compare(Op::Regex, Right::Literal(literal)) => std::slice::from_ref(literal),
        Test::Each(Op::Regex, _, List::Literals(items)) => items,
        _ => return None,
    };
    let name = field.name.as_str();
    patterns.iter().find_map(|pattern| {
        let text = pattern.text.as_str();
        if PATHS.contains(&name) && each_alternative(text, |one| one.starts_with(|char: char| char.is_ascii_alphanumeric() || char == '_')) {
            return Some(format!(
                "a regular expression must match the whole value: '{text}' never matches {name}, which begins with '/'"
            ));
        }
        if LINES.contains(&name) && each_alternative(text, |one| !has_wildcard(one) && !one.contains([' ', '['])) {
            return Some(format!(
                "a regular expression must match the whole value: '{text}' matches {name} only when it is one word"
            ));
        }
        None
    })
}

/// Whether something is true of every alternative; `false` where groups make that hard to say.
fn each_alternative(pattern: &str, is_true: impl Fn(&str) -> bool) -> bool {
    !pattern.contains(['(', '\\'])
        && pattern.split('|').all(|one| is_true(one.strip_prefix('^').unwrap_or(one)))
}

fn has_wildcard(pattern: &str) -> bool {
    [".*", ".+", ".?", ".{"].iter().any(|wildcard| pattern.contains(wildcard))
}
