//! Where to go on behind a damaged record. Over a whole input each byte is looked at a fixed number of times.

/// Finds the places where records surely begin.
#[derive(Clone, Debug)]
pub(crate) struct Beginnings {
    /// The bytes there.
    mark: &'static [u8],
    /// How many of them stand before the record.
    before: usize,
    /// The last place found, not yet passed.
    known: usize,
}

impl Beginnings {
    /// In delivered arrays. Within a string the quotes would be escaped.
    pub(crate) fn in_arrays() -> Self {
        Self { mark: br#"{"eventVersion""#, before: 0, known: 0 }
    }

    /// On lines.
    pub(crate) fn on_lines() -> Self {
        Self { mark: b"\n{", before: 1, known: 0 }
    }

    /// The next beginning at or behind `from`, or the end.
    pub(crate) fn next(&mut self, bytes: &[u8], from: usize) -> usize {
        if self.known < from {
            let start = from.saturating_sub(self.before);
            let rest = bytes.get(start..).unwrap_or_default();
            let found = rest.windows(self.mark.len()).position(|window| window == self.mark);
            self.known = found.map_or(bytes.len(), |found| start + found + self.before);
        }
        self.known
    }

    /// Where to go on after a record that begins at `start` and has a fault at `fault`, and whether that is right
    /// behind the record rather than at another.
    pub(crate) fn after(&mut self, bytes: &[u8], start: usize, fault: usize) -> (usize, bool) {
        // A string without an end takes the beginning of the next record with it.
        let from = fault.saturating_sub(self.mark.len()).max(start + 1);
        let next = self.next(bytes, from);
        match closing(bytes.get(..next).unwrap_or(bytes), start) {
            Some(end) => (end, true),
            None => (next, false),
        }
    }
}

/// Behind the brace that closes the one at `start`, strings taken into account.
fn closing(bytes: &[u8], start: usize) -> Option<usize> {
    let (mut depth, mut in_string, mut is_escaped) = (0_u32, false, false);
    for (at, byte) in bytes.iter().enumerate().skip(start) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'{' if !in_string => depth += 1,
            b'}' if !in_string => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The next line behind `at`, or the end.
pub(crate) fn line(bytes: &[u8], at: usize) -> usize {
    position(bytes, at, |byte| byte == b'\n').map_or(bytes.len(), |found| found + 1)
}

/// The next opening brace or closing bracket behind `at`, or the end.
pub(crate) fn item(bytes: &[u8], at: usize) -> usize {
    position(bytes, at, |byte| matches!(byte, b'{' | b']')).unwrap_or(bytes.len())
}

fn position(bytes: &[u8], at: usize, is_wanted: impl Fn(u8) -> bool) -> Option<usize> {
    bytes.get(at..)?.iter().position(|byte| is_wanted(*byte)).map(|found| at + found)
}
