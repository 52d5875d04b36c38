//! The key `action` of rules: what the sensor does about a match.

use fargard_model::{Action, Source};

use super::super::{Definitions, FileReader, Place, Refused, RuleDef};
use crate::{
    diagnostic::{Code, Diagnostic, has_room},
    ruleset::Ruleset,
    source::SourceFile,
    traps,
    yaml::Node,
};

/// What a rule asks for, and where.
#[derive(Clone, Debug)]
pub(crate) struct ActionDef {
    pub(crate) action: Action,
    pub(crate) place: Place,
}

impl FileReader<'_> {
    pub(in super::super) fn action(&self, node: &Node) -> Result<Option<ActionDef>, Refused> {
        let Some(asked) = node.get("action").filter(|asked| !asked.is_null()) else { return Ok(None) };
        let action = match asked.text() {
            Some("alert") => Action::Alert,
            Some("prevent") => Action::Prevent,
            Some("kill") => Action::Kill,
            Some("block") => {
                let message = "a task on Fargate cannot be blocked as a whole from inside: stop it through the ECS \
                               API (StopTask) when the detection arrives, or use 'action: prevent' or 'action: kill'";
                return Err(self.refuse_extension(asked, message));
            }
            _ => return Err(self.refuse_extension(asked, "'action' must be alert, prevent or kill")),
        };
        Ok(Some(ActionDef { action, place: self.place(&asked.span) }))
    }
}

/// Refuses actions that cannot be taken.
pub(crate) fn check(
    files: &[SourceFile],
    definitions: &Definitions,
    ruleset: &Ruleset,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for rule in definitions.rules.iter().filter(|rule| rule.enabled) {
        let Some(asked) = &rule.action else { continue };
        let Some(message) = refusal(rule, asked.action, ruleset) else { continue };
        let code = Code::ErrExtension;
        if let Some(file) = files.get(asked.place.file).filter(|_| has_room(diagnostics, code)) {
            diagnostics.push(Diagnostic::new(code, file, asked.place.span.clone(), message));
        }
    }
}

fn refusal(rule: &RuleDef, action: Action, ruleset: &Ruleset) -> Option<String> {
    if action == Action::Alert {
        return None;
    }
    if rule.known_source() != Some(Source::Syscall) {
        return Some(format!("only rules on system calls can act, and this one is on '{}'", rule.source));
    }
    if rule.folding.is_some() {
        return Some("a rule that folds repeats would not act on them: leave out 'dedup' and 'limit'".into());
    }
    if action == Action::Prevent {
        let id = ruleset.find(&rule.name)?;
        return traps::denials(ruleset, id).err().map(|error| format!("the rule cannot prevent: {error}"));
    }
    None
}
