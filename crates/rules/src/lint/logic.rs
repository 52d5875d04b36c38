//! Whole rules: those that can never match or always do, and those that another rule leaves nothing to say.

use super::{
    book::{Book, Owner},
    clauses,
    formula::{Formula, FormulaId, Formulas},
    known::{Budget, Given},
    missing,
    solve::Claims,
};
use crate::{
    diagnostic::Code,
    load::{Place, RuleDef},
};

/// Most rules that are reasoned about; in larger files the first of them.
const MAX_RULES: usize = 5_000;
/// Steps for one question about one rule.
const PER_RULE: usize = 20_000;
/// Steps for all comparisons of rules with each other.
const ALL_PAIRS: usize = 20_000_000;
/// Steps for one comparison of two rules.
const PER_PAIR: usize = 3_000;

pub(super) fn lint(book: &mut Book<'_>) {
    let mut formulas = Formulas::of(book);
    clauses::lint(book, &mut formulas);
    let rules = book.definitions.rules.as_slice();
    let mut facts = Vec::new();
    for (index, rule) in rules.iter().enumerate().take(MAX_RULES) {
        let Some(id) = formulas.rule(index).filter(|_| rule.is_known_source()) else { continue };
        if !is_constant(book, &formulas, rule, id) && rule.enabled {
            missing::lint(book, &formulas, index, id);
            let given = Given { fixed: true, never_computed: false };
            let mut claims = Claims::new(&formulas, given);
            claims.claim(id, true, &Budget::new(PER_RULE));
            facts.push(Facts { rule, id, claims });
        }
    }
    pairs(book, &formulas, &facts);
}

/// A rule, its condition, and what holds whenever it matches.
struct Facts<'a, 'f> {
    rule: &'a RuleDef,
    id: FormulaId,
    claims: Claims<'f>,
}

/// Reports a rule that never or always matches.
fn is_constant(book: &mut Book<'_>, formulas: &Formulas, rule: &RuleDef, id: FormulaId) -> bool {
    let try_with = |truth: bool, never_computed: bool| {
        let budget = Budget::new(PER_RULE);
        let mut claims = Claims::new(formulas, Given { fixed: true, never_computed });
        claims.claim(id, truth, &budget);
        (claims.is_impossible(&budget), claims.contradiction)
    };
    let cannot_be = |truth: bool, never_computed: bool| try_with(truth, never_computed).0;
    let (code, message, help) = if cannot_be(true, false) {
        (
            Code::LintUnsatisfiable,
            format!(
                "rule '{}' can never match: {}",
                rule.name,
                contradiction(formulas, try_with(true, false).1)
            ),
            "look at the comparisons of one field that must hold at once; an empty list and a macro such as (evt.num=0) count as never true",
        )
    } else if cannot_be(false, false) {
        (
            Code::LintAlwaysTrue,
            format!("rule '{}' matches every event", rule.name),
            "restrict it, as in 'evt.type in (open, openat) and ...'",
        )
    } else if cannot_be(true, true) {
        (
            Code::LintNeverComputed,
            format!(
                "rule '{}' can never match on Fargate: it waits for {}",
                rule.name,
                never_computed(formulas, id)
            ),
            "`fargard rules list --fields` says which fields have values; disable the rule or ask for others",
        )
    } else {
        return false;
    };
    let owner = Owner { kind: "rule", name: &rule.name, at: &rule.place };
    let place = rule.place.clone();
    book.report(code, &place, Some(owner), message, help);
    true
}

/// Why a condition is never true, as far as one comparison says it.
fn contradiction(formulas: &Formulas, atom: Option<usize>) -> String {
    match atom.and_then(|atom| formulas.atom(atom)) {
        Some(atom) => format!("what its condition asks of {} cannot be", atom.key),
        None => "parts of its condition contradict each other".to_owned(),
    }
}

/// The fields without a value that a condition names.
fn never_computed(formulas: &Formulas, id: FormulaId) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut seen = vec![false; formulas.len()];
    let mut open = vec![id];
    while let Some(id) = open.pop() {
        match seen.get_mut(id) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        match formulas.node(id) {
            Some(Formula::Atom(atom)) => {
                let atom = formulas.atom(*atom).filter(|atom| atom.never_computed);
                names.extend(atom.map(|atom| atom.key.as_str()).filter(|key| !names.contains(key)));
            }
            Some(Formula::Not(child)) => open.push(*child),
            Some(Formula::And(children) | Formula::Or(children)) => open.extend(children.iter().rev()),
            None => {}
        }
    }
    format!("{}, which {} no value there", names.join(", "), if names.len() == 1 { "has" } else { "have" })
}

fn pairs(book: &mut Book<'_>, formulas: &Formulas, facts: &[Facts<'_, '_>]) {
    let all = Budget::new(ALL_PAIRS);
    for (later_at, later) in facts.iter().enumerate() {
        for earlier in facts.iter().take(later_at).filter(|earlier| earlier.rule.source == later.rule.source)
        {
            if !all.step() {
                return;
            }
            let forward = implies(formulas, later, earlier, &all);
            let backward = implies(formulas, earlier, later, &all);
            let place = place_of(book, earlier.rule);
            let (a, b) = (&later.rule.name, &earlier.rule.name);
            let (code, on, message, help) = match (forward, backward) {
                (true, true) => (
                    Code::LintDuplicate,
                    later.rule,
                    format!("rule '{a}' matches exactly when '{b}' ({place}) does"),
                    "remove one of them, or let their conditions differ",
                ),
                (true, false) => (
                    Code::LintShadowed,
                    later.rule,
                    format!(
                        "'{b}' ({place}) matches whenever '{a}' does and comes first: with rule_matching: first, Falco's default, '{a}' never alerts"
                    ),
                    "move it before the other rule, except its events from the other rule, or match all",
                ),
                (false, true) if same_alert(earlier.rule, later.rule) => (
                    Code::LintSubsumed,
                    earlier.rule,
                    format!("'{a}' matches whenever '{b}' does, with the same priority and output"),
                    "remove the narrower rule",
                ),
                _ => continue,
            };
            let owner = Owner { kind: "rule", name: &on.name, at: &on.place };
            book.report(code, &on.place, Some(owner), message, help);
            break;
        }
    }
}

fn same_alert(a: &RuleDef, b: &RuleDef) -> bool {
    a.priority == b.priority && a.output.text.trim() == b.output.text.trim()
}

fn place_of(book: &Book<'_>, rule: &RuleDef) -> String {
    let Place { file, span } = &rule.place;
    book.files.get(*file).map_or_else(String::new, |file| {
        format!("{}:{}", file.name, crate::source::line_column(&file.text, span.start).line)
    })
}

/// Whenever the one rule matches, the other does. `true` is certain.
fn implies(formulas: &Formulas, one: &Facts<'_, '_>, other: &Facts<'_, '_>, all: &Budget) -> bool {
    let mut open = vec![(other.id, true)];
    let mut hard = Vec::new();
    // What must hold for the other rule: first the comparisons, which nearly always decide.
    while let Some((id, truth)) = open.pop() {
        if !all.step() {
            return false;
        }
        match (formulas.node(id), truth) {
            (Some(Formula::Atom(atom)), _) => {
                if one.claims.known.truth(*atom) != Some(truth) {
                    return false;
                }
            }
            (Some(Formula::Not(child)), _) => open.push((*child, !truth)),
            (Some(Formula::And(children)), true) | (Some(Formula::Or(children)), false) => {
                open.extend(children.iter().map(|child| (*child, truth)));
            }
            _ => hard.push((id, truth)),
        }
    }
    hard.iter().all(|(id, truth)| {
        let budget = Budget::new(PER_PAIR);
        let mut claims = one.claims.clone();
        claims.claim(*id, !*truth, &budget);
        all.step() && claims.is_impossible(&budget)
    })
}
