//! Policies as YAML, to keep in git: what [`crate::file::read`] reads back to the same policy.

use std::fmt::Write as _;

use crate::{Collection, Exception, FIELDS, Policy, Rule, Stage, file::Section, policy::is_all};

impl Policy {
    /// The policy as a file.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut text = String::new();
        if self.default != crate::Effect::default() {
            line(&mut text, 0, "default", self.default.name());
        }
        for part in [Section::Collections, Section::Rules, Section::Exceptions] {
            text.push_str(&self.section_to_yaml(part));
        }
        text
    }

    /// A part of the policy as a file.
    #[must_use]
    pub fn section_to_yaml(&self, part: Section) -> String {
        let mut text = String::new();
        match part {
            Section::Collections => section(&mut text, part, &self.collections, collection),
            Section::Rules => section(&mut text, part, &self.rules, rule),
            Section::Exceptions => section(&mut text, part, &self.exceptions, exception),
            Section::Default => line(&mut text, 0, part.name(), self.default.name()),
        }
        text
    }
}

fn section<T>(text: &mut String, part: Section, items: &[T], one: impl Fn(&mut String, &T)) {
    let name = part.name();
    if items.is_empty() {
        let _ = writeln!(text, "{name}: []");
        return;
    }
    let _ = writeln!(text, "{name}:");
    for item in items {
        one(text, item);
    }
}

/// A value that needs no quotes.
fn line(text: &mut String, depth: usize, name: &str, value: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{:width$}{name}: {value}", "", width = depth * 2);
}

/// In double quotes with escapes, unless it is made of characters that mean nothing in YAML.
fn quoted(value: &str) -> String {
    let starts_plain = value.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/');
    let is_plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./@ ".contains(&byte));
    let is_word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word));
    if starts_plain && is_plain && !is_word && !value.ends_with(' ') {
        return value.to_owned();
    }
    let mut quoted = String::from("\"");
    for character in value.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            // Line breaks to YAML, and marks that may not stand in it.
            other @ ('\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(other));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

fn text_of(text: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        line(text, 2, name, &quoted(value));
    }
}

fn list(text: &mut String, name: &str, values: &[String]) {
    let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
    line(text, 2, name, &format!("[{}]", values.join(", ")));
}

fn collection(text: &mut String, collection: &Collection) {
    line(text, 1, "- name", &quoted(&collection.name));
    text_of(text, "description", &collection.description);
    text_of(text, "color", &collection.color);
    for field in FIELDS.into_iter().filter(|field| collection.restricts(*field)) {
        list(text, field.name(), collection.patterns(field));
    }
}

fn rule(text: &mut String, rule: &Rule) {
    line(text, 1, "- name", &quoted(&rule.name));
    text_of(text, "notes", &rule.notes);
    if rule.disabled {
        line(text, 2, "disabled", "true");
    }
    if rule.stage != Stage::Any {
        line(text, 2, "stage", rule.stage.name());
    }
    if !is_all(&rule.collections) {
        list(text, "collections", &rule.collections);
    }
    if !rule.checks.is_empty() {
        line(text, 2, "checks", "");
        // No space at the end of a line.
        text.truncate(text.trim_end().len());
        text.push('\n');
        for (check, effect) in &rule.checks {
            line(text, 3, &check.to_string(), effect.name());
        }
    }
    if rule.others != crate::Effect::Ignore {
        line(text, 2, "others", rule.others.name());
    }
}

fn exception(text: &mut String, exception: &Exception) {
    line(text, 1, "- name", &quoted(&exception.name));
    line(text, 2, "check", &exception.check.to_string());
    if !is_all(&exception.collections) {
        list(text, "collections", &exception.collections);
    }
    if !exception.subjects.is_empty() {
        list(text, "subjects", &exception.subjects);
    }
    line(text, 2, "owner", &quoted(&exception.owner));
    line(text, 2, "expires", &quoted(&exception.expires));
    text_of(text, "reason", &exception.reason);
}
