//! What a match of a rule says.

use fargard_model::{Alert, Detection, Event};

use super::{RuleId, Ruleset};
use crate::Subject;

impl Ruleset {
    /// What a match of a rule says; `None` for a rule of another ruleset.
    #[must_use]
    pub fn alert<'e>(&self, rule: RuleId, subject: impl Into<Subject<'e>>, hostname: &str) -> Option<Alert> {
        let subject = subject.into();
        let (_, output) = self.compiled.get(rule.index())?;
        let rule = self.rules.get(rule.index())?;
        let (output, output_fields) = output.fill(subject);
        Some(Alert {
            time: subject.time(),
            rule: rule.name.clone(),
            priority: rule.priority,
            source: rule.source,
            hostname: hostname.to_owned(),
            output,
            tags: rule.tags.clone(),
            output_fields,
        })
    }

    /// What a match of a rule on a call is to the rest of the product; `None` for a rule of another ruleset.
    #[must_use]
    pub fn detection(
        &self,
        rule: RuleId,
        event: &Event,
        producer: &str,
        hostname: &str,
    ) -> Option<Detection> {
        let alert = self.alert(rule, event, hostname)?;
        let index = rule.index();
        let rule = self.rules.get(index)?;
        Some(Detection {
            id: format!("{producer}-{}-{index}", event.num),
            time: alert.time,
            rule: alert.rule,
            priority: alert.priority,
            source: alert.source,
            hostname: alert.hostname,
            output: alert.output,
            tags: alert.tags,
            output_fields: alert.output_fields,
            description: rule.description.clone(),
            condition: rule.condition.clone(),
            folded: 0,
            action: None,
            event: event.clone(),
        })
    }
}
