//! Conditions on an argument that lies in a register.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    Form,
    flags::{self, Names},
    params,
};
use crate::EventType;

/// Which values of an argument count: those whose lower half, masked, is one of some, or is none of them. The upper
/// half does not count, as the kernel takes such arguments as 32 bits or looks at their lower bits only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ArgSet {
    /// Index of the argument.
    pub arg: u8,
    /// The bits that count.
    pub mask: u32,
    /// Values of these bits.
    pub values: BTreeSet<u32>,
    /// All but these.
    pub except: bool,
}

impl ArgSet {
    /// The argument is one of these.
    #[must_use]
    pub fn one_of(arg: u8, values: impl IntoIterator<Item = u32>) -> Self {
        Self { arg, mask: u32::MAX, values: values.into_iter().collect(), except: false }
    }

    /// The argument is none of these.
    #[must_use]
    pub fn none_of(arg: u8, values: impl IntoIterator<Item = u32>) -> Self {
        Self { except: true, ..Self::one_of(arg, values) }
    }

    /// Some bit of the mask is set.
    #[must_use]
    pub fn any_bit(arg: u8, mask: u32) -> Self {
        Self { arg, mask, values: BTreeSet::from([0]), except: true }
    }

    /// No bit of the mask is set.
    #[must_use]
    pub fn no_bit(arg: u8, mask: u32) -> Self {
        Self { except: false, ..Self::any_bit(arg, mask) }
    }

    /// Every bit of the mask is set.
    #[must_use]
    pub fn all_bits(arg: u8, mask: u32) -> Self {
        Self { arg, mask, values: BTreeSet::from([mask]), except: false }
    }

    /// Whether a value of the argument counts.
    #[must_use]
    pub fn contains(&self, register: u64) -> bool {
        let low = (register & u64::from(u32::MAX)) as u32;
        self.values.contains(&(low & self.mask)) != self.except
    }

    /// Whether the call with these arguments counts.
    #[must_use]
    pub fn holds(&self, args: &[u64; 6]) -> bool {
        args.get(usize::from(self.arg)).is_some_and(|register| self.contains(*register))
    }

    /// Whether a value that has these bits (`value` under `mask`) can count.
    #[must_use]
    pub fn allows(&self, mask: u32, value: u32) -> bool {
        let common = self.mask & mask;
        if self.except {
            return common != self.mask || !self.values.contains(&(value & self.mask));
        }
        self.values.iter().any(|own| (own ^ value) & common == 0)
    }

    /// What counts for either; `None` when that is every value, or no single condition says it.
    #[must_use]
    pub fn union(&self, other: &Self) -> Option<Self> {
        if (self.arg, self.mask) != (other.arg, other.mask) {
            return (self == other).then(|| self.clone());
        }
        let (values, except) = match (self.except, other.except) {
            (false, false) => (self.values.union(&other.values).copied().collect(), false),
            (true, true) => (self.values.intersection(&other.values).copied().collect(), true),
            (true, false) => (self.values.difference(&other.values).copied().collect(), true),
            (false, true) => (other.values.difference(&self.values).copied().collect(), true),
        };
        let values: BTreeSet<u32> = values;
        (!except || !values.is_empty()).then_some(Self { arg: self.arg, mask: self.mask, values, except })
    }

    /// In words: `request is PTRACE_ATTACH or PTRACE_SEIZE`.
    #[must_use]
    pub fn words(&self, kind: EventType) -> String {
        let param = params(kind).iter().find(|param| param.arg == self.arg);
        let name = param.map_or_else(|| format!("argument {}", self.arg), |param| param.name.to_owned());
        let table: Option<&Names> = match param.map(|param| param.form) {
            Some(Form::Flags(table) | Form::Enum(table)) => Some(table),
            _ => None,
        };
        let bits = |bits: u32| match param.map(|param| param.form) {
            Some(Form::Flags(table)) if bits != 0 => flags::names(bits.into(), table),
            Some(Form::OpenFlags) => format!("{bits:#o}"),
            _ => format!("{bits:#x}"),
        };
        let only = self.values.first().copied().unwrap_or_default();
        if self.mask != u32::MAX && self.values.len() == 1 {
            return match (only, self.except) {
                (0, true) => format!("{name} has a bit of {}", bits(self.mask)),
                (0, false) => format!("{name} has no bit of {}", bits(self.mask)),
                (value, false) if value == self.mask => format!("{name} has all of {}", bits(self.mask)),
                (value, false) => format!("{name} has of {} only {}", bits(self.mask), bits(value)),
                (value, true) => format!("{name} has of {} not just {}", bits(self.mask), bits(value)),
            };
        }
        let value = |value: &u32| match table {
            Some(table) if self.mask == u32::MAX => flags::name_of((*value).into(), table),
            _ if self.mask == u32::MAX => value.cast_signed().to_string(),
            _ => bits(*value),
        };
        let values: Vec<String> = self.values.iter().map(value).collect();
        let subject =
            if self.mask == u32::MAX { name } else { format!("{name} restricted to {}", bits(self.mask)) };
        format!("{subject} {} {}", if self.except { "is not" } else { "is" }, values.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::ArgSet;
    use crate::EventType;

    fn set() -> impl Strategy<Value = ArgSet> {
        let mask = prop::sample::select(vec![u32::MAX, 0b110, 0b11]);
        (mask, prop::collection::btree_set(0_u32..8, 0..4), any::<bool>()).prop_map(
            |(mask, values, except)| ArgSet {
                arg: 1,
                mask,
                values: values.into_iter().map(|value| value & mask).collect(),
                except,
            },
        )
    }

    proptest! {
        #[test]
        fn a_union_counts_what_either_counts(a in set(), b in set(), value in 0_u64..16) {
            let either = a.contains(value) || b.contains(value);
            match a.union(&b) {
                Some(both) => prop_assert_eq!(both.contains(value), either),
                None => prop_assert!(either || a.mask != b.mask || a.union(&b).is_none()),
            }
        }

        #[test]
        fn bits_that_a_counted_value_has_are_allowed(a in set(), mask in 0_u32..16, value in 0_u32..16) {
            if a.contains(value.into()) {
                prop_assert!(a.allows(mask, value & mask));
            }
        }
    }

    #[test]
    fn conditions_have_words() {
        for (set, kind, words) in [
            (ArgSet::one_of(0, [16, 0x4206]), EventType::Ptrace, "request is PTRACE_ATTACH or PTRACE_SEIZE"),
            (ArgSet::none_of(1, [0]), EventType::Kill, "sig is not 0"),
            (ArgSet::all_bits(2, 6), EventType::Mprotect, "prot has all of PROT_WRITE|PROT_EXEC"),
            (
                ArgSet::any_bit(0, 0x3000_0000),
                EventType::Unshare,
                "flags has a bit of CLONE_NEWPID|CLONE_NEWUSER",
            ),
            (ArgSet::one_of(1, [0, 1, 2]), EventType::Dup2, "newfd is 0 or 1 or 2"),
            (ArgSet::one_of(0, [77]), EventType::Socket, "domain is 77"),
        ] {
            assert_eq!(set.words(kind), words);
        }
    }
}
