//! Which names an address was given for.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use super::dns::{Data, Message};

/// Most addresses that are remembered.
const MAX_ADDRESSES: usize = 2048;
/// Most names that are remembered of an address: those it was given for last.
const MAX_NAMES: usize = 4;
/// Programs keep answers for longer than they are told to: so long at least a name is remembered.
const SHORTEST: Duration = Duration::from_mins(10);
/// And so long at most.
const LONGEST: Duration = Duration::from_hours(24);

/// Names by address, learned from answers.
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<IpAddr, Vec<Known>>);

#[derive(Debug)]
struct Known {
    name: String,
    until: Instant,
}

impl Names {
    /// Remembers what an answer says: its addresses have the name that was asked for, and all it is an alias of.
    pub(crate) fn learn(&mut self, answer: &Message, now: Instant) {
        let names = answer.names();
        for record in &answer.answers {
            if !names.contains(&record.name.as_str()) {
                continue;
            }
            let addresses = match &record.data {
                Data::Address(address) => std::slice::from_ref(address),
                Data::Binding { hints, .. } => hints,
                _ => continue,
            };
            let time = Duration::from_secs(record.ttl.into()).clamp(SHORTEST, LONGEST);
            for address in addresses {
                // The name that was asked for comes first.
                for name in names.iter().take(MAX_NAMES).rev() {
                    self.add(*address, name, now, now + time);
                }
            }
        }
    }

    fn add(&mut self, address: IpAddr, name: &str, now: Instant, until: Instant) {
        if !self.0.contains_key(&address) {
            self.make_room(now);
        }
        let known = self.0.entry(address.to_canonical()).or_default();
        known.retain(|one| one.name != name && one.until > now);
        known.truncate(MAX_NAMES - 1);
        known.insert(0, Known { name: name.to_owned(), until });
    }

    /// First forgets what is over, then the quarter that is over first.
    fn make_room(&mut self, now: Instant) {
        if self.0.len() < MAX_ADDRESSES {
            return;
        }
        let last = |known: &[Known]| known.iter().map(|one| one.until).max();
        self.0.retain(|_, known| last(known) > Some(now));
        if self.0.len() < MAX_ADDRESSES {
            return;
        }
        let mut ends: Vec<_> = self.0.values().map(|known| last(known)).collect();
        ends.sort_unstable();
        let edge = ends.get(ends.len() / 4).copied().flatten();
        let mut excess = self.0.len() / 4;
        self.0.retain(|_, known| {
            let goes = excess > 0 && last(known) <= edge;
            excess -= usize::from(goes);
            !goes
        });
    }

    /// The names an address was given for, the latest first.
    pub(crate) fn of(&self, address: IpAddr, now: Instant) -> Vec<String> {
        let known = self.0.get(&address.to_canonical()).map_or(&[][..], Vec::as_slice);
        known.iter().filter(|one| one.until > now).map(|one| one.name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::IpAddr,
        time::{Duration, Instant},
    };

    use super::{MAX_ADDRESSES, Names};
    use crate::net::dns::{Data, Message, Question, Record};

    fn answer(name: &str, records: Vec<Record>) -> Message {
        let question = Some(Question { name: name.into(), kind: 1 });
        Message { id: 1, response: true, opcode: 0, rcode: 0, truncated: false, question, answers: records }
    }

    fn address(name: &str, address: &str) -> Record {
        let data = Data::Address(address.parse().unwrap());
        Record { name: name.into(), kind: 1, ttl: 60, data }
    }

    #[test]
    fn aliases_lead_to_the_name_that_was_asked_for() {
        let (mut names, now) = (Names::default(), Instant::now());
        let alias = Record { name: "www.test".into(), kind: 5, ttl: 5, data: Data::Alias("cdn.test".into()) };
        let records = vec![alias, address("cdn.test", "192.0.2.1"), address("other.test", "192.0.2.2")];
        names.learn(&answer("www.test", records), now);
        let of = |names: &Names, text: &str, now| names.of(text.parse().unwrap(), now);
        assert_eq!(of(&names, "192.0.2.1", now), ["www.test", "cdn.test"]);
        assert_eq!(of(&names, "::ffff:192.0.2.1", now), ["www.test", "cdn.test"]);
        assert!(of(&names, "192.0.2.2", now).is_empty(), "nobody asked for it");
        for name in ["a.test", "b.test", "c.test", "a.test"] {
            names.learn(&answer(name, vec![address(name, "192.0.2.1")]), now);
        }
        assert_eq!(of(&names, "192.0.2.1", now), ["a.test", "c.test", "b.test", "www.test"]);
        assert!(of(&names, "192.0.2.1", now + Duration::from_mins(11)).is_empty());
    }

    #[test]
    fn a_flood_of_answers_is_bounded() {
        let (mut names, now) = (Names::default(), Instant::now());
        for number in 0..3 * MAX_ADDRESSES as u32 {
            let text = IpAddr::from((0x0a00_0000 + number).to_be_bytes()).to_string();
            names.learn(&answer("x.test", vec![address("x.test", &text)]), now);
            assert!(names.0.len() <= MAX_ADDRESSES);
        }
        assert!(names.0.len() > MAX_ADDRESSES / 2);
    }
}
