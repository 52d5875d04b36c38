//! From the calls that rules and checks need to a filter that stops those and nothing else.

mod tree;

use std::collections::BTreeMap;

use fargard_model::{ArgSet, EventType, Trap, TrapSet};

use self::tree::tree;
use super::{
    bpf::{ALLOW, Compare, Instruction, Program},
    calls::{CALLS, Call, EXIT_GROUP, I386, I386_SOCKETCALL, NATIVE, X86_64, socketcall_numbers},
    unwaiting::{self, FlagBits},
};

const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

/// What is stopped besides what rules and checks need, where these need anything.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Besides {
    /// The ends of processes.
    pub(crate) exits: bool,
    /// Opens that a lease would refuse; see [`super::unwaiting`].
    pub(crate) unwaiting: bool,
}

/// What must be so of a call's arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    /// The argument's lower half is among those values.
    Set(ArgSet),
    /// The pointer in that argument is not null.
    NotNull(u8),
    /// The flags in that argument have one of these bits, or are those of an open that does not wait.
    Unwaiting(u8, u32, FlagBits),
}

/// The tests under which a needed set of classes wants the call stopped, all of which must hold; `None`: never.
pub(crate) fn condition(call: &Call, traps: &TrapSet) -> Option<Vec<Test>> {
    let mut classes = Trap::of(call.kind).iter().filter_map(|trap| traps.calls(*trap, call.kind));
    let sets = match (classes.next()?, classes.next()) {
        (only, None) => only,
        // What two conditions cannot say together is stopped whatever the arguments.
        (one, Some(other)) => match (&one[..], &other[..]) {
            ([one], [other]) => one.union(other).into_iter().collect(),
            _ => Vec::new(),
        },
    };
    let address = (call.kind == EventType::Sendto).then_some(Test::NotNull(4));
    Some(address.into_iter().chain(sets.into_iter().map(Test::Set)).collect())
}

/// The filter for a set of classes on the architecture this program runs on, or `None` when nothing is needed.
/// Calls through 32-bit interfaces of x86 are selected the same way.
pub(crate) fn build(traps: &TrapSet, besides: Besides) -> Option<Program> {
    build_for(traps, NATIVE, besides)
}

fn build_for(traps: &TrapSet, native: u32, besides: Besides) -> Option<Program> {
    if entries(traps, native, false, false).is_empty() {
        return None;
    }
    let unwaiting = besides.unwaiting;
    let mut own = entries(traps, native, false, unwaiting);
    own.extend(besides.exits.then_some((EXIT_GROUP, Vec::new())));
    let mut program = vec![Instruction::load(ARCHITECTURE)];
    if native != X86_64 {
        program.extend([
            Instruction::jump(Compare::Equal, native, 1, 0),
            Instruction::ret(ALLOW),
            Instruction::load(NUMBER),
        ]);
        program.extend(tree(&own, Some(native)));
        return Some(Program(program));
    }
    // Numbers of x32 lie above all others.
    own.extend(entries(traps, X86_64, true, unwaiting));
    let own = tree(&own, Some(native));
    program.extend([
        Instruction::jump(Compare::Equal, X86_64, 1, 0),
        // To the test for i386.
        Instruction::goto(1 + own.len()),
        Instruction::load(NUMBER),
    ]);
    program.extend(own);
    program.extend([
        Instruction::jump(Compare::Equal, I386, 1, 0),
        Instruction::ret(ALLOW),
        Instruction::load(NUMBER),
    ]);
    program.extend(tree(&entries(traps, I386, false, unwaiting), None));
    Some(Program(program))
}

/// Number to condition, sorted by number.
fn entries(traps: &TrapSet, arch: u32, x32: bool, unwaiting: bool) -> BTreeMap<u32, Vec<Test>> {
    let mut entries = BTreeMap::new();
    for call in CALLS {
        let needed = condition(call, traps);
        let condition = if unwaiting { or_unwaiting(call, needed, arch) } else { needed };
        if let Some(condition) = condition {
            entries.extend(call.numbers(arch, x32).into_iter().map(|number| (number, condition.clone())));
        }
    }
    if arch == I386 {
        let wanted = |kind| CALLS.iter().any(|call| call.kind == kind && condition(call, traps).is_some());
        let numbers = socketcall_numbers(wanted);
        if !numbers.is_empty() {
            // Its arguments are in memory, where a filter cannot look.
            entries.insert(I386_SOCKETCALL, vec![Test::Set(ArgSet::one_of(0, numbers))]);
        }
    }
    entries
}

/// A call's condition, widened by the opens that do not wait.
fn or_unwaiting(call: &Call, needed: Option<Vec<Test>>, arch: u32) -> Option<Vec<Test>> {
    let Some(flags) = unwaiting::flags_of(call.kind) else { return needed };
    // Those of openat2 are in memory.
    let Some(arg) = flags else { return needed.or(Some(Vec::new())) };
    let bits = FlagBits::of(arch);
    match needed.as_deref() {
        None => Some(vec![Test::Unwaiting(arg, 0, bits)]),
        Some([Test::Set(set)]) if *set == ArgSet::any_bit(arg, set.mask) => {
            Some(vec![Test::Unwaiting(arg, set.mask, bits)])
        }
        Some(_) => needed,
    }
}

/// Instructions that fall through to the next where all tests hold and leave out one where one does not.
fn all(tests: &[Test]) -> Vec<Instruction> {
    let mut code = Vec::new();
    for one in tests.iter().rev() {
        let mut before = test(one);
        if !code.is_empty() {
            before.extend([Instruction::goto(1), Instruction::goto(code.len() + 1)]);
        }
        before.extend(code);
        code = before;
    }
    code
}

/// As [`all`], for one.
fn test(test: &Test) -> Vec<Instruction> {
    let low = |arg: u8| Instruction::load(16 + 8 * u32::from(arg));
    let high = |arg: u8| Instruction::load(20 + 8 * u32::from(arg));
    let jump = Instruction::jump;
    let set = match test {
        Test::NotNull(arg) => {
            return vec![low(*arg), jump(Compare::Equal, 0, 0, 2), high(*arg), jump(Compare::Equal, 0, 1, 0)];
        }
        // To the end where the bits say so, else to over the one instruction behind it.
        Test::Unwaiting(arg, any, bits) => {
            return vec![
                low(*arg),
                jump(Compare::AnyBit, *any, 3, 0),
                jump(Compare::AnyBit, bits.nonblock, 0, 3),
                jump(Compare::AnyBit, bits.never, 2, 0),
                jump(Compare::AnyBit, bits.others, 0, 1),
            ];
        }
        Test::Set(set) => set,
    };
    let mut code = vec![low(set.arg)];
    if set.values.iter().eq([&0]) && set.mask != u32::MAX {
        let (if_set, if_not) = if set.except { (0, 1) } else { (1, 0) };
        code.push(jump(Compare::AnyBit, set.mask, if_set, if_not));
        return code;
    }
    if set.mask != u32::MAX {
        code.push(Instruction::and(set.mask));
    }
    if let Some(most) = up_to(set) {
        code.push(jump(Compare::Greater, most, u8::from(!set.except), u8::from(set.except)));
        return code;
    }
    if set.values.is_empty() && !set.except {
        code.push(Instruction::goto(1));
    }
    for (index, value) in set.values.iter().enumerate() {
        let left = (set.values.len() - 1 - index) as u8;
        code.push(match set.except {
            true => jump(Compare::Equal, *value, left + 1, 0),
            false => jump(Compare::Equal, *value, left, u8::from(left == 0)),
        });
    }
    code
}

/// The largest value, where the set lists all from 0 up to it.
fn up_to(set: &ArgSet) -> Option<u32> {
    let most = *set.values.last()?;
    (most as usize + 1 == set.values.len()).then_some(most)
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use fargard_model::{ArgSet, EventType, Trap, TrapSet, trap::OPEN_WRITE_FLAGS};
    use proptest::prelude::*;

    use super::{
        super::{
            bpf::{ALLOW, NOTIFY, Program, tests::interpret},
            calls::{AARCH64, CALLS, I386, X32_BIT, X86_64, lookup},
        },
        Besides, Test, build_for, condition,
    };

    fn set(traps: impl IntoIterator<Item = Trap>) -> TrapSet {
        let mut set = TrapSet::default();
        for trap in traps {
            set.add(trap, "test");
        }
        set
    }

    /// A filter with every class.
    pub(in super::super) fn everything() -> Program {
        build_for(&set(Trap::ALL), X86_64, Besides::default()).unwrap()
    }

    fn holds(condition: &[Test], args: [u64; 6]) -> bool {
        condition.iter().all(|test| match test {
            Test::Set(set) => set.holds(&args),
            Test::NotNull(arg) => args[usize::from(*arg)] != 0,
            Test::Unwaiting(..) => unreachable!("not of the table"),
        })
    }

    /// Conditions that rules may come to.
    fn narrowings() -> Vec<(Trap, EventType, ArgSet)> {
        vec![
            (Trap::Ptrace, EventType::Ptrace, ArgSet::one_of(0, [16, 5, 0x4206])),
            (Trap::Signal, EventType::Kill, ArgSet::one_of(1, [9, 15])),
            (Trap::Signal, EventType::Tgkill, ArgSet::none_of(2, [9, 10])),
            (Trap::Mount, EventType::Unshare, ArgSet::any_bit(0, 0x1_0007)),
            (Trap::MemfdCreate, EventType::MemfdCreate, ArgSet::all_bits(1, 3)),
            (Trap::CloneNamespace, EventType::Clone, ArgSet::all_bits(0, 0x2_0000)),
            (Trap::RareSocket, EventType::Socket, ArgSet::none_of(0, [17, 3])),
            (Trap::Socket, EventType::Socket, ArgSet::one_of(0, [10, 16])),
            (Trap::Prctl, EventType::Prctl, ArgSet::none_of(0, [15])),
            (
                Trap::Chmod,
                EventType::Fchmodat,
                ArgSet { arg: 2, mask: 7, values: [1, 4, 6].into(), except: true },
            ),
        ]
    }

    /// What the filter should say, told from the table of calls without any program.
    fn expected(traps: &TrapSet, native: u32, nr: u32, arch: u32, args: [u64; 6]) -> bool {
        if arch != native && !(native == X86_64 && arch == I386) {
            return false;
        }
        if arch == I386 && nr == 102 {
            let classes: [(u32, Trap); 10] = [
                (1, Trap::Socket),
                (1, Trap::RareSocket),
                (2, Trap::Bind),
                (3, Trap::Connect),
                (4, Trap::Listen),
                (5, Trap::Accept),
                (11, Trap::SendtoAddress),
                (16, Trap::Sendmsg),
                (18, Trap::Accept),
                (20, Trap::Sendmsg),
            ];
            return classes.iter().any(|(number, trap)| *number == args[0] as u32 && traps.contains(*trap));
        }
        lookup(arch, nr as i32)
            .and_then(|call| condition(call, traps))
            .is_some_and(|condition| holds(&condition, args))
    }

    fn stops(program: &Program, nr: u32, arch: u32, args: [u64; 6]) -> bool {
        match interpret(program, nr, arch, args) {
            NOTIFY => true,
            ALLOW => false,
            other => panic!("unexpected action {other:#x}"),
        }
    }

    #[test]
    fn hot_calls_pass_with_every_class_needed() {
        let program = everything();
        // read write close stat fstat lseek mmap clone fork vfork exit futex clone3 dup fcntl ioctl wait4
        for nr in [0, 1, 3, 4, 5, 8, 57, 58, 60, 202, 435, 32, 72, 16, 61, 231] {
            assert!(!stops(&program, nr, X86_64, [u64::MAX; 6]), "{nr}");
        }
        // clone of a thread and of a process, mmap of code, mprotect of data, kill that only asks
        for (nr, args) in [
            (56, [0x3d_0f00, 0, 0, 0, 0, 0]),
            (56, [0x120_0011, 0, 0, 0, 0, 0]),
            (9, [0, 4096, 5, 2, 3, 0]),
            (10, [4096, 4096, 3, 0, 0, 0]),
            (62, [1, 0, 0, 0, 0, 0]),
        ] {
            assert!(!stops(&program, nr, X86_64, args), "{nr} {args:x?}");
        }
        assert!(stops(&program, 56, X86_64, [0x1000_0011, 0, 0, 0, 0, 0]));
        assert!(stops(&program, 9, X86_64, [0, 4096, 7, 0x22, 0, 0]));
        assert!(stops(&program, 62, X86_64, [1, 9, 0, 0, 0, 0]));
    }

    #[test]
    fn a_descriptor_or_flag_is_judged_by_its_low_half() {
        let program = everything();
        let noise = 0xdead_beef_0000_0000;
        assert!(stops(&program, 33, X86_64, [5, noise | 2, 0, 0, 0, 0]));
        assert!(!stops(&program, 33, X86_64, [5, noise | 3, 0, 0, 0, 0]));
        let writes = build_for(&set([Trap::OpenWrite]), X86_64, Besides::default()).unwrap();
        assert!(!stops(&writes, 257, X86_64, [0, 0, noise, 0, 0, 0]));
        assert!(stops(&writes, 257, X86_64, [0, 0, noise | 0o101, 0, 0, 0]));
    }

    #[test]
    fn opens_that_do_not_wait_are_stopped_where_leases_are_taken() {
        let (nonblock, cloexec, noctty) = (0o4_000, 0o2_000_000, 0o400);
        let besides = Besides { exits: false, unwaiting: true };
        for (traps, writes) in [(set([Trap::OpenWrite]), true), (set([Trap::Exec]), false)] {
            for (native, arch, openat, directory) in [
                (X86_64, X86_64, 257, 0o200_000),
                (X86_64, I386, 295, 0o200_000),
                (AARCH64, AARCH64, 56, 0o40_000),
            ] {
                let program = build_for(&traps, native, besides).unwrap();
                let stops = |flags| stops(&program, openat, arch, [0, 0, flags, 0, 0, 0]);
                assert!(
                    stops(nonblock | cloexec) && stops(nonblock | noctty) && stops(1 | nonblock | noctty)
                );
                // Web servers' opens, those of directories, and plain ones.
                assert!(!stops(nonblock) && !stops(nonblock | cloexec | directory) && !stops(cloexec));
                assert_eq!((stops(0o101), stops(1 | nonblock)), (writes, writes));
            }
            let program = build_for(&traps, X86_64, besides).unwrap();
            assert!(
                stops(&program, 437, X86_64, [0; 6])
                    && stops(&program, 2, X86_64, [0, nonblock | cloexec, 0, 0, 0, 0])
            );
        }
        assert_eq!(build_for(&TrapSet::default(), X86_64, besides), None);
    }

    #[test]
    fn nothing_needed_is_no_filter() {
        assert_eq!(build_for(&TrapSet::default(), X86_64, Besides::default()), None);
    }

    #[test]
    fn other_architectures_pass() {
        assert!(!stops(&everything(), 59, AARCH64, [0; 6]));
        let arm = build_for(&set([Trap::Exec]), AARCH64, Besides::default()).unwrap();
        assert!(stops(&arm, 221, AARCH64, [0; 6]));
        assert!(!stops(&arm, 221, X86_64, [0; 6]));
    }

    #[test]
    fn a_whole_filter_is_short() {
        assert!(everything().0.len() < 1000, "{}", everything().0.len());
    }

    #[test]
    fn a_small_filter_reads_as_this() {
        let program =
            build_for(&set([Trap::OpenWrite, Trap::DupStdio]), AARCH64, Besides::default()).unwrap();
        insta::assert_snapshot!(program.text());
    }

    /// Numbers at and around every entry of the tables, and any other.
    fn number() -> impl Strategy<Value = u32> {
        let near: BTreeSet<u32> = CALLS
            .iter()
            .flat_map(|call| {
                let mut all = call.numbers(X86_64, true);
                all.extend([X86_64, AARCH64, I386].iter().flat_map(|arch| call.numbers(*arch, false)));
                all
            })
            .chain([102])
            .flat_map(|number| [number.saturating_sub(1), number, number + 1])
            .collect();
        let near: Vec<u32> = near.into_iter().collect();
        prop_oneof![proptest::sample::select(near), any::<u32>(), (0u32..600).prop_map(|n| n | X32_BIT)]
    }

    fn arg() -> impl Strategy<Value = u64> {
        prop_oneof![
            0u64..24,
            any::<u64>(),
            (0u32..20, any::<bool>()).prop_map(|(bit, high)| 1u64 << (bit + if high { 32 } else { 0 })),
            Just(u64::from(OPEN_WRITE_FLAGS)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn the_filter_stops_exactly_what_the_table_says(
            chosen in proptest::sample::subsequence(&Trap::ALL[..], 1..Trap::ALL.len()),
            narrowed in proptest::sample::subsequence(narrowings(), 0..narrowings().len()),
            native in proptest::sample::select(vec![X86_64, AARCH64]),
            arch in proptest::sample::select(vec![X86_64, X86_64, AARCH64, I386, 0x4000_0028]),
            nr in number(),
            args in proptest::array::uniform6(arg()),
        ) {
            let mut traps = set(chosen);
            for (trap, kind, only) in narrowed {
                traps.add_calls(trap, kind, Some(only), "test");
            }
            let program = build_for(&traps, native, Besides::default()).unwrap();
            prop_assert_eq!(
                stops(&program, nr, arch, args),
                expected(&traps, native, nr, arch, args),
                "{} {:#x} {:?}", nr, arch, args
            );
        }
    }
}
