//! A decision tree over the numbers of calls: the more often a call is made, the fewer instructions until it is decided.
//!
//! Since Linux 5.11 the kernel works out beforehand which numbers are always allowed, and does not run the filter for
//! them: the tree loads nothing but number and architecture before such an answer. Then `openat` is the one frequent
//! call the filter is run for. Older kernels run it for every call.

use std::collections::BTreeMap;

use super::{
    super::{
        bpf::{ALLOW, Compare, Instruction, NOTIFY},
        calls::X86_64,
    },
    Test, all,
};

/// Calls programs make most, by their numbers on x86-64 and aarch64, in thousandths of all calls: the mean of shell,
/// compiler, Python, nginx and redis as strace counts them. `openat` has ten times its share: see above.
const FREQUENT: [(u32, u32, u64); 22] = [
    (0, 63, 130),   // read
    (1, 64, 93),    // write
    (3, 57, 85),    // close
    (5, 80, 5),     // fstat
    (7, 73, 5),     // poll, ppoll
    (8, 62, 5),     // lseek
    (9, 222, 65),   // mmap
    (10, 226, 13),  // mprotect
    (11, 215, 20),  // munmap
    (12, 214, 13),  // brk
    (13, 134, 40),  // rt_sigaction
    (14, 135, 40),  // rt_sigprocmask
    (16, 29, 8),    // ioctl
    (17, 67, 8),    // pread64
    (20, 66, 22),   // writev
    (40, 71, 22),   // sendfile
    (45, 207, 22),  // recvfrom
    (89, 78, 30),   // readlink, readlinkat
    (202, 98, 25),  // futex
    (232, 22, 22),  // epoll_wait, epoll_pwait
    (257, 56, 970), // openat
    (262, 79, 100), // newfstatat
];

/// Consecutive numbers that are decided alike, up to the next segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment<'a> {
    first: u32,
    /// `None`: always allowed.
    condition: Option<&'a [Test]>,
    weight: u64,
}

/// The tree for conditions by number. The number is in the accumulator; every path ends in a return. `arch` says how
/// often calls are made; `None`: nothing is known.
pub(super) fn tree(entries: &BTreeMap<u32, Vec<Test>>, arch: Option<u32>) -> Vec<Instruction> {
    let mut segments = segments(entries);
    for (x86, arm, times) in FREQUENT.iter().filter(|_| arch.is_some()) {
        let number = if arch == Some(X86_64) { x86 } else { arm };
        let at = segments.partition_point(|segment| segment.first <= *number);
        if let Some(segment) = at.checked_sub(1).and_then(|at| segments.get_mut(at)) {
            segment.weight += times;
        }
    }
    decide(&segments)
}

/// All numbers, in order.
fn segments(entries: &BTreeMap<u32, Vec<Test>>) -> Vec<Segment<'_>> {
    let mut segments: Vec<Segment<'_>> = Vec::new();
    let mut next = Some(0);
    for (&number, condition) in entries {
        let condition = Some(&condition[..]);
        if let Some(first) = next.filter(|next| *next != number) {
            segments.push(Segment { first, condition: None, weight: 1 });
        }
        if segments.last().is_none_or(|last| last.condition != condition) {
            segments.push(Segment { first: number, condition, weight: 1 });
        }
        next = number.checked_add(1);
    }
    segments.extend(next.map(|first| Segment { first, condition: None, weight: 1 }));
    segments
}

/// Decides numbers of which it is known that they belong to one of the segments.
fn decide(segments: &[Segment<'_>]) -> Vec<Instruction> {
    let [first, rest @ ..] = segments else { return vec![Instruction::ret(ALLOW)] };
    if rest.is_empty() {
        return leaf(first.condition);
    }
    let total: u64 = segments.iter().map(|segment| segment.weight).sum();
    if let Some((found, others)) = without_single(segments, total) {
        let answer = leaf(found.condition);
        let mut code = vec![Instruction::jump(Compare::Equal, found.first, 0, answer.len() as u8)];
        code.extend(answer);
        code.extend(decide(&others));
        return code;
    }
    // Where both sides are made about as often.
    let mut before = 0;
    let differences = segments.iter().map(|segment| {
        before += segment.weight;
        before.abs_diff(total - before)
    });
    let at = 1 + differences.take(rest.len()).enumerate().min_by_key(|(_, by)| *by).map_or(0, |(at, _)| at);
    let (below, above) = segments.split_at(at);
    let least = above.first().map_or(0, |segment| segment.first);
    branch(least, decide(below), decide(above))
}

/// Goes to `above` for numbers from `least` on, else to `below`.
fn branch(least: u32, below: Vec<Instruction>, above: Vec<Instruction>) -> Vec<Instruction> {
    let jump = |if_true, if_false| Instruction::jump(Compare::AtLeast, least, if_true, if_false);
    match (u8::try_from(below.len()), u8::try_from(above.len())) {
        (Ok(over), _) => [vec![jump(over, 0)], below, above].concat(),
        (_, Ok(over)) => [vec![jump(0, over)], above, below].concat(),
        _ => [vec![jump(0, 1), Instruction::goto(below.len())], below, above].concat(),
    }
}

/// A number that is met more often than all others together, and the segments without it.
fn without_single<'a>(segments: &[Segment<'a>], total: u64) -> Option<(Segment<'a>, Vec<Segment<'a>>)> {
    let at = segments.iter().position(|segment| segment.weight * 2 > total)?;
    let (found, next) = (*segments.get(at)?, segments.get(at + 1)?);
    if found.first.checked_add(1)? != next.first {
        return None;
    }
    let mut others = segments.to_vec();
    others.remove(at);
    // What is around it may be one now, as it is not among the numbers any more.
    others.dedup_by(|next, before| {
        let same = next.condition == before.condition;
        before.weight += if same { next.weight } else { 0 };
        same
    });
    Some((found, others))
}

fn leaf(condition: Option<&[Test]>) -> Vec<Instruction> {
    let Some(tests) = condition else { return vec![Instruction::ret(ALLOW)] };
    let mut code = all(tests);
    let always = code.is_empty();
    code.push(Instruction::ret(NOTIFY));
    if !always {
        code.push(Instruction::ret(ALLOW));
    }
    code
}

#[cfg(test)]
mod tests {
    use fargard_model::{Trap, TrapSet};
    use fargard_rules::{default_rules, load};

    use super::{
        super::{
            super::{
                bpf::{ALLOW, Program, tests::run},
                calls::{AARCH64, X86_64},
            },
            Besides, build_for,
        },
        FREQUENT,
    };

    /// The filters of the built-in rules without and with opens for reading, and of everything, for one architecture.
    fn filters(arch: u32) -> [(&'static str, Program); 3] {
        let rules = load(&default_rules()).ruleset.unwrap().traps();
        let mut all = TrapSet::default();
        Trap::ALL.iter().for_each(|trap| all.add(*trap, "test"));
        let sets =
            [("default", rules.clone().without(Trap::OpenRead)), ("reads trapped", rules), ("all", all)];
        sets.map(|(name, set)| {
            (name, build_for(&set, arch, Besides { exits: false, unwaiting: true }).unwrap())
        })
    }

    /// Arguments of an ordinary call: memory for data, a file opened for reading.
    const ORDINARY: [u64; 6] = [3, 0x7fff_0000_1000, 0, 0x22, 0, 0];

    #[test]
    fn what_is_always_allowed_is_so_by_its_number() {
        // The kernel then does not run the filter at all (`seccomp_is_const_allow`).
        for arch in [X86_64, AARCH64] {
            let [(_, default), (_, reads), _] = filters(arch);
            for (x86, arm, _) in FREQUENT.iter().filter(|(x86, ..)| *x86 != 257) {
                let number = if arch == X86_64 { x86 } else { arm };
                for filter in [&default, &reads] {
                    let run = run(filter, *number, arch, ORDINARY);
                    assert!(run.action == ALLOW && !run.loads_arguments, "{number}");
                }
            }
        }
    }

    /// Prints the instructions an `openat` for reading and the mean call take: `cargo test -p fargard-sensor
    /// takes_few_instructions -- --nocapture`.
    #[test]
    fn a_frequent_call_takes_few_instructions() {
        for (arch, arch_name) in [(X86_64, "x86-64"), (AARCH64, "aarch64")] {
            for (name, filter) in filters(arch) {
                let steps = |x86: u32, arm: u32| {
                    run(&filter, if arch == X86_64 { x86 } else { arm }, arch, ORDINARY).steps
                };
                let share = |x86: u32, times: u64| if x86 == 257 { times / 10 } else { times };
                let all: u64 = FREQUENT.iter().map(|(x86, _, times)| share(*x86, *times)).sum();
                let taken: u64 = FREQUENT
                    .iter()
                    .map(|(x86, arm, times)| share(*x86, *times) * steps(*x86, *arm) as u64)
                    .sum();
                let (open, mean) = (steps(257, 56), taken as f64 / all as f64);
                println!(
                    "{arch_name}, {name}: {} long, openat {open}, mean of all {mean:.1}",
                    filter.0.len()
                );
                assert!(open <= 8 && mean < 12.0);
            }
        }
    }

    #[test]
    fn only_what_is_asked_for_is_stopped_at_the_ends_of_the_numbers() {
        let entries = [0, 1, u32::MAX - 1, u32::MAX].map(|number| (number, Vec::new())).into();
        let program = Program(super::tree(&entries, None));
        let with_number = Program([vec![super::Instruction::load(0)], program.0].concat());
        for (number, stopped) in [(0, true), (1, true), (2, false), (u32::MAX - 2, false), (u32::MAX, true)] {
            assert_eq!(run(&with_number, number, X86_64, [0; 6]).action != ALLOW, stopped, "{number}");
        }
    }
}
