//! What the items of all files add up to: defined, appended to, overridden, toggled.

use std::collections::{BTreeMap, HashMap, HashSet};

use fargard_model::{Priority, Source};

use super::{
    FileReader, Refused,
    change::change,
    condition::Condition,
    exception::check_exception,
    extension::{ActionDef, CorrelationDef, FoldingDef, TestDef},
    item::{Exception, How, Place, RuleItem, RuleMode, SimpleItem, Text},
    substitute::Lists,
};
use crate::{
    diagnostic::{Code, Diagnostic},
    options::ExtraField,
    source::SourceFile,
};

/// Sources whose events are evaluated.
const KNOWN_SOURCES: [Source; 2] = [Source::Syscall, Source::AwsCloudtrail];

/// A macro.
#[derive(Debug)]
pub(crate) struct MacroDef {
    pub(crate) name: String,
    pub(crate) condition: Condition,
    pub(crate) place: Place,
    /// When it was first defined: macros changed later see it.
    pub(crate) first: usize,
    /// When it was last defined or appended to: it sees macros first defined before.
    pub(crate) visibility: usize,
}

/// A rule.
#[derive(Clone, Debug)]
pub(crate) struct RuleDef {
    pub(crate) name: String,
    pub(crate) condition: Condition,
    pub(crate) output: Text,
    pub(crate) description: String,
    pub(crate) priority: Priority,
    pub(crate) tags: Vec<String>,
    pub(crate) source: String,
    pub(crate) enabled: bool,
    pub(crate) warn_evttypes: bool,
    pub(crate) skip_unknown: bool,
    /// Falco records a capture when the rule matches; without effect here.
    pub(crate) capture: bool,
    /// For how long, in milliseconds.
    pub(crate) capture_duration: u64,
    pub(crate) exceptions: Vec<Exception>,
    pub(crate) folding: FoldingDef,
    pub(crate) action: Option<ActionDef>,
    /// Fields that options add to alerts.
    pub(crate) extra_fields: Vec<ExtraField>,
    pub(crate) place: Place,
}

impl RuleDef {
    /// Of a source whose events are evaluated.
    pub(crate) fn is_known_source(&self) -> bool {
        self.known_source().is_some()
    }

    /// That source.
    pub(crate) fn known_source(&self) -> Option<Source> {
        KNOWN_SOURCES.into_iter().find(|source| source.name() == self.source)
    }
}

/// A list.
#[derive(Debug)]
pub(crate) struct ListDef {
    pub(crate) name: String,
    pub(crate) items: Vec<Text>,
    pub(crate) place: Place,
}

/// Everything that was defined, in the order of definition.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    pub(crate) lists: Vec<ListDef>,
    pub(crate) macros: Vec<MacroDef>,
    pub(crate) rules: Vec<RuleDef>,
    pub(crate) correlations: Vec<CorrelationDef>,
    pub(crate) tests: Vec<TestDef>,
    /// Fields `static.NAME` that options define.
    pub(crate) statics: BTreeMap<String, String>,
    list_at: HashMap<String, usize>,
    macro_at: HashMap<String, usize>,
    rule_at: HashMap<String, usize>,
    order: usize,
}

impl Definitions {
    fn next(&mut self) -> usize {
        self.order += 1;
        self.order
    }

    pub(super) fn list(&mut self, item: SimpleItem, file: &SourceFile) -> Result<(), Refused> {
        let earlier = self.list_at.get(&item.name.text).copied().and_then(|at| self.lists.get_mut(at));
        match (earlier, item.append) {
            (Some(list), true) => list.items.extend(item.values),
            (Some(list), false) => {
                list.items = item.values;
                list.place = item.name.place;
            }
            (None, true) => return Err(no_previous("list", &item.name, file)),
            (None, false) => {
                self.list_at.insert(item.name.text.clone(), self.lists.len());
                self.lists.push(ListDef { name: item.name.text, items: item.values, place: item.name.place });
            }
        }
        Ok(())
    }

    pub(super) fn r#macro(&mut self, item: SimpleItem, file: &SourceFile) -> Result<(), Refused> {
        let visibility = self.next();
        let Some(text) = item.values.into_iter().next() else { return Ok(()) };
        let earlier = self.macro_at.get(&item.name.text).copied().and_then(|at| self.macros.get_mut(at));
        match (earlier, item.append) {
            (Some(found), true) => {
                found.condition.append(text);
                found.visibility = visibility;
            }
            (Some(found), false) => {
                found.condition = Condition::new(text);
                found.place = item.name.place;
                found.visibility = visibility;
            }
            (None, true) => return Err(no_previous("macro", &item.name, file)),
            (None, false) => {
                self.macro_at.insert(item.name.text.clone(), self.macros.len());
                let condition = Condition::new(text);
                self.macros.push(MacroDef {
                    name: item.name.text,
                    condition,
                    place: item.name.place,
                    first: visibility,
                    visibility,
                });
            }
        }
        Ok(())
    }

    /// The lists as text, the names of lists that others hold, and the first list that is too long.
    pub(crate) fn flat_lists(&self) -> (Lists, HashSet<String>, Option<String>) {
        Lists::new(self.lists.iter().map(|list| (list.name.as_str(), list.items.as_slice())))
    }

    /// The macro of that name.
    pub(crate) fn macro_index(&self, name: &str) -> Option<usize> {
        self.macro_at.get(name).copied()
    }

    pub(super) fn rule(&mut self, item: RuleItem, reader: &mut FileReader<'_>) -> Result<(), Refused> {
        let at = self.rule_at.get(&item.name.text).copied();
        let earlier = at.and_then(|at| self.rules.get_mut(at));
        if let (Some(rule), Some(source)) = (&earlier, &item.source)
            && rule.source != source.text
        {
            let message = format!(
                "rule '{}' has been re-defined with a different source: '{}' instead of '{}'",
                rule.name, source.text, rule.source
            );
            return Err(reader.refuse(Code::ErrValidate, source.place.span.clone(), message));
        }
        match (&item.mode, earlier) {
            (RuleMode::Define, _) => self.define(item, at, reader),
            (_, None) => Err(no_previous("rule", &item.name, reader.file)),
            (RuleMode::Toggle, Some(rule)) => {
                rule.enabled = item.enabled.unwrap_or(rule.enabled);
                Ok(())
            }
            (RuleMode::Append, Some(rule)) => {
                if item.condition.is_none() && item.exceptions.is_none() {
                    let message = "an appended rule must have a condition or exceptions";
                    return Err(reader.refuse(Code::ErrValidate, item.name.place.span.clone(), message));
                }
                let all: BTreeMap<String, How> = ["condition", "output", "desc", "tags", "exceptions"]
                    .into_iter()
                    .map(|key| (key.to_owned(), How::Append))
                    .chain([("enabled".to_owned(), How::Replace)])
                    .collect();
                change(rule, item, &all, reader)
            }
            (RuleMode::Override(overrides), Some(rule)) => {
                let overrides = overrides.clone();
                change(rule, item, &overrides, reader)
            }
        }
    }

    fn define(
        &mut self,
        item: RuleItem,
        at: Option<usize>,
        reader: &mut FileReader<'_>,
    ) -> Result<(), Refused> {
        let (Some(condition), Some(output), Some(priority)) = (item.condition, item.output, item.priority)
        else {
            let message = "a rule needs condition, output, desc and priority";
            return Err(reader.refuse(Code::ErrYamlValidate, item.name.place.span, message));
        };
        let rule = RuleDef {
            name: item.name.text,
            condition: Condition::new(condition),
            output,
            description: item.description.map(|text| text.text).unwrap_or_default(),
            priority,
            tags: item.tags.unwrap_or_default(),
            source: item.source.map_or_else(|| Source::default().name().to_owned(), |source| source.text),
            enabled: item.enabled.unwrap_or(true),
            warn_evttypes: item.warn_evttypes.unwrap_or(true),
            skip_unknown: item.skip_unknown.unwrap_or(false),
            capture: item.capture.unwrap_or(false),
            capture_duration: item.capture_duration.unwrap_or(0),
            exceptions: item.exceptions.unwrap_or_default(),
            folding: item.folding,
            action: item.action,
            extra_fields: Vec::new(),
            place: item.name.place,
        };
        if !rule.is_known_source() {
            let message = format!("unknown source {}, skipping", rule.source);
            reader.warn(Code::UnknownSource, rule.place.span.clone(), message);
        } else {
            for exception in &rule.exceptions {
                check_exception(exception, reader)?;
            }
        }
        match at.and_then(|at| self.rules.get_mut(at)) {
            Some(earlier) => *earlier = rule,
            None => {
                self.rule_at.insert(rule.name.clone(), self.rules.len());
                self.rules.push(rule);
            }
        }
        Ok(())
    }
}

fn no_previous(kind: &str, name: &Text, file: &SourceFile) -> Refused {
    let message = format!(
        "{kind} '{}' uses 'append' or 'override.<key>: append' but no {kind} by that name already exists",
        name.text
    );
    Box::new(
        Diagnostic::new(Code::ErrValidate, file, name.place.span.clone(), message)
            .with_help(format!("define the {kind} first, or load the file that defines it before this one")),
    )
}
