//! From definitions to a ruleset: macros and lists put in, fields found, types checked, equal parts shared.

mod bytes;
pub(crate) mod check;
mod constant;
mod correlation;
mod event_types;
mod function;
mod getopt;
pub(crate) mod glob;
mod lower;
pub(crate) mod matcher;
pub(crate) mod operand;
mod output;
mod pair;
mod pathset;
mod ports;
mod posix_regex;
pub(crate) mod program;
mod re2_posix;
mod show;
mod sources;
mod specialize;
mod transform;
mod typing;
mod warnings;

use std::collections::HashSet;

use fargard_model::{Action, Source};

pub(crate) use event_types::is_event_type;
pub(crate) use output::{Output, OutputError};
#[cfg(test)]
pub(crate) use pathset::PathSet;
pub(crate) use specialize::{Known, Specializer, event_type_checks};

use crate::{
    diagnostic::{Code, Diagnostic, Item, has_room},
    load::{Definitions, Lists, Place, RuleDef},
    ruleset::{Rule, RuleKind, Ruleset},
    source::SourceFile,
};
use event_types::EventTypesOf;
use lower::{Lowering, Trouble};
use program::{NodeId, Program};

/// A macro as a node, or why it has none.
enum Macro {
    Ready(NodeId),
    /// Its turn has not come.
    Pending,
    /// To be reported at the rule that uses it, unless it was reported at once.
    Broken(Trouble),
    Reported,
}

/// The state of a compilation.
pub(crate) struct Compiler<'a> {
    files: &'a [SourceFile],
    definitions: &'a Definitions,
    lists: Lists,
    used_lists: HashSet<String>,
    used_macros: HashSet<usize>,
    macros: Vec<Macro>,
    program: Program,
    diagnostics: &'a mut Vec<Diagnostic>,
}

/// Compiles; gives nothing when there is any error.
pub(crate) fn compile(
    files: &[SourceFile],
    definitions: &Definitions,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Ruleset> {
    posix_regex::begin();
    let (lists, used_lists, too_long) = definitions.flat_lists();
    let mut compiler = Compiler {
        files,
        definitions,
        lists,
        used_lists,
        used_macros: HashSet::new(),
        macros: Vec::new(),
        program: Program::default(),
        diagnostics,
    };
    if let Some(list) = too_long.and_then(|name| definitions.lists.iter().find(|list| list.name == name)) {
        compiler.report(
            Code::ErrValidate,
            &list.place,
            "the lists hold more than 4 MiB with all they name".into(),
        );
    }
    compiler.macros();
    let mut rules = compiler.rules();
    let correlations = compiler.correlations(&mut rules);
    if compiler.diagnostics.iter().any(Diagnostic::is_error) {
        return None;
    }
    compiler.unused();
    Some(Ruleset::new(rules, correlations, compiler.program))
}

impl Compiler<'_> {
    fn report(&mut self, code: Code, place: &Place, message: String) {
        if let Some(file) = self.files.get(place.file).filter(|_| has_room(self.diagnostics, code)) {
            self.diagnostics.push(Diagnostic::new(code, file, place.span.clone(), message));
        }
    }

    fn report_with_help(&mut self, code: Code, place: &Place, message: String, help: &str) {
        if let Some(file) = self.files.get(place.file).filter(|_| has_room(self.diagnostics, code)) {
            let diagnostic = Diagnostic::new(code, file, place.span.clone(), message).with_help(help);
            self.diagnostics.push(diagnostic);
        }
    }

    fn report_item(&mut self, code: Code, trouble: Trouble, kind: &'static str, name: &str, at: &Place) {
        let Some(file) = self.files.get(trouble.place.file).filter(|_| has_room(self.diagnostics, code))
        else {
            return;
        };
        let of = self.files.get(at.file).map(|file| file.name.clone()).unwrap_or_default();
        let item = Item { kind, name: name.to_owned(), file: of, offset: at.span.start };
        let mut diagnostic = Diagnostic::new(code, file, trouble.place.span, trouble.message).with_item(item);
        diagnostic.help = trouble.help;
        self.diagnostics.push(diagnostic);
    }

    /// Macros in the order in which they see each other, so that each finds those it names ready.
    fn macros(&mut self) {
        self.macros.resize_with(self.definitions.macros.len(), || Macro::Pending);
        for index in self.definitions.macro_order(&self.lists) {
            let Some(definition) = self.definitions.macros.get(index) else { continue };
            let lowered = Lowering::new(self, &definition.condition, definition.visibility).lower();
            let outcome = match lowered {
                Ok(node) => Macro::Ready(node),
                Err(trouble) if trouble.code == Code::ErrCompileCondition && trouble.is_syntax => {
                    self.report_item(trouble.code, trouble, "macro", &definition.name, &definition.place);
                    Macro::Reported
                }
                Err(trouble) => Macro::Broken(trouble),
            };
            if let Some(slot) = self.macros.get_mut(index) {
                *slot = outcome;
            }
        }
    }

    fn rules(&mut self) -> Vec<(Rule, NodeId, Output)> {
        let definitions = self.definitions;
        let mut types = EventTypesOf::default();
        definitions
            .rules
            .iter()
            .filter(|rule| rule.is_known_source())
            .filter_map(|definition| match self.rule(definition, &mut types) {
                Ok(compiled) => Some(compiled),
                Err(trouble) if trouble.unknown_field && definition.skip_unknown => {
                    let place = trouble.place.clone();
                    self.report(
                        Code::UnknownFilter,
                        &place,
                        format!("{}; the rule is skipped", trouble.message),
                    );
                    None
                }
                Err(trouble) => {
                    let code = trouble.code;
                    self.report_item(code, trouble, "rule", &definition.name, &definition.place);
                    None
                }
            })
            .collect()
    }

    fn rule(
        &mut self,
        definition: &RuleDef,
        types: &mut EventTypesOf,
    ) -> Result<(Rule, NodeId, Output), Trouble> {
        let source = definition.known_source().unwrap_or_default();
        let condition = Lowering::new(self, &definition.condition, usize::MAX).lower()?;
        sources::condition_fits(&self.program, condition, source, &definition.condition, self.files)?;
        let excepted = self.exceptions(definition)?;
        let excepted = self.program.or(excepted);
        let not_excepted = self.program.not(excepted);
        let condition = self.program.and(vec![condition, not_excepted]);
        let output = Output::parse(&definition.output.text);
        let output = output.and_then(|output| output.with_extra(&definition.extra_fields));
        let output = output.map_err(|error| Trouble {
            code: Code::ErrCompileOutput,
            message: error.message,
            place: definition.output.place.clone(),
            help: None,
            unknown_field: error.unknown_field,
            is_syntax: false,
        })?;
        sources::output_fits(&output, source, &definition.output.place)?;
        let types_matter = source == Source::Syscall && definition.warn_evttypes;
        if types_matter && types.node(&self.program, condition, true).is_unrestricted() {
            let message = "the rule matches too many event types: this has a significant performance penalty";
            let place = definition.place.clone();
            self.report(Code::NoEvttype, &place, message.to_owned());
            if let Some(last) = self.diagnostics.last_mut() {
                last.help = Some("restrict it, as in 'evt.type in (open, openat) and ...'".into());
            }
        }
        if definition.output.text.contains(&format!("%{}", output::REMOVED)) {
            let place = definition.output.place.clone();
            let message = format!("'%{}' is deprecated and left out of the output", output::REMOVED);
            self.report(Code::DeprecatedItem, &place, message);
        }
        if output.fields().iter().any(|field| field.field.name == "evt.dir") {
            self.deprecated_dir(&definition.output.place.clone());
        }
        let rule = Rule {
            kind: RuleKind::Condition,
            name: definition.name.clone(),
            description: definition.description.trim_end().to_owned(),
            condition: definition.condition.text().trim_end().to_owned(),
            output: definition.output.text.trim_end().to_owned(),
            priority: definition.priority,
            tags: definition.tags.clone(),
            source,
            enabled: definition.enabled,
            action: definition.action.as_ref().map_or(Action::Alert, |asked| asked.action),
        };
        Ok((rule, condition, output))
    }

    fn exceptions(&mut self, definition: &RuleDef) -> Result<Vec<NodeId>, Trouble> {
        let mut nodes = Vec::new();
        for exception in &definition.exceptions {
            let trouble = |message: String| Trouble {
                code: Code::ErrValidate,
                message,
                place: exception.place.clone(),
                help: None,
                unknown_field: false,
                is_syntax: false,
            };
            if let Some(text) = crate::load::exception_condition(exception).map_err(trouble)? {
                let node = Lowering::of_text(self, &text, &exception.place).lower()?;
                let source = definition.known_source().unwrap_or_default();
                sources::exception_fits(&self.program, node, source, &exception.place)?;
                nodes.push(node);
            }
        }
        Ok(nodes)
    }

    fn deprecated_dir(&mut self, place: &Place) {
        let message = "'evt.dir' is deprecated: it is always '<'";
        self.report(Code::DeprecatedItem, place, message.to_owned());
    }

    fn unused(&mut self) {
        let definitions = self.definitions;
        for (index, found) in definitions.macros.iter().enumerate() {
            if !self.used_macros.contains(&index) {
                let message = format!("macro '{}' is not referred to by any other rule or macro", found.name);
                self.report(Code::UnusedMacro, &found.place, message);
            }
        }
        for found in &definitions.lists {
            if !self.used_lists.contains(&found.name) {
                let message =
                    format!("list '{}' is not referred to by any other rule, macro or list", found.name);
                self.report(Code::UnusedList, &found.place, message);
            }
        }
    }
}
