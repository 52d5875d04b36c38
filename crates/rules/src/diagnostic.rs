//! What loading has to say: Falco's codes, with a place in a file and what to do next.

use std::{fmt, ops::Range};

use crate::source::{LineColumn, SourceFile, line_column};

macro_rules! codes {
    ($($variant:ident $severity:ident $name:literal $title:literal,)*) => {
        /// Falco's load codes, and those of our lints (`FARGARD_LINT_..`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each variant is the code that `name` gives; `title` says what it means")]
        pub enum Code { $($variant),* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Falco's name: `LOAD_ERR_COMPILE_CONDITION`.
            #[must_use]
            pub fn name(self) -> &'static str { match self { $(Self::$variant => $name),* } }

            /// What it means in a few words (Falco's `codedesc`).
            #[must_use]
            pub fn title(self) -> &'static str { match self { $(Self::$variant => $title),* } }

            /// Whether it stops the load.
            #[must_use]
            pub fn severity(self) -> Severity { match self { $(Self::$variant => Severity::$severity),* } }
        }
    };
}

codes! {
    ErrFileRead Error "LOAD_ERR_FILE_READ" "File read error",
    ErrYamlParse Error "LOAD_ERR_YAML_PARSE" "YAML parse error",
    ErrYamlValidate Error "LOAD_ERR_YAML_VALIDATE" "Error validating internal structure of YAML file",
    ErrCompileCondition Error "LOAD_ERR_COMPILE_CONDITION" "Error compiling condition",
    ErrCompileOutput Error "LOAD_ERR_COMPILE_OUTPUT" "Error compiling output",
    ErrValidate Error "LOAD_ERR_VALIDATE" "Error validating rule/macro/list/exception objects",
    ErrExtension Error "LOAD_ERR_EXTENSION" "Error in extension item",
    UnknownSource Warning "LOAD_UNKNOWN_SOURCE" "Unknown event source",
    UnsafeNaCheck Warning "LOAD_UNSAFE_NA_CHECK" "Unsafe <NA> comparison in condition",
    NoEvttype Warning "LOAD_NO_EVTTYPE" "Condition has no event-type restriction",
    UnknownFilter Warning "LOAD_UNKNOWN_FILTER" "Unknown field or event-type in condition or output",
    UnusedMacro Warning "LOAD_UNUSED_MACRO" "Unused macro",
    UnusedList Warning "LOAD_UNUSED_LIST" "Unused list",
    UnknownItem Warning "LOAD_UNKNOWN_ITEM" "Unknown rules file item",
    DeprecatedItem Warning "LOAD_DEPRECATED_ITEM" "Used deprecated item",
    WarningExtension Warning "LOAD_WARNING_EXTENSION" "Warning in extension item",
    AppendNoValues Warning "LOAD_APPEND_NO_VALUES" "Overriding/appending exception with no values",
    ExceptionNameNotUnique Warning "LOAD_EXCEPTION_NAME_NOT_UNIQUE" "Multiple exceptions defined with the same name",
    InvalidMacroName Warning "LOAD_INVALID_MACRO_NAME" "Invalid macro name",
    InvalidListName Warning "LOAD_INVALID_LIST_NAME" "Invalid list name",
    CompileCondition Warning "LOAD_COMPILE_CONDITION" "Warning in rule condition",
    UnknownKey Warning "LOAD_UNKNOWN_KEY" "Unknown item key",
    LintUnsatisfiable Lint "FARGARD_LINT_UNSATISFIABLE" "Condition that is never true",
    LintAlwaysTrue Lint "FARGARD_LINT_ALWAYS_TRUE" "Condition that is always true",
    LintConstantClause Lint "FARGARD_LINT_CONSTANT_CLAUSE" "Part of a condition that is never or always true",
    LintNeverComputed Lint "FARGARD_LINT_NEVER_COMPUTED" "Rule that waits for fields without a value on Fargate",
    LintDuplicate Lint "FARGARD_LINT_DUPLICATE" "Two rules of one condition",
    LintSubsumed Lint "FARGARD_LINT_SUBSUMED" "Rule that adds nothing to another one",
    LintShadowed Lint "FARGARD_LINT_SHADOWED" "Rule that never alerts under rule_matching: first",
    LintListInQuotes Lint "FARGARD_LINT_LIST_IN_QUOTES" "List name inside quotes",
    LintNotEqualMissing Lint "FARGARD_LINT_NOT_EQUAL_MISSING" "'!=' on a field that may have no value",
    LintAppendedOr Lint "FARGARD_LINT_APPENDED_OR" "Appended 'or' that leaves the condition's other restrictions",
    LintAppendedAnd Lint "FARGARD_LINT_APPENDED_AND" "Appended 'and' that restricts only the last alternative",
    LintRegexAnchored Lint "FARGARD_LINT_REGEX_ANCHORED" "Regular expression that looks like a search",
    LintUnknownEventType Lint "FARGARD_LINT_UNKNOWN_EVENT_TYPE" "Comparison that no event type passes",
    LintDuplicateItem Lint "FARGARD_LINT_DUPLICATE_ITEM" "Item that stands twice in a list",
    LintRedefined Lint "FARGARD_LINT_REDEFINED" "Item that replaces an earlier one of the same file",
    LintListHidesMacro Lint "FARGARD_LINT_LIST_HIDES_MACRO" "Macro of a list's name",
    LintDeepList Lint "FARGARD_LINT_DEEP_LIST" "List that Falco expands in part",
}

impl Code {
    /// What to do next, where the diagnostic itself does not say it.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::ErrFileRead => "split the file",
            Self::ErrYamlParse => {
                "mend the YAML at this place; often a quote, a ':' or the indentation of the line before"
            }
            Self::ErrYamlValidate => "`fargard rules schema` prints every key with what may stand there",
            Self::ErrCompileCondition => {
                "`fargard rules list --fields` names the fields with their types; 'and', 'or' and 'not' stand between comparisons"
            }
            Self::ErrCompileOutput => "'%' begins a field; `fargard rules list --fields` names them",
            Self::ErrValidate => "mend the item, or load the file with what it needs before this one",
            Self::ErrExtension | Self::WarningExtension => {
                "docs/rules.md describes sequences, thresholds and tests"
            }
            Self::UnknownSource => {
                "nothing to do: the rule is left out; sources are syscall and aws_cloudtrail"
            }
            Self::UnsafeNaCheck => "use 'exists' to ask whether a field has a value",
            Self::NoEvttype => {
                "restrict it, as in 'evt.type in (open, openat) and ...', or set warn_evttypes: false"
            }
            Self::UnknownFilter => "nothing to do: skip-if-unknown-filter asks for this",
            Self::UnusedMacro | Self::UnusedList => "remove it, unless a file that is loaded later names it",
            Self::UnknownItem | Self::UnknownKey => "mind its spelling; it has no effect",
            Self::DeprecatedItem => "it may be gone in a later version of Falco",
            Self::AppendNoValues => "add 'values' with what is excepted",
            Self::ExceptionNameNotUnique => "rename one of the exceptions",
            Self::InvalidMacroName | Self::InvalidListName => {
                "rename it: letters, digits and '_', a letter first"
            }
            Self::CompileCondition => "write the comparison with what the message names",
            _ => "docs/rules.md says what the lint means",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Most diagnostics of one load: each looks for its place in the file, and nobody reads more.
pub const MAX_DIAGNOSTICS: usize = 1_000;

/// Whether one more of this code is to be made: there are not too many, or it is the first error.
pub(crate) fn has_room(diagnostics: &[Diagnostic], code: Code) -> bool {
    diagnostics.len() < MAX_DIAGNOSTICS
        || (code.severity() == Severity::Error && !diagnostics.iter().any(Diagnostic::is_error))
}

/// Says at the last diagnostic that there may be more, where no more were made.
pub(crate) fn mark_cut(diagnostics: &mut [Diagnostic]) {
    if diagnostics.len() >= MAX_DIAGNOSTICS
        && let Some(last) = diagnostics.last_mut()
    {
        last.help =
            Some(format!("there may be more: after {MAX_DIAGNOSTICS} only the first error is reported"));
    }
}

/// Whether a diagnostic stops the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file loads; Falco warns of the same.
    Warning,
    /// The file loads and Falco says nothing; only [`crate::lint`] gives these.
    Lint,
}

impl Severity {
    /// The word that diagnostics begin with.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Lint => "lint",
        }
    }
}

/// The item a diagnostic is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// `rule`, `macro`, `list`, `exception`, `rules content`, ...
    pub kind: &'static str,
    /// Its name; empty where it has none.
    pub name: String,
    /// Name of the file it stands in.
    pub file: String,
    /// Byte offset of the item in that file.
    pub offset: usize,
}

/// One thing that loading has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its code.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// Name of the file.
    pub file: String,
    /// Line and column of the first byte of `span`.
    pub at: LineColumn,
    /// Bytes of the file it is about.
    pub span: Range<usize>,
    /// The lines of the file around `span`.
    pub snippet: String,
    /// What to do next, when there is something to say.
    pub help: Option<String>,
    /// The item it is about.
    pub item: Option<Item>,
}

impl Diagnostic {
    /// A diagnostic on some bytes of a file.
    pub(crate) fn new(code: Code, file: &SourceFile, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            file: file.name.clone(),
            at: line_column(&file.text, span.start),
            snippet: snippet(&file.text, &span),
            span,
            help: None,
            item: None,
        }
    }

    /// The same with a hint.
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with the item it is about.
    pub(crate) fn with_item(mut self, item: Item) -> Self {
        self.item = Some(item);
        self
    }

    /// Stops the load.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.code.severity() == Severity::Error
    }
}

/// One line: `rules.yaml:4:14: error: message (LOAD_ERR_COMPILE_CONDITION)`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = self.code.severity().name();
        write!(
            f,
            "{}:{}:{}: {severity}: {} ({})",
            self.file, self.at.line, self.at.column, self.message, self.code
        )
    }
}

/// Longest text a snippet shows.
const MAX_SNIPPET: usize = 400;

/// The whole lines a span touches, cut to [`MAX_SNIPPET`] bytes.
fn snippet(text: &str, span: &Range<usize>) -> String {
    let clamp = |at: usize| {
        let mut at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = clamp(span.start);
    let line_start = text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let from = line_start.max(clamp(start.saturating_sub(MAX_SNIPPET / 2)));
    let end = clamp(span.end.max(start));
    let line_end = text.get(end..).and_then(|after| after.find('\n')).map_or(text.len(), |at| end + at);
    let to = line_end.min(clamp(from + MAX_SNIPPET)).max(from);
    text.get(from..to).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn every_code_is_documented_and_has_a_remedy() {
        let page = include_str!("../../../docs/rules.md");
        for code in Code::ALL {
            assert!(page.contains(&format!("`{}`", code.name())), "docs/rules.md does not name {code}");
            assert!(!code.remedy().is_empty() && !code.title().is_empty(), "{code}");
        }
    }
}
