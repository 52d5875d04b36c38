//! Reading a message from its start to its end, and names with their pointers.

/// Longest name on the wire (RFC 1035, 2.3.4).
const MAX_NAME: usize = 255;
/// Longest label.
const MAX_LABEL: u8 = 63;
/// The two upper bits of a pointer's first byte.
const POINTER: u8 = 0xc0;

/// A place in a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'m> {
    message: &'m [u8],
    at: usize,
}

impl<'m> Reader<'m> {
    pub(super) fn new(message: &'m [u8], at: usize) -> Self {
        Self { message, at }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let byte = *self.message.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    pub(super) fn word(&mut self) -> Option<u16> {
        self.take(2)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }

    pub(super) fn double(&mut self) -> Option<u32> {
        self.take(4)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'m [u8]> {
        let bytes = self.message.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(bytes)
    }

    /// A name, in lower case and as zone files write it. A pointer leads to before the labels that precede it, so
    /// there are no circles.
    pub(super) fn name(&mut self) -> Option<String> {
        let mut text = String::new();
        let (mut at, mut earliest) = (self.at, self.at);
        let mut end = None;
        let mut length = 1;
        loop {
            match *self.message.get(at)? {
                0 => {
                    self.at = end.unwrap_or(at + 1);
                    if text.is_empty() {
                        text.push('.');
                    }
                    return Some(text);
                }
                size @ 1..=MAX_LABEL => {
                    let label = self.message.get(at + 1..at + 1 + usize::from(size))?;
                    length += label.len() + 1;
                    if length > MAX_NAME {
                        return None;
                    }
                    push_label(&mut text, label);
                    at += 1 + label.len();
                }
                upper if upper & POINTER == POINTER => {
                    let target = usize::from(upper & !POINTER) << 8 | usize::from(*self.message.get(at + 1)?);
                    end = end.or(Some(at + 2));
                    if target >= earliest {
                        return None;
                    }
                    (at, earliest) = (target, target);
                }
                _ => return None,
            }
        }
    }
}

/// Appends a label: dots and backslashes in it escaped, what is not printable as three digits.
fn push_label(text: &mut String, label: &[u8]) {
    if !text.is_empty() {
        text.push('.');
    }
    for byte in label {
        match byte.to_ascii_lowercase() {
            special @ (b'.' | b'\\') => text.extend(['\\', char::from(special)]),
            plain @ b'!'..=b'~' => text.push(char::from(plain)),
            other => {
                text.push('\\');
                text.extend([100, 10, 1].map(|unit| char::from(b'0' + other / unit % 10)));
            }
        }
    }
}
