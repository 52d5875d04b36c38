//! Check 456 against lines that are labelled: how many of the secrets are found, and how much of what is found is one.
#![expect(clippy::print_stderr, reason = "measurements are printed")]

use fargard_model::Priority;
use fargard_scan::secrets::text::{find, is_searched};

const LINES: &str = include_str!("data/files.tsv");

struct Measured {
    found: u32,
    missed: u32,
    wrong: u32,
}

impl Measured {
    fn recall(&self) -> f64 {
        f64::from(self.found) / f64::from(self.found + self.missed)
    }

    fn precision(&self) -> f64 {
        f64::from(self.found) / f64::from(self.found + self.wrong)
    }
}

/// Every second line was not looked at while the detectors were written.
fn measure(half: usize) -> Measured {
    let mut measured = Measured { found: 0, missed: 0, wrong: 0 };
    for (index, row) in LINES.lines().filter(|line| !line.starts_with('#')).enumerate() {
        if index % 2 != half {
            continue;
        }
        let mut fields = row.splitn(3, '\t');
        let (Some(path), Some(label), Some(line)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let text = format!("first\n{}\nlast\n", line.replace('~', ""));
        let fails = find(path, text.as_bytes()).iter().any(|found| found.severity <= Priority::Warning);
        match (label, fails) {
            ("1", true) => measured.found += 1,
            ("1", false) => {
                measured.missed += 1;
                if half == 0 {
                    eprintln!("missed: {row}");
                }
            }
            (_, true) => {
                measured.wrong += 1;
                if half == 0 {
                    eprintln!("wrong: {row}");
                }
            }
            _ => {}
        }
    }
    measured
}

#[test]
fn labelled_lines() {
    for (half, name) in [(0, "looked at"), (1, "not looked at")] {
        let measured = measure(half);
        let (precision, recall) = (measured.precision(), measured.recall());
        let Measured { found, missed, wrong } = measured;
        eprintln!(
            "{name}: precision {precision:.3}, recall {recall:.3} ({found} found, {missed} missed, {wrong} wrong)"
        );
        assert!(precision >= 0.95 && recall >= 0.90, "{name}: {precision:.3} {recall:.3}");
    }
}

#[test]
fn lines_are_counted_and_secrets_masked() {
    let text = format!("a\n\nDB_PASSWORD={}\nb\nTOKEN={}\n", "Zk8vTq2Lx1", "h4Rd9xQe77");
    let found = find("/app/.env", text.as_bytes());
    assert_eq!(found.iter().map(|found| found.line).collect::<Vec<_>>(), [3, 5]);
    assert!(found.iter().all(|found| !found.reason.contains("Tq2Lx1") && !found.reason.contains("9xQe77")));
}

#[test]
fn places_lower_the_severity_and_published_files_are_left_out() {
    let text = "password: Zk8vTq2Lx1\n";
    let worst = |path: &str| find(path, text.as_bytes()).first().map(|found| found.severity);
    assert_eq!(worst("/app/config.yml"), Some(Priority::Error));
    assert_eq!(worst("/app/tests/config.yml"), Some(Priority::Notice));
    assert_eq!(worst("/app/config.yml.example"), None);
    for (path, expected) in [
        ("/app/x.yml", true),
        ("/app/node_modules/a/x.yml", false),
        ("/usr/share/doc/x", false),
        ("/usr/local/app/x.yml", true),
        ("/app/usr/share/x.yml", true),
        ("/lib/x", false),
    ] {
        assert_eq!(is_searched(path.as_bytes(), 10), expected, "{path}");
    }
    assert!(find("/app/binary", b"\0password=Zk8vTq2Lx1\n").is_empty());
}

#[test]
fn a_flood_is_bounded() {
    let text = "password=Zk8vTq2Lx1\n".repeat(10_000);
    assert_eq!(find("/app/.env", text.as_bytes()).len(), 50);
    let long = format!("password={}\n", "x1".repeat(1 << 19));
    assert!(find("/app/.env", long.as_bytes()).is_empty());
}
