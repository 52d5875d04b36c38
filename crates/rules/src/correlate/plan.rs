//! Sequences, thresholds and foldings, ready to be followed.

use std::collections::HashMap;

use super::{CorrelationOutput, KeyPlan};
use crate::{
    compile::{operand::Operand, program::NodeId},
    fields::ResolvedField,
    ruleset::RuleId,
};

/// Everything of a ruleset that takes more than one event.
#[derive(Debug, Default)]
pub(crate) struct Correlations {
    /// Conditions of all plans, with the sequence or threshold each belongs to.
    pub(crate) parts: Vec<(RuleId, NodeId)>,
    pub(crate) plans: Vec<Plan>,
    /// Stages of folding, by rule, sequence or threshold.
    pub(crate) folds: HashMap<RuleId, Vec<FoldPlan>>,
}

/// A sequence or threshold.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Under which id it makes detections.
    pub(crate) rule: RuleId,
    /// Index of its first part; the others follow, `until` is last.
    pub(crate) first_part: usize,
    /// Nanoseconds.
    pub(crate) within: u64,
    pub(crate) kind: PlanKind,
    pub(crate) output: CorrelationOutput,
}

#[derive(Debug)]
pub(crate) enum PlanKind {
    Sequence { steps: Vec<KeyPlan>, until: Option<KeyPlan> },
    Threshold { of: KeyPlan, count: usize, distinct: Option<Operand> },
}

/// So many detections of a key pass within the time.
#[derive(Debug)]
pub(crate) struct FoldPlan {
    pub(crate) by: KeyPlan,
    pub(crate) count: u32,
    /// Nanoseconds.
    pub(crate) within: u64,
}

impl PlanKind {
    /// How many steps there are; none in a threshold.
    pub(crate) fn steps(&self) -> usize {
        match self {
            Self::Sequence { steps, .. } => steps.len(),
            Self::Threshold { .. } => 0,
        }
    }

    fn keys(&self) -> Vec<&KeyPlan> {
        match self {
            Self::Sequence { steps, until } => steps.iter().chain(until).collect(),
            Self::Threshold { of, .. } => vec![of],
        }
    }
}

impl Correlations {
    /// Every field that keys and outputs read.
    pub(crate) fn fields(&self) -> Vec<&ResolvedField> {
        let mut fields = Vec::new();
        let of_plans = self.plans.iter().flat_map(|plan| plan.kind.keys());
        let of_folds = self.folds.values().flatten().map(|fold| &fold.by);
        for operand in of_plans.chain(of_folds).flat_map(|key| &key.0) {
            operand.fields(&mut fields);
        }
        for plan in &self.plans {
            fields.extend(plan.output.fields());
            if let PlanKind::Threshold { distinct: Some(operand), .. } = &plan.kind {
                operand.fields(&mut fields);
            }
        }
        fields
    }
}
