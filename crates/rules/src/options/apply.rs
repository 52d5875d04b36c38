//! Options put to work: on definitions before they are compiled, on the ruleset after.

use fargard_model::Source;

use super::{AppendOutput, ExtraField, Options, Select, Selection, wildcard};
use crate::{load::Definitions, ruleset::Ruleset};

/// What Falco's container plugin suggests, with the names it gives.
const SUGGESTED: &str = "container_id=%container.id container_name=%container.name \
    container_image_repository=%container.image.repository container_image_tag=%container.image.tag \
    k8s_pod_name=%k8s.pod.name k8s_ns_name=%k8s.ns.name";

/// What alerts of a rule, a sequence or a threshold show, and whose they are.
struct Outputs<'d> {
    rule: &'d str,
    source: &'d str,
    tags: &'d [String],
    text: &'d mut String,
    extra_fields: &'d mut Vec<ExtraField>,
}

impl Options {
    pub(crate) fn define(&self, definitions: &mut Definitions) {
        definitions.statics.clone_from(&self.static_fields);
        for rule in &mut definitions.rules {
            rule.enabled = self.selected(&rule.name, &rule.tags).unwrap_or(rule.enabled);
            self.add_to(Outputs {
                rule: &rule.name,
                source: &rule.source,
                tags: &rule.tags,
                text: &mut rule.output.text,
                extra_fields: &mut rule.extra_fields,
            });
        }
        for correlation in &mut definitions.correlations {
            let selected = self.selected(&correlation.name.text, &correlation.tags);
            correlation.enabled = selected.unwrap_or(correlation.enabled);
            self.add_to(Outputs {
                rule: &correlation.name.text,
                source: correlation.source.as_ref().map_or(Source::default().name(), |source| &source.text),
                tags: &correlation.tags,
                text: &mut correlation.output.text,
                extra_fields: &mut correlation.extra_fields,
            });
        }
    }

    /// Whether the last selection that is about a rule enables it.
    fn selected(&self, name: &str, tags: &[String]) -> Option<bool> {
        let last = self.selections.iter().rev().find(|selection| selection.is_about(name, tags));
        last.map(|selection| selection.enable)
    }

    pub(crate) fn finish(&self, ruleset: &mut Ruleset) {
        if let Some(least) = self.minimum_priority {
            ruleset.set_minimum_priority(least);
        }
        ruleset.set_matching(self.matching);
    }

    fn add_to(&self, mut outputs: Outputs<'_>) {
        for append in &self.append_output {
            if append.is_about(&outputs) {
                append.to(&mut outputs);
            }
        }
        self.put_statics(&mut outputs);
    }

    /// Static fields in outputs; alerts show them as fields, too.
    fn put_statics(&self, outputs: &mut Outputs<'_>) {
        for (name, value) in &self.static_fields {
            let written = format!("%static.{name}");
            let is_whole =
                |rest: &str| !rest.starts_with(|char: char| char.is_ascii_alphanumeric() || char == '_');
            let mut text = String::new();
            let mut rest = outputs.text.as_str();
            while let Some(at) = rest.find(&written) {
                let (before, after) =
                    (rest.get(..at).unwrap_or_default(), rest.get(at + written.len()..).unwrap_or_default());
                text.push_str(before);
                text.push_str(if is_whole(after) { value } else { &written });
                rest = after;
            }
            text.push_str(rest);
            if text != *outputs.text {
                let field = ExtraField { name: format!("static.{name}"), format: value.clone(), raw: false };
                outputs.extra_fields.push(field);
                *outputs.text = text;
            }
        }
    }
}

impl Selection {
    fn is_about(&self, name: &str, tags: &[String]) -> bool {
        match &self.select {
            Select::Rule(pattern) => wildcard::fits(pattern, name),
            Select::Tag(tag) => tags.contains(tag),
        }
    }
}

impl AppendOutput {
    fn is_about(&self, outputs: &Outputs<'_>) -> bool {
        self.rule.as_ref().is_none_or(|name| name == outputs.rule)
            && self.source.as_ref().is_none_or(|source| source == outputs.source)
            && self.tags.iter().all(|tag| outputs.tags.contains(tag))
    }

    fn to(&self, outputs: &mut Outputs<'_>) {
        let suggested = (self.suggested_output && outputs.source == "syscall").then_some(SUGGESTED);
        for text in self.extra_output.as_deref().into_iter().chain(suggested) {
            *outputs.text = format!("{} {text}", outputs.text.trim_end());
        }
        outputs.extra_fields.extend(self.extra_fields.iter().cloned());
    }
}
