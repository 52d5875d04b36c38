//! Which files rules want to see opened for reading.
//!
//! Observing every open for reading is dear. Where a rule can only match files of certain paths, watching these
//! files is enough. As in [`crate::traps`], conditions are evaluated in Kleene's logic: what is known of an open for
//! reading of one path counts, everything about the process is open.

use std::sync::Arc;

use fargard_model::{
    Container, Event, EventType, Evidence, Fd, Outcome, Process, Source, Task, Timestamp, Trap,
};

use crate::{
    Subject,
    compile::{
        check::Check,
        program::{Node, NodeId, Program},
    },
    ruleset::Ruleset,
    traps::{Class, of_class},
};

/// The calls that open for reading.
const OPENS: [EventType; 3] = [EventType::Open, EventType::Openat, EventType::Openat2];
/// Fields that follow from the path of a regular file.
const OF_THE_PATH: [&str; 4] = ["fd.name", "fd.directory", "fd.filename", "fs.path.name"];
/// Fields that are the same for all regular files.
const OF_THE_TYPE: [&str; 2] = ["fd.type", "fd.typechar"];
/// A path that no rule is about: one that can match it can match anything.
const NOBODYS: &str = "/q7x0/q7x1/q7x2";
/// File systems whose files are no files.
const VIRTUAL: [&str; 3] = ["/proc/", "/sys/", "/dev/"];

/// A rule that could match an open for reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRule {
    /// Its name.
    pub name: String,
    /// It is not restricted to files of certain paths.
    pub anywhere: bool,
    /// What else it looks at and is no regular file: a path below `/proc`, `/sys` or `/dev`, or `directories`.
    pub beyond: Option<String>,
}

/// What the enabled rules of a ruleset want to see opened for reading.
#[derive(Debug)]
pub struct Reads {
    ruleset: Arc<Ruleset>,
    rules: Vec<(ReadRule, Vec<NodeId>)>,
    /// By comparison: what is known of it.
    knowledge: Vec<Knowledge>,
    event: Event,
    memo: Vec<Memo>,
    /// Number of the question; what the memo holds of others is not valid.
    round: u32,
}

#[derive(Clone, Copy, Debug)]
enum Knowledge {
    /// The same for every open for reading, or open.
    Fixed(Option<bool>),
    /// The same for every open, and that for every regular file.
    OfTheType(Option<bool>, bool),
    /// The path decides.
    OfThePath,
}

#[derive(Clone, Copy, Debug, Default)]
struct Memo {
    round: u32,
    truth: Option<bool>,
}

impl Reads {
    /// What the rules want.
    #[must_use]
    pub fn of(ruleset: &Arc<Ruleset>) -> Self {
        let program = ruleset.program();
        let class = Class { trap: Trap::OpenRead, kind: EventType::Openat };
        let event = open_for_reading();
        let knowledge = (0..)
            .map_while(|index| program.check(index))
            .map(|check| match () {
                () if reads_only(check, &OF_THE_PATH) => Knowledge::OfThePath,
                () if reads_only(check, &OF_THE_TYPE) => {
                    Knowledge::OfTheType(of_class(check, class), check.holds(Subject::Call(&event)))
                }
                () => Knowledge::Fixed(of_class(check, class)),
            })
            .collect();
        let memo = vec![Memo::default(); program.len()];
        let ruleset = Arc::clone(ruleset);
        let conditions = rules_of(&ruleset);
        let mut reads = Self { ruleset, rules: Vec::new(), knowledge, event, memo, round: 0 };
        for (name, nodes) in conditions {
            if let Some((anywhere, beyond)) = reads.reach(&nodes) {
                reads.rules.push((ReadRule { name, anywhere, beyond }, nodes));
            }
        }
        reads
    }

    /// The rules that could match an open for reading, in the order of their definition.
    pub fn rules(&self) -> impl Iterator<Item = &ReadRule> {
        self.rules.iter().map(|(rule, _)| rule)
    }

    /// Positions in [`Self::rules`] of the rules, of those that are restricted to certain files, that could match
    /// an open for reading of that regular file. The path is absolute and normalised.
    pub fn wanting(&mut self, path: &str) -> Vec<usize> {
        self.ask_about(path);
        let rules = std::mem::take(&mut self.rules);
        let all = rules.iter().enumerate();
        let wanting = all.filter(|(_, (rule, nodes))| !rule.anywhere && self.could_hold(nodes));
        let found = wanting.map(|(index, _)| index).collect();
        self.rules = rules;
        found
    }

    /// Paths that rules restricted to certain files name in full: absolute ones, as far as blanks and quotes do not cut them.
    #[must_use]
    pub fn named(&self) -> Vec<String> {
        let of_files = self.rules.iter().filter(|(rule, _)| !rule.anywhere);
        let words = of_files.flat_map(|(_, nodes)| self.words(nodes));
        let mut paths: Vec<String> =
            words.filter(|word| word.starts_with('/') && !word.contains(['*', '?'])).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    /// Whether a condition is restricted to certain paths, and a path that is no file among them. `None` when it
    /// matches no open for reading, whatever the path.
    fn reach(&mut self, nodes: &[NodeId]) -> Option<(bool, Option<String>)> {
        if !self.could_hold_somewhere(nodes, false) {
            return None;
        }
        if !self.could_hold_somewhere(nodes, true) {
            return Some((false, Some("directories".to_owned())));
        }
        let beyond = self.virtual_paths(nodes).into_iter().find(|(path, _)| {
            self.ask_about(path);
            self.could_hold(nodes)
        });
        self.ask_about(NOBODYS);
        Some((self.could_hold(nodes), beyond.map(|(_, shown)| shown)))
    }

    fn ask_about(&mut self, path: &str) {
        self.round += 1;
        path.clone_into(&mut self.event.fd.get_or_insert_default().name);
        if let Some((_, known)) = self.event.paths.first_mut() {
            path.clone_into(known);
        }
    }

    /// For the path asked about.
    fn could_hold(&mut self, nodes: &[NodeId]) -> bool {
        let Self { ruleset, knowledge, event, memo, round, .. } = self;
        let program = ruleset.program();
        let check = |index: u32| match knowledge.get(index as usize)? {
            Knowledge::Fixed(truth) => *truth,
            Knowledge::OfTheType(_, truth) => Some(*truth),
            Knowledge::OfThePath => Some(program.check(index)?.holds(Subject::Call(event))),
        };
        could_hold(&mut Kleene { program, memo, round: *round, check }, nodes)
    }

    /// For some path, of a regular file or of anything.
    fn could_hold_somewhere(&mut self, nodes: &[NodeId], is_file: bool) -> bool {
        self.round += 1;
        let Self { ruleset, knowledge, memo, round, .. } = self;
        let program = ruleset.program();
        let check = |index: u32| match knowledge.get(index as usize)? {
            Knowledge::Fixed(truth) => *truth,
            Knowledge::OfTheType(_, truth) if is_file => Some(*truth),
            Knowledge::OfTheType(truth, _) => *truth,
            Knowledge::OfThePath => None,
        };
        could_hold(&mut Kleene { program, memo, round: *round, check }, nodes)
    }

    /// What conditions compare with, and other words of them.
    fn words(&self, nodes: &[NodeId]) -> Vec<String> {
        let checks = self.ruleset.program().checks_of(nodes.iter().copied());
        let texts: Vec<&str> = checks.map(|(_, check)| check.text.as_str()).collect();
        texts.iter().flat_map(|text| text.split([' ', ',', '(', ')', '"', '\''])).map(str::to_owned).collect()
    }

    /// Paths of what is no file, made of what the conditions compare with: their patterns filled in, and as they are.
    fn virtual_paths(&self, nodes: &[NodeId]) -> Vec<(String, String)> {
        let words = self.words(nodes);
        let shown = words.iter().flat_map(|word| [word.clone(), format!("{}/*", word.trim_end_matches('/'))]);
        let filled = shown.map(|shown| (shown.replace('*', "77").replace('?', "7"), shown));
        let mut paths: Vec<(String, String)> =
            filled.filter(|(path, _)| VIRTUAL.iter().any(|root| path.starts_with(root))).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }
}

/// Kleene's logic over what `check` knows of comparisons.
struct Kleene<'a, C> {
    program: &'a Program,
    memo: &'a mut [Memo],
    round: u32,
    check: C,
}

fn could_hold(kleene: &mut Kleene<'_, impl Fn(u32) -> Option<bool>>, nodes: &[NodeId]) -> bool {
    nodes.iter().any(|node| kleene.truth(*node) != Some(false))
}

impl<C: Fn(u32) -> Option<bool>> Kleene<'_, C> {
    fn truth(&mut self, id: NodeId) -> Option<bool> {
        let known = self.memo.get(id as usize).copied().unwrap_or_default();
        if known.round == self.round {
            return known.truth;
        }
        let program = self.program;
        let truth = match program.node(id) {
            Node::Const(truth) => Some(*truth),
            Node::Check(index) => (self.check)(*index),
            Node::Not(child) => self.truth(*child).map(|truth| !truth),
            Node::And(children) => self.join(children, false),
            Node::Or(children) => self.join(children, true),
        };
        if let Some(memo) = self.memo.get_mut(id as usize) {
            *memo = Memo { round: self.round, truth };
        }
        truth
    }

    /// A child of the deciding truth decides; an open one leaves it open.
    fn join(&mut self, children: &[NodeId], deciding: bool) -> Option<bool> {
        let mut whole = Some(!deciding);
        for child in children {
            match self.truth(*child) {
                Some(truth) if truth == deciding => return Some(deciding),
                Some(_) => {}
                None => whole = None,
            }
        }
        whole
    }
}

/// The enabled rules with a condition for one of the calls, and these conditions.
fn rules_of(ruleset: &Ruleset) -> Vec<(String, Vec<NodeId>)> {
    let mut found: Vec<(String, Vec<NodeId>)> = Vec::new();
    for (id, node) in OPENS.iter().flat_map(|kind| ruleset.of_type(*kind)) {
        let Some(owner) = ruleset.owner(*id) else { continue };
        match found.iter_mut().find(|(name, _)| *name == owner.name) {
            Some((_, nodes)) if nodes.contains(node) => {}
            Some((_, nodes)) => nodes.push(*node),
            None => found.push((owner.name.clone(), vec![*node])),
        }
    }
    found
}

/// The comparison reads fields, and only these.
fn reads_only(check: &Check, names: &[&str]) -> bool {
    let fields = check.fields();
    !fields.is_empty() && fields.iter().all(|field| names.contains(&field.field.name))
}

fn open_for_reading() -> Event {
    Event {
        num: 0,
        time: Timestamp(0),
        source: Source::Syscall,
        kind: EventType::Openat,
        tid: 0,
        process: Arc::new(Process::default()),
        args: Vec::new(),
        paths: vec![("name".into(), String::new())],
        fd: Some(Fd { num: -1, typechar: Some('f'), ..Fd::default() }),
        outcome: Outcome::Attempt,
        task: Arc::new(Task::default()),
        container: Arc::new(Container::default()),
        evidence: Evidence::default(),
    }
}

#[cfg(test)]
mod tests;
