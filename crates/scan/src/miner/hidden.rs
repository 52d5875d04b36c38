//! Literals that do not stand in the clear in our own programs.
//!
//! A scanner that carries its patterns as plain text finds itself, and other products' scanners find it too. The
//! literals here are masked when the program is compiled and unmasked one byte at a time when compared.

/// Any value that leaves no readable text.
const MASK: u8 = 0xa7;

/// A masked literal.
#[derive(Debug)]
pub(super) struct Hidden(&'static [u8]);

impl Hidden {
    /// Wraps what [`mask`] made.
    pub(super) const fn new(masked: &'static [u8]) -> Self {
        Self(masked)
    }

    /// The literal's bytes.
    pub(super) fn bytes(&self) -> impl Iterator<Item = u8> {
        self.0.iter().map(|byte| byte ^ MASK)
    }

    /// The literal as text, for people.
    pub(super) fn text(&self) -> String {
        self.bytes().map(char::from).collect()
    }

    /// What follows the literal in a text that starts with it.
    pub(super) fn prefix_of<'text>(&self, text: &'text [u8]) -> Option<&'text [u8]> {
        let (start, rest) = text.split_at_checked(self.0.len())?;
        self.bytes().eq(start.iter().copied()).then_some(rest)
    }
}

/// Masks a literal; for constants only.
pub(super) const fn mask<const N: usize>(text: &str) -> [u8; N] {
    let text = text.as_bytes();
    let mut masked = [0; N];
    let mut at = 0;
    while at < N {
        masked[at] = text[at] ^ MASK;
        at += 1;
    }
    masked
}

/// One masked literal of an ASCII string.
macro_rules! hide {
    ($text:literal) => {
        $crate::miner::hidden::Hidden::new(&$crate::miner::hidden::mask::<{ $text.len() }>($text))
    };
}

/// A constant slice of masked literals.
macro_rules! hidden {
    ($($text:literal),* $(,)?) => { &[$($crate::miner::hidden::hide!($text)),*] };
}

pub(super) use {hidden, hide};

#[cfg(test)]
mod tests {
    use super::Hidden;

    #[test]
    fn hides_and_compares() {
        const NAME: Hidden = hide!("minerd");
        assert_eq!(NAME.text(), "minerd");
        assert_ne!(NAME.0, b"minerd");
        assert_eq!(NAME.prefix_of(b"minerd-2"), Some(&b"-2"[..]));
        assert_eq!(NAME.prefix_of(b"miner"), None);
    }
}
