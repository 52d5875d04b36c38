//! What stands in a condition.

use std::collections::{BTreeSet, HashSet};

use super::event_types::EventTypes;
use crate::{
    load::Definitions,
    syntax::ast::{Check, Expr, List, Operand, Right, Test, TransformArg},
};

/// Fields, operators and event types of a condition with all its macros.
#[derive(Clone, Debug, Default)]
pub(super) struct Details {
    /// With their arguments, as written.
    pub(super) fields: BTreeSet<String>,
    pub(super) operators: BTreeSet<String>,
    types: EventTypes,
}

/// Plugins by the fields they bring.
const PLUGINS: [(&str, &str); 6] = [
    ("container.", "container"),
    ("k8s.", "container"),
    ("ct.", "cloudtrail"),
    ("s3.", "cloudtrail"),
    ("ec2.", "cloudtrail"),
    ("json.", "json"),
];

impl Details {
    /// Of a tree whose macros stand in `macros`, in the order of their definition.
    pub(super) fn of(tree: &Expr, definitions: &Definitions, macros: &[Self]) -> Self {
        let mut details = Self { types: EventTypes::of(tree, definitions, macros), ..Self::default() };
        details.collect(tree, definitions, macros);
        details
    }

    pub(super) fn types(&self) -> &EventTypes {
        &self.types
    }

    fn collect(&mut self, tree: &Expr, definitions: &Definitions, macros: &[Self]) {
        match tree {
            Expr::And(children) | Expr::Or(children) => {
                children.iter().for_each(|child| self.collect(child, definitions, macros));
            }
            Expr::Not(child) => self.collect(child, definitions, macros),
            Expr::Macro(name, _) => {
                if let Some(inner) = definitions.macro_index(name).and_then(|index| macros.get(index)) {
                    self.fields.extend(inner.fields.iter().cloned());
                    self.operators.extend(inner.operators.iter().cloned());
                }
            }
            Expr::Check(check) => self.check(check),
        }
    }

    fn check(&mut self, check: &Check) {
        self.operand(&check.left);
        let operator = match &check.test {
            Test::Exists => "exists".to_owned(),
            Test::Compare(op, right) => {
                if let Right::Operand(right) = right {
                    self.operand(right);
                }
                op.symbol().to_owned()
            }
            Test::Each(op, quantifier, _) => format!("{} {}", op.symbol(), quantifier.symbol()),
        };
        self.operators.insert(operator);
    }

    fn operand(&mut self, operand: &Operand) {
        match operand {
            Operand::Field(field) => {
                let arg = field.arg.as_deref().map(|arg| format!("[{arg}]")).unwrap_or_default();
                self.fields.insert(format!("{}{arg}", field.name));
            }
            Operand::Transform(transform) => transform.args.iter().for_each(|arg| self.arg(arg)),
        }
    }

    fn arg(&mut self, arg: &TransformArg) {
        match arg {
            TransformArg::Operand(operand) => self.operand(operand),
            TransformArg::Literal(_) => {}
            TransformArg::List(args, _) => args.iter().for_each(|arg| self.arg(arg)),
        }
    }

    /// The event types a match can have. Falco runs syscall rules for asynchronous events as well.
    pub(super) fn falco_events(&self, source: &str) -> Vec<String> {
        let mut events: Vec<String> = match source {
            "syscall" => self.types.names(true).map(str::to_owned).collect(),
            _ => vec!["pluginevent".into()],
        };
        events.push("asyncevent".into());
        events
    }

    /// The plugins that bring these fields or some of the output's.
    pub(super) fn plugins_with(&self, output: &[String]) -> BTreeSet<&'static str> {
        let fields = || self.fields.iter().chain(output);
        PLUGINS
            .iter()
            .filter(|(prefix, _)| fields().any(|name| name.starts_with(prefix)))
            .map(|(_, plugin)| *plugin)
            .collect()
    }
}

/// Macros and lists a tree names, each once.
pub(super) fn named(tree: &Expr, macros: &mut Vec<String>, lists: &mut Vec<String>) {
    let add = |to: &mut Vec<String>, name: &str| {
        if !to.iter().any(|known| known == name) {
            to.push(name.to_owned());
        }
    };
    match tree {
        Expr::And(children) | Expr::Or(children) => {
            children.iter().for_each(|child| named(child, macros, lists));
        }
        Expr::Not(child) => named(child, macros, lists),
        Expr::Macro(name, _) => add(macros, name),
        Expr::Check(check) => match &check.test {
            Test::Compare(_, Right::List(list)) | Test::Each(_, _, list) => match list {
                List::Named(name, _) => add(lists, name),
                List::Literals(items) => items.iter().for_each(|item| add(lists, &item.text)),
            },
            _ => {}
        },
    }
}

/// Adds the macros a tree names.
pub(super) fn macros_of(tree: &Expr, found: &mut HashSet<String>) {
    match tree {
        Expr::And(children) | Expr::Or(children) => {
            children.iter().for_each(|child| macros_of(child, found));
        }
        Expr::Not(child) => macros_of(child, found),
        Expr::Macro(name, _) => {
            found.insert(name.clone());
        }
        Expr::Check(_) => {}
    }
}
