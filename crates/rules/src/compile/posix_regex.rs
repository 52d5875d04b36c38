//! `regex`: RE2's POSIX syntax, which must fit the whole text.

use regex_automata::{meta, util::syntax};

/// Largest compiled expression in bytes.
const MAX_SIZE: usize = 4 << 20;

/// Compiles an expression.
///
/// # Errors
/// It is not POSIX syntax (Perl's classes, flags and lazy repetition are refused, as Falco refuses them), does not
/// parse, or is too large.
pub(super) fn compile(pattern: &str) -> Result<meta::Regex, String> {
    refuse_perl(pattern)?;
    meta::Regex::builder()
        .syntax(syntax::Config::new().nest_limit(100))
        .configure(
            meta::Config::new().nfa_size_limit(Some(MAX_SIZE)).hybrid_cache_capacity(1 << 20).onepass(false),
        )
        .build(&format!("^(?:{pattern})$"))
        .map_err(|error| match error.syntax_error() {
            Some(syntax) => format!("invalid regular expression '{pattern}': {syntax}"),
            None => format!("regular expression '{pattern}' is too large: {error}"),
        })
}

fn refuse_perl(pattern: &str) -> Result<(), String> {
    let refuse = |found: &str| {
        Err(format!("'{found}' is not POSIX syntax: use [0-9], [[:alnum:]_], [[:space:]] and plain groups"))
    };
    let mut chars = pattern.chars().peekable();
    let mut class = false;
    let mut after_repetition = false;
    while let Some(char) = chars.next() {
        let repeats = match char {
            '\\' => match chars.next() {
                Some(escaped)
                    if escaped.is_ascii_alphanumeric()
                        && !matches!(escaped, 'n' | 't' | 'r' | 'f' | 'v' | 'a') =>
                {
                    return refuse(&format!("\\{escaped}"));
                }
                _ => false,
            },
            '[' if !class => {
                class = true;
                false
            }
            ']' if class => {
                class = false;
                false
            }
            '(' if !class && chars.peek() == Some(&'?') => return refuse("(?"),
            '?' if !class && after_repetition => return refuse("?"),
            '*' | '+' | '?' | '}' if !class => true,
            _ => false,
        };
        after_repetition = repeats;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::compile;

    #[test]
    fn the_whole_text_must_fit() {
        let regex = compile("/dev.*").unwrap();
        assert!(regex.is_match("/dev/null") && !regex.is_match("x/dev/null"));
        assert!(!compile("dev").unwrap().is_match("/dev/null"));
        assert!(compile("a|b").unwrap().is_match("b") && !compile("a|b").unwrap().is_match("ab"));
    }

    #[test]
    fn perl_syntax_is_refused() {
        for pattern in [r"\d+", r"\w", r"\bx", "(?i)x", "a*?", "("] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
        for pattern in [r"a\.b", "[[:alpha:]]+", "x{2,4}", "[?]?"] {
            assert!(compile(pattern).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn size_is_bounded() {
        assert!(compile("((a{1000}){1000}){1000}").unwrap_err().contains("too large"));
    }
}
