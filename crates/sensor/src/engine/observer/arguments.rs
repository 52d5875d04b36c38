//! Are the arguments a process runs with those it was executed with?
//!
//! `/proc/PID/cmdline` is memory of the process: programs write titles over it (`setproctitle`) or blank passwords.
//! The kernel however remembers how many bytes the arguments took, and titles do not keep the place of each one.

use super::program::Asked;
use crate::engine::paths;

/// The running program has exactly the arguments that were asked for.
pub(super) fn same(asked: &Asked, argv: &[String]) -> bool {
    asked.argv.len() == argv.len()
        && asked.argv.iter().zip(argv).enumerate().all(|(at, (asked_for, found))| {
            asked_for == found || asked.script == Some(at) && same_name(asked_for, found)
        })
}

/// The arguments the kernel took are not those that were asked for, and the program itself cannot have made them so.
/// `bytes` is how many the kernel took, 0 where it does not say.
pub(super) fn were_changed(asked: &Asked, argv: &[String], bytes: u64) -> bool {
    if !asked.whole || bytes == 0 || same(asked, argv) {
        return false;
    }
    let expected: u64 = asked.argv.iter().map(|argument| argument.len() as u64 + 1).sum();
    if expected != bytes {
        return true;
    }
    let pairs = || asked.argv.iter().zip(argv);
    asked.argv.len() == argv.len()
        && pairs().all(|(asked_for, found)| asked_for.len() == found.len())
        && pairs().any(|(asked_for, found)| asked_for != found && !is_blanked(found))
}

/// One character again and again: what programs write over a password.
fn is_blanked(argument: &str) -> bool {
    let mut characters = argument.chars();
    let first = characters.next();
    characters.all(|character| Some(character) == first)
}

fn same_name(one: &str, other: &str) -> bool {
    paths::file_name(one) == paths::file_name(other)
}

#[cfg(test)]
mod tests {
    use super::{Asked, same, were_changed};

    #[test]
    fn titles_and_blanked_passwords_are_no_other_arguments() {
        for (asked, found, bytes, changed) in [
            (&["sh", "-c", "id"][..], &["sh", "-c", "id"][..], 9, false),
            (&["sh", "-c", "id"], &["sh", "-c", "rm -rf /"], 15, true),
            (&["sh", "-c", "id"], &["sh", "-c", "ls"], 9, true),
            (&["sh", "-c", "id"], &["sh", "-c", "ls"], 0, false),
            (&["nginx", "-g", "x"], &["nginx: worker"], 11, false),
            (&["mysql", "-pabcd"], &["mysql", "xxxxxx"], 13, false),
            (&["postgres", "-D", "/data"], &["postgres", "", "", ""], 18, false),
            (&["a"], &["a", "b"], 4, true),
        ] {
            let asked = Asked {
                argv: asked.iter().map(|text| (*text).to_owned()).collect(),
                whole: true,
                ..Asked::default()
            };
            let found: Vec<String> = found.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(were_changed(&asked, &found, bytes), changed, "{asked:?} {found:?}");
            assert!(!were_changed(&Asked { whole: false, ..asked }, &found, bytes));
        }
    }

    #[test]
    fn a_script_is_named_as_it_was_found() {
        let argv = |path: &str| vec!["/bin/sh".to_owned(), path.to_owned(), "x".to_owned()];
        let asked = Asked { argv: argv("/opt/run.sh"), script: Some(1), whole: true, ..Asked::default() };
        assert!(same(&asked, &argv("./run.sh")) && !same(&asked, &argv("./walk.sh")));
    }
}
