//! What a set of needs means in calls and in a filter, for people.

use std::fmt::Write as _;

use fargard_model::{Trap, TrapSet};

use super::{
    calls::{CALLS, Call, I386, NATIVE, X32_BIT, X86_64},
    filter::{self, Besides},
    unwaiting,
};

/// Each class of calls with those who need it, its calls with their conditions and numbers, and the length of the
/// filter; with `program` also the filter itself. `takes_leases`: opens that do not wait are stopped as well.
#[must_use]
pub fn explain(traps: &TrapSet, takes_leases: bool, program: bool) -> String {
    let mut text = String::new();
    for (trap, who) in traps.iter() {
        let names: Vec<&str> = who.iter().map(String::as_str).collect();
        let _ = writeln!(text, "{}: {}", trap.name(), names.join(", "));
        for call in CALLS.iter().filter(|call| Trap::of(call.kind).contains(&trap)) {
            let Some(conditions) = traps.calls(trap, call.kind) else { continue };
            let numbers = numbers(call);
            if !numbers.is_empty() {
                let condition = trap.words(call.kind, &conditions);
                let _ = writeln!(text, "  {:<18} {condition}  [{numbers}]", call.kind.name());
            }
        }
    }
    if takes_leases && !traps.is_empty() {
        text.push_str("leases, which refuse opens that do not wait:\n");
        for call in CALLS.iter().filter(|call| unwaiting::flags_of(call.kind).is_some()) {
            let condition = match unwaiting::flags_of(call.kind) {
                Some(Some(_)) => {
                    "flags have O_NONBLOCK and one of O_CLOEXEC, O_NOCTTY, O_NOFOLLOW, not O_DIRECTORY"
                }
                _ => "always (its flags are in memory)",
            };
            let _ = writeln!(text, "  {:<18} {condition}  [{}]", call.kind.name(), numbers(call));
        }
    }
    match filter::build(traps, Besides { exits: false, unwaiting: takes_leases }) {
        None => text.push_str("no filter: no call has to be seen\n"),
        Some(filter) => {
            let _ = writeln!(text, "filter: {} instructions", filter.0.len());
            if program {
                text.push_str(&filter.text());
            }
        }
    }
    text
}

/// The call's numbers by every interface a process here can use.
fn numbers(call: &Call) -> String {
    let interfaces: &[(&str, u32, bool)] = if NATIVE == X86_64 {
        &[("x86-64", X86_64, false), ("i386", I386, false), ("x32", X86_64, true)]
    } else {
        &[("arm64", NATIVE, false)]
    };
    let mut texts = Vec::new();
    for (name, arch, x32) in interfaces {
        let numbers: Vec<String> =
            call.numbers(*arch, *x32).iter().map(|number| (number & !X32_BIT).to_string()).collect();
        if !numbers.is_empty() {
            texts.push(format!("{name} {}", numbers.join(" ")));
        }
    }
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use fargard_model::{ArgSet, EventType, Trap, TrapSet};

    use super::explain;

    #[test]
    fn says_who_needs_what_and_when() {
        let mut traps = TrapSet::default();
        traps.add(Trap::OpenWrite, "Modify binary dirs");
        traps.add(Trap::SendtoAddress, "check 1");
        traps.add_calls(Trap::Ptrace, EventType::Ptrace, Some(ArgSet::one_of(0, [16])), "Attach");
        if cfg!(target_arch = "x86_64") {
            insta::assert_snapshot!(explain(&traps, false, false));
        }
        assert!(explain(&TrapSet::default(), true, false).contains("no filter"));
    }
}
