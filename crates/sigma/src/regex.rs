//! Expressions: Sigma's are of the PCRE kind and fit anywhere in the text, Falco's are POSIX and must fit the whole
//! text. What POSIX cannot say is refused.

use regex_syntax::ast::{
    self, AssertionKind, Ast, ClassAsciiKind, ClassPerl, ClassPerlKind, ClassSet, ClassSetItem, Flag,
    FlagsItemKind, GroupKind, RepetitionKind, RepetitionRange,
};

/// Any text, line ends included.
const ANYTHING: &str = "(.|\\n)*";
/// Deepest nesting of an expression.
const MAX_NESTING: u32 = 50;
/// Longest expression in bytes.
const MAX_LENGTH: usize = 4_096;

/// What `|i` and `|s` ask for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flags {
    pub(crate) ignore_case: bool,
    pub(crate) dot_newline: bool,
}

/// The expression as POSIX that must fit the whole text.
///
/// # Errors
/// It does not parse or uses what POSIX lacks; the text says what.
pub(crate) fn to_posix(expression: &str, flags: &Flags) -> Result<String, String> {
    if expression.len() > MAX_LENGTH {
        return Err(format!("an expression of more than {MAX_LENGTH} bytes"));
    }
    let parsed = ast::parse::ParserBuilder::new().nest_limit(MAX_NESTING).build().parse(expression);
    let tree = parsed.map_err(|error| format!("'{expression}': {}", error.kind()))?;
    let branches = match &tree {
        Ast::Alternation(alternation) => alternation.asts.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut writer = Writer { text: String::new(), flags: *flags };
    for (index, branch) in branches.iter().enumerate() {
        if index > 0 {
            writer.text.push('|');
        }
        writer.branch(branch)?;
    }
    Ok(writer.text)
}

struct Writer {
    text: String,
    flags: Flags,
}

fn refused(what: &str) -> String {
    format!("{what} cannot be said in Falco's expressions (POSIX)")
}

impl Writer {
    /// A branch of the whole: what it does not anchor may have anything beside it.
    fn branch(&mut self, branch: &Ast) -> Result<(), String> {
        let parts = match branch {
            Ast::Concat(concat) => concat.asts.as_slice(),
            one => std::slice::from_ref(one),
        };
        let skipped = parts.iter().take_while(|part| matches!(part, Ast::Flags(_))).count();
        let (leading, parts) = parts.split_at_checked(skipped).unwrap_or((&[], parts));
        for flags in leading {
            self.ast(flags)?;
        }
        let (start, parts) = match parts {
            [Ast::Assertion(found), rest @ ..] if is_start(&found.kind) => (true, rest),
            all => (false, all),
        };
        let (end, parts) = match parts {
            [rest @ .., Ast::Assertion(found)] if is_end(&found.kind) => (true, rest),
            all => (false, all),
        };
        if !start {
            self.text.push_str(ANYTHING);
        }
        for part in parts {
            self.ast(part)?;
        }
        if !end {
            self.text.push_str(ANYTHING);
        }
        Ok(())
    }

    fn ast(&mut self, tree: &Ast) -> Result<(), String> {
        match tree {
            Ast::Empty(_) => {}
            Ast::Flags(set) => self.set_flags(&set.flags)?,
            Ast::Literal(literal) => self.literal(literal.c),
            Ast::Dot(_) => self.text.push_str(if self.flags.dot_newline { "(.|\\n)" } else { "." }),
            Ast::Assertion(found) if is_start(&found.kind) => self.text.push('^'),
            Ast::Assertion(found) if is_end(&found.kind) => self.text.push('$'),
            Ast::Assertion(_) => return Err(refused("a word boundary")),
            Ast::ClassUnicode(_) => return Err(refused("a class of Unicode")),
            Ast::ClassPerl(class) => {
                let negation = if class.negated { "^" } else { "" };
                let text = format!("[{negation}{}]", perl(&class.kind));
                self.text.push_str(&text);
            }
            Ast::ClassBracketed(class) => {
                self.text.push_str(if class.negated { "[^" } else { "[" });
                match &class.kind {
                    ClassSet::Item(item) => self.class_item(item)?,
                    ClassSet::BinaryOp(_) => return Err(refused("an operation on classes")),
                }
                self.text.push(']');
            }
            Ast::Repetition(repetition) => self.repetition(repetition)?,
            Ast::Group(group) => self.group(group)?,
            Ast::Alternation(alternation) => {
                for (index, branch) in alternation.asts.iter().enumerate() {
                    if index > 0 {
                        self.text.push('|');
                    }
                    self.ast(branch)?;
                }
            }
            Ast::Concat(concat) => concat.asts.iter().try_for_each(|part| self.ast(part))?,
        }
        Ok(())
    }

    fn group(&mut self, group: &ast::Group) -> Result<(), String> {
        let outside = self.flags;
        if let GroupKind::NonCapturing(flags) = &group.kind {
            self.set_flags(flags)?;
        }
        self.text.push('(');
        self.ast(&group.ast)?;
        self.text.push(')');
        self.flags = outside;
        Ok(())
    }

    /// Lazy or greedy: whether a text fits is the same.
    fn repetition(&mut self, repetition: &ast::Repetition) -> Result<(), String> {
        let nested = matches!(*repetition.ast, Ast::Repetition(_) | Ast::Assertion(_) | Ast::Empty(_));
        if nested {
            self.text.push('(');
        }
        self.ast(&repetition.ast)?;
        if nested {
            self.text.push(')');
        }
        let text = match &repetition.op.kind {
            RepetitionKind::ZeroOrOne => "?".to_owned(),
            RepetitionKind::ZeroOrMore => "*".to_owned(),
            RepetitionKind::OneOrMore => "+".to_owned(),
            RepetitionKind::Range(RepetitionRange::Exactly(count)) => format!("{{{count}}}"),
            RepetitionKind::Range(RepetitionRange::AtLeast(count)) => format!("{{{count},}}"),
            RepetitionKind::Range(RepetitionRange::Bounded(least, most)) => format!("{{{least},{most}}}"),
        };
        self.text.push_str(&text);
        Ok(())
    }

    fn set_flags(&mut self, flags: &ast::Flags) -> Result<(), String> {
        let mut on = true;
        for item in &flags.items {
            match &item.kind {
                FlagsItemKind::Negation => on = false,
                FlagsItemKind::Flag(Flag::CaseInsensitive) => self.flags.ignore_case = on,
                FlagsItemKind::Flag(Flag::DotMatchesNewLine) => self.flags.dot_newline = on,
                FlagsItemKind::Flag(_) => return Err(refused("this flag")),
            }
        }
        Ok(())
    }

    fn literal(&mut self, char: char) {
        if let (true, Some(other)) = (self.flags.ignore_case, other_case(char)) {
            self.text.extend(['[', char, other, ']']);
            return;
        }
        if "\\.+*?()|[]{}^$".contains(char) {
            self.text.push('\\');
        }
        self.text.push(char);
    }

    fn class_item(&mut self, item: &ClassSetItem) -> Result<(), String> {
        match item {
            ClassSetItem::Empty(_) => {}
            ClassSetItem::Literal(literal) => {
                self.class_char(literal.c);
                if let (true, Some(other)) = (self.flags.ignore_case, other_case(literal.c)) {
                    self.text.push(other);
                }
            }
            ClassSetItem::Range(range) => {
                self.class_range(range.start.c, range.end.c);
                if self.flags.ignore_case {
                    self.class_range_of_case(range.start.c, range.end.c, ('a', 'z'), |char| {
                        char.to_ascii_uppercase()
                    });
                    self.class_range_of_case(range.start.c, range.end.c, ('A', 'Z'), |char| {
                        char.to_ascii_lowercase()
                    });
                }
            }
            ClassSetItem::Ascii(class) => {
                let negation = if class.negated { "^" } else { "" };
                let name = match class.kind {
                    ClassAsciiKind::Word => return Err(refused("[:word:]")),
                    ClassAsciiKind::Lower | ClassAsciiKind::Upper if self.flags.ignore_case => "alpha",
                    ref kind => ascii(kind),
                };
                self.text.push_str(&format!("[:{negation}{name}:]"));
            }
            ClassSetItem::Perl(class) => self.class_perl(class)?,
            ClassSetItem::Unicode(_) => return Err(refused("a class of Unicode")),
            ClassSetItem::Bracketed(_) => return Err(refused("'[' in a class, unless behind a backslash,")),
            ClassSetItem::Union(union) => union.items.iter().try_for_each(|item| self.class_item(item))?,
        }
        Ok(())
    }

    fn class_perl(&mut self, class: &ClassPerl) -> Result<(), String> {
        match (&class.kind, class.negated) {
            (kind, false) => self.text.push_str(perl(kind)),
            (ClassPerlKind::Space, true) => self.text.push_str("[:^space:]"),
            (ClassPerlKind::Digit, true) => self.text.push_str("[:^digit:]"),
            (ClassPerlKind::Word, true) => return Err(refused("\\W in a class")),
        }
        Ok(())
    }

    fn class_char(&mut self, char: char) {
        if matches!(char, '[' | ']' | '\\' | '^' | '-' | '&' | '~') {
            self.text.push('\\');
        }
        self.text.push(char);
    }

    fn class_range(&mut self, low: char, high: char) {
        self.class_char(low);
        self.text.push('-');
        self.class_char(high);
    }

    /// The letters of a range that have another case, in that case.
    fn class_range_of_case(
        &mut self,
        low: char,
        high: char,
        letters: (char, char),
        change: impl Fn(char) -> char,
    ) {
        let (low, high) = (low.max(letters.0), high.min(letters.1));
        if low <= high {
            self.class_range(change(low), change(high));
        }
    }
}

fn other_case(char: char) -> Option<char> {
    match char {
        'a'..='z' => Some(char.to_ascii_uppercase()),
        'A'..='Z' => Some(char.to_ascii_lowercase()),
        _ => None,
    }
}

/// The inside of a class.
fn perl(kind: &ClassPerlKind) -> &'static str {
    match kind {
        ClassPerlKind::Digit => "0-9",
        ClassPerlKind::Space => "[:space:]",
        ClassPerlKind::Word => "0-9A-Za-z_",
    }
}

fn ascii(kind: &ClassAsciiKind) -> &'static str {
    match kind {
        ClassAsciiKind::Alnum => "alnum",
        ClassAsciiKind::Alpha => "alpha",
        ClassAsciiKind::Ascii => "ascii",
        ClassAsciiKind::Blank => "blank",
        ClassAsciiKind::Cntrl => "cntrl",
        ClassAsciiKind::Digit => "digit",
        ClassAsciiKind::Graph => "graph",
        ClassAsciiKind::Lower => "lower",
        ClassAsciiKind::Print => "print",
        ClassAsciiKind::Punct => "punct",
        ClassAsciiKind::Space => "space",
        ClassAsciiKind::Upper => "upper",
        ClassAsciiKind::Word => "word",
        ClassAsciiKind::Xdigit => "xdigit",
    }
}

fn is_start(kind: &AssertionKind) -> bool {
    matches!(kind, AssertionKind::StartLine | AssertionKind::StartText)
}

fn is_end(kind: &AssertionKind) -> bool {
    matches!(kind, AssertionKind::EndLine | AssertionKind::EndText)
}

#[cfg(test)]
mod tests {
    use super::{Flags, to_posix};

    #[test]
    fn expressions_become_posix() {
        let plain = Flags::default();
        let any = "(.|\\n)*";
        for (sigma, posix) in [
            ("^a$", "a".to_owned()),
            ("a", format!("{any}a{any}")),
            ("^a|b$", format!("a{any}|{any}b")),
            (r"^\d+\s\w$", "[0-9]+[[:space:]][0-9A-Za-z_]".to_owned()),
            (r"^[\d\S.-]\D$", r"[0-9[:^space:].\-][^0-9]".to_owned()),
            (r"^a.*?(?:b|c)+?$", "a.*(b|c)+".to_owned()),
            (r"^(?i)aB[c-e_]1$", "[aA][Bb][c-eC-E_]1".to_owned()),
            (r"^(?i:a)b$", "([aA])b".to_owned()),
            (r"^(?s).$", "(.|\\n)".to_owned()),
            (r"^/dev/(tcp|udp)/[^\s]+$", "/dev/(tcp|udp)/[^[:space:]]+".to_owned()),
            (r"^(^| )\$\(x{2,}\.$", r"(^| )\$\(x{2,}\.".to_owned()),
            (r"^\x41\t$", "A\t".to_owned()),
        ] {
            assert_eq!(to_posix(sigma, &plain).unwrap(), posix, "{sigma}");
        }
        let ignore_case = Flags { ignore_case: true, dot_newline: false };
        assert_eq!(to_posix("^[^A-F]z$", &ignore_case).unwrap(), "[^A-Fa-f][zZ]");
    }

    #[test]
    fn what_posix_lacks_is_refused() {
        for sigma in [r"\bx", "(?=x)", r"\p{L}", "(?x) a", "(?m)^a", "[a&&b]", "(", "a{2,1}", r"\1"] {
            assert!(to_posix(sigma, &Flags::default()).is_err(), "{sigma}");
        }
        assert!(to_posix(&"(".repeat(5_000), &Flags::default()).unwrap_err().contains("more than"));
        assert!(to_posix(&"(".repeat(4_000), &Flags::default()).is_err());
    }
}
