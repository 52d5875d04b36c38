//! The forms of `/proc`'s files.

use super::MAX_ARGS;
use crate::engine::paths::cut;

/// The fields of `/proc/PID/stat` that are used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Short name.
    pub(crate) comm: String,
    /// State as a letter: `R` runs or waits for a CPU, `S` sleeps, `D` waits for a device.
    pub(crate) state: char,
    /// Parent.
    pub(crate) ppid: u32,
    /// Process group.
    pub(crate) pgid: u32,
    /// Session.
    pub(crate) sid: u32,
    /// Controlling terminal's device number.
    pub(crate) tty: u32,
    /// Start in ticks since boot.
    pub(crate) start: u64,
    /// Where the stack of the running program begins: another one after each execution, as the kernel chooses it at
    /// random. 0 where it is not shown, or not chosen yet.
    pub(crate) stack: u64,
    /// Bytes the arguments took when the program was executed; 0 where that is not shown.
    pub(crate) argument_bytes: u64,
}

/// The fields of `/proc/PID/status` that are used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// Process the thread belongs to.
    pub(crate) tgid: u32,
    /// Id in the innermost namespace.
    pub(crate) vpid: u32,
    /// Real user id.
    pub(crate) uid: u32,
    /// Effective user id.
    pub(crate) euid: u32,
    /// Real group id.
    pub(crate) gid: u32,
    /// Permitted capabilities.
    pub(crate) cap_permitted: u64,
    /// Effective capabilities.
    pub(crate) cap_effective: u64,
    /// Inheritable capabilities.
    pub(crate) cap_inheritable: u64,
    /// Process group in the innermost namespace.
    pub(crate) vpgid: u32,
}

/// Parses `/proc/PID/stat`; the name in it may hold anything, also `)`.
pub(crate) fn parse_stat(bytes: &[u8]) -> Option<Stat> {
    let open = bytes.iter().position(|byte| *byte == b'(')?;
    let close = bytes.iter().rposition(|byte| *byte == b')')?;
    let comm = String::from_utf8_lossy(bytes.get(open + 1..close)?).into_owned();
    let rest = std::str::from_utf8(bytes.get(close + 1..)?).ok()?;
    let field: Vec<&str> = rest.split_ascii_whitespace().take(47).collect();
    let number = |at: usize| field.get(at).and_then(|text| text.parse::<i64>().ok());
    let id = |at: usize| number(at).map(|value| u32::try_from(value).unwrap_or(0));
    let address = |at: usize| field.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    Some(Stat {
        comm,
        state: field.first()?.chars().next()?,
        ppid: id(1)?,
        pgid: id(2)?,
        sid: id(3)?,
        tty: id(4)?,
        start: u64::try_from(number(19)?).ok()?,
        stack: address(25),
        argument_bytes: address(46).saturating_sub(address(45)),
    })
}

/// Parses `/proc/PID/status`.
pub(crate) fn parse_status(text: &str) -> Option<Status> {
    let mut status = Status::default();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let mut words = value.split_ascii_whitespace();
        let mut next = || words.next().and_then(|word| word.parse::<u32>().ok());
        match key {
            "Tgid" => status.tgid = next()?,
            "NSpid" => status.vpid = value.split_ascii_whitespace().last()?.parse().ok()?,
            "Uid" => (status.uid, status.euid) = (next()?, next()?),
            "Gid" => status.gid = next()?,
            "NSpgid" => status.vpgid = value.split_ascii_whitespace().last()?.parse().ok()?,
            "CapInh" => status.cap_inheritable = u64::from_str_radix(value.trim(), 16).ok()?,
            "CapPrm" => status.cap_permitted = u64::from_str_radix(value.trim(), 16).ok()?,
            "CapEff" => status.cap_effective = u64::from_str_radix(value.trim(), 16).ok()?,
            _ => {}
        }
    }
    (status.tgid != 0).then_some(status)
}

/// Strings ended by NUL, bounded in number and size, invalid UTF-8 replaced.
pub(crate) fn split_strings(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.get(..bytes.len().min(MAX_ARGS)).unwrap_or_default();
    let trimmed = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    trimmed
        .split(|byte| *byte == 0)
        .take(256)
        .map(|part| {
            let mut text = String::from_utf8_lossy(part).into_owned();
            cut(&mut text, MAX_ARGS);
            text
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Stat, Status, parse_stat, parse_status, split_strings};

    const STAT: &str =
        "4242 (a) b (x) S 17 4242 4200 34816 4242 4194304 100 0 0 0 1 2 3 4 20 0 1 0 98765 10 5 1";

    #[test]
    fn stat_with_a_hostile_name() {
        let expected = Stat {
            comm: "a) b (x".into(),
            state: 'S',
            ppid: 17,
            pgid: 4242,
            sid: 4200,
            tty: 34816,
            start: 98765,
            stack: 0,
            argument_bytes: 0,
        };
        assert_eq!(parse_stat(STAT.as_bytes()), Some(expected));
        assert_eq!(parse_stat(b"1 (x S 1"), None);
    }

    #[test]
    fn status_of_a_thread_in_a_namespace() {
        let text = "Name:\tx\nTgid:\t40\nPid:\t41\nUid:\t1000\t0\t1000\t1000\nGid:\t5\t5\t5\t5\nNSpid:\t40\t7\nNSpgid:\t39\t6\n\
                    CapInh:\t0000000000000004\n\
                    CapPrm:\t00000000a80425fb\nCapEff:\t0000000000000001\n";
        let expected = Status {
            tgid: 40,
            vpid: 7,
            uid: 1000,
            euid: 0,
            gid: 5,
            cap_permitted: 0xa804_25fb,
            cap_effective: 1,
            cap_inheritable: 4,
            vpgid: 6,
        };
        assert_eq!(parse_status(text), Some(expected));
        assert_eq!(parse_status("Name: x\n"), None);
    }

    #[test]
    fn argument_strings() {
        assert_eq!(split_strings(b"sh\0-c\0\0id\0"), ["sh", "-c", "", "id"]);
        assert_eq!(split_strings(b"\xff\0"), ["\u{fffd}"]);
        assert!(split_strings(b"").is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in ".{0,200}") {
            let _ = (parse_stat(&bytes), parse_status(&text), split_strings(&bytes));
        }
    }
}
