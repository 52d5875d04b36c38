//! Calls that are answered with an error instead of being let through. The table is filled before the filter is
//! installed, and read once by whoever answers: an answer then needs a few comparisons and no memory of the caller.

use fargard_model::{ArgSet, EventType};

use super::calls::{AARCH64, CALLS, I386, NATIVE, X86_64};
use crate::sys::seccomp::Notification;

/// The error a denied call gets.
pub(crate) const ERROR: i32 = libc::EPERM;
/// Most bytes of the table.
pub(super) const TABLE_BYTES: usize = 8192;

/// Calls to be denied, on every architecture: those of a kind for which all the conditions hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Which call.
    pub kind: EventType,
    /// What must be so of its arguments.
    pub conditions: Vec<ArgSet>,
}

/// A call by its number.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    arch: u32,
    nr: i32,
    conditions: Vec<ArgSet>,
}

/// The table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Denials(Vec<Entry>);

impl Denials {
    pub(super) fn of(denials: &[Denial]) -> Self {
        let interfaces: &[(u32, bool)] = match NATIVE {
            AARCH64 => &[(AARCH64, false)],
            _ => &[(X86_64, false), (X86_64, true), (I386, false)],
        };
        let mut entries = Vec::new();
        for denial in denials {
            for call in CALLS.iter().filter(|call| call.kind == denial.kind) {
                for (arch, x32) in interfaces {
                    entries.extend(call.numbers(*arch, *x32).into_iter().map(|nr| Entry {
                        arch: *arch,
                        nr: nr.cast_signed(),
                        conditions: denial.conditions.clone(),
                    }));
                }
            }
        }
        Self(entries)
    }

    /// Whether a call is to be denied.
    pub(super) fn hold(&self, call: &Notification) -> bool {
        self.0.iter().any(|entry| {
            (entry.nr, entry.arch) == (call.nr, call.arch)
                && entry.conditions.iter().all(|one| one.holds(&call.args))
        })
    }

    /// As words: of each entry architecture, number, how many conditions; of each of these argument, mask, whether
    /// the values are excepted, how many there are, the values.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut words: Vec<u32> = Vec::new();
        for entry in &self.0 {
            words.extend([entry.arch, entry.nr.cast_unsigned(), entry.conditions.len() as u32]);
            for one in &entry.conditions {
                words.extend([one.arg.into(), one.mask, one.except.into(), one.values.len() as u32]);
                words.extend(&one.values);
            }
        }
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    /// Reads what [`Denials::encode`] wrote; what is cut off is left out.
    pub(super) fn decode(bytes: &[u8]) -> Self {
        let (words, _) = bytes.as_chunks::<4>();
        let mut words = words.iter().map(|word| u32::from_ne_bytes(*word));
        let mut entries = Vec::new();
        while let Some(entry) = read_entry(&mut words) {
            entries.push(entry);
        }
        Self(entries)
    }
}

fn read_entry(words: &mut impl Iterator<Item = u32>) -> Option<Entry> {
    let (arch, nr, count) = (words.next()?, words.next()?, words.next()?);
    let mut conditions = Vec::new();
    for _ in 0..count {
        let (arg, mask, except, values) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let values: Vec<u32> = (0..values).map_while(|_| words.next()).collect();
        let values = values.into_iter().collect();
        conditions.push(ArgSet { arg: u8::try_from(arg).ok()?, mask, values, except: except != 0 });
    }
    Some(Entry { arch, nr: nr.cast_signed(), conditions })
}

#[cfg(test)]
mod tests {
    use fargard_model::{ArgSet, EventType};

    use super::{Denial, Denials};
    use crate::{
        capture::calls::{AARCH64, I386, NATIVE, X32_BIT, X86_64},
        sys::seccomp::Notification,
    };

    fn call(arch: u32, nr: u32, args: [u64; 6]) -> Notification {
        Notification { id: 1, tid: 1, nr: nr.cast_signed(), arch, args }
    }

    fn table() -> Denials {
        Denials::of(&[
            Denial { kind: EventType::Ptrace, conditions: vec![ArgSet::none_of(0, [0])] },
            Denial {
                kind: EventType::Socket,
                conditions: vec![ArgSet::none_of(0, [1, 2]), ArgSet::one_of(0, [17])],
            },
        ])
    }

    #[test]
    fn a_call_is_denied_by_its_number_and_registers() {
        let table = table();
        let attach = [16, 1, 0, 0, 0, 0];
        if NATIVE == X86_64 {
            for (arch, nr) in [(X86_64, 101), (X86_64, 521 | X32_BIT), (I386, 26)] {
                assert!(table.hold(&call(arch, nr, attach)), "{arch:x} {nr}");
                assert!(!table.hold(&call(arch, nr, [0; 6])), "{arch:x} {nr}");
            }
            assert!(!table.hold(&call(I386, 101, attach)));
            assert!(table.hold(&call(X86_64, 41, [0xdead_0000_0011, 3, 0, 0, 0, 0])));
            assert!(!table.hold(&call(X86_64, 41, [2, 3, 0, 0, 0, 0])));
        } else {
            assert!(table.hold(&call(AARCH64, 117, attach)));
        }
        assert!(!Denials::default().hold(&call(NATIVE, 101, attach)));
    }

    #[test]
    fn the_table_survives_its_encoding_and_any_cut() {
        let bytes = table().encode();
        assert_eq!(Denials::decode(&bytes), table());
        assert!(bytes.len() < 400);
        for length in 0..bytes.len() {
            assert!(Denials::decode(&bytes[..length]).0.len() <= table().0.len());
        }
        assert_eq!(Denials::decode(&[0xff; 64]).0.len(), 0);
    }
}
