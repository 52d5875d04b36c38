//! From the calls that rules and checks need to a filter that stops those and nothing else.

use std::collections::BTreeMap;

use fargard_model::{EventType, Trap, TrapSet};

use super::{
    bpf::{ALLOW, Compare, Instruction, NOTIFY, Program},
    calls::{
        CALLS, COMMON_FAMILIES, Call, EXIT_GROUP, I386, I386_SOCKETCALL, NATIVE, OPEN_WRITE_FLAGS, Predicate,
        X32_BIT, X86_64, socketcall_numbers,
    },
};

const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

/// The condition under which a needed set of classes wants the call stopped; `None`: never.
pub(crate) fn predicate(call: &Call, traps: &TrapSet) -> Option<Predicate> {
    let opens = (traps.contains(Trap::OpenWrite), traps.contains(Trap::OpenRead));
    let by_flags = |arg| match opens {
        (true, true) => Some(Predicate::Always),
        (true, false) => Some(Predicate::AnyBit { arg, mask: OPEN_WRITE_FLAGS }),
        (false, true) => Some(Predicate::NoBit { arg, mask: OPEN_WRITE_FLAGS }),
        (false, false) => None,
    };
    match call.kind {
        EventType::Open => by_flags(1),
        EventType::Openat => by_flags(2),
        // Its flags are in memory, where a filter cannot look.
        EventType::Openat2 => (opens.0 || opens.1).then_some(Predicate::Always),
        EventType::Socket => match (traps.contains(Trap::Socket), traps.contains(Trap::RareSocket)) {
            (true, true) => Some(Predicate::Always),
            (true, false) => Some(Predicate::InSet { arg: 0, mask: COMMON_FAMILIES }),
            (false, true) => Some(Predicate::NotInSet { arg: 0, mask: COMMON_FAMILIES }),
            (false, false) => None,
        },
        _ if !traps.contains(call.trap) => None,
        EventType::Sendto => Some(Predicate::NotNull { arg: 4 }),
        EventType::Dup2 | EventType::Dup3 => Some(Predicate::AtMost { arg: 1, max: 2 }),
        _ => Some(Predicate::Always),
    }
}

/// The filter for a set of classes on the architecture this program runs on, or `None` when nothing is needed.
/// Calls through 32-bit interfaces of x86 are selected the same way.
pub(crate) fn build(traps: &TrapSet) -> Option<Program> {
    build_for(traps, NATIVE, None)
}

/// As [`build`], and the ends of processes are selected too.
pub(crate) fn build_with_exits(traps: &TrapSet) -> Option<Program> {
    build_for(traps, NATIVE, Some(EXIT_GROUP))
}

fn build_for(traps: &TrapSet, native: u32, also: Option<u32>) -> Option<Program> {
    let mut own = entries(traps, native, false);
    if own.is_empty() {
        return None;
    }
    own.extend(also.map(|number| (number, Predicate::Always)));
    let mut program = vec![Instruction::load(ARCHITECTURE)];
    let own = section(&own);
    if native != X86_64 {
        program.extend([
            Instruction::jump(Compare::Equal, native, 1, 0),
            Instruction::ret(ALLOW),
            Instruction::load(NUMBER),
        ]);
        program.extend(own);
        return Some(Program(program));
    }
    let x32 = section(&entries(traps, X86_64, true));
    program.extend([
        Instruction::jump(Compare::Equal, X86_64, 1, 0),
        // To the test for i386: over three instructions and two sections.
        Instruction::goto(3 + own.len() + x32.len()),
        Instruction::load(NUMBER),
        Instruction::jump(Compare::AtLeast, X32_BIT, 0, 1),
        Instruction::goto(own.len()),
    ]);
    program.extend(own);
    program.extend(x32);
    program.extend([
        Instruction::jump(Compare::Equal, I386, 1, 0),
        Instruction::ret(ALLOW),
        Instruction::load(NUMBER),
    ]);
    program.extend(section(&entries(traps, I386, false)));
    Some(Program(program))
}

/// Number to condition, sorted by number.
fn entries(traps: &TrapSet, arch: u32, x32: bool) -> BTreeMap<u32, Predicate> {
    let mut entries = BTreeMap::new();
    for call in CALLS {
        if let Some(predicate) = predicate(call, traps) {
            entries.extend(call.numbers(arch, x32).into_iter().map(|number| (number, predicate)));
        }
    }
    if arch == I386 {
        let wanted = |kind| CALLS.iter().any(|call| call.kind == kind && predicate(call, traps).is_some());
        let numbers = socketcall_numbers(wanted);
        if !numbers.is_empty() {
            let mask = numbers.iter().fold(0u32, |mask, number| mask | 1 << number);
            entries.insert(I386_SOCKETCALL, Predicate::InSet { arg: 0, mask });
        }
    }
    entries
}

/// Consecutive numbers under one condition.
#[derive(Clone, Copy)]
struct Range {
    first: u32,
    last: u32,
    predicate: Predicate,
}

/// A decision tree over numbers. The number is in the accumulator; every path ends in a return.
fn section(entries: &BTreeMap<u32, Predicate>) -> Vec<Instruction> {
    let mut ranges: Vec<Range> = Vec::new();
    for (&number, &predicate) in entries {
        match ranges.last_mut() {
            Some(range) if range.last + 1 == number && range.predicate == predicate => range.last = number,
            _ => ranges.push(Range { first: number, last: number, predicate }),
        }
    }
    tree(&ranges)
}

fn tree(ranges: &[Range]) -> Vec<Instruction> {
    let (left, right) = ranges.split_at(ranges.len() / 2);
    let Some(middle) = right.first() else { return vec![Instruction::ret(ALLOW)] };
    if left.is_empty() {
        return leaf(middle);
    }
    let left = tree(left);
    let mut code = match u8::try_from(left.len()) {
        Ok(over) => vec![Instruction::jump(Compare::AtLeast, middle.first, over, 0)],
        Err(_) => {
            vec![Instruction::jump(Compare::AtLeast, middle.first, 0, 1), Instruction::goto(left.len())]
        }
    };
    code.extend(left);
    code.extend(tree(right));
    code
}

fn leaf(range: &Range) -> Vec<Instruction> {
    let condition = condition(range.predicate);
    // Conditions are a handful of instructions; STOP and ALLOW follow them.
    let to_allow = condition.len() as u8 + 1;
    let mut code = if range.first == range.last {
        vec![Instruction::jump(Compare::Equal, range.first, 0, to_allow)]
    } else {
        vec![
            Instruction::jump(Compare::AtLeast, range.first, 0, to_allow + 1),
            Instruction::jump(Compare::Greater, range.last, to_allow, 0),
        ]
    };
    code.extend(condition);
    code.extend([Instruction::ret(NOTIFY), Instruction::ret(ALLOW)]);
    code
}

/// Instructions that fall through to the next where the condition holds and leave out one where it does not.
fn condition(predicate: Predicate) -> Vec<Instruction> {
    let low = |arg: u8| Instruction::load(16 + 8 * u32::from(arg));
    let high = |arg: u8| Instruction::load(20 + 8 * u32::from(arg));
    let jump = Instruction::jump;
    match predicate {
        Predicate::Always => Vec::new(),
        Predicate::AnyBit { arg, mask } => vec![low(arg), jump(Compare::AnyBit, mask, 0, 1)],
        Predicate::NoBit { arg, mask } => vec![low(arg), jump(Compare::AnyBit, mask, 1, 0)],
        Predicate::AtMost { arg, max } => vec![low(arg), jump(Compare::Greater, max, 1, 0)],
        Predicate::NotNull { arg } => {
            vec![low(arg), jump(Compare::Equal, 0, 0, 2), high(arg), jump(Compare::Equal, 0, 1, 0)]
        }
        Predicate::InSet { arg, mask } => {
            let members = members(mask);
            let mut code = vec![low(arg)];
            for (index, member) in members.iter().enumerate() {
                let left = (members.len() - 1 - index) as u8;
                code.push(jump(Compare::Equal, *member, left, u8::from(left == 0)));
            }
            code
        }
        Predicate::NotInSet { arg, mask } => {
            let members = members(mask);
            let mut code = vec![low(arg)];
            for (index, member) in members.iter().enumerate() {
                code.push(jump(Compare::Equal, *member, (members.len() - index) as u8, 0));
            }
            code
        }
    }
}

/// Numbers of the bits that are set.
fn members(mask: u32) -> Vec<u32> {
    (0..u32::BITS).filter(|bit| mask & 1 << bit != 0).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use fargard_model::{Trap, TrapSet};
    use proptest::prelude::*;

    use super::{
        super::{
            bpf::{ALLOW, NOTIFY, Program, tests::interpret},
            calls::{AARCH64, CALLS, I386, OPEN_WRITE_FLAGS, Predicate, X32_BIT, X86_64, lookup},
        },
        build_for, predicate,
    };

    const TRAPS: [Trap; 24] = [
        Trap::Exec,
        Trap::OpenWrite,
        Trap::OpenRead,
        Trap::Rename,
        Trap::Unlink,
        Trap::Mkdir,
        Trap::Chmod,
        Trap::Chown,
        Trap::Link,
        Trap::Symlink,
        Trap::Socket,
        Trap::RareSocket,
        Trap::Connect,
        Trap::Bind,
        Trap::Listen,
        Trap::Accept,
        Trap::SendtoAddress,
        Trap::Sendmsg,
        Trap::Setuid,
        Trap::Ptrace,
        Trap::Mount,
        Trap::MemfdCreate,
        Trap::DupStdio,
        Trap::Kernel,
    ];

    fn set(traps: impl IntoIterator<Item = Trap>) -> TrapSet {
        let mut set = TrapSet::default();
        for trap in traps {
            set.add(trap, "test");
        }
        set
    }

    /// A filter with every class.
    pub(in super::super) fn everything() -> Program {
        build_for(&set(TRAPS), X86_64, None).unwrap()
    }

    fn holds(predicate: Predicate, args: [u64; 6]) -> bool {
        let low = |arg: u8| args[usize::from(arg)] as u32;
        match predicate {
            Predicate::Always => true,
            Predicate::AnyBit { arg, mask } => low(arg) & mask != 0,
            Predicate::NoBit { arg, mask } => low(arg) & mask == 0,
            Predicate::AtMost { arg, max } => low(arg) <= max,
            Predicate::NotNull { arg } => args[usize::from(arg)] != 0,
            Predicate::InSet { arg, mask } => low(arg) < 32 && mask & 1 << low(arg) != 0,
            Predicate::NotInSet { arg, mask } => low(arg) >= 32 || mask & 1 << low(arg) == 0,
        }
    }

    /// What the filter should say, told from the table of calls without any program.
    fn expected(traps: &TrapSet, native: u32, nr: u32, arch: u32, args: [u64; 6]) -> bool {
        if arch != native && !(native == X86_64 && arch == I386) {
            return false;
        }
        if arch == I386 && nr == 102 {
            let classes = [
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
            .and_then(|call| predicate(call, traps))
            .is_some_and(|predicate| holds(predicate, args))
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
        for nr in [0, 1, 3, 4, 5, 8, 9, 56, 57, 58, 60, 202, 435, 32, 72, 16, 61, 231] {
            assert!(!stops(&program, nr, X86_64, [u64::MAX; 6]), "{nr}");
        }
    }

    #[test]
    fn a_descriptor_or_flag_is_judged_by_its_low_half() {
        let program = everything();
        let noise = 0xdead_beef_0000_0000;
        assert!(stops(&program, 33, X86_64, [5, noise | 2, 0, 0, 0, 0]));
        assert!(!stops(&program, 33, X86_64, [5, noise | 3, 0, 0, 0, 0]));
        let writes = build_for(&set([Trap::OpenWrite]), X86_64, None).unwrap();
        assert!(!stops(&writes, 257, X86_64, [0, 0, noise, 0, 0, 0]));
        assert!(stops(&writes, 257, X86_64, [0, 0, noise | 0o101, 0, 0, 0]));
    }

    #[test]
    fn nothing_needed_is_no_filter() {
        assert_eq!(build_for(&TrapSet::default(), X86_64, None), None);
    }

    #[test]
    fn other_architectures_pass() {
        assert!(!stops(&everything(), 59, AARCH64, [0; 6]));
        let arm = build_for(&set([Trap::Exec]), AARCH64, None).unwrap();
        assert!(stops(&arm, 221, AARCH64, [0; 6]));
        assert!(!stops(&arm, 221, X86_64, [0; 6]));
    }

    #[test]
    fn a_whole_filter_is_short() {
        assert!(everything().0.len() < 600, "{}", everything().0.len());
    }

    #[test]
    fn a_small_filter_reads_as_this() {
        let program = build_for(&set([Trap::OpenWrite, Trap::DupStdio]), AARCH64, None).unwrap();
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
            chosen in proptest::sample::subsequence(&TRAPS[..], 1..TRAPS.len()),
            native in proptest::sample::select(vec![X86_64, AARCH64]),
            arch in proptest::sample::select(vec![X86_64, X86_64, AARCH64, I386, 0x4000_0028]),
            nr in number(),
            args in proptest::array::uniform6(arg()),
        ) {
            let traps = set(chosen);
            let program = build_for(&traps, native, None).unwrap();
            prop_assert_eq!(
                stops(&program, nr, arch, args),
                expected(&traps, native, nr, arch, args),
                "{} {:#x} {:?}", nr, arch, args
            );
        }
    }
}
