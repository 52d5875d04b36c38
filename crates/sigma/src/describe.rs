//! What a rule says of itself: description, tags, priority, output.

use fargard_model::Priority;

use crate::{document::Document, logsource::LogSource, problem::Problem};

/// Most fields of a Sigma rule's own choice that an output shows.
const MAX_FIELDS: usize = 20;

/// Text without line ends, blanks folded.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The description with all that tells where the rule comes from.
pub(crate) fn description(document: &Document<'_>) -> String {
    let mut lines = Vec::new();
    let description = document.text("description").unwrap_or(document.title);
    lines.extend(description.trim().lines().map(|line| line.trim().to_owned()));
    let lists = [("False positives", "falsepositives"), ("References", "references")];
    for (name, key) in lists {
        let texts: Vec<String> = document.texts(key).into_iter().map(one_line).collect();
        if !texts.is_empty() {
            lines.push(format!("{name}: {}", texts.join("; ")));
        }
    }
    let keys = [
        ("Author", "author"),
        ("License", "license"),
        ("Sigma rule", "id"),
        ("Status", "status"),
        ("Date", "date"),
        ("Modified", "modified"),
    ];
    for (name, key) in keys {
        let text = document.texts(key).into_iter().map(one_line).collect::<Vec<_>>().join(", ");
        if !text.is_empty() {
            lines.push(format!("{name}: {text}"));
        }
    }
    lines.join("\n")
}

/// The priority of the rule's level; that of `medium` where it has none.
pub(crate) fn priority(document: &Document<'_>) -> Result<Priority, Box<Problem>> {
    match document.text("level").unwrap_or("medium") {
        "critical" => Ok(Priority::Critical),
        "high" => Ok(Priority::Error),
        "medium" => Ok(Priority::Warning),
        "low" => Ok(Priority::Notice),
        "informational" => Ok(Priority::Informational),
        other => {
            let span = document.node.get("level").map_or(0..0, |node| node.span.clone());
            let reason = "one of critical, high, medium, low, informational is expected";
            Err(document.problem(&span, format!("level {other}"), reason))
        }
    }
}

/// Tags in Falco's style: `attack.initial-access` is `mitre_initial_access`, `attack.t1059.004` is `T1059.004`.
pub(crate) fn tags(document: &Document<'_>) -> Vec<String> {
    let mut tags = vec!["sigma".to_owned()];
    for tag in document.texts("tags") {
        let tag = one_line(tag).replace(' ', "_");
        let tag = match tag.strip_prefix("attack.") {
            Some(id) if is_id(id) => id.to_ascii_uppercase(),
            Some(tactic) => format!("mitre_{}", tactic.replace('-', "_")),
            None => tag,
        };
        if !tag.is_empty() && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

/// A technique, group, software or tactic of MITRE ATT&CK by number: `t1059.004`, `g0016`, `s0154`, `ta0001`.
fn is_id(id: &str) -> bool {
    let digits = id.trim_start_matches(|char: char| char.is_ascii_alphabetic());
    let letters = id.len() - digits.len();
    (1..=2).contains(&letters)
        && digits.starts_with(|char: char| char.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// The title with what the log source shows and the fields the rule asks for.
pub(crate) fn output(document: &Document<'_>, source: &LogSource) -> String {
    let mut output = format!("{} ({}", one_line(document.title).replace('%', " percent"), source.output);
    for name in document.texts("fields").into_iter().take(MAX_FIELDS) {
        // What the source does not carry cannot be shown; it decides nothing.
        let Ok(found) = source.field(name) else { continue };
        let shown = format!("%{}", found.field);
        if !output.contains(&shown) {
            output.push_str(&format!(" {}={shown}", name.replace(['%', '='], "_")));
        }
    }
    output + ")"
}

#[cfg(test)]
mod tests {
    use super::is_id;

    #[test]
    fn ids_of_mitre_are_known() {
        for id in ["t1059", "t1059.004", "g0016", "s0154", "ta0001"] {
            assert!(is_id(id), "{id}");
        }
        for tactic in ["execution", "initial-access", "t", "", "1059", "tax0001"] {
            assert!(!is_id(tactic), "{tactic}");
        }
    }
}
