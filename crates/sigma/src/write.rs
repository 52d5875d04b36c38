//! Rules as a rules file.

use std::fmt::Write;

use fargard_rules::syntax::ast::Expr;

use crate::{
    convert::FalcoRule,
    correlation::{Correlation, Happening},
};

/// Longest line of a condition, where it can be broken.
const WIDTH: usize = 100;

/// Rules as YAML that Falco and [`fargard_rules::load`] take.
pub(crate) fn rules(rules: &[FalcoRule]) -> String {
    let mut text = String::new();
    for rule in rules {
        if !text.is_empty() {
            text.push('\n');
        }
        // Writing to a String cannot fail.
        let _ = write_rule(&mut text, rule);
    }
    text
}

fn write_rule(text: &mut String, rule: &FalcoRule) -> std::fmt::Result {
    writeln!(text, "- rule: {}", inline(&rule.name))?;
    writeln!(text, "  desc: {}", block(&rule.description, "|-", "\n"))?;
    writeln!(text, "  condition: {}", block(&condition(&rule.condition), ">-", " "))?;
    writeln!(text, "  output: {}", quoted(&rule.output))?;
    writeln!(text, "  priority: {}", rule.priority.name().to_ascii_uppercase())?;
    if let Some(source) = rule.source {
        writeln!(text, "  source: {source}")?;
    }
    if !rule.enabled {
        writeln!(text, "  enabled: false")?;
    }
    writeln!(text, "  tags: [{}]", list(&rule.tags))
}

fn list(texts: &[String]) -> String {
    texts.iter().map(|text| inline(text)).collect::<Vec<_>>().join(", ")
}

/// Correlations as `sequence` and `threshold` items.
pub(crate) fn correlations(correlations: &[Correlation]) -> String {
    let mut text = String::new();
    for correlation in correlations {
        if !text.is_empty() {
            text.push('\n');
        }
        // Writing to a String cannot fail.
        let _ = write_correlation(&mut text, correlation);
    }
    text
}

fn write_correlation(text: &mut String, correlation: &Correlation) -> std::fmt::Result {
    let kind = if matches!(correlation.pattern, Happening::Sequence(_)) { "sequence" } else { "threshold" };
    writeln!(text, "- {kind}: {}", inline(&correlation.name))?;
    writeln!(text, "  desc: {}", block(&correlation.description, "|-", "\n"))?;
    if !correlation.by.is_empty() {
        writeln!(text, "  by: [{}]", list(&correlation.by))?;
    }
    writeln!(text, "  within: {}", correlation.within)?;
    match &correlation.pattern {
        Happening::Sequence(rules) => writeln!(text, "  steps: [{}]", list(rules))?,
        Happening::Count(rule, count) => writeln!(text, "  of: {}\n  count: {count}", inline(rule))?,
        Happening::Distinct(rule, field, count) => {
            writeln!(
                text,
                "  of: {}\n  distinct: {{field: {}, count: {count}}}",
                inline(rule),
                inline(field)
            )?;
        }
    }
    writeln!(text, "  output: {}", quoted(&correlation.output))?;
    writeln!(text, "  priority: {}", correlation.priority.name().to_ascii_uppercase())?;
    if let Some(source) = correlation.source {
        writeln!(text, "  source: {source}")?;
    }
    writeln!(text, "  tags: [{}]", list(&correlation.tags))
}

/// A condition with a line for each of its parts, which are broken where that changes nothing.
fn condition(expr: &Expr) -> String {
    let parts: Vec<String> = match expr {
        Expr::And(parts) => parts
            .iter()
            .map(|part| match part {
                Expr::And(_) | Expr::Or(_) => format!("({part})"),
                other => other.to_string(),
            })
            .collect(),
        other => vec![other.to_string()],
    };
    let lines: Vec<String> = parts
        .iter()
        .enumerate()
        .map(|(index, part)| wrap(&if index > 0 { format!("and {part}") } else { part.clone() }))
        .collect();
    lines.join("\n")
}

/// Breaks a long line at blanks outside quotes.
fn wrap(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let (mut quoted, mut escaped, mut width) = (false, false, 0);
    for char in line.chars() {
        if char == ' ' && !quoted && width >= WIDTH {
            text.push('\n');
            width = 0;
            continue;
        }
        if char == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = char == '\\' && !escaped;
        text.push(char);
        width += 1;
    }
    text
}

/// A block scalar under the key of a rule; a quoted one where a block cannot hold it. `join` is what a line's end
/// reads as.
fn block(text: &str, style: &str, join: &str) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    let fits = |line: &&str| !line.starts_with(' ') && !line.ends_with(' ') && line.chars().all(is_printable);
    let ends = [lines.first(), lines.last()];
    if ends.iter().any(|line| line.is_none_or(|line| line.is_empty())) || !lines.iter().all(fits) {
        return quoted(&lines.join(join));
    }
    let mut block = style.to_owned();
    for line in lines {
        block.push('\n');
        if !line.is_empty() {
            block.push_str("    ");
            block.push_str(line);
        }
    }
    block
}

/// A plain scalar where that is safe, else a quoted one.
fn inline(text: &str) -> String {
    let plain = |char: char| {
        char.is_ascii_alphanumeric() || matches!(char, ' ' | '_' | '.' | '/' | '(' | ')' | '-' | '+')
    };
    let words = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let safe = text.starts_with(|char: char| char.is_ascii_alphabetic())
        && !text.ends_with(' ')
        && text.chars().all(plain)
        && !words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if safe { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        match char {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            char if is_printable(char) => quoted.push(char),
            char => quoted.push_str(&format!("\\U{:08X}", u32::from(char))),
        }
    }
    quoted.push('"');
    quoted
}

/// Characters that stand in YAML as they are; line ends of other scripts do not count as such.
fn is_printable(char: char) -> bool {
    !char.is_control() && !matches!(char, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}
