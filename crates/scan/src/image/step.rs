//! The steps of an image's history as the builders write them, and the commands in a line for a shell.

/// Most commands taken from one line, and most words from one command.
const MAX_COMMANDS: usize = 500;
const MAX_WORDS: usize = 500;

/// One step of making an image.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'t> {
    /// A line that a shell ran, and the build's arguments that it saw.
    Run {
        /// `NAME=value`, values without spaces.
        arguments: Vec<(&'t str, &'t str)>,
        /// The line.
        line: &'t str,
    },
    /// Files that were added with ADD; what is shown of the sources depends on the builder.
    Add {
        /// All but the last word.
        sources: Vec<&'t str>,
        /// Where to.
        to: &'t str,
    },
    /// `ARG` and `ENV`: what follows.
    Variables(&'t str),
    /// Anything else.
    Other,
}

impl<'t> Step<'t> {
    /// Reads `created_by` of Docker's old builder, BuildKit, Buildah and Kaniko.
    pub(super) fn parse(created_by: &'t str) -> Self {
        let text = created_by.trim();
        let text = text.strip_suffix("# buildkit").unwrap_or(text).trim_end();
        if let Some((_, instruction)) = text.split_once("#(nop)") {
            return Self::instruction(instruction.trim());
        }
        match text.split_once(char::is_whitespace) {
            Some(("RUN", rest)) => Self::run(rest.trim()),
            Some((
                "ADD" | "ARG" | "ENV" | "COPY" | "CMD" | "ENTRYPOINT" | "LABEL" | "WORKDIR" | "USER",
                _,
            )) => Self::instruction(text),
            _ if text.starts_with('|') || shell(text).is_some() => Self::run(text),
            _ => Self::Other,
        }
    }

    fn instruction(text: &'t str) -> Self {
        let Some((word, rest)) = text.split_once(char::is_whitespace) else { return Self::Other };
        match word {
            "ADD" => Self::add(rest.trim()),
            "ARG" | "ENV" => Self::Variables(rest.trim()),
            _ => Self::Other,
        }
    }

    fn add(rest: &'t str) -> Self {
        let words: Vec<&str> = rest.split_whitespace().filter(|word| !word.starts_with("--")).collect();
        match words.split_last() {
            // `file:HASH in /app`
            Some((to, [sources @ .., "in"])) | Some((to, sources)) if !sources.is_empty() => {
                Self::Add { sources: sources.to_vec(), to }
            }
            _ => Self::Other,
        }
    }

    /// `|2 A=b C=d /bin/sh -c line`, `/bin/sh -c line`, `line`.
    fn run(text: &'t str) -> Self {
        let mut arguments = Vec::new();
        let mut rest = text;
        if let Some(after) = text.strip_prefix('|') {
            let (count, after) = after.split_once(' ').unwrap_or((after, ""));
            rest = after;
            for _ in 0..count.parse::<usize>().unwrap_or(0).min(MAX_WORDS) {
                if shell(rest).is_some() {
                    break;
                }
                let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
                arguments.extend(word.split_once('='));
                rest = after.trim_start();
            }
        }
        Self::Run { arguments, line: shell(rest).unwrap_or(rest) }
    }
}

/// What a shell is given: the text behind `/bin/sh -c`, `/bin/bash -o pipefail -c`, ...
fn shell(text: &str) -> Option<&str> {
    let (program, rest) = text.split_once(' ')?;
    let name = program.rsplit('/').next()?;
    if !["sh", "bash", "ash", "dash", "zsh"].contains(&name) || !program.starts_with('/') {
        return None;
    }
    let at = rest.find("c ").filter(|at| rest.get(..*at).is_some_and(is_options))?;
    rest.get(at + 2..)
}

/// `-`, `-e`, `-o pipefail -`, `-exo pipefail -`: what stands before the `c` of `-c`.
fn is_options(text: &str) -> bool {
    text.split_whitespace().all(|word| word.starts_with('-') || word == "pipefail")
        && text.rsplit(' ').next().is_some_and(|last| last.starts_with('-'))
}

/// One command of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command<'t> {
    /// Program and arguments, without quotes.
    pub(super) words: Vec<&'t str>,
    /// It reads what the command before writes.
    pub(super) piped: bool,
}

impl Command<'_> {
    /// The program's name without directories.
    pub(super) fn name(&self) -> &str {
        self.words.first().map_or("", |word| word.rsplit('/').next().unwrap_or(word))
    }

    pub(super) fn has(&self, any: &[&str]) -> bool {
        self.words.iter().skip(1).any(|word| any.contains(word))
    }
}

/// Words that stand before a command and are none.
const BEFORE: &[&str] = &[
    "then", "do", "else", "if", "elif", "while", "until", "!", "{", "(", "time", "exec", "command", "env",
    "nice",
];

/// The commands of a line, as a shell would separate them. Quotes are honoured, nothing is expanded; what stands in
/// `$(...)` counts as commands too.
pub(super) fn commands(line: &str) -> Vec<Command<'_>> {
    let mut found = Vec::new();
    let (mut start, mut quote, mut piped) = (0, None, false);
    let mut letters = line.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match (quote, letter) {
            (None | Some('"'), '\\') => {
                letters.next();
            }
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            (None, ';' | '|' | '&' | '\n' | '(' | ')' | '`') => {
                push(line.get(start..at), piped, &mut found);
                let doubled = letters.next_if(|(_, next)| *next == letter).is_some();
                piped = letter == '|' && !doubled;
                start = at + letter.len_utf8() * if doubled { 2 } else { 1 };
            }
            _ => {}
        }
        if found.len() >= MAX_COMMANDS {
            return found;
        }
    }
    push(line.get(start..), piped, &mut found);
    found
}

fn push<'t>(text: Option<&'t str>, piped: bool, found: &mut Vec<Command<'t>>) {
    let words = words(text.unwrap_or_default());
    let is_before = |word: &&&str| BEFORE.contains(*word) || is_assignment(word);
    let skipped = words.iter().take_while(is_before).count();
    let words: Vec<&str> = words.into_iter().skip(skipped).collect();
    if !words.is_empty() {
        found.push(Command { words, piped });
    }
}

/// Words with quotes around them taken off; spaces in quotes do not separate.
pub(super) fn words(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = if matches!(first, '\'' | '"') {
            let inside = rest.get(1..).unwrap_or_default();
            inside.split_once(first).unwrap_or((inside, ""))
        } else {
            rest.split_once(char::is_whitespace).unwrap_or((rest, ""))
        };
        // A continued line leaves its backslash.
        if !word.is_empty() && word != "\\" {
            found.push(word);
        }
        if found.len() >= MAX_WORDS {
            break;
        }
        rest = after.trim_start();
    }
    found
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::{Step, commands};

    #[test]
    fn steps_of_several_builders() {
        let run = |line: &'static str| Step::Run { arguments: Vec::new(), line };
        for (text, expected) in [
            ("/bin/sh -c apt-get update", run("apt-get update")),
            ("RUN /bin/sh -c apt-get update # buildkit", run("apt-get update")),
            ("/bin/bash -o pipefail -c set -x", run("set -x")),
            ("RUN make -c all", run("make -c all")),
            (
                "RUN |2 TOKEN=abc V=1 /bin/sh -c make # buildkit",
                Step::Run { arguments: vec![("TOKEN", "abc"), ("V", "1")], line: "make" },
            ),
            ("|1 A= /bin/sh -c make", Step::Run { arguments: vec![("A", "")], line: "make" }),
            ("/bin/sh -c #(nop) ADD file:0123 in / ", Step::Add { sources: vec!["file:0123"], to: "/" }),
            (
                "ADD --chown=1:1 https://example.net/a.tgz b /opt/ # buildkit",
                Step::Add { sources: vec!["https://example.net/a.tgz", "b"], to: "/opt/" },
            ),
            ("/bin/sh -c #(nop)  ENV A=b", Step::Variables("A=b")),
            ("ARG TOKEN=x", Step::Variables("TOKEN=x")),
            ("COPY . /app # buildkit", Step::Other),
            ("bazel build ...", Step::Other),
            ("", Step::Other),
            ("ADD", Step::Other),
        ] {
            assert_eq!(Step::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn commands_of_a_line() {
        let of = |line: &'static str| -> Vec<(Vec<&str>, bool)> {
            commands(line).into_iter().map(|command| (command.words, command.piped)).collect()
        };
        assert_eq!(
            of("set -eux; A=1 apt-get update && apt-get install -y 'a;b' || true"),
            [
                (vec!["set", "-eux"], false),
                (vec!["apt-get", "update"], false),
                (vec!["apt-get", "install", "-y", "a;b"], false),
                (vec!["true"], false)
            ]
        );
        assert_eq!(of("curl x | sh"), [(vec!["curl", "x"], false), (vec!["sh"], true)]);
        assert_eq!(of("if ! test -e a; then make; fi")[1].0, ["make"]);
        assert_eq!(of("x=$(curl a)")[0].0, ["curl", "a"]);
        assert_eq!(of("'unclosed | a"), [(vec!["unclosed | a"], false)]);
        assert_eq!(of(""), []);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken_apart(text in ".{0,80}") {
            let _ = Step::parse(&text);
            for command in commands(&text) {
                proptest::prop_assert!(!command.words.is_empty());
            }
        }
    }
}
