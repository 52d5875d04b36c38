//! From RE2's POSIX syntax, which Falco's `regex` takes, to the syntax of our own engine.
//!
//! What differs: repetitions may be stacked (`a+?` is `(a+)?`, not a lazy one), a brace that is no repetition is
//! itself, brackets within brackets, `&&`, `--` and `~~` are plain characters, `\<` is `<`, octal escapes. Perl's
//! classes, flags, anchors and quotes do not exist.

/// Most times a repetition may ask for.
const MAX_REPEAT: u32 = 1_000;

/// Translates; the whole text must match the outcome, in which `^` and `$` hold at lines.
///
/// # Errors
/// It is not POSIX syntax; the message names what is not.
pub(super) fn translate(pattern: &str) -> Result<String, String> {
    let mut work =
        Work { rest: pattern, text: String::with_capacity(pattern.len() + 8), atom: None, groups: vec![] };
    while let Some(char) = work.next() {
        work.step(char)?;
    }
    Ok(work.text)
}

struct Work<'p> {
    rest: &'p str,
    text: String,
    /// Where what a repetition would repeat begins, and whether it is a repetition itself.
    atom: Option<(usize, bool)>,
    /// Where the open groups begin.
    groups: Vec<usize>,
}

impl Work<'_> {
    fn next(&mut self) -> Option<char> {
        let char = self.rest.chars().next()?;
        self.rest = self.rest.get(char.len_utf8()..).unwrap_or_default();
        Some(char)
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn step(&mut self, char: char) -> Result<(), String> {
        let start = self.text.len();
        match char {
            '(' if self.peek() == Some('?') => return refuse("(?"),
            '(' => {
                self.groups.push(start);
                self.text.push('(');
                self.atom = None;
                return Ok(());
            }
            ')' => {
                let Some(open) = self.groups.pop() else {
                    return Err("a ')' that closes nothing".to_owned());
                };
                self.text.push(')');
                self.atom = Some((open, false));
                return Ok(());
            }
            '|' => {
                self.text.push('|');
                self.atom = None;
                return Ok(());
            }
            '*' | '+' | '?' => return self.repeat(&char.to_string()),
            '{' => {
                if let Some((counts, length)) = counts(self.rest)? {
                    self.rest = self.rest.get(length..).unwrap_or_default();
                    return self.repeat(&counts);
                }
                self.text.push_str("\\{");
            }
            '[' => self.class()?,
            '\\' => {
                let escaped = self.escape()?;
                self.text.push_str(&escaped);
            }
            '}' | ']' => {
                self.text.push('\\');
                self.text.push(char);
            }
            other => self.text.push(other),
        }
        self.atom = Some((start, false));
        Ok(())
    }

    /// Repeats what stands before, also when that is a repetition.
    fn repeat(&mut self, operator: &str) -> Result<(), String> {
        let Some((start, repeated)) = self.atom else {
            return Err(format!("'{operator}' has nothing before it to repeat"));
        };
        if repeated {
            self.text.insert_str(start, "(?:");
            self.text.push(')');
        }
        self.text.push_str(operator);
        self.atom = Some((start, true));
        Ok(())
    }

    /// What a backslash makes of what follows it.
    fn escape(&mut self) -> Result<String, String> {
        let Some(char) = self.next() else { return Err("a backslash at the end".to_owned()) };
        match char {
            'a' | 'f' | 'n' | 'r' | 't' | 'v' => Ok(format!("\\{char}")),
            '0'..='7' => self.octal(char),
            'x' => self.hexadecimal(),
            other if other.is_ascii_alphanumeric() || other == '_' || !other.is_ascii() => {
                refuse(&format!("\\{other}"))
            }
            other => Ok(literal(other)),
        }
    }

    /// `\012`; a single digit but 0 would be a back-reference, which does not exist.
    fn octal(&mut self, first: char) -> Result<String, String> {
        let is_octal = |char: Option<char>| char.is_some_and(|char| char.is_digit(8));
        if first != '0' && !is_octal(self.peek()) {
            return refuse(&format!("\\{first}"));
        }
        let mut code = first.to_digit(8).unwrap_or_default();
        for _ in 0..2 {
            let Some(digit) = self.peek().and_then(|char| char.to_digit(8)) else { break };
            self.next();
            code = code * 8 + digit;
        }
        Ok(format!("\\x{{{code:X}}}"))
    }

    /// `\x41`, `\x{1F600}`.
    fn hexadecimal(&mut self) -> Result<String, String> {
        let digits = match self.rest.strip_prefix('{') {
            Some(rest) => rest.split_once('}').map(|(digits, _)| (digits, digits.len() + 2)),
            None => self.rest.get(..2).map(|digits| (digits, 2)),
        };
        let code = digits.and_then(|(digits, length)| Some((u32::from_str_radix(digits, 16).ok()?, length)));
        match code {
            Some((code, length)) if char::from_u32(code).is_some() => {
                self.rest = self.rest.get(length..).unwrap_or_default();
                Ok(format!("\\x{{{code:X}}}"))
            }
            _ => refuse("\\x"),
        }
    }

    /// `[..]`, whose bracket was taken.
    fn class(&mut self) -> Result<(), String> {
        self.text.push('[');
        if self.peek() == Some('^') {
            self.next();
            self.text.push('^');
        }
        let mut is_first = true;
        loop {
            let Some(char) = self.next() else { return Err("a '[' that is not closed".to_owned()) };
            if char == ']' && !is_first {
                self.text.push(']');
                return Ok(());
            }
            if char == '[' && self.peek() == Some(':') {
                let name = self.rest.find(":]").and_then(|end| self.rest.get(..end + 2));
                let Some(name) = name else { return Err("a '[:' that is not closed".to_owned()) };
                self.text.push('[');
                self.text.push_str(name);
                self.rest = self.rest.get(name.len()..).unwrap_or_default();
            } else if char == '-' && !is_first && self.peek() != Some(']') {
                return Err(
                    "a '-' in brackets that is neither first, last nor between two characters".to_owned()
                );
            } else {
                self.member(char)?;
            }
            is_first = false;
        }
    }

    /// A character in brackets, or a range that begins with it.
    fn member(&mut self, char: char) -> Result<(), String> {
        let low = self.one(char)?;
        self.text.push_str(&low);
        if self.rest.starts_with('-') && !self.rest.starts_with("-]") && self.rest.len() > 1 {
            self.next();
            let Some(high) = self.next() else { return Err("a '[' that is not closed".to_owned()) };
            let high = self.one(high)?;
            self.text.push('-');
            self.text.push_str(&high);
        }
        Ok(())
    }

    fn one(&mut self, char: char) -> Result<String, String> {
        if char == '\\' { self.escape() } else { Ok(literal(char)) }
    }
}

/// A character that means itself.
fn literal(char: char) -> String {
    match char {
        '<' | '>' => char.to_string(),
        char if char.is_ascii_punctuation() => format!("\\{char}"),
        char => char.to_string(),
    }
}

/// The repetition `n}`, `n,}` or `n,m}` that follows a brace, with its length; `None` when it is none.
fn counts(rest: &str) -> Result<Option<(String, usize)>, String> {
    let Some((inner, _)) = rest.split_once('}') else { return Ok(None) };
    let (low, high) = inner.split_once(',').map_or((inner, None), |(low, high)| (low, Some(high)));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(low) || high.is_some_and(|high| !high.is_empty() && !is_number(high)) {
        return Ok(None);
    }
    for count in [Some(low), high].into_iter().flatten().filter(|count| !count.is_empty()) {
        if count.parse::<u32>().ok().is_none_or(|count| count > MAX_REPEAT) {
            return Err(format!("{{{inner}}} repeats more than {MAX_REPEAT} times"));
        }
    }
    Ok(Some((format!("{{{inner}}}"), inner.len() + 1)))
}

fn refuse<T>(found: &str) -> Result<T, String> {
    Err(format!("'{found}' is not POSIX syntax: use [0-9], [[:alnum:]_], [[:space:]] and plain groups"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::translate;

    #[test]
    fn what_differs_is_rewritten() {
        for (posix, ours) in [
            ("/tmp/.*", "/tmp/.*"),
            ("a+?", "(?:a+)?"),
            ("a**", "(?:a*)*"),
            ("(ab)+?c", "(?:(ab)+)?c"),
            ("a{2}{3}", "(?:a{2}){3}"),
            ("a{,5}", "a\\{,5\\}"),
            ("a{x}", "a\\{x\\}"),
            ("a{", "a\\{"),
            ("x{2,}y{1,3}", "x{2,}y{1,3}"),
            ("[a[b]", "[a\\[b]"),
            ("[a&&b]", "[a\\&\\&b]"),
            ("[]x]", "[\\]x]"),
            ("[^]x]", "[^\\]x]"),
            ("[a-]", "[a\\-]"),
            ("[-a]", "[\\-a]"),
            ("[[:alpha:]_]", "[[:alpha:]\\_]"),
            ("[a-f0-9]", "[a-f0-9]"),
            (r"\<a\>", "<a>"),
            (r"\.\-\/", r"\.\-\/"),
            (r"\012\x41\x{1F600}", r"\x{A}\x{41}\x{1F600}"),
            ("a]}", "a\\]\\}"),
            ("", ""),
        ] {
            assert_eq!(translate(posix).as_deref(), Ok(ours), "{posix}");
        }
    }

    #[test]
    fn what_is_not_posix_is_refused() {
        for pattern in [
            r"\d",
            r"\w",
            r"\s",
            r"\b",
            r"\B",
            r"\A",
            r"\z",
            r"\Q",
            r"\pL",
            r"\1",
            r"\_",
            r"\é",
            "(?i)x",
            "(?:x)",
            "(?P<n>x)",
            "*a",
            "+",
            "a|*",
            "(*a)",
            "a)",
            "a{1001}",
            "a{1,2000}",
            "[a",
            "[[:alpha:",
            "[a-z-9]",
            r"[\d]",
            "a\\",
            r"\xZZ",
            r"\x{110000}",
        ] {
            assert!(translate(pattern).is_err(), "{pattern}: {:?}", translate(pattern));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "[\\[\\]\\\\(){}|*+?^$.,:a-c0-2\\-é]{0,20}") {
            let _ = translate(&text);
        }

        /// What is only letters, dots, stars and groups means the same in both.
        #[test]
        fn plain_expressions_stay_as_they_are(text in "([a-c.]\\*?|\\([a-c|]{1,3}\\)){0,6}") {
            prop_assert_eq!(translate(&text), Ok(text));
        }
    }
}
