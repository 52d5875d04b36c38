//! What a set of needs means in calls and in a filter, for people.

use std::fmt::Write as _;

use fargard_model::{Trap, TrapSet};

use super::{
    calls::{CALLS, NATIVE, Predicate},
    filter,
};

/// Each class of calls with those who need it, the calls with their conditions, and the length of the filter; with
/// `program` also the filter itself.
#[must_use]
pub fn explain(traps: &TrapSet, program: bool) -> String {
    let mut text = String::new();
    for (trap, who) in traps.iter() {
        let names: Vec<&str> = who.iter().map(String::as_str).collect();
        let _ = writeln!(text, "{}: {}", trap_name(trap), names.join(", "));
    }
    for call in CALLS {
        let predicate = filter::predicate(call, traps);
        if let (Some(predicate), false) = (predicate, call.numbers(NATIVE, false).is_empty()) {
            let _ = writeln!(text, "  {:<18} {}", call.kind.name(), condition(predicate));
        }
    }
    match filter::build(traps) {
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

fn trap_name(trap: Trap) -> String {
    match serde_json::to_value(trap) {
        Ok(serde_json::Value::String(name)) => name,
        _ => format!("{trap:?}"),
    }
}

fn condition(predicate: Predicate) -> String {
    match predicate {
        Predicate::Always => "always".to_owned(),
        Predicate::AnyBit { arg, mask } => format!("when argument {arg} has a bit of {mask:#o}"),
        Predicate::NoBit { arg, mask } => format!("when argument {arg} has no bit of {mask:#o}"),
        Predicate::AtMost { arg, max } => format!("when argument {arg} is at most {max}"),
        Predicate::NotNull { arg } => format!("when argument {arg} is not null"),
        Predicate::InSet { arg, mask } => format!("when bit number argument {arg} is in {mask:#x}"),
        Predicate::NotInSet { arg, mask } => format!("when bit number argument {arg} is not in {mask:#x}"),
    }
}

#[cfg(test)]
mod tests {
    use fargard_model::{Trap, TrapSet};

    use super::explain;

    #[test]
    fn says_who_needs_what_and_when() {
        let mut traps = TrapSet::default();
        traps.add(Trap::OpenWrite, "Modify binary dirs");
        traps.add(Trap::SendtoAddress, "check 1");
        let text = explain(&traps, false);
        assert!(text.contains("open_write: Modify binary dirs\n"), "{text}");
        assert!(text.contains("openat             when argument 2 has a bit of 0o20001103\n"), "{text}");
        assert!(text.contains("sendto             when argument 4 is not null\n"), "{text}");
        assert!(explain(&TrapSet::default(), false).contains("no filter"));
    }
}
