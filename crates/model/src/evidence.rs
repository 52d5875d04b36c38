//! What an event's fields rest on: what the process asked for, or what the kernel's tables showed afterwards.
//!
//! A sensor that answers at the entry of a call reads arguments from the memory of the process, which another of
//! its threads can change before the kernel reads them. A look at `/proc` after the call shows what it came to.

use serde::{Deserialize, Serialize};

/// A part of an event that the call's arguments say and the kernel's tables may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The program an execution runs.
    Program,
    /// Its argv.
    Arguments,
    /// Its short name.
    Name,
    /// The file a call is about.
    Path,
    /// The number of the file descriptor an open gave, or what a given one refers to.
    Descriptor,
    /// The address of the other end, or of this end for `bind`.
    Address,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 6] =
        [Self::Program, Self::Arguments, Self::Name, Self::Path, Self::Descriptor, Self::Address];

    /// The name on the wire and in rules.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Arguments => "arguments",
            Self::Name => "name",
            Self::Path => "path",
            Self::Descriptor => "descriptor",
            Self::Address => "address",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Parts of an event; as JSON the list of their names.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Part>", into = "Vec<Part>")]
pub struct Parts(u8);

impl Parts {
    /// Adds a part.
    pub fn insert(&mut self, part: Part) {
        self.0 |= part.bit();
    }

    /// Whether a part is among them.
    #[must_use]
    pub fn contains(self, part: Part) -> bool {
        self.0 & part.bit() != 0
    }

    /// There are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The parts in the order of [`Part::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Part> {
        Part::ALL.into_iter().filter(move |part| self.contains(*part))
    }
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl FromIterator<Part> for Parts {
    fn from_iter<I: IntoIterator<Item = Part>>(parts: I) -> Self {
        let mut all = Self::default();
        parts.into_iter().for_each(|part| all.insert(part));
        all
    }
}

impl From<Vec<Part>> for Parts {
    fn from(parts: Vec<Part>) -> Self {
        parts.into_iter().collect()
    }
}

impl From<Parts> for Vec<Part> {
    fn from(parts: Parts) -> Self {
        parts.iter().collect()
    }
}

/// A part of which the kernel shows something else than was read from the process's memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Which part.
    pub part: Part,
    /// What the process's memory held at the call's entry.
    pub asked: String,
    /// What the kernel showed after the call; the event's fields have it too.
    pub confirmed: String,
}

/// What an event's fields rest on. Empty for events of other sources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// What the kernel's tables showed after the call. Every other part is as asked.
    #[serde(skip_serializing_if = "is_none")]
    pub confirmed: Parts,
    /// Where that is something else than what was asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
}

impl Evidence {
    /// Nothing was looked at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.confirmed.is_empty() && self.differences.is_empty()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_none(parts: &Parts) -> bool {
    parts.is_empty()
}

#[cfg(test)]
mod tests {
    use super::{Difference, Evidence, Part, Parts};

    #[test]
    fn it_travels_as_names() {
        let evidence = Evidence {
            confirmed: [Part::Address, Part::Program].into_iter().collect(),
            differences: vec![Difference {
                part: Part::Program,
                asked: "/bin/true".into(),
                confirmed: "/bin/sh".into(),
            }],
        };
        let json = serde_json::to_string(&evidence).unwrap();
        assert_eq!(
            json,
            r#"{"confirmed":["program","address"],"differences":[{"part":"program","asked":"/bin/true","confirmed":"/bin/sh"}]}"#
        );
        assert_eq!(serde_json::from_str::<Evidence>(&json).unwrap(), evidence);
        assert_eq!(serde_json::to_string(&Evidence::default()).unwrap(), "{}");
        assert!(serde_json::from_str::<Evidence>("{}").unwrap().is_empty());
    }

    #[test]
    fn every_part_has_its_own_bit_and_name() {
        let all: Parts = Part::ALL.into_iter().collect();
        assert_eq!(all.iter().count(), Part::ALL.len());
        for part in Part::ALL {
            assert_eq!(serde_json::to_value(part).unwrap(), part.name());
            assert_eq!([part].into_iter().collect::<Parts>().iter().collect::<Vec<_>>(), [part]);
        }
    }
}
