//! What rules are made of, in the form of `falco -L -o json_output=true`: the condition in full, and the fields,
//! operators, event types, macros and lists of each rule, macro and list.

mod details;
mod event_types;
mod falco_text;
mod requirements;

use std::{
    cell::Cell,
    collections::{BTreeSet, HashMap, HashSet},
};

use serde_json::{Value, json};

use self::{details::Details, falco_text::inlined, requirements::Requirements};
use crate::{
    LoadReport, SourceFile,
    compile::Output,
    load::{self, Definitions, Exception, ListDef, Lists, OneOrMany, RuleDef},
    syntax::{self, ast::Expr},
};

/// Describes the items of the files as Falco does; `None` when they do not load.
#[must_use]
pub fn describe(files: &[SourceFile]) -> Option<Value> {
    let LoadReport { ruleset, .. } = crate::load(files);
    ruleset?;
    let definitions = load::definitions(files, &mut Vec::new());
    let lists = definitions.flat_lists().0;
    let book = Book::new(&definitions, &lists);
    let Requirements { engine, plugins } = requirements::of(files);
    let rules = definitions.rules.iter().zip(&book.rules).filter(|(rule, _)| rule.is_known_source());
    let rules: Vec<Value> = rules.map(|rule| book.rule(rule)).collect();
    let macros: Vec<Value> = (0..definitions.macros.len()).filter_map(|index| book.r#macro(index)).collect();
    let lists: Vec<Value> = definitions.lists.iter().map(|list| book.list(list)).collect();
    Some(json!({
        "required_engine_version": engine,
        "required_plugin_versions": plugins,
        "rules": rules,
        "macros": macros,
        "lists": lists,
    }))
}

/// Most bytes of compiled conditions, all together.
const MAX_TEXT: usize = 32 << 20;

/// Everything defined, parsed.
struct Book<'a> {
    definitions: &'a Definitions,
    /// The macros in the order of definition.
    macros: Vec<Expr>,
    /// What each macro holds with all it names.
    details: Vec<Details>,
    /// By rule: its condition, exceptions put in.
    rules: Vec<Expr>,
    /// By name.
    list_at: HashMap<&'a str, &'a ListDef>,
    used_lists: HashSet<String>,
    used_macros: HashSet<String>,
    /// Bytes of compiled conditions that may still be printed.
    room: Cell<usize>,
}

impl<'a> Book<'a> {
    fn new(definitions: &'a Definitions, lists: &'a Lists) -> Self {
        let parse = |condition: &load::Condition| {
            load::Parsed::new(condition, lists).map_or(Expr::And(Vec::new()), |parsed| parsed.tree)
        };
        let macros: Vec<Expr> = definitions.macros.iter().map(|found| parse(&found.condition)).collect();
        let mut details = vec![Details::default(); macros.len()];
        for index in definitions.macro_order(lists) {
            let Some(tree) = macros.get(index) else { continue };
            let found = Details::of(tree, definitions, &details);
            if let Some(slot) = details.get_mut(index) {
                *slot = found;
            }
        }
        let rules: Vec<Expr> = definitions
            .rules
            .iter()
            .map(|rule| with_exceptions(parse(&rule.condition), load::exceptions(rule, lists)))
            .collect();
        let mut used_macros = HashSet::new();
        macros.iter().chain(&rules).for_each(|tree| details::macros_of(tree, &mut used_macros));
        Self {
            definitions,
            macros,
            details,
            rules,
            list_at: definitions.lists.iter().map(|list| (list.name.as_str(), list)).collect(),
            used_lists: used_lists(definitions, lists),
            used_macros,
            room: Cell::new(MAX_TEXT),
        }
    }

    /// A condition with its macros put in.
    fn inlined(&self, tree: &Expr) -> String {
        let text = inlined(tree, self.definitions, &self.macros, self.room.get());
        self.room.set(self.room.get().saturating_sub(text.len()));
        text
    }

    fn rule(&self, (rule, tree): (&RuleDef, &Expr)) -> Value {
        let details = Details::of(tree, self.definitions, &self.details);
        let excepted = exception_names(&rule.exceptions);
        let raw = self.raw(&rule.condition.text());
        let output = Output::parse(&rule.output.text).map(|output| output.names()).unwrap_or_default();
        json!({
            "info": {
                "name": rule.name, "description": rule.description, "condition": rule.condition.text(),
                "output": rule.output.text.trim_end(), "priority": rule.priority.name(), "source": rule.source,
                "enabled": rule.enabled, "tags": sorted(&rule.tags),
                "capture": rule.capture, "capture_duration": rule.capture_duration,
            },
            "details": {
                "condition_compiled": self.inlined(tree),
                "condition_fields": details.fields, "condition_operators": details.operators,
                "events": details.falco_events(&rule.source), "plugins": details.plugins_with(&output),
                "macros": raw.macros, "lists": raw.lists,
                "exception_names": excepted.0, "exception_fields": excepted.1, "exception_operators": excepted.2,
                "output_compiled": rule.output.text.trim_end(), "output_fields": output,
            },
        })
    }

    fn r#macro(&self, index: usize) -> Option<Value> {
        let definition = self.definitions.macros.get(index)?;
        let (tree, details) = (self.macros.get(index)?, self.details.get(index)?);
        let raw = self.raw(&definition.condition.text());
        Some(json!({
            "info": { "name": definition.name, "condition": definition.condition.text() },
            "details": {
                "used": self.used_macros.contains(&definition.name),
                "condition_compiled": self.inlined(tree),
                "condition_fields": details.fields, "condition_operators": details.operators,
                "events": details.falco_events("syscall"), "plugins": [],
                "macros": raw.macros, "lists": raw.lists,
            },
        }))
    }

    fn list(&self, list: &ListDef) -> Value {
        let items = list.items.iter().map(|item| item.text.as_str());
        let (inner, plain): (Vec<&str>, Vec<&str>) = items.partition(|item| self.list_at.contains_key(item));
        let mut flat = Vec::new();
        self.flatten(list, &mut Vec::new(), &mut flat);
        json!({
            "info": { "name": list.name, "items": plain },
            "details": {
                "used": self.used_lists.contains(&list.name), "items_compiled": flat, "lists": inner, "plugins": [],
            },
        })
    }

    /// A list's items with those of the lists it names; the loader bounds how many they are.
    fn flatten<'b>(&'b self, list: &'b ListDef, path: &mut Vec<&'b str>, items: &mut Vec<&'b str>) {
        path.push(&list.name);
        for item in &list.items {
            let inner =
                self.list_at.get(item.text.as_str()).filter(|inner| !path.contains(&inner.name.as_str()));
            match inner {
                Some(inner) => self.flatten(inner, path, items),
                None => items.push(item.text.as_str()),
            }
        }
        path.pop();
    }

    /// Macros and lists that a condition names itself, found in its text before lists are put in.
    fn raw(&self, condition: &str) -> Raw {
        let mut raw = Raw { macros: Vec::new(), lists: Vec::new() };
        if let Ok(tree) = syntax::parse(condition) {
            details::named(&tree, &mut raw.macros, &mut raw.lists);
        }
        raw.lists.retain(|name| self.list_at.contains_key(name.as_str()));
        raw
    }
}

/// Lists that some rule, macro or list names.
fn used_lists(definitions: &Definitions, lists: &Lists) -> HashSet<String> {
    let mut used = HashSet::new();
    let conditions = definitions.rules.iter().map(|rule| &rule.condition);
    for condition in conditions.chain(definitions.macros.iter().map(|found| &found.condition)) {
        lists.substitute(&condition.text(), &mut used);
    }
    used.extend(definitions.lists.iter().flat_map(|list| list.items.iter().map(|item| item.text.clone())));
    used
}

/// What a condition names itself.
struct Raw {
    macros: Vec<String>,
    lists: Vec<String>,
}

fn with_exceptions(condition: Expr, exceptions: Vec<Expr>) -> Expr {
    if exceptions.is_empty() {
        return condition;
    }
    let excepted = exceptions.into_iter().map(|exception| Expr::Not(Box::new(exception)));
    Expr::And(std::iter::once(condition).chain(excepted).collect())
}

/// Names, fields and operators of exceptions, each once.
fn exception_names(exceptions: &[Exception]) -> (Vec<String>, Vec<String>, Vec<String>) {
    let mut found = (Vec::new(), Vec::new(), Vec::new());
    let add = |to: &mut Vec<String>, name: &str| {
        if !to.iter().any(|known| known == name) {
            to.push(name.to_owned());
        }
    };
    let each = |values: &Option<OneOrMany>, default: &str| match values {
        Some(OneOrMany::One(one)) => vec![one.clone()],
        Some(OneOrMany::Many(many)) => many.clone(),
        None => vec![default.to_owned()],
    };
    for exception in exceptions {
        add(&mut found.0, &exception.name);
        for field in each(&exception.fields, "") {
            add(&mut found.1, &field);
        }
        let single = matches!(exception.fields, Some(OneOrMany::One(_)));
        for comp in each(&exception.comps, if single { "in" } else { "=" }) {
            add(&mut found.2, &comp);
        }
    }
    found
}

fn sorted(tags: &[String]) -> Vec<&String> {
    tags.iter().collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests;
