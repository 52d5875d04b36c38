//! Which values of an argument matter. The values are divided into cells, in each of which all rules see the same;
//! a cell matters when the condition of some rule could hold in it.

use std::collections::BTreeSet;

use fargard_model::{
    ArgSet,
    call::{Form, Param, params},
};

use super::kleene::{Class, Given, Kleene, Known, flags_named, reads};
use crate::compile::{
    check::Check,
    matcher::Matcher,
    program::{NodeId, Program},
};

/// Most values that are told apart.
const MAX_VALUES: usize = 64;
/// Most bits that are told apart: each doubles the cells.
const MAX_BITS: u32 = 5;
/// Most values of a condition: each is an instruction of the filter.
pub(super) const MAX_LISTED: usize = 16;

/// What the rules see of an argument in a cell.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    param: &'static Param,
    /// The values, or bits under the mask, that are told apart, as far as calls of the class have them.
    values: Vec<u32>,
    /// The mask; `None` where whole values are told apart, and all others are one cell more.
    mask: Option<u32>,
    /// Whether calls of the class can have another value.
    others: bool,
}

impl Cells {
    /// The division by each argument that some condition tests.
    pub(super) fn of(program: &Program, class: Class, nodes: &[NodeId]) -> Vec<Self> {
        let checks: Vec<&Check> = program.checks_of(nodes.iter().copied()).map(|(_, check)| check).collect();
        params(class.kind).iter().filter_map(|param| Self::of_param(class, param, &checks)).collect()
    }

    fn of_param(class: Class, param: &'static Param, checks: &[&Check]) -> Option<Self> {
        let matchers: Vec<&Matcher> =
            checks.iter().filter_map(|check| reads(check, param)).map(|(_, matcher)| matcher).collect();
        if matchers.is_empty() {
            return None;
        }
        let within = class.trap.within(class.kind).filter(|within| within.arg == param.arg);
        match param.form {
            Form::Flags(table) => {
                let mut mask = 0;
                for matcher in matchers {
                    for needle in needles(matcher)? {
                        let flags = flags_named(needle, table)?;
                        mask |= flags.iter().fold(0, |mask, flag| mask | *flag as u32);
                    }
                }
                if mask.count_ones() > MAX_BITS || mask == 0 {
                    return None;
                }
                let allowed = |bits: &u32| within.as_ref().is_none_or(|within| within.allows(mask, *bits));
                let values = subsets(mask).into_iter().filter(allowed).collect();
                Some(Self { param, values, mask: Some(mask), others: false })
            }
            Form::Enum(_) | Form::Int => {
                let mut values = BTreeSet::new();
                if let Form::Enum(table) = param.form {
                    values.extend(table.iter().filter_map(|(value, _)| u32::try_from(*value).ok()));
                }
                matchers.iter().for_each(|matcher| numbers(matcher, &mut values));
                let others = within.as_ref().is_none_or(|within| within.except);
                if let Some(within) = &within {
                    values.extend(within.values.iter().copied());
                    values.retain(|value| within.contains((*value).into()));
                }
                (values.len() <= MAX_VALUES).then(|| Self {
                    param,
                    values: values.into_iter().collect(),
                    mask: None,
                    others,
                })
            }
            _ => None,
        }
    }

    /// What is known in each cell; with `true` behind the cell of all other values.
    fn known(&self) -> impl Iterator<Item = (Given<'_>, bool)> {
        let param = self.param;
        let cell = |value: &u32| match self.mask {
            Some(mask) => Known::Bits(mask, *value),
            None => Known::Is(*value),
        };
        let others = self.others.then_some((Known::NoneOf(&self.values), true));
        let all = self.values.iter().map(move |value| (cell(value), false)).chain(others);
        all.map(move |(known, other)| (Given { param, known }, other))
    }

    /// The condition that holds where `wanted` says so. `Err` when that is everywhere, or takes too long a list.
    pub(super) fn select(&self, mut wanted: impl FnMut(Given<'_>) -> bool) -> Result<ArgSet, Selected> {
        let (mut inside, mut outside) = (BTreeSet::new(), BTreeSet::new());
        let mut others = false;
        for ((given, other), value) in self.known().zip(self.values.iter().map(Some).chain([None])) {
            let is_wanted = wanted(given);
            match value {
                _ if other => others = is_wanted,
                Some(value) if is_wanted => drop(inside.insert(*value)),
                Some(value) => drop(outside.insert(*value)),
                None => {}
            }
        }
        if outside.is_empty() && (others || !self.others) {
            return Err(Selected::Everything);
        }
        if inside.is_empty() && !others {
            return Err(Selected::Nothing);
        }
        let except = if self.mask.is_some() { outside.len() < inside.len() } else { others };
        let values = if except { outside } else { inside };
        if values.len() > MAX_LISTED {
            return Err(Selected::TooMuch);
        }
        Ok(ArgSet { arg: self.param.arg, mask: self.mask.unwrap_or(u32::MAX), values, except })
    }

    /// The condition under which some of these can hold.
    pub(super) fn where_some_can_hold(
        &self,
        program: &Program,
        class: Class,
        nodes: &[NodeId],
    ) -> Result<ArgSet, Selected> {
        self.select(|given| {
            let mut kleene = Kleene::new(program, class, Some(given));
            nodes.iter().any(|node| kleene.node(*node) != Some(false))
        })
    }

    /// Whether some of these can hold at all.
    pub(super) fn some_can_hold(&self, program: &Program, class: Class, nodes: &[NodeId]) -> bool {
        self.where_some_can_hold(program, class, nodes) != Err(Selected::Nothing)
    }
}

/// Why there is no condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Selected {
    Everything,
    Nothing,
    TooMuch,
}

/// The texts that names of flags are searched for; `None` for other tests.
fn needles(matcher: &Matcher) -> Option<Vec<&[u8]>> {
    match matcher {
        Matcher::Not(inner) => needles(inner),
        Matcher::Contains(finder) => Some(vec![finder.needle()]),
        Matcher::Each(_, all) => all.iter().map(needles).collect::<Option<Vec<_>>>().map(|all| all.concat()),
        _ => None,
    }
}

/// The numbers a test names.
fn numbers(matcher: &Matcher, into: &mut BTreeSet<u32>) {
    let add = |into: &mut BTreeSet<u32>, number: i64| {
        let low = u32::try_from(number).ok().or_else(|| i32::try_from(number).ok().map(i32::cast_unsigned));
        into.extend(low);
    };
    match matcher {
        Matcher::Not(inner) | Matcher::Every(inner) => numbers(inner, into),
        Matcher::Each(_, all) => all.iter().for_each(|inner| numbers(inner, into)),
        Matcher::TextIs(text) => text.parse().into_iter().for_each(|number| add(into, number)),
        Matcher::TextIn(texts) => {
            texts.iter().filter_map(|text| text.parse().ok()).for_each(|number| add(into, number));
        }
        Matcher::Int(_, number) => add(into, *number),
        Matcher::IntIn(numbers) => numbers.iter().for_each(|number| add(into, *number)),
        _ => {}
    }
}

/// Every value whose bits are in the mask.
fn subsets(mask: u32) -> Vec<u32> {
    let mut all = vec![0];
    for bit in (0..u32::BITS).map(|bit| 1 << bit).filter(|bit| mask & bit != 0) {
        let with: Vec<u32> = all.iter().map(|value| value | bit).collect();
        all.extend(with);
    }
    all
}
