//! Counting tests from what test runners print.

use std::fmt;

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Counts {
    /// Adds the counts of a line if it is a summary of cargo-nextest or of libtest.
    pub(crate) fn add_line(&mut self, line: &str) {
        let plain = without_colours(line);
        let text = plain.trim_start();
        let is_summary = (text.starts_with("Summary [") && text.contains("tests run:"))
            || (text.starts_with("Summary [") && text.contains("test run:"))
            // Not indented: cargo-nextest shows the output of a failed test with the summary libtest printed in it.
            || plain.starts_with("test result: ");
        if !is_summary {
            return;
        }
        let words: Vec<&str> =
            text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            let [number, word] = pair else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match *word {
                "passed" => self.passed += number,
                "failed" | "timed" | "exec" => self.failed += number,
                _ => {}
            }
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// The test a line of cargo-nextest's summary calls flaky: it failed and passed when it was tried again.
pub(crate) fn flaky_test(line: &str) -> Option<String> {
    let plain = without_colours(line);
    let (_, test) = plain.trim_start().strip_prefix("FLAKY ")?.split_once("] ")?;
    // The number of the test in the run says nothing about it.
    let name = test.trim().split_once(") ").map_or(test, |(_, name)| name);
    Some(name.trim().to_owned())
}

/// A line without terminal colour sequences.
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            letters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(letter);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{Counts, flaky_test};

    fn counted(lines: &[&str]) -> (u64, u64) {
        let mut counts = Counts::default();
        lines.iter().for_each(|line| counts.add_line(line));
        (counts.passed, counts.failed)
    }

    #[test]
    fn summaries_of_both_runners_count_and_nothing_else_does() {
        assert_eq!(counted(&["     Summary [   1.395s] 17 tests run: 17 passed, 0 skipped"]), (17, 0));
        assert_eq!(counted(&["     Summary [   1.395s] 1 test run: 1 passed, 0 skipped"]), (1, 0));
        assert_eq!(
            counted(&[
                "\u{1b}[31;1m     Summary\u{1b}[0m [   0.142s] 9 tests run: 5 passed (1 slow), 3 failed, 1 timed out, 2 skipped"
            ]),
            (5, 4)
        );
        assert_eq!(
            counted(&[
                "test result: ok. 4 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s",
                "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s",
                "5 passed in another tool's words",
                "    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 8 filtered out; finished in 0.7s",
            ]),
            (6, 1)
        );
    }

    #[test]
    fn flaky_tests_are_named() {
        assert_eq!(
            flaky_test(
                "\u{1b}[35;1m   FLAKY 2/3\u{1b}[0m [   0.012s] (17/17) fargard-sensor::engine_run a_test"
            )
            .as_deref(),
            Some("fargard-sensor::engine_run a_test")
        );
        assert_eq!(flaky_test("  TRY 1 FAIL [   0.012s] fargard-sensor::engine_run a_test"), None);
    }
}
