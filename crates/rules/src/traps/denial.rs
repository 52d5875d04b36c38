//! Which calls a rule that prevents wants denied. A call is answered while it waits, from its number and registers
//! alone: what memory it points to another thread may change behind the answer, and who makes it the answer does
//! not know. So only a rule whose condition those decide can prevent.

use fargard_model::{ArgSet, EventType, Trap};

use super::{
    cells::{Cells, Selected},
    kleene::{Class, Kleene, reads},
};
use crate::{
    RuleId,
    compile::{
        check::Check,
        program::{NodeId, Program},
    },
    ruleset::Ruleset,
};

/// Calls to be denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Which call.
    pub kind: EventType,
    /// All that must be so of its arguments.
    pub conditions: Vec<ArgSet>,
}

/// Why a rule cannot prevent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotPrevent {
    /// It may match what is never stopped.
    #[error("it can match {}, which the sensor never stops: name other calls in evt.type", .0.name())]
    NeverStopped(EventType),
    /// Without these calls nothing runs.
    #[error("it can match {}, without which no program starts: use 'action: kill'", .0.name())]
    Needed(EventType),
    /// Something else than registers decides.
    #[error(
        "whether it matches {} depends on '{check}', which the numbers in the call's registers do not decide (what is \
         in memory can change behind the answer, and the process is not known yet): leave that out, or use 'action: \
         kill'",
        .kind.name()
    )]
    Undecided {
        /// For this call.
        kind: EventType,
        /// A comparison that is not decided.
        check: String,
    },
    /// More than a table entry holds.
    #[error("what it matches of {} is too complicated: test one argument for at most 16 values", .0.name())]
    TooComplicated(EventType),
}

/// The calls that a rule matches whatever else there is, if it matches no others.
///
/// # Errors
/// See [`CannotPrevent`].
pub fn denials(ruleset: &Ruleset, rule: RuleId) -> Result<Vec<Denial>, CannotPrevent> {
    let mut denials = Vec::new();
    for kind in EventType::ALL.iter().copied() {
        for (_, node) in ruleset.of_type(kind).iter().filter(|(id, _)| *id == rule) {
            let traps = Trap::of(kind);
            if traps.is_empty() {
                return Err(CannotPrevent::NeverStopped(kind));
            }
            for trap in traps.iter().copied() {
                denials.extend(denial(ruleset.program(), Class { trap, kind }, *node)?);
            }
        }
    }
    Ok(denials)
}

fn denial(program: &Program, class: Class, node: NodeId) -> Result<Option<Denial>, CannotPrevent> {
    let within = || class.trap.within(class.kind);
    let deny = |conditions: Vec<ArgSet>| {
        if matches!(class.trap, Trap::Exec | Trap::OpenRead | Trap::OpenWrite) {
            return Err(CannotPrevent::Needed(class.kind));
        }
        Ok(Some(Denial { kind: class.kind, conditions }))
    };
    match Kleene::new(program, class, None).node(node) {
        Some(true) => return deny(within().into_iter().collect()),
        Some(false) => return Ok(None),
        None => {}
    }
    for cells in Cells::of(program, class, &[node]) {
        let mut decided = true;
        let selected = cells.select(|given| {
            let truth = Kleene::new(program, class, Some(given)).node(node);
            decided &= truth.is_some();
            truth == Some(true)
        });
        if !decided {
            continue;
        }
        return match selected {
            Ok(set) => deny(within().into_iter().chain([set]).collect()),
            Err(Selected::Everything) => deny(within().into_iter().collect()),
            Err(Selected::Nothing) => Ok(None),
            Err(Selected::TooMuch) => Err(CannotPrevent::TooComplicated(class.kind)),
        };
    }
    let of_register = |check: &Check| {
        fargard_model::call::params(class.kind)
            .iter()
            .any(|param| reads(check, param).is_some() && param.form.value(0, false).is_some())
    };
    let undecided = |(_, check): &(u32, &Check)| !of_register(check) && !is_decided(program, class, check);
    Err(match program.checks_of([node]).find(undecided) {
        Some((_, check)) => CannotPrevent::Undecided { kind: class.kind, check: check.text.clone() },
        None => CannotPrevent::TooComplicated(class.kind),
    })
}

fn is_decided(program: &Program, class: Class, check: &Check) -> bool {
    let node = program.known_check(&check.text);
    node.is_some_and(|node| Kleene::new(program, class, None).node(node).is_some())
}
