//! Which conditions are looked at for an event. A plan holds the conditions that one kind of event can satisfy, and
//! steps that leave out most of them at once: comparisons that many rules need, and indexes over a field. What is
//! left is evaluated, in the order of definition. A step leaves out a condition only when it cannot hold.

mod bits;
mod choice;
mod guard;
mod odds;
mod parts;
mod paths;
mod postings;
mod probe;
mod text;
mod trie;

use fargard_model::{EventType, Source};

use self::{
    bits::{Alive, Set},
    guard::Guards,
    probe::Probe,
};
use super::{RuleId, memo::Memo, possible::Origin};
use crate::{
    Subject,
    compile::{
        Known, Specializer, event_type_checks,
        program::{Node, NodeId, Program},
    },
    hash::FastMap,
};

/// One step: it removes rules from those that may match.
#[derive(Debug)]
enum Step {
    /// Rules that need a comparison to be so.
    Literal { node: NodeId, wanted: bool, rules: Set },
    /// Rules that indexes over fields decide about.
    Probe(Box<Probe>),
}

/// The conditions for one kind of event.
#[derive(Debug, Default)]
pub(super) struct Plan {
    conditions: Vec<(RuleId, NodeId)>,
    /// All of them.
    all: Set,
    steps: Vec<Step>,
}

/// How steps ask about an event.
pub(super) trait Asks {
    /// Whether the node can have the truth.
    fn can_be(&mut self, memo: &mut Memo, node: NodeId, wanted: bool) -> bool;
    /// Whether values from there are known.
    fn is_known(&self, origin: Origin) -> bool;
}

impl Plan {
    fn new(program: &Program, guards: &mut Guards<'_>, conditions: Vec<(RuleId, NodeId)>) -> Self {
        let nodes: Vec<NodeId> = conditions.iter().map(|(_, node)| *node).collect();
        let all = Set::of(nodes.len(), 0..nodes.len());
        Self { steps: choice::steps(program, guards, &nodes), conditions, all }
    }

    pub(super) fn conditions(&self) -> &[(RuleId, NodeId)] {
        &self.conditions
    }

    /// Calls `visit` with each condition that the steps leave, in the order of definition, until it says stop.
    pub(super) fn candidates(
        &self,
        subject: Subject<'_>,
        memo: &mut Memo,
        asks: &mut impl Asks,
        mut visit: impl FnMut(&mut Memo, RuleId, NodeId) -> bool,
    ) {
        if self.steps.is_empty() {
            for (rule, node) in &self.conditions {
                if !visit(memo, *rule, *node) {
                    return;
                }
            }
            return;
        }
        if let [all] = self.all.words() {
            // Most plans have few rules.
            return self.left(subject, memo, asks, (&mut [*all], &mut [0]), &mut visit);
        }
        let mut alive = std::mem::take(&mut memo.alive);
        alive.clear();
        alive.extend_from_slice(self.all.words());
        let mut hits = std::mem::take(&mut memo.hits);
        // A probe counts on this, and leaves it so.
        if hits.len() != alive.len() {
            hits.resize(alive.len(), 0);
        }
        self.left(subject, memo, asks, (&mut alive, &mut hits), &mut visit);
        memo.alive = alive;
        memo.hits = hits;
    }

    /// The same, in room that is given.
    #[inline]
    fn left(
        &self,
        subject: Subject<'_>,
        memo: &mut Memo,
        asks: &mut impl Asks,
        (alive, hits): (&mut [u64], &mut [u64]),
        visit: &mut impl FnMut(&mut Memo, RuleId, NodeId) -> bool,
    ) {
        let mut alive = Alive::new(alive);
        for step in &self.steps {
            match step {
                Step::Literal { node, wanted, rules } => {
                    if alive.meets(rules) && !asks.can_be(memo, *node, *wanted) {
                        alive.remove(rules);
                    }
                }
                Step::Probe(probe) => {
                    probe.filter(subject, |origin| asks.is_known(origin), &mut alive, hits);
                }
            }
        }
        alive.visit(|place| self.conditions.get(place).is_some_and(|(rule, node)| visit(memo, *rule, *node)));
    }
}

/// The plans for all events.
#[derive(Debug, Default)]
pub(super) struct Plans {
    plans: Vec<Plan>,
    /// By event type: its plan.
    of_type: Vec<u16>,
    /// The plans of sources that give records.
    of_source: Vec<(Source, u16)>,
}

impl Plans {
    /// Plans for the enabled conditions, in the order of definition.
    pub(super) fn new(program: &mut Program, enabled: &[(RuleId, Source, NodeId)]) -> Self {
        let mut plans = Self::default();
        let mut conditions = Vec::new();
        let of_source = |source: Source| {
            enabled.iter().filter(move |(_, own, _)| *own == source).map(|(id, _, node)| (*id, *node))
        };
        let calls: Vec<_> = of_source(Source::Syscall).collect();
        let checks = event_type_checks(program, calls.iter().map(|(_, node)| *node));
        // Types that no comparison tells apart have one plan.
        let mut seen: FastMap<Vec<u64>, u16> = FastMap::default();
        for kind in EventType::ALL.iter().copied() {
            let truths = checks.truths(program, kind);
            let next = u16::try_from(conditions.len()).unwrap_or(u16::MAX);
            let plan = *seen.entry(truths).or_insert(next);
            if plan == next {
                conditions.push(specialized(program, Known::Call(kind.name()), &calls));
            }
            plans.of_type.push(plan);
        }
        let mut sources: Vec<Source> = enabled.iter().map(|(_, source, _)| *source).collect();
        sources.sort_unstable();
        sources.dedup();
        for source in sources.into_iter().filter(|source| *source != Source::Syscall) {
            let next = u16::try_from(conditions.len()).unwrap_or(u16::MAX);
            let own: Vec<_> = of_source(source).collect();
            conditions.push(specialized(program, Known::Record, &own));
            plans.of_source.push((source, next));
            // No call is of the type that records are of.
            if let Some(plan) = plans.of_type.get_mut(EventType::Pluginevent as usize) {
                *plan = next;
            }
        }
        let mut guards = Guards::new(program);
        plans.plans = conditions.into_iter().map(|own| Plan::new(program, &mut guards, own)).collect();
        plans
    }

    /// The plan for an event type.
    pub(super) fn of_type(&self, kind: EventType) -> Option<&Plan> {
        self.plans.get(usize::from(*self.of_type.get(kind as usize)?))
    }

    /// The plan for what is evaluated.
    pub(super) fn of(&self, subject: Subject<'_>) -> Option<&Plan> {
        match subject {
            Subject::Call(event) if event.source == Source::Syscall => self.of_type(event.kind),
            _ => {
                let source = subject.source();
                let (_, plan) = self.of_source.iter().find(|(own, _)| *own == source)?;
                self.plans.get(usize::from(*plan))
            }
        }
    }

    /// Every plan.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Plan> {
        self.plans.iter()
    }
}

/// What remains of conditions for one kind of event, without those of which nothing remains.
fn specialized(
    program: &mut Program,
    known: Known,
    conditions: &[(RuleId, NodeId)],
) -> Vec<(RuleId, NodeId)> {
    let mut specializer = Specializer::new(program, known);
    let mut rest: Vec<_> = conditions.iter().map(|(id, node)| (*id, specializer.node(*node))).collect();
    rest.retain(|(_, node)| *program.node(*node) != Node::Const(false));
    rest
}
