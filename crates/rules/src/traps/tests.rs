use fargard_model::{Arg, ArgSet, Event, EventType, Trap, call::params, event::ArgValue};
use proptest::prelude::*;

use crate::{Ruleset, SourceFile, load, testing::made};

fn rules(conditions: &[String]) -> Ruleset {
    let rule = |(index, condition): (usize, &String)| {
        format!(
            "- rule: r{index}\n  desc: d\n  condition: >\n    {condition}\n  output: o\n  priority: INFO\n"
        )
    };
    let text: String = conditions.iter().enumerate().map(rule).collect();
    let report = load(&[SourceFile { name: "t.yaml".into(), text }]);
    report.ruleset.unwrap_or_else(|| panic!("{:?}", report.diagnostics))
}

fn only(condition: &str, trap: Trap, kind: EventType) -> Option<Vec<ArgSet>> {
    rules(&[condition.to_owned()]).traps().calls(trap, kind)
}

#[test]
fn conditions_on_registers_narrow_the_calls() {
    use EventType as E;
    let within = |trap: Trap, kind| trap.within(kind).unwrap();
    for (condition, trap, kind, expected) in [
        (
            "evt.type = ptrace and evt.arg.request in (PTRACE_ATTACH, PTRACE_SEIZE)",
            Trap::Ptrace,
            E::Ptrace,
            Some(vec![ArgSet::one_of(0, [16, 0x4206])]),
        ),
        (
            "evt.type = ptrace and evt.arg.request != PTRACE_TRACEME",
            Trap::Ptrace,
            E::Ptrace,
            Some(vec![ArgSet::none_of(0, [0])]),
        ),
        ("evt.type = ptrace", Trap::Ptrace, E::Ptrace, Some(vec![])),
        ("evt.type = ptrace", Trap::Ptrace, E::ProcessVmWritev, None),
        (
            "evt.type = memfd_create and evt.arg.flags contains MFD_CLOEXEC",
            Trap::MemfdCreate,
            E::MemfdCreate,
            Some(vec![ArgSet::all_bits(1, 1)]),
        ),
        (
            "evt.type = unshare and (evt.arg.flags contains CLONE_NEWUSER or evt.arg.flags contains CLONE_NEWNET)",
            Trap::Mount,
            E::Unshare,
            Some(vec![ArgSet::any_bit(0, 0x5000_0000)]),
        ),
        (
            "evt.type = unshare and evt.arg.flags contains anyof (CLONE_NEWUSER, CLONE_NEWNET)",
            Trap::Mount,
            E::Unshare,
            Some(vec![ArgSet::any_bit(0, 0x5000_0000)]),
        ),
        (
            "evt.type = chmod and evt.arg.mode contains S_ISUID and evt.arg.mode contains S_IXOTH",
            Trap::Chmod,
            E::Chmod,
            Some(vec![ArgSet::all_bits(1, 0o4001)]),
        ),
        (
            "evt.type = kill and evt.arg.sig = SIGKILL and proc.name = sh",
            Trap::Signal,
            E::Kill,
            Some(vec![ArgSet::one_of(1, [9])]),
        ),
        ("evt.type = kill and evt.rawarg.sig = 9", Trap::Signal, E::Kill, Some(vec![ArgSet::one_of(1, [9])])),
        ("evt.type = kill", Trap::Signal, E::Kill, Some(vec![within(Trap::Signal, E::Kill)])),
        (
            "evt.type = prctl and evt.arg.option in (PR_SET_DUMPABLE, PR_CAPBSET_DROP)",
            Trap::Prctl,
            E::Prctl,
            Some(vec![ArgSet::one_of(0, [4, 24])]),
        ),
        (
            "evt.type = socket and evt.arg.domain = AF_PACKET",
            Trap::RareSocket,
            E::Socket,
            Some(vec![ArgSet::one_of(0, [17])]),
        ),
        ("evt.type = socket and evt.arg.domain = AF_PACKET", Trap::Socket, E::Socket, None),
        (
            "evt.type = clone and evt.arg.flags contains CLONE_NEWUSER",
            Trap::CloneNamespace,
            E::Clone,
            Some(vec![within(Trap::CloneNamespace, E::Clone), ArgSet::all_bits(0, 0x1000_0000)]),
        ),
        (
            "evt.type in (mprotect, fork) and evt.arg.prot contains PROT_READ",
            Trap::WritableCode,
            E::Mmap,
            None,
        ),
        // What cannot be told from the register is not narrowed.
        (
            "evt.type = memfd_create and evt.arg.flags icontains cloexec",
            Trap::MemfdCreate,
            E::MemfdCreate,
            Some(vec![]),
        ),
        ("evt.type = setuid and evt.arg.uid = 0", Trap::Setuid, E::Setgid, Some(vec![])),
        ("evt.type = ptrace and proc.name = x", Trap::Ptrace, E::Ptrace, Some(vec![])),
    ] {
        assert_eq!(only(condition, trap, kind), expected, "{condition}");
    }
}

#[test]
fn a_rule_is_named_only_where_it_can_hold() {
    let rules = rules(&[
        "evt.type = socket and evt.arg.domain = AF_PACKET".to_owned(),
        "evt.type = socket and evt.arg.domain = AF_NETLINK".to_owned(),
    ]);
    let needs = super::needs(&rules);
    let found: Vec<_> = needs.iter().map(|need| (need.trap, need.rules.join(","))).collect();
    assert_eq!(found, [(Trap::Socket, "r1".to_owned()), (Trap::RareSocket, "r0".to_owned())]);
}

const KINDS: [EventType; 12] = [
    EventType::Ptrace,
    EventType::Unshare,
    EventType::Setns,
    EventType::Kill,
    EventType::Tgkill,
    EventType::Prctl,
    EventType::Mprotect,
    EventType::Socket,
    EventType::MemfdCreate,
    EventType::Chmod,
    EventType::Clone,
    EventType::Dup2,
];

fn check() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "evt.arg.request = PTRACE_ATTACH",
        "evt.arg.request in (PTRACE_POKETEXT, PTRACE_SEIZE, 77)",
        "evt.rawarg.request in (16, 99)",
        "evt.rawarg.request >= 5",
        "evt.arg.request startswith PTRACE_GET",
        "evt.arg.request != 78",
        "evt.arg.flags contains CLONE_NEW",
        "evt.arg.flags contains CLONE_NEWUSER",
        "evt.arg.flags contains anyof (CLONE_NEWNET, CLONE_NEWNS)",
        "evt.arg.flags contains oneof (CLONE_NEWNET, CLONE_NEWNS)",
        "evt.arg.flags contains allof (MFD_CLOEXEC, MFD_EXEC)",
        "evt.arg.flags contains MFD_CLOEXEC",
        "evt.arg.flags contains |",
        "evt.arg.flags = 0",
        "evt.arg.sig = SIGKILL",
        "evt.arg.sig in (SIGTERM, 40)",
        "evt.rawarg.sig = 9",
        "evt.arg.option = PR_SET_NAME",
        "evt.arg.option exists",
        "evt.arg.prot contains PROT_EXEC",
        "evt.arg.prot contains PROT_READ",
        "evt.arg.domain contains AF_INET",
        "evt.arg.domain = AF_PACKET",
        "evt.arg.domain = 77",
        "evt.arg.mode contains S_ISUID",
        "evt.arg.mode contains IXOTH",
        "evt.arg.newfd = 1",
        "evt.arg.newfd in (0, 2, -1)",
        "evt.arg.oldfd != evt.arg.newfd",
        "proc.name = app",
        "proc.name = other",
    ])
    .prop_map(str::to_owned)
}

fn condition() -> impl Strategy<Value = String> {
    check().prop_recursive(3, 12, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            3 => two.clone().prop_map(|(a, b)| format!("({a} and {b})")),
            2 => two.prop_map(|(a, b)| format!("({a} or {b})")),
            1 => inner.prop_map(|a| format!("(not {a})")),
        ]
    })
}

/// The event of a call with these registers, as the sensor makes it.
fn call(kind: EventType, args: &[u64; 6]) -> Event {
    let mut event = made(kind).0;
    event.args = params(kind)
        .iter()
        .map(|param| Arg {
            name: param.name.into(),
            value: param
                .form
                .value(args[usize::from(param.arg)], false)
                .unwrap_or(ArgValue::Text("x".into())),
        })
        .collect();
    event
}

fn register() -> impl Strategy<Value = u64> {
    prop_oneof![
        0_u64..20,
        prop::sample::select(vec![77, 78, 99, 40, 0x4206, 0x1000_0000, 0x5000_0000, 0x2_0000, 17, 0o4755, 7]),
        (0_u64..20).prop_map(|low| 0xdead_0000_0000 | low),
        any::<u64>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_call_that_is_let_through_can_match_no_rule(
        conditions in prop::collection::vec(condition(), 1..4),
        kind in prop::sample::select(&KINDS[..]),
        args in prop::collection::vec(prop::array::uniform6(register()), 8),
    ) {
        let ruleset = rules(&conditions);
        let traps = ruleset.traps();
        for args in &args {
            let mut found = Vec::new();
            ruleset.evaluate(&call(kind, args), &mut found);
            for trap in Trap::of(kind) {
                if !found.is_empty() && trap.within(kind).is_none_or(|within| within.holds(args)) {
                    let stopped = traps.calls(*trap, kind).is_some_and(|all| all.iter().all(|one| one.holds(args)));
                    prop_assert!(stopped, "{:?} {:x?} {:?}", kind, args, traps.calls(*trap, kind));
                }
            }
        }
    }
}

#[test]
fn a_rule_that_registers_decide_can_prevent() {
    use EventType as E;
    for (condition, expected) in [
        ("evt.type = ptrace", vec![(E::Ptrace, vec![])]),
        (
            "evt.type in (ptrace, process_vm_writev) and not evt.arg.request = PTRACE_TRACEME",
            vec![(E::Ptrace, vec![ArgSet::none_of(0, [0])])],
        ),
        (
            "evt.type = unshare and evt.arg.flags contains CLONE_NEWUSER",
            vec![(E::Unshare, vec![ArgSet::all_bits(0, 0x1000_0000)])],
        ),
        (
            "evt.type = socket and evt.arg.domain in (AF_PACKET, AF_ALG)",
            vec![(E::Socket, vec![ArgSet::none_of(0, [1, 2, 10, 16]), ArgSet::one_of(0, [17, 38])])],
        ),
    ] {
        let rules = rules(&[condition.to_owned()]);
        let found = super::denials(&rules, crate::RuleId(0));
        let found: Vec<_> =
            found.unwrap_or_default().into_iter().map(|denial| (denial.kind, denial.conditions)).collect();
        if condition.contains("process_vm_writev") {
            // It has no request: the comparison is false, and its negation true, whatever the call.
            assert!(found.is_empty() || found.len() == 2, "{found:?}");
            continue;
        }
        assert_eq!(found, expected, "{condition}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn what_a_rule_prevents_is_what_it_matches(
        condition in condition(),
        kind in prop::sample::select(&KINDS[..]),
        args in prop::collection::vec(prop::array::uniform6(register()), 8),
    ) {
        let ruleset = rules(&[format!("evt.type = {} and ({condition})", kind.name())]);
        let Ok(denials) = super::denials(&ruleset, crate::RuleId(0)) else { return Ok(()) };
        let traps = ruleset.traps();
        for args in &args {
            let mut found = Vec::new();
            ruleset.evaluate(&call(kind, args), &mut found);
            let denied = denials
                .iter()
                .any(|denial| denial.kind == kind && denial.conditions.iter().all(|one| one.holds(args)));
            let of_class = |trap: &Trap| trap.within(kind).is_none_or(|within| within.holds(args));
            if Trap::of(kind).iter().any(of_class) {
                prop_assert_eq!(denied, !found.is_empty(), "{:x?} {:?}", args, denials);
            }
            if denied {
                let stopped = |trap: &Trap| {
                    traps.calls(*trap, kind).is_some_and(|all| all.iter().all(|one| one.holds(args)))
                };
                prop_assert!(Trap::of(kind).iter().any(stopped));
            }
        }
    }
}
