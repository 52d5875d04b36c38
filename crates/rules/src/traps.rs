//! Which calls must be observed. For each class of calls the conditions are evaluated with what is known of every
//! call of the class and everything else unknown (Kleene's three-valued logic): a rule forces the class when its
//! condition could still be true.

use std::collections::HashMap;

use fargard_model::{EventType, Trap, TrapSet};

use crate::{
    compile::{
        check::{Check, Test, matches},
        operand::Operand,
        program::{Node, NodeId, Program},
    },
    fields::{ResolvedField, Value, Values},
    ruleset::Ruleset,
};

/// A class of calls together with one of its event types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Class {
    trap: Trap,
    kind: EventType,
}

/// The classes by event type. procexit costs no trap.
fn traps_of(kind: EventType) -> &'static [Trap] {
    use EventType as E;
    match kind {
        E::Execve | E::Execveat => &[Trap::Exec],
        E::Open | E::Openat | E::Openat2 => &[Trap::OpenWrite, Trap::OpenRead],
        E::Creat => &[Trap::OpenWrite],
        E::Rename | E::Renameat | E::Renameat2 => &[Trap::Rename],
        E::Unlink | E::Unlinkat | E::Rmdir => &[Trap::Unlink],
        E::Mkdir | E::Mkdirat => &[Trap::Mkdir],
        E::Chmod | E::Fchmod | E::Fchmodat | E::Fchmodat2 => &[Trap::Chmod],
        E::Chown | E::Lchown | E::Fchown | E::Fchownat => &[Trap::Chown],
        E::Link | E::Linkat => &[Trap::Link],
        E::Symlink | E::Symlinkat => &[Trap::Symlink],
        E::Socket => &[Trap::Socket, Trap::RareSocket],
        E::Connect => &[Trap::Connect],
        E::Bind => &[Trap::Bind],
        E::Listen => &[Trap::Listen],
        E::Accept | E::Accept4 => &[Trap::Accept],
        E::Sendto => &[Trap::SendtoAddress],
        E::Sendmsg | E::Sendmmsg => &[Trap::Sendmsg],
        E::Setuid | E::Setgid | E::Setresuid | E::Setresgid | E::Setreuid | E::Setregid => &[Trap::Setuid],
        E::Ptrace | E::ProcessVmWritev => &[Trap::Ptrace],
        E::Mount | E::Umount2 | E::Setns | E::Unshare | E::Chroot => &[Trap::Mount],
        E::MemfdCreate => &[Trap::MemfdCreate],
        E::Dup2 | E::Dup3 => &[Trap::DupStdio],
        E::Bpf | E::InitModule | E::FinitModule | E::Userfaultfd | E::IoUringSetup => &[Trap::Kernel],
        _ => &[],
    }
}

/// One reason to observe calls: which class, for which event type, by which rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The class.
    pub trap: Trap,
    /// The event type of the class.
    pub kind: EventType,
    /// Names of the rules, in the order of definition.
    pub rules: Vec<String>,
}

/// Every class and event type that some enabled rule needs.
#[must_use]
pub fn needs(ruleset: &Ruleset) -> Vec<Need> {
    let mut needs = Vec::new();
    for kind in EventType::OBSERVED.iter().copied() {
        for trap in traps_of(kind).iter().copied() {
            let mut kleene =
                Kleene { program: ruleset.program(), class: Class { trap, kind }, known: HashMap::new() };
            let mut rules: Vec<String> = ruleset
                .of_type(kind)
                .iter()
                .filter(|(_, node)| kleene.node(*node) != Some(false))
                .filter_map(|(rule, _)| ruleset.owner(*rule))
                .map(|rule| rule.name.clone())
                .collect();
            // Parts of one sequence follow each other.
            rules.dedup();
            if !rules.is_empty() {
                needs.push(Need { trap, kind, rules });
            }
        }
    }
    needs.sort_by_key(|need| (need.trap, need.kind));
    needs
}

pub(crate) fn traps(ruleset: &Ruleset) -> TrapSet {
    let mut set = TrapSet::default();
    for need in needs(ruleset) {
        for rule in &need.rules {
            set.add(need.trap, rule);
        }
    }
    set
}

/// Whether a condition reads a field.
pub(crate) fn reads(program: &Program, id: NodeId, wanted: impl Fn(&&ResolvedField) -> bool + Copy) -> bool {
    let mut seen = std::collections::HashSet::new();
    let mut open = vec![id];
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        match program.node(id) {
            Node::Const(_) => {}
            Node::Not(child) => open.push(*child),
            Node::And(children) | Node::Or(children) => open.extend(children.iter()),
            Node::Check(index) => {
                let mut fields = Vec::new();
                if let Some(check) = program.check(*index) {
                    check.left.fields(&mut fields);
                    if let Test::Field(_, right) = &check.test {
                        right.fields(&mut fields);
                    }
                }
                if fields.iter().any(wanted) {
                    return true;
                }
            }
        }
    }
    false
}

/// Evaluates nodes where only the class of the call is known.
struct Kleene<'p> {
    program: &'p Program,
    class: Class,
    known: HashMap<NodeId, Option<bool>>,
}

impl Kleene<'_> {
    fn node(&mut self, id: NodeId) -> Option<bool> {
        if let Some(known) = self.known.get(&id) {
            return *known;
        }
        let found = match self.program.node(id) {
            Node::Const(truth) => Some(*truth),
            Node::Not(child) => self.node(*child).map(|truth| !truth),
            Node::And(children) => self.join(children, false),
            Node::Or(children) => self.join(children, true),
            Node::Check(index) => {
                self.program.check(*index).and_then(|check| known_of_class(check, self.class))
            }
        };
        self.known.insert(id, found);
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
}

/// The truth of a comparison for every call of a class, if it is the same for all.
fn known_of_class(check: &Check, class: Class) -> Option<bool> {
    let (Operand::Field(field), Test::Matches(matcher)) = (&check.left, &check.test) else { return None };
    let truth = |value: Value<'static>| Some(matches(&Values::One(value), matcher));
    let is_open = matches!(class.trap, Trap::OpenRead | Trap::OpenWrite);
    match (field.field.name, class.trap) {
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
        ("evt.arg", Trap::OpenRead) if field.arg == crate::fields::FieldArg::Key("flags".into()) => {
            // Only names that such flags never hold can be decided.
            const WRITING: [&str; 6] =
                ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_TMPFILE", "O_F_CREATED"];
            let asked = check.text.strip_prefix("evt.arg.flags contains ")?;
            WRITING.contains(&asked).then_some(false)
        }
        ("evt.arg", Trap::Socket) if field.arg == crate::fields::FieldArg::Key("domain".into()) => {
            const FAMILIES: [&str; 4] = ["AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK"];
            let possible = FAMILIES.map(|name| matches(&Values::One(Value::Text(name.into())), matcher));
            possible.iter().all(|truth| !truth).then_some(false)
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
