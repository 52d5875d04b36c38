//! What a policy must be like before it counts. The same for files, the console, REST and Prisma's JSON.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::{
    ALL, Collection, Effect, Exception, FIELDS, Field, MAX_PROBLEMS, Pattern, Policy, Problem, Rule, Stage,
};

/// Most collections, rules and exceptions each.
const MOST: usize = 1_000;
/// Longest name, characters.
const MAX_NAME: usize = 200;
/// Longest text for people, characters.
const MAX_TEXT: usize = 2_000;
/// Most patterns of a field, names of collections of a rule, checks of a rule.
const MOST_PARTS: usize = 1_000;

impl Policy {
    /// What is wrong with it, at most [`MAX_PROBLEMS`]; nothing for a policy that can be used.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        for (kind, count) in [
            ("collections", self.collections.len()),
            ("rules", self.rules.len()),
            ("exceptions", self.exceptions.len()),
        ] {
            if count > MOST {
                found.push(Problem::new(kind, format!("more than {MOST}")));
                return found;
            }
        }
        self.check_names(&mut found);
        for (index, collection) in self.collections.iter().enumerate() {
            check_collection(&format!("collections[{index}]"), collection, &mut found);
        }
        for (index, rule) in self.rules.iter().enumerate() {
            self.check_rule(&format!("rules[{index}]"), rule, &mut found);
        }
        for (index, exception) in self.exceptions.iter().enumerate() {
            self.check_exception(&format!("exceptions[{index}]"), exception, &mut found);
        }
        if matches!(self.default, Effect::Block) {
            found.push(Problem::new("default", "block is not possible here: use ignore, alert or fail"));
        }
        found.truncate(MAX_PROBLEMS);
        found
    }

    fn check_names(&self, found: &mut Vec<Problem>) {
        let kinds: [(&str, Vec<&str>); 3] = [
            ("collections", self.collections.iter().map(|each| each.name.as_str()).collect()),
            ("rules", self.rules.iter().map(|each| each.name.as_str()).collect()),
            ("exceptions", self.exceptions.iter().map(|each| each.name.as_str()).collect()),
        ];
        for (kind, names) in kinds {
            let mut seen = BTreeSet::new();
            for (index, name) in names.into_iter().enumerate() {
                let path = format!("{kind}[{index}].name");
                if !is_name(name) {
                    let message = format!(
                        "a name has 1 to {MAX_NAME} characters, no control characters and no space at its ends"
                    );
                    found.push(Problem::new(path, message));
                } else if !seen.insert(name) {
                    found.push(Problem::new(path, format!("{name:?} is there twice: names are unique")));
                }
            }
        }
    }

    fn check_references(&self, path: &str, names: &[String], found: &mut Vec<Problem>) {
        let path = format!("{path}.collections");
        if names.is_empty() {
            found.push(Problem::new(
                &path,
                format!("name at least one collection; {ALL:?} is every container"),
            ));
        }
        if names.len() > MOST_PARTS {
            found.push(Problem::new(&path, format!("more than {MOST_PARTS} collections")));
        }
        for (index, name) in names.iter().enumerate().take(MOST_PARTS) {
            if name != ALL && self.collection(name).is_none() {
                let message = format!("there is no collection {name:?}");
                found.push(Problem {
                    is_reference: true,
                    ..Problem::new(format!("{path}[{index}]"), message)
                });
            }
        }
    }

    fn check_rule(&self, path: &str, rule: &Rule, found: &mut Vec<Problem>) {
        check_text(&format!("{path}.notes"), &rule.notes, found);
        self.check_references(path, &rule.collections, found);
        if rule.checks.len() > MOST_PARTS {
            found.push(Problem::new(format!("{path}.checks"), format!("more than {MOST_PARTS} checks")));
        }
        let named = rule.checks.iter().map(|(check, effect)| (format!("{path}.checks.{check}"), *effect));
        let effects = named.chain([(format!("{path}.others"), rule.others)]);
        for (path, _) in effects.filter(|(_, effect)| *effect == Effect::Block) {
            if let Some(reason) = self.refusal(rule) {
                found.push(Problem::new(path, reason));
            }
        }
    }

    /// Why a rule cannot block; `None` where it can.
    fn refusal(&self, rule: &Rule) -> Option<String> {
        if rule.stage == Stage::Ci {
            return None;
        }
        let mut scopes = rule.collections.iter().map(|name| match self.collection(name) {
            Some(collection) => describe(collection),
            None => format!("collection {name:?}"),
        });
        let scope = scopes.next().unwrap_or_else(|| format!("collection {ALL:?}"));
        Some(format!(
            "block is refused: the rule's scope contains Fargate tasks ({scope}), and the block action doesn't apply \
             to Fargate tasks, whose containers AWS starts without asking. Use alert; or fail, which fails the image \
             in `fargard scan`; or give the rule `stage: ci`"
        ))
    }

    fn check_exception(&self, path: &str, exception: &Exception, found: &mut Vec<Problem>) {
        self.check_references(path, &exception.collections, found);
        check_text(&format!("{path}.reason"), &exception.reason, found);
        if !is_name(&exception.owner) {
            let message = "an exception needs an owner, who answers for it: a name or an address";
            found.push(Problem::new(format!("{path}.owner"), message));
        }
        if exception.expires.len() != 10 || exception.expires.parse::<Date>().is_err() {
            let message = "an exception needs its last day, written as 2027-01-31";
            found.push(Problem::new(format!("{path}.expires"), message));
        }
        if exception.subjects.len() > MOST_PARTS {
            found.push(Problem::new(format!("{path}.subjects"), format!("more than {MOST_PARTS} patterns")));
        }
        for (index, text) in exception.subjects.iter().enumerate().take(MOST_PARTS) {
            if let Err(error) = Pattern::of_subject(text) {
                found.push(Problem::new(format!("{path}.subjects[{index}]"), error));
            }
        }
    }
}

/// A collection by what it restricts: `collection "x" with hosts web-*`.
fn describe(collection: &Collection) -> String {
    let fields: Vec<String> = FIELDS
        .into_iter()
        .filter(|field| collection.restricts(*field))
        .map(|field| {
            let patterns: Vec<&str> = collection.patterns(field).iter().take(3).map(String::as_str).collect();
            format!("{} {}", field.name(), patterns.join(", "))
        })
        .collect();
    if fields.is_empty() {
        format!("collection {:?}", collection.name)
    } else {
        format!("collection {:?} with {}", collection.name, fields.join("; "))
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= MAX_NAME
        && text.trim() == text
        && !text.chars().any(char::is_control)
}

fn check_text(path: &str, text: &str, found: &mut Vec<Problem>) {
    if text.chars().count() > MAX_TEXT || text.contains('\0') {
        found.push(Problem::new(path, format!("longer than {MAX_TEXT} characters, or contains a NUL")));
    }
}

fn check_collection(path: &str, collection: &Collection, found: &mut Vec<Problem>) {
    check_text(&format!("{path}.description"), &collection.description, found);
    let restricted: Vec<Field> = FIELDS.into_iter().filter(|field| collection.restricts(*field)).collect();
    if collection.name == ALL && !restricted.is_empty() {
        let message = format!("{ALL:?} is every container and cannot be restricted: choose another name");
        found.push(Problem::new(format!("{path}.name"), message));
    }
    let color = collection.color.strip_prefix('#').map(str::as_bytes);
    let is_color = color.is_some_and(|digits| digits.len() == 6 && digits.iter().all(u8::is_ascii_hexdigit));
    if !collection.color.is_empty() && !is_color {
        found.push(Problem::new(format!("{path}.color"), "a colour is written as #1f77b4"));
    }
    if restricted.contains(&Field::Containers) && restricted.contains(&Field::Images) {
        let message = "a collection restricts images or containers, not both: make two collections";
        found.push(Problem::new(format!("{path}.containers"), message));
    }
    for field in restricted {
        check_patterns(&format!("{path}.{}", field.name()), collection.patterns(field), found);
    }
}

fn check_patterns(path: &str, texts: &[String], found: &mut Vec<Problem>) {
    if texts.is_empty() {
        found.push(Problem::new(path, "an empty list matches nothing; leave the field out for everything"));
    }
    if texts.len() > MOST_PARTS {
        found.push(Problem::new(path, format!("more than {MOST_PARTS} patterns")));
        return;
    }
    let mut patterns = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        match Pattern::parse(text) {
            Ok(pattern) => patterns.push((index, text, pattern)),
            Err(error) => found.push(Problem::new(format!("{path}[{index}]"), error)),
        }
    }
    let (excluding, including): (Vec<_>, Vec<_>) =
        patterns.iter().partition(|(_, _, pattern)| pattern.excludes());
    for (index, text, exclusion) in excluding {
        let swallowed = including.iter().find(|(_, _, inclusion)| exclusion.covers(inclusion));
        let message = match swallowed {
            Some((_, other, _)) => {
                format!("{text} excludes all that {other} includes, so that would never match")
            }
            None if exclusion.is_everything() => format!("{text} excludes everything"),
            None => continue,
        };
        found.push(Problem::new(format!("{path}[{index}]"), message));
    }
}
