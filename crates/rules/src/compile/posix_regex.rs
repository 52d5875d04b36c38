//! `regex`: RE2's POSIX syntax, which must fit the whole text.

use std::cell::Cell;

use regex_automata::{meta, util::syntax};

use super::re2_posix;

/// Largest compiled expression in bytes.
const MAX_SIZE: usize = 4 << 20;
/// Most bytes of all expressions of a load: a few letters may ask for megabytes.
const MAX_TOTAL: usize = 64 << 20;

thread_local! {
    /// What is left of [`MAX_TOTAL`].
    static LEFT: Cell<usize> = const { Cell::new(MAX_TOTAL) };
}

/// Begins a load: none of its expressions is compiled yet.
pub(super) fn begin() {
    LEFT.set(MAX_TOTAL);
}

/// Compiles an expression.
///
/// # Errors
/// It is not POSIX syntax (Perl's classes and flags are refused, as Falco refuses them), does not parse, or is too
/// large.
pub(super) fn compile(pattern: &str) -> Result<meta::Regex, String> {
    let translated = re2_posix::translate(pattern)
        .map_err(|reason| format!("invalid regular expression '{pattern}': {reason}"))?;
    let regex = meta::Regex::builder()
        .syntax(syntax::Config::new().nest_limit(100).multi_line(true))
        .configure(
            meta::Config::new().nfa_size_limit(Some(MAX_SIZE)).hybrid_cache_capacity(1 << 20).onepass(false),
        )
        .build(&format!("\\A(?:{translated})\\z"))
        .map_err(|error| match error.syntax_error() {
            Some(syntax) => format!("invalid regular expression '{pattern}': {syntax}"),
            None => format!("regular expression '{pattern}' is too large: {error}"),
        })?;
    match LEFT.get().checked_sub(regex.memory_usage()) {
        Some(left) => {
            LEFT.set(left);
            Ok(regex)
        }
        None => {
            Err(format!("the regular expressions up to '{pattern}' need more than {} MiB", MAX_TOTAL >> 20))
        }
    }
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
        for pattern in [r"\d+", r"\w", r"\bx", "(?i)x", "("] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
        for pattern in [r"a\.b", "[[:alpha:]]+", "x{2,4}", "[?]?"] {
            assert!(compile(pattern).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn what_re2_reads_otherwise() {
        for (pattern, text, expected) in [
            ("x+?", "", true),
            ("x+?", "xx", true),
            ("a{,2}", "a{,2}", true),
            ("[a&&b]", "&", true),
            ("[[]", "[", true),
            (r"\<a\>", "<a>", true),
            ("a.b", "a\nb", false),
            ("[^x]", "\n", true),
            ("a\n^b$", "a\nb", true),
            ("é+", "éé", true),
        ] {
            assert_eq!(compile(pattern).unwrap().is_match(text), expected, "{pattern} {text:?}");
        }
    }

    #[test]
    fn size_is_bounded() {
        assert!(compile("((a{1000}){1000}){1000}").unwrap_err().contains("too large"));
    }
}
