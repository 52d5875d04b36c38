//! An event as it lies in its block: header and parameters, nothing interpreted.

use crate::{
    block::EventForm,
    bytes::Bytes,
    schema::{Kind, MAX_PARAMS},
};

/// Header of an event and the bytes of its parameters.
#[derive(Clone, Debug)]
pub(crate) struct RawEvent<'b> {
    /// Nanoseconds since the epoch.
    pub(crate) time: u64,
    pub(crate) tid: i64,
    pub(crate) number: u16,
    pub(crate) params: Params<'b>,
}

impl<'b> RawEvent<'b> {
    /// `None` for a block that holds no whole event.
    pub(crate) fn read(body: &'b [u8], form: EventForm) -> Option<Self> {
        let mut bytes = Bytes(body);
        bytes.u16()?; // processor
        if form.flags {
            bytes.u32()?;
        }
        let start = bytes;
        let (time, tid) = (bytes.u64()?, bytes.i64()?);
        let len = bytes.u32()? as usize;
        let number = bytes.u16()?;
        let count = if form.counted { Some(bytes.u32()? as usize) } else { None };
        let header = start.0.len() - bytes.0.len();
        let rest = bytes.take(len.checked_sub(header)?)?;
        let width = if form.wide { 4 } else { 2 };
        let count = match count {
            Some(count) => count,
            None => count_params(rest)?,
        };
        if count > MAX_PARAMS {
            return None;
        }
        let (lengths, data) = rest.split_at_checked(count * width)?;
        let mut params = Params { data, ends: [0; MAX_PARAMS], count, of_entry: Vec::new() };
        let mut end = 0usize;
        for (place, length) in params.ends.iter_mut().zip(lengths.chunks_exact(width)) {
            end += match *length {
                [a, b] => usize::from(u16::from_le_bytes([a, b])),
                [a, b, c, d] => u32::from_le_bytes([a, b, c, d]) as usize,
                _ => return None,
            };
            *place = u32::try_from(end).ok()?;
        }
        (end <= data.len()).then_some(Self { time, tid, number, params })
    }
}

/// How many parameters an event of before the header said so has: lengths of two bytes each, then as many bytes as
/// they add up to. Both only grow with the number, so that at most one fits.
fn count_params(rest: &[u8]) -> Option<usize> {
    let mut total = 0;
    let mut count = 0;
    let mut lengths = Bytes(rest);
    while total < rest.len() {
        total += 2 + usize::from(lengths.u16()?);
        count += 1;
    }
    (total == rest.len()).then_some(count)
}

/// Bytes of parameters by position; an absent one is empty.
#[derive(Clone, Debug)]
pub(crate) struct Params<'b> {
    data: &'b [u8],
    ends: [u32; MAX_PARAMS],
    count: usize,
    /// Those that old events had in the entry of their call, after the others.
    of_entry: Vec<&'b [u8]>,
}

impl<'b> Params<'b> {
    pub(crate) fn get(&self, position: usize) -> &'b [u8] {
        if position >= self.count {
            return self.of_entry.get(position - self.count).copied().unwrap_or_default();
        }
        let start = position.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end);
        let end = self.ends.get(position).map_or(0, |end| *end);
        self.data.get(start as usize..end as usize).unwrap_or_default()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &'b [u8]> {
        (0..self.count).map(|position| self.get(position))
    }

    /// Adds what an old event had in the entry of its call.
    pub(crate) fn complete(&mut self, kind: &Kind, entry: &[&'b [u8]]) {
        let missing = kind.params.iter().skip(self.count);
        let of_entry = |index: u8| entry.get(usize::from(index)).copied();
        self.of_entry = missing.map(|param| param.entry.and_then(of_entry).unwrap_or_default()).collect();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::RawEvent;
    use crate::block::EventForm;

    const OLD: EventForm = EventForm { flags: false, counted: false, wide: false };

    fn old_event(params: &[Vec<u8>]) -> Vec<u8> {
        let len: usize = 22 + params.iter().map(|param| 2 + param.len()).sum::<usize>();
        let mut body = vec![0, 0];
        body.extend(7u64.to_le_bytes());
        body.extend(9i64.to_le_bytes());
        body.extend(u32::try_from(len).unwrap().to_le_bytes());
        body.extend(3u16.to_le_bytes());
        for param in params {
            body.extend(u16::try_from(param.len()).unwrap().to_le_bytes());
        }
        params.iter().for_each(|param| body.extend(param));
        body
    }

    proptest! {
        #[test]
        fn parameters_of_old_events_are_counted(
            params in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..32)
        ) {
            let body = old_event(&params);
            let event = RawEvent::read(&body, OLD).unwrap();
            prop_assert_eq!((event.time, event.tid, event.number), (7, 9, 3));
            prop_assert_eq!(event.params.iter().collect::<Vec<_>>(), params.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_are_read_without_panic(body in proptest::collection::vec(any::<u8>(), 0..200), form in 0..8u8) {
            let form = EventForm { flags: form & 1 != 0, counted: form & 2 != 0, wide: form & 4 != 0 };
            let _ = RawEvent::read(&body, form);
        }
    }
}
