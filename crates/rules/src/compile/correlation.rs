//! Sequences, thresholds and foldings: their conditions into the graph of the rules, their keys and outputs.

use std::collections::{HashMap, HashSet};

use super::{
    Compiler, NodeId, Output, OutputError,
    lower::{Lowering, Trouble},
    operand::Operand,
    sources,
};
use crate::{
    correlate::{CorrelationOutput, Correlations, FoldPlan, KeyPlan, Plan, PlanKind},
    diagnostic::Code,
    load::{Condition, CorrelationDef, FoldingDef, Kind, Part, Place, Text, Wanted},
    ruleset::{Rule, RuleId, RuleKind},
    syntax,
};
use fargard_model::{Action, Source};

/// A rule as it goes into a ruleset.
type Compiled = (Rule, NodeId, Output);

impl Compiler<'_> {
    /// Adds sequences and thresholds behind the rules; gives what is evaluated for them.
    pub(super) fn correlations(&mut self, rules: &mut Vec<Compiled>) -> Correlations {
        let mut correlations = Correlations::default();
        let definitions = self.definitions;
        let nodes: HashMap<String, NodeId> =
            rules.iter().map(|(rule, node, _)| (rule.name.clone(), *node)).collect();
        for definition in &definitions.correlations {
            let kind = match definition.kind {
                Kind::Sequence { .. } => "sequence",
                Kind::Threshold { .. } => "threshold",
            };
            let id = RuleId(u32::try_from(rules.len()).unwrap_or(u32::MAX));
            match self.correlation(id, definition, &nodes, &mut correlations) {
                Ok(compiled) => rules.push(compiled),
                Err(trouble) => {
                    self.report_item(
                        trouble.code,
                        trouble,
                        kind,
                        &definition.name.text,
                        &definition.name.place,
                    );
                }
            }
        }
        self.foldings(rules, &mut correlations);
        correlations
    }

    fn correlation(
        &mut self,
        id: RuleId,
        definition: &CorrelationDef,
        nodes: &HashMap<String, NodeId>,
        correlations: &mut Correlations,
    ) -> Result<Compiled, Trouble> {
        if self.definitions.rules.iter().any(|rule| rule.name == definition.name.text) {
            let message =
                format!("there is a rule '{}' as well: its name must be its own", definition.name.text);
            return Err(trouble(message, &definition.name.place));
        }
        let source = source(definition)?;
        let first_part = correlations.parts.len();
        let mut parts = Vec::new();
        let kind = match &definition.kind {
            Kind::Sequence { steps, until } => PlanKind::Sequence {
                steps: steps
                    .iter()
                    .map(|step| self.part(step, definition, nodes, &mut parts))
                    .collect::<Result<_, _>>()?,
                until: until
                    .as_ref()
                    .map(|until| self.part(until, definition, nodes, &mut parts))
                    .transpose()?,
            },
            Kind::Threshold { of, count, distinct } => PlanKind::Threshold {
                of: self.part(of, definition, nodes, &mut parts)?,
                count: *count as usize,
                distinct: distinct.as_ref().map(operand).transpose()?,
            },
        };
        let steps = kind.steps();
        let extra = Output::default().with_extra(&definition.extra_fields);
        let output = extra
            .and_then(|extra| CorrelationOutput::parse(&definition.output.text, steps, extra))
            .map_err(|error| output_trouble(error, &definition.output.place))?;
        correlations.parts.extend(parts.into_iter().map(|node| (id, node)));
        correlations.plans.push(Plan { rule: id, first_part, within: definition.within, kind, output });
        let rule = Rule {
            kind: match definition.kind {
                Kind::Sequence { .. } => RuleKind::Sequence,
                Kind::Threshold { .. } => RuleKind::Threshold,
            },
            name: definition.name.text.clone(),
            description: definition.description.trim_end().to_owned(),
            condition: summary(definition),
            output: definition.output.text.trim_end().to_owned(),
            priority: definition.priority,
            tags: definition.tags.clone(),
            source,
            enabled: definition.enabled,
            action: Action::Alert,
        };
        let never = self.program.constant(false);
        Ok((rule, never, Output::default()))
    }

    /// The key of a part; puts its condition into `parts`.
    fn part(
        &mut self,
        part: &Part,
        definition: &CorrelationDef,
        nodes: &HashMap<String, NodeId>,
        parts: &mut Vec<NodeId>,
    ) -> Result<KeyPlan, Trouble> {
        let (node, place) = match &part.wanted {
            Wanted::Rule(name) => {
                let node = nodes.get(&name.text).copied().ok_or_else(|| Trouble {
                    help: Some("name a rule of these files, or write 'condition: ...'".into()),
                    ..trouble(format!("there is no rule '{}'", name.text), &name.place)
                })?;
                (node, &name.place)
            }
            Wanted::Condition(condition) => {
                let node = Lowering::new(self, condition, usize::MAX).lower()?;
                sources::condition_fits(&self.program, node, source(definition)?, condition, self.files)?;
                (node, condition.place())
            }
        };
        parts.push(node);
        let by = part.by.as_ref().unwrap_or(&definition.by);
        if by.len() != definition.by.len() {
            let message = format!(
                "this part's key has {} fields, the key of the whole has {}: they are compared one by one",
                by.len(),
                definition.by.len()
            );
            return Err(trouble(message, by.first().map_or(place, |field| &field.place)));
        }
        key(by)
    }

    fn foldings(&mut self, rules: &[Compiled], correlations: &mut Correlations) {
        let definitions = self.definitions;
        let of_rules =
            definitions.rules.iter().map(|rule| ("rule", rule.name.as_str(), &rule.place, &rule.folding));
        let of_others = definitions.correlations.iter().map(|correlation| {
            let name = &correlation.name;
            ("correlation", name.text.as_str(), &name.place, &correlation.folding)
        });
        let ids: HashMap<&str, RuleId> =
            rules.iter().zip(0..).map(|((rule, ..), index)| (rule.name.as_str(), RuleId(index))).collect();
        for (kind, name, place, folding) in of_rules.chain(of_others) {
            let Some(id) = ids.get(name) else { continue };
            match folds(folding) {
                Ok(folds) if folds.is_empty() => {}
                Ok(folds) => {
                    correlations.folds.insert(*id, folds);
                }
                Err(trouble) => self.report_item(trouble.code, trouble, kind, name, place),
            }
        }
    }
}

fn folds(folding: &FoldingDef) -> Result<Vec<FoldPlan>, Trouble> {
    [&folding.dedup, &folding.limit]
        .into_iter()
        .flatten()
        .map(|fold| Ok(FoldPlan { by: key(&fold.by)?, count: fold.count, within: fold.within }))
        .collect()
}

fn key(by: &[Text]) -> Result<KeyPlan, Trouble> {
    let mut seen = HashSet::new();
    if let Some(twice) = by.iter().find(|field| !seen.insert(field.text.as_str())) {
        return Err(trouble(format!("'{}' stands twice in the key", twice.text), &twice.place));
    }
    by.iter().map(operand).collect::<Result<_, _>>().map(KeyPlan)
}

fn operand(written: &Text) -> Result<Operand, Trouble> {
    let text = written.text.trim();
    match syntax::operand_prefix(text) {
        Ok(Some((operand, length))) if length == text.len() => {
            Operand::compile(&operand).map_err(|error| trouble(error.message, &written.place))
        }
        Err(error) => Err(trouble(error.message, &written.place)),
        Ok(_) => Err(trouble(format!("'{text}' is no field"), &written.place)),
    }
}

fn source(definition: &CorrelationDef) -> Result<Source, Trouble> {
    let Some(written) = &definition.source else { return Ok(Source::Syscall) };
    [Source::Syscall, Source::AwsCloudtrail]
        .into_iter()
        .find(|source| source.name() == written.text)
        .ok_or_else(|| trouble(format!("unknown source '{}'", written.text), &written.place))
}

/// What stands in the place of a condition: `rule a, then fd.name = /x, until evt.type = y`.
fn summary(definition: &CorrelationDef) -> String {
    let part = |part: &Part| match &part.wanted {
        Wanted::Rule(name) => format!("rule '{}'", name.text),
        Wanted::Condition(condition) => format!("({})", Condition::text(condition).trim()),
    };
    let seconds = definition.within as f64 / 1e9;
    match &definition.kind {
        Kind::Sequence { steps, until } => {
            let steps: Vec<_> = steps.iter().map(part).collect();
            let until = until.as_ref().map(|until| format!(" until {}", part(until))).unwrap_or_default();
            format!("{} within {seconds}s{until}", steps.join(" then "))
        }
        Kind::Threshold { of, count, distinct: None } => format!("{count} of {} within {seconds}s", part(of)),
        Kind::Threshold { of, count, distinct: Some(field) } => {
            format!("{} with {count} values of {} within {seconds}s", part(of), field.text)
        }
    }
}

fn trouble(message: String, place: &Place) -> Trouble {
    Trouble {
        code: Code::ErrExtension,
        message,
        place: place.clone(),
        help: None,
        unknown_field: false,
        is_syntax: false,
    }
}

fn output_trouble(error: OutputError, place: &Place) -> Trouble {
    Trouble { unknown_field: error.unknown_field, ..trouble(error.message, place) }
}
