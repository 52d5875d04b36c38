//! What rules are made of, in the form of `falco -L -o json_output=true`: the condition in full, and the fields,
//! operators, event types, macros and lists of each rule, macro and list.

mod details;
mod event_types;
mod falco_text;
mod requirements;

use std::collections::{BTreeSet, HashSet};

use serde_json::{Value, json};

use self::{details::Details, falco_text::inlined, requirements::Requirements};
use crate::{
    LoadReport, SourceFile,
    compile::Output,
    load::{self, Definitions, Exception, Lists, OneOrMany, RuleDef},
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
    Some(json!({
        "required_engine_version": engine,
        "required_plugin_versions": plugins,
        "rules": definitions.rules.iter().filter(|rule| rule.is_known_source()).map(|rule| book.rule(rule)).collect::<Vec<_>>(),
        "macros": (0..definitions.macros.len()).filter_map(|index| book.r#macro(index)).collect::<Vec<_>>(),
        "lists": (0..definitions.lists.len()).filter_map(|index| book.list(index)).collect::<Vec<_>>(),
    }))
}

/// Everything defined, parsed.
struct Book<'a> {
    definitions: &'a Definitions,
    lists: &'a Lists,
    /// The macros in the order of definition.
    macros: Vec<Expr>,
    /// What each macro holds with all it names.
    details: Vec<Details>,
    /// By rule: its condition, exceptions put in.
    rules: Vec<Expr>,
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
        let rules = definitions
            .rules
            .iter()
            .map(|rule| with_exceptions(parse(&rule.condition), load::exceptions(rule, lists)))
            .collect();
        Self { definitions, lists, macros, details, rules }
    }

    fn rule(&self, rule: &RuleDef) -> Value {
        let at = self.definitions.rules.iter().position(|other| std::ptr::eq(other, rule));
        let empty = Expr::And(Vec::new());
        let tree = at.and_then(|at| self.rules.get(at)).unwrap_or(&empty);
        let details = Details::of(tree, self.definitions, &self.details);
        let excepted = exception_names(&rule.exceptions);
        let raw = Raw::of(&rule.condition.text(), self.definitions);
        let output = Output::parse(&rule.output.text).map(|output| output.names()).unwrap_or_default();
        json!({
            "info": {
                "name": rule.name, "description": rule.description, "condition": rule.condition.text(),
                "output": rule.output.text.trim_end(), "priority": rule.priority.name(), "source": rule.source,
                "enabled": rule.enabled, "tags": sorted(&rule.tags),
                "capture": rule.capture, "capture_duration": rule.capture_duration,
            },
            "details": {
                "condition_compiled": inlined(tree, self.definitions, &self.macros),
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
        let raw = Raw::of(&definition.condition.text(), self.definitions);
        Some(json!({
            "info": { "name": definition.name, "condition": definition.condition.text() },
            "details": {
                "used": self.uses_macro(index),
                "condition_compiled": inlined(tree, self.definitions, &self.macros),
                "condition_fields": details.fields, "condition_operators": details.operators,
                "events": details.falco_events("syscall"), "plugins": [],
                "macros": raw.macros, "lists": raw.lists,
            },
        }))
    }

    fn list(&self, index: usize) -> Option<Value> {
        let definition = self.definitions.lists.get(index)?;
        let is_list = |name: &str| self.definitions.lists.iter().any(|list| list.name == name);
        let items: Vec<&str> = definition.items.iter().map(|item| item.text.as_str()).collect();
        let (inner, plain): (Vec<&str>, Vec<&str>) = items.iter().partition(|item| is_list(item));
        let used = self.names_list(&definition.name);
        Some(json!({
            "info": { "name": definition.name, "items": plain },
            "details": {
                "used": used, "items_compiled": self.flat(index), "lists": inner, "plugins": [],
            },
        }))
    }

    /// A list's items with those of the lists it names.
    fn flat(&self, index: usize) -> Vec<&str> {
        let mut items = Vec::new();
        self.flatten(index, &mut Vec::new(), &mut items);
        items
    }

    fn flatten<'b>(&'b self, index: usize, path: &mut Vec<usize>, items: &mut Vec<&'b str>) {
        let Some(list) = self.definitions.lists.get(index) else { return };
        path.push(index);
        for item in &list.items {
            let inner = self.definitions.lists.iter().position(|other| other.name == item.text);
            match inner.filter(|inner| !path.contains(inner)) {
                Some(inner) => self.flatten(inner, path, items),
                None => items.push(item.text.as_str()),
            }
        }
        path.pop();
    }

    /// Some rule or macro names the macro.
    fn uses_macro(&self, index: usize) -> bool {
        let name = self.definitions.macros.get(index).map_or("", |found| found.name.as_str());
        self.macros.iter().chain(&self.rules).any(|tree| details::names_macro(tree, name))
    }

    /// Some rule, macro or list names the list.
    fn names_list(&self, name: &str) -> bool {
        let conditions = self.definitions.rules.iter().map(|rule| &rule.condition);
        let mut conditions = conditions.chain(self.definitions.macros.iter().map(|found| &found.condition));
        let mut used = HashSet::new();
        conditions.any(|condition| {
            self.lists.substitute(&condition.text(), &mut used);
            used.contains(name)
        }) || self.definitions.lists.iter().any(|list| list.items.iter().any(|item| item.text == name))
    }
}

/// Macros and lists that a condition names itself, found in its text before lists are put in.
struct Raw {
    macros: Vec<String>,
    lists: Vec<String>,
}

impl Raw {
    fn of(condition: &str, definitions: &Definitions) -> Self {
        let mut raw = Self { macros: Vec::new(), lists: Vec::new() };
        if let Ok(tree) = syntax::parse(condition) {
            details::named(&tree, &mut raw.macros, &mut raw.lists);
        }
        raw.lists.retain(|name| definitions.lists.iter().any(|list| list.name == *name));
        raw
    }
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
