//! Policies in files (YAML, and so JSON): reading with the place of each mistake.

use std::{collections::BTreeMap, ops::Range, rc::Rc, str::FromStr};

use fargard_rules::{
    source::line_column,
    yaml::{self, Node},
};

use crate::{Collection, Effect, Exception, FIELDS, MAX_PROBLEMS, Policy, Problem, Rule, Stage, policy::all};

/// Largest file, bytes.
pub const MAX_BYTES: usize = 2 << 20;

/// Parts of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// `collections`.
    Collections,
    /// `rules`.
    Rules,
    /// `exceptions`.
    Exceptions,
    /// `default`.
    Default,
}

impl Section {
    const ALL: [Self; 4] = [Self::Collections, Self::Rules, Self::Exceptions, Self::Default];

    /// Its key in a file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Collections => "collections",
            Self::Rules => "rules",
            Self::Exceptions => "exceptions",
            Self::Default => "default",
        }
    }
}

/// What a file says.
#[derive(Clone, Debug)]
pub struct File {
    /// The policy; sections that the file lacks are empty.
    pub policy: Policy,
    /// Sections that the file has.
    pub sections: Vec<Section>,
    text: String,
    places: BTreeMap<String, Range<usize>>,
}

/// Reads a policy or a part of one. Rules of a file without collections may name any.
///
/// # Errors
/// Everything that is wrong with it, with places, at most [`MAX_PROBLEMS`].
pub fn read(text: &str) -> Result<File, Vec<Problem>> {
    let mut reader = Reader { text, problems: Vec::new(), places: BTreeMap::new() };
    let (policy, sections) = reader.document();
    let mut problems = reader.problems;
    let mut file = File { policy, sections, text: text.to_owned(), places: reader.places };
    if problems.is_empty() {
        let knows_collections = file.sections.contains(&Section::Collections);
        problems.extend(
            file.policy.problems().into_iter().filter(|each| knows_collections || !each.is_reference),
        );
        file.locate(&mut problems);
    }
    if problems.is_empty() {
        return Ok(file);
    }
    problems.truncate(MAX_PROBLEMS);
    Err(problems)
}

impl File {
    /// Gives problems of this file's policy their places in it, as far as they are in it.
    pub fn locate(&mut self, problems: &mut [Problem]) {
        for problem in problems {
            // The nearest part that is in the file: what is missing has the place of what lacks it.
            let mut path = problem.path.as_str();
            problem.at = loop {
                if let Some(span) = self.places.get(path) {
                    break Some(line_column(&self.text, span.start));
                }
                match path.rfind(['.', '[']) {
                    Some(end) => path = path.get(..end).unwrap_or_default(),
                    None => break None,
                }
            };
        }
    }

    /// Puts the sections of this file in the place of a policy's own.
    pub fn put_into(&self, policy: &mut Policy) {
        for section in &self.sections {
            match section {
                Section::Collections => policy.collections.clone_from(&self.policy.collections),
                Section::Rules => policy.rules.clone_from(&self.policy.rules),
                Section::Exceptions => policy.exceptions.clone_from(&self.policy.exceptions),
                Section::Default => policy.default = self.policy.default,
            }
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    problems: Vec<Problem>,
    places: BTreeMap<String, Range<usize>>,
}

impl Reader<'_> {
    fn problem(&mut self, span: &Range<usize>, path: &str, message: impl std::fmt::Display) {
        if self.problems.len() < MAX_PROBLEMS {
            let at = Some(line_column(self.text, span.start));
            self.problems.push(Problem { at, ..Problem::new(path, message) });
        }
    }

    fn document(&mut self) -> (Policy, Vec<Section>) {
        let (mut policy, mut sections) = (Policy::default(), Vec::new());
        let documents = match yaml::documents(self.text) {
            Ok(documents) => documents,
            Err(error) => {
                self.problem(&error.span, "", error.message);
                return (policy, sections);
            }
        };
        let root = match documents.as_slice() {
            [root] => root,
            [] => {
                self.problem(&(0..0), "", "the file is empty: it needs collections, rules or exceptions");
                return (policy, sections);
            }
            [_, second, ..] => {
                self.problem(&second.span, "", "one document is one policy: remove this one");
                return (policy, sections);
            }
        };
        let known: Vec<&str> = Section::ALL.map(Section::name).into();
        for (name, node) in self.members(root, "", &known) {
            let Some(section) = Section::ALL.into_iter().find(|section| section.name() == name) else {
                continue;
            };
            sections.push(section);
            match section {
                Section::Collections => policy.collections = self.list(node, &name, Self::collection),
                Section::Rules => policy.rules = self.list(node, &name, Self::rule),
                Section::Exceptions => policy.exceptions = self.list(node, &name, Self::exception),
                Section::Default => policy.default = self.word(node, &name).unwrap_or_default(),
            }
        }
        (policy, sections)
    }

    /// Keys and values of a mapping, those that are known, each once.
    fn members<'n>(&mut self, node: &'n Node, path: &str, known: &[&str]) -> Vec<(String, &'n Rc<Node>)> {
        self.places.insert(path.to_owned(), node.span.clone());
        let Some(entries) = node.entries() else {
            self.problem(&node.span, path, format!("a mapping with the keys {} is needed", known.join(", ")));
            return Vec::new();
        };
        let mut members: Vec<(String, &'n Rc<Node>)> = Vec::new();
        for (key, value) in entries {
            let name = key.text().unwrap_or_default().to_owned();
            if members.iter().any(|(other, _)| *other == name) {
                self.problem(&key.span, path, format!("the key {name:?} is there twice"));
            } else if !known.is_empty() && !known.contains(&name.as_str()) {
                let name: String = name.chars().take(40).collect();
                self.problem(&key.span, path, format!("unknown key {name:?}: use {}", known.join(", ")));
            } else {
                let place = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                self.places.insert(place, value.span.clone());
                members.push((name, value));
            }
        }
        members
    }

    fn list<T>(&mut self, node: &Node, path: &str, one: impl Fn(&mut Self, &Node, &str) -> T) -> Vec<T> {
        if node.is_null() {
            return Vec::new();
        }
        let Some(items) = node.items() else {
            self.problem(&node.span, path, "a list is needed");
            return Vec::new();
        };
        (0..)
            .zip(items)
            .map(|(index, item): (usize, _)| one(self, item, &format!("{path}[{index}]")))
            .collect()
    }

    fn text(&mut self, node: &Node, path: &str) -> String {
        self.places.insert(path.to_owned(), node.span.clone());
        match node.text() {
            Some(text) => text.to_owned(),
            None => {
                self.problem(&node.span, path, "a text is needed");
                String::new()
            }
        }
    }

    /// A list of texts; one text alone is a list of one.
    fn texts(&mut self, node: &Node, path: &str) -> Vec<String> {
        if node.text().is_some() {
            return vec![self.text(node, path)];
        }
        self.list(node, path, Self::text)
    }

    fn word<T: FromStr<Err: std::fmt::Display>>(&mut self, node: &Node, path: &str) -> Option<T> {
        let text = self.text(node, path);
        text.parse().map_err(|error| self.problem(&node.span, path, error)).ok()
    }

    fn needs(&mut self, node: &Node, path: &str, members: &[(String, &Rc<Node>)], keys: &[&str]) {
        for key in keys {
            if !members.iter().any(|(name, _)| name == key) {
                self.problem(&node.span, path, format!("{key} is missing"));
            }
        }
    }

    fn collection(&mut self, node: &Node, path: &str) -> Collection {
        let fields = FIELDS.map(crate::Field::name);
        let known: Vec<&str> = ["name", "description", "color"].into_iter().chain(fields).collect();
        let members = self.members(node, path, &known);
        self.needs(node, path, &members, &["name"]);
        let mut collection = Collection::new("");
        for (name, value) in members {
            let path = format!("{path}.{name}");
            match name.as_str() {
                "name" => collection.name = self.text(value, &path),
                "description" => collection.description = self.text(value, &path),
                "color" => collection.color = self.text(value, &path),
                _ => {
                    if let Some(field) = FIELDS.into_iter().find(|field| field.name() == name) {
                        *collection.patterns_mut(field) = self.texts(value, &path);
                    }
                }
            }
        }
        collection
    }

    fn rule(&mut self, node: &Node, path: &str) -> Rule {
        let known = ["name", "notes", "disabled", "stage", "collections", "checks", "others"];
        let members = self.members(node, path, &known);
        self.needs(node, path, &members, &["name"]);
        let mut rule = Rule::new("");
        for (name, value) in members {
            let path = format!("{path}.{name}");
            match name.as_str() {
                "name" => rule.name = self.text(value, &path),
                "notes" => rule.notes = self.text(value, &path),
                "disabled" => rule.disabled = self.word(value, &path).unwrap_or_default(),
                "stage" => rule.stage = self.word::<Stage>(value, &path).unwrap_or_default(),
                "collections" => rule.collections = self.texts(value, &path),
                "checks" => rule.checks = self.effects(value, &path),
                _ => rule.others = self.word(value, &path).unwrap_or_default(),
            }
        }
        rule
    }

    fn effects(&mut self, node: &Node, path: &str) -> BTreeMap<u32, Effect> {
        let mut effects = BTreeMap::new();
        if node.is_null() {
            return effects;
        }
        for (name, value) in self.members(node, path, &[]) {
            let effect = self.word(value, &format!("{path}.{name}"));
            match name.parse::<u32>() {
                Ok(check) => {
                    effects.extend(effect.map(|effect| (check, effect)));
                }
                Err(_) => {
                    self.problem(&value.span, path, format!("{name:?} is not the number of a check, as 426"));
                }
            }
        }
        effects
    }

    fn exception(&mut self, node: &Node, path: &str) -> Exception {
        let known = ["name", "check", "collections", "subjects", "owner", "expires", "reason"];
        let members = self.members(node, path, &known);
        self.needs(node, path, &members, &["name", "check", "owner", "expires"]);
        let mut exception = Exception {
            name: String::new(),
            check: 0,
            collections: all(),
            subjects: Vec::new(),
            owner: String::new(),
            expires: String::new(),
            reason: String::new(),
        };
        for (name, value) in members {
            let path = format!("{path}.{name}");
            match name.as_str() {
                "name" => exception.name = self.text(value, &path),
                "check" => exception.check = self.word(value, &path).unwrap_or_default(),
                "collections" => exception.collections = self.texts(value, &path),
                "subjects" => exception.subjects = self.texts(value, &path),
                "owner" => exception.owner = self.text(value, &path),
                "expires" => exception.expires = self.text(value, &path),
                _ => exception.reason = self.text(value, &path),
            }
        }
        exception
    }
}
