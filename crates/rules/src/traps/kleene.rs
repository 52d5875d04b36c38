//! Evaluation of conditions where only some of a call is known, in Kleene's three-valued logic: an answer holds for
//! every call of which that is true.

use std::collections::HashMap;

use fargard_model::{
    EventType, Trap,
    call::{Form, Param, flags::Names},
    event::ArgValue,
};

use crate::{
    compile::{
        check::{Check, Test, matches},
        matcher::Matcher,
        operand::Operand,
        program::{Node, NodeId, Program},
    },
    fields::{FieldArg, ResolvedField, Value, Values},
    syntax::ast::{Op, Quantifier},
};

/// A class of calls together with one of its event types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) trap: Trap,
    pub(crate) kind: EventType,
}

/// What is known of an argument.
#[derive(Clone, Copy, Debug)]
pub(super) enum Known<'a> {
    /// Its value.
    Is(u32),
    /// That it has no name and is none of these.
    NoneOf(&'a [u32]),
    /// These bits of it: mask and values.
    Bits(u32, u32),
}

/// An argument and what is known of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given<'a> {
    pub(super) param: &'static Param,
    pub(super) known: Known<'a>,
}

/// Evaluates nodes.
pub(super) struct Kleene<'p> {
    program: &'p Program,
    class: Class,
    given: Option<Given<'p>>,
    found: HashMap<NodeId, Option<bool>>,
}

impl<'p> Kleene<'p> {
    /// Knows the class, and of an argument what is given.
    pub(super) fn new(program: &'p Program, class: Class, given: Option<Given<'p>>) -> Self {
        Self { program, class, given, found: HashMap::new() }
    }

    /// The truth of a condition, if it is the same for all these calls.
    pub(super) fn node(&mut self, id: NodeId) -> Option<bool> {
        if let Some(found) = self.found.get(&id) {
            return *found;
        }
        let found = match self.program.node(id) {
            Node::Const(truth) => Some(*truth),
            Node::Not(child) => self.node(*child).map(|truth| !truth),
            Node::And(children) => self.join(children, false),
            Node::Or(children) => self.join(children, true),
            Node::Check(index) => self.program.check(*index).and_then(|check| self.check(check)),
        };
        self.found.insert(id, found);
        found
    }

    /// A child of the deciding truth decides; an unknown one leaves it open.
    fn join(&mut self, children: &[NodeId], deciding: bool) -> Option<bool> {
        let mut whole = Some(!deciding);
        for child in children {
            match self.node(*child) {
                Some(truth) if truth == deciding => return Some(deciding),
                Some(_) => {}
                None => whole = None,
            }
        }
        whole
    }

    fn check(&self, check: &Check) -> Option<bool> {
        let given = || {
            let given = self.given?;
            let (raw, matcher) = reads(check, given.param)?;
            of_argument(matcher, given, raw)
        };
        of_class(check, self.class).or_else(given)
    }
}

/// How a check tests an argument: whether as the kernel has it, and for what. `None` if it tests something else.
pub(super) fn reads<'c>(check: &'c Check, param: &Param) -> Option<(bool, &'c Matcher)> {
    let (Operand::Field(field), Test::Matches(matcher)) = (&check.left, &check.test) else { return None };
    let raw = match field.field.name {
        "evt.arg" => false,
        "evt.rawarg" => true,
        _ => return None,
    };
    is_of(field, param.name).then_some((raw, matcher))
}

fn is_of(field: &ResolvedField, name: &str) -> bool {
    matches!(&field.arg, FieldArg::Key(key) if key == name)
}

/// The truth of a comparison for every call of a class, if it is the same for all.
pub(crate) fn of_class(check: &Check, class: Class) -> Option<bool> {
    let (Operand::Field(field), Test::Matches(matcher)) = (&check.left, &check.test) else { return None };
    let truth = |value: Value<'static>| Some(matches(&Values::One(value), matcher));
    let is_open = matches!(class.trap, Trap::OpenRead | Trap::OpenWrite);
    match (field.field.name, class.trap) {
        // Of what is no call; a comparison of nothing is false.
        ("evt.asynctype", _) => Some(false),
        (name, _) if name.starts_with("dns.") => Some(false),
        ("evt.is_async", _) => truth(Value::Bool(false)),
        ("evt.is_open_write" | "evt.is_open_create" | "evt.is_open_exec", Trap::OpenRead) => {
            truth(Value::Bool(false))
        }
        ("evt.is_open_read", Trap::OpenRead) => truth(Value::Bool(true)),
        ("evt.is_open_write", Trap::OpenWrite) if class.kind == EventType::Creat => truth(Value::Bool(true)),
        ("evt.is_open_read", Trap::OpenWrite) if class.kind == EventType::Creat => truth(Value::Bool(false)),
        ("evt.is_open_write" | "evt.is_open_create" | "evt.is_open_exec" | "evt.is_open_read", _)
            if !is_open =>
        {
            truth(Value::Bool(false))
        }
        ("evt.arg", Trap::OpenRead) if is_of(field, "flags") => {
            // Only names that such flags never hold can be decided.
            const WRITING: [&str; 6] =
                ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_TMPFILE", "O_F_CREATED"];
            let asked = check.text.strip_prefix("evt.arg.flags contains ")?;
            WRITING.contains(&asked).then_some(false)
        }
        ("fd.typechar", _) if is_open => {
            // An open gives no socket and no pipe by name of its type.
            let possible =
                ["f", "d", "p", "o"].map(|char| matches(&Values::One(Value::Text(char.into())), matcher));
            possible.iter().all(|truth| !truth).then_some(false)
        }
        _ => None,
    }
}

fn of_argument(matcher: &Matcher, given: Given<'_>, raw: bool) -> Option<bool> {
    match (given.known, given.param.form) {
        (Known::Is(value), form) => {
            let value = match form.value(value.into(), false)? {
                ArgValue::Int(number) if raw => Value::Int(number),
                ArgValue::Flags(bits, _) if raw => Value::Int(i64::try_from(bits).ok()?),
                ArgValue::Int(number) => Value::Text(number.to_string().into()),
                ArgValue::Flags(_, names) => Value::Text(names.into_owned().into()),
                _ => return None,
            };
            Some(matches(&Values::One(value), matcher))
        }
        (Known::NoneOf(values), form) => of_other(matcher, values, form),
        (Known::Bits(mask, bits), Form::Flags(table)) if !raw => of_flags(matcher, mask, bits, table),
        (Known::Bits(..), _) => None,
    }
}

/// The truth for every number without a name that is none of these values: it is shown in decimal digits.
fn of_other(matcher: &Matcher, values: &[u32], form: Form) -> Option<bool> {
    let known = |number: i64| match form {
        Form::Int => i32::try_from(number).is_ok_and(|number| values.contains(&number.cast_unsigned())),
        _ => u32::try_from(number).is_ok_and(|number| values.contains(&number)),
    };
    let never = |text: &str| text.parse().map_or(true, known);
    let no_digits = |text: &str| text.bytes().any(|byte| !byte.is_ascii_digit() && byte != b'-');
    let no = |decided: bool| decided.then_some(false);
    match matcher {
        Matcher::Never => Some(false),
        Matcher::Not(inner) => of_other(inner, values, form).map(|truth| !truth),
        Matcher::Every(inner) => of_other(inner, values, form),
        Matcher::Each(quantifier, all) => {
            each(*quantifier, all.iter().map(|inner| of_other(inner, values, form)))
        }
        Matcher::TextIs(text) => no(never(text)),
        Matcher::TextIn(texts) => no(texts.iter().all(|text| never(text))),
        Matcher::Contains(finder) => {
            no(finder.needle().iter().any(|byte| !byte.is_ascii_digit() && *byte != b'-'))
        }
        Matcher::Startswith(text) | Matcher::Endswith(text) => no(no_digits(text)),
        Matcher::Int(Op::Eq, number) => no(known(*number)),
        Matcher::IntIn(numbers) => no(numbers.iter().all(|number| known(*number))),
        _ => None,
    }
}

/// The truth for all flags with these bits: names of the set ones, joined by `|`.
fn of_flags(matcher: &Matcher, mask: u32, bits: u32, table: &Names) -> Option<bool> {
    match matcher {
        Matcher::Not(inner) => of_flags(inner, mask, bits, table).map(|truth| !truth),
        Matcher::Each(quantifier, all) => {
            each(*quantifier, all.iter().map(|inner| of_flags(inner, mask, bits, table)))
        }
        Matcher::Contains(finder) => {
            let mut whole = Some(false);
            for flag in flags_named(finder.needle(), table)? {
                match is_set(flag, mask, bits) {
                    Some(true) => return Some(true),
                    Some(false) => {}
                    None => whole = None,
                }
            }
            whole
        }
        _ => None,
    }
}

fn each(quantifier: Quantifier, truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let truths: Vec<_> = truths.collect();
    let all = |wanted: bool| truths.iter().all(|truth| *truth == Some(wanted));
    match quantifier {
        Quantifier::Anyof if truths.contains(&Some(true)) => Some(true),
        Quantifier::Anyof => all(false).then_some(false),
        Quantifier::Allof if truths.contains(&Some(false)) => Some(false),
        Quantifier::Allof => all(true).then_some(true),
        Quantifier::Oneof => {
            let known: Vec<bool> = truths.into_iter().collect::<Option<_>>()?;
            Some(known.into_iter().filter(|truth| *truth).count() == 1)
        }
    }
}

/// The flags whose name has the part; `None` where what joins names, or stands for no flag, has it as well.
pub(super) fn flags_named(part: &[u8], table: &Names) -> Option<Vec<u64>> {
    let part = std::str::from_utf8(part)
        .ok()
        .filter(|part| !part.is_empty() && *part != "0" && !part.contains('|'))?;
    Some(table.iter().filter(|(_, name)| name.contains(part)).map(|(flag, _)| *flag).collect())
}

fn is_set(flag: u64, mask: u32, bits: u32) -> Option<bool> {
    let known = flag & u64::from(mask);
    if u64::from(bits) & known != known {
        return Some(false);
    }
    (known == flag).then_some(true)
}
