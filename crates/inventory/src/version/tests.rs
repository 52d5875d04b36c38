//! The orders against the tools they are of, where these are installed, and against tables from their documentation.

use std::{
    cmp::Ordering,
    io::Write as _,
    process::{Command, Stdio},
};

use proptest::{prelude::*, strategy::ValueTree as _};

use super::Order;

const ALL: [Order; 7] =
    [Order::Dpkg, Order::Rpm, Order::Apk, Order::Semver, Order::Pep440, Order::Maven, Order::Gem];

/// Each older than the next.
fn rises(order: Order, versions: &[&str]) {
    for (at, left) in versions.iter().enumerate() {
        for (other, right) in versions.iter().enumerate() {
            assert_eq!(order.compare(left, right), at.cmp(&other), "{order:?}: {left} {right}");
        }
    }
}

fn equal(order: Order, versions: &[&str]) {
    for pair in versions.windows(2) {
        assert_eq!(order.compare(pair[0], pair[1]), Ordering::Equal, "{order:?}: {pair:?}");
    }
}

#[test]
fn dpkg_by_its_manual() {
    rises(
        Order::Dpkg,
        &[
            "1.0~~",
            "1.0~~a",
            "1.0~",
            "1.0",
            "1.0-1~bpo12+1",
            "1.0-1",
            "1.0-1+b1",
            "1.0-1.1",
            "1.0a",
            "1.0+b",
            "1.2",
            "1.10",
            "1:0.1",
        ],
    );
    equal(Order::Dpkg, &["1.0", "1.0-0", "0:1.0", "1.00-0"]);
}

#[test]
fn rpm_by_its_manual() {
    rises(
        Order::Rpm,
        &[
            "1.0~rc1",
            "1.0~rc2",
            "1.0",
            "1.0^git1",
            "1.0^git2",
            "1.0.1",
            "1.1a",
            "1.1b",
            "1.10",
            "1:0.1-1",
            "1:0.1-2.el9",
            "1:0.1-2.el9_2.1",
        ],
    );
    equal(Order::Rpm, &["1.0-1", "1.0", "0:1.0-1", "1_0-1"]);
}

#[test]
fn apk_by_its_grammar() {
    rises(
        Order::Apk,
        &[
            "0.1.0_alpha_pre2",
            "0.1.0_alpha",
            "0.1.0_alpha1",
            "0.1.0_beta",
            "0.1.0",
            "0.1.0-r1",
            "0.1.0_p1",
            "0.1.0_p1-r2",
            "0.1.0a",
            "0.1.0b-r1",
            "0.1.0.1",
            "1.00",
            "1.001",
            "1.01",
            "1.1",
            "1.10",
            "8.2.0015",
            "8.2.002",
            "10-r1",
            "20060512",
        ],
    );
    equal(Order::Apk, &["6.1", "6.1"]);
    rises(
        Order::Apk,
        &["1.0.0_pre20191002222144-r0", "1.0.0_pre20210530193627-r0", "1.0.0", "1.0.0~ab12", "1.0.0~ab13"],
    );
}

#[test]
fn semver_by_its_specification() {
    rises(
        Order::Semver,
        &[
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "v1.0.1",
            "1.2",
            "1.10.0",
        ],
    );
    equal(Order::Semver, &["1.0.0", "v1.0.0", "1.0.0+build", "1.0", "1"]);
    rises(
        Order::Semver,
        &[
            "v0.0.0-20190101000000-abcdefabcdef",
            "v0.0.0-20200101000000-abcdefabcdef",
            "v0.0.1-0.20210101000000-abcdefabcdef",
            "v0.0.1",
        ],
    );
}

#[test]
fn gems_by_their_documentation() {
    rises(
        Order::Gem,
        &["1.0.a1", "1.0.a.2", "1.0.b1", "1.0.rc1", "1.0", "1.0.1.pre", "1.0.1", "1.2", "1.10"],
    );
    equal(Order::Gem, &["1", "1.0", "1.0.0"]);
    equal(Order::Gem, &["1.0-1", "1.0.pre.1"]);
}

#[test]
fn maven_by_its_specification() {
    rises(
        Order::Maven,
        &[
            "1-alpha-1",
            "1-beta",
            "1-milestone-1",
            "1-rc",
            "1-snapshot",
            "1",
            "1-sp",
            "1-whatever",
            "1-1",
            "1.1",
            "1.2-beta-2",
            "1.2",
            "1.10",
        ],
    );
    equal(Order::Maven, &["1", "1.0", "1.ga", "1-final", "1.0.0-release"]);
    equal(Order::Maven, &["1-a1", "1-alpha-1"]);
    equal(Order::Maven, &["1-cr2", "1-rc2"]);
}

#[test]
fn pep440_by_its_text() {
    rises(
        Order::Pep440,
        &[
            "nonsense",
            "1.dev0",
            "1.0.dev456",
            "1.0a1",
            "1.0a2.dev456",
            "1.0a12.dev456",
            "1.0a12",
            "1.0b1.dev456",
            "1.0b2",
            "1.0b2.post345.dev456",
            "1.0b2.post345",
            "1.0rc1.dev456",
            "1.0rc1",
            "1.0",
            "1.0+abc.5",
            "1.0+abc.7",
            "1.0+5",
            "1.0.post456.dev34",
            "1.0.post456",
            "1.0.15",
            "1.1.dev1",
            "1!0.1",
        ],
    );
    equal(Order::Pep440, &["1.0", "1", "v1.0.0", "1.0.0"]);
    equal(Order::Pep440, &["1.0-1", "1.0.post1", "1.0.rev1", "1.0r1"]);
    equal(Order::Pep440, &["1.0c1", "1.0rc1", "1.0-preview_1"]);
}

/// Versions out of what versions are made of, for a tool to judge.
fn versions(alphabet: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(alphabet), 1..8).prop_map(|parts| parts.concat())
}

/// Pairs that are the same every time.
fn pairs(alphabet: &'static [&'static str], count: usize) -> Vec<(String, String)> {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = (versions(alphabet), versions(alphabet));
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// What a program prints for lines of two versions: one of `<`, `=`, `>` each.
fn judged_by(program: &str, arguments: &[&str], pairs: &[(String, String)]) -> Option<Vec<Ordering>> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let input: String = pairs.iter().map(|(left, right)| format!("{left} {right}\n")).collect();
    let mut stdin = child.stdin.take()?;
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().ok()?;
    let _ = writer.join();
    let text = String::from_utf8(output.stdout).ok()?;
    let verdicts: Vec<_> = text
        .lines()
        .filter_map(|line| match line.trim() {
            "<" => Some(Ordering::Less),
            "=" => Some(Ordering::Equal),
            ">" => Some(Ordering::Greater),
            _ => None,
        })
        .collect();
    (verdicts.len() == pairs.len()).then_some(verdicts)
}

fn compare_with(order: Order, program: &str, arguments: &[&str], pairs: &[(String, String)]) {
    let Some(verdicts) = judged_by(program, arguments, pairs) else {
        println!("skipped: {program} cannot judge here");
        return;
    };
    let wrong: Vec<_> = pairs
        .iter()
        .zip(&verdicts)
        .filter(|((left, right), verdict)| order.compare(left, right) != **verdict)
        .take(10)
        .collect();
    assert!(wrong.is_empty(), "{order:?}: {wrong:?}");
    let kinds: std::collections::BTreeSet<_> = verdicts.iter().map(|verdict| *verdict as i8).collect();
    assert!(kinds.len() == 3, "the judge says always the same");
    println!("{order:?}: {} pairs", pairs.len());
}

#[test]
fn dpkg_judges() {
    let pairs = pairs(&["0", "1", "9", "10", "00", "a", "b", "z", ".", "+", "~", "-1", "1:1", "."], 6000);
    // What dpkg takes for no version it does not compare.
    let sound = |version: &String| {
        let upstream = version.split_once(':').map_or(version.as_str(), |(_, rest)| rest);
        upstream.starts_with(|letter: char| letter.is_ascii_digit())
            && !upstream.contains(':')
            && version.split_once(':').is_none_or(|(epoch, _)| {
                epoch.len() < 6 && epoch.bytes().all(|byte| byte.is_ascii_digit()) && !epoch.is_empty()
            })
    };
    let pairs: Vec<_> =
        pairs.into_iter().filter(|(left, right)| sound(left) && sound(right)).take(700).collect();
    assert!(pairs.len() > 300);
    let script = "while read -r a b; do if dpkg --compare-versions \"$a\" lt \"$b\" 2>/dev/null; then echo '<'; \
                  elif dpkg --compare-versions \"$a\" eq \"$b\" 2>/dev/null; then echo =; else echo '>'; fi; done";
    compare_with(Order::Dpkg, "sh", &["-c", script], &pairs);
}

#[test]
fn rpm_judges() {
    let pairs = pairs(&["0", "1", "9", "10", "00", "a", "b", "Z", ".", "_", "+", "~", "^", "rc"], 1500);
    let calls: String = pairs
        .iter()
        .map(|(left, right)| {
            format!("print(({{[-1]='<',[0]='=',[1]='>'}})[rpm.vercmp('{left}','{right}')]..'\\n') ")
        })
        .collect();
    // One expression for all pairs: starting rpm for each takes long.
    let macro_text = format!("%{{lua: {calls}}}");
    let Ok(output) = Command::new("rpm").args(["--eval", &macro_text]).output() else {
        println!("skipped: there is no rpm");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let verdicts: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if verdicts.len() != pairs.len() {
        println!("skipped: rpm cannot judge here ({} of {})", verdicts.len(), pairs.len());
        return;
    }
    for ((left, right), verdict) in pairs.iter().zip(verdicts) {
        let ours = match super::rpm::segments(left.as_bytes(), right.as_bytes()) {
            Ordering::Less => "<",
            Ordering::Equal => "=",
            Ordering::Greater => ">",
        };
        assert_eq!(ours, verdict, "{left} {right}");
    }
}

#[test]
fn python_judges() {
    let script = "import sys
try:
    from packaging.version import Version as V, InvalidVersion
except ImportError:
    from pip._vendor.packaging.version import Version as V, InvalidVersion
for line in sys.stdin:
    a, b = line.split()
    try: a = (1, V(a))
    except InvalidVersion: a = (0, a)
    try: b = (1, V(b))
    except InvalidVersion: b = (0, b)
    print('<' if a < b else '=' if a == b else '>')";
    let alphabet =
        &["0", "1", "2", "10", ".", ".", "a", "b1", "rc", ".post1", ".dev2", "-1", "+l1", "1!", "_", "v"];
    compare_with(Order::Pep440, "python3", &["-c", script], &pairs(alphabet, 3000));
}

#[test]
fn maven_judges() {
    let jar =
        std::fs::read_dir("/usr/share/java").into_iter().flatten().flatten().map(|entry| entry.path()).find(
            |path| {
                path.file_name().is_some_and(|name| {
                    name.to_string_lossy().starts_with("maven3-artifact")
                        || name.to_string_lossy().starts_with("maven-artifact")
                })
            },
        );
    let Some(jar) = jar else {
        println!("skipped: there is no Maven");
        return;
    };
    let program = "import org.apache.maven.artifact.versioning.ComparableVersion; import java.util.*;
public class Judge { public static void main(String[] a) { Scanner s = new Scanner(System.in); StringBuilder out = new StringBuilder();
while (s.hasNextLine()) { String[] p = s.nextLine().split(\" \"); int c = new ComparableVersion(p[0]).compareTo(new ComparableVersion(p[1]));
out.append(c < 0 ? \"<\\n\" : c == 0 ? \"=\\n\" : \">\\n\"); } System.out.print(out); } }";
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("Judge.java");
    std::fs::write(&file, program).unwrap();
    let path = format!("{}:/usr/share/java/commons-lang3.jar", jar.display());
    let alphabet = &[
        "0", "1", "2", "10", ".", "-", "-", "alpha", "a1", "b", "rc1", "-rc-1", "SNAPSHOT", "sp", "x", "ga",
        ".final", "01",
    ];
    compare_with(Order::Maven, "java", &["-cp", &path, file.to_str().unwrap()], &pairs(alphabet, 3000));
}

/// The vectors of apk's own tests, where somebody has put them (`version.data` of apk-tools, under another licence than
/// this).
#[test]
fn apk_vectors_judge() {
    let Some(path) = std::env::var_os("APK_VERSION_DATA") else {
        println!("skipped: APK_VERSION_DATA names no file");
        return;
    };
    let text = fargard_model::bounded::read_to_string(std::path::Path::new(&path), 1 << 20).unwrap();
    let mut count = 0;
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [left, verdict @ ("<" | "=" | ">"), right, ..] = words.as_slice() else { continue };
        let ours = match Order::Apk.compare(left, right) {
            Ordering::Less => "<",
            Ordering::Equal => "=",
            Ordering::Greater => ">",
        };
        assert_eq!(ours, *verdict, "{line}");
        count += 1;
    }
    assert!(count > 100, "{count}");
    println!("{count} pairs");
}

const TEXT: &[&str] = &[
    "0", "1", "9", "10", "007", "a", "rc", "alpha", "_p", "~", "^", "-", "-r1", ".", ":", "+", "!", "é", "Z",
    " ",
];

proptest! {
    #[test]
    fn orders_are_orders(one in versions(TEXT), two in versions(TEXT), three in versions(TEXT)) {
        for order in ALL {
            prop_assert_eq!(order.compare(&one, &one), Ordering::Equal, "{:?} {}", order, one);
            prop_assert_eq!(order.compare(&one, &two), order.compare(&two, &one).reverse(), "{:?} {} {}", order, one, two);
            // A prefix that is invalid makes apk's and rpm's comparison end early, so these are no orders of nonsense.
            if matches!(order, Order::Dpkg | Order::Semver | Order::Pep440 | Order::Gem)
                && order.compare(&one, &two).is_le() && order.compare(&two, &three).is_le() {
                prop_assert!(order.compare(&one, &three).is_le(), "{:?} {} {} {}", order, one, two, three);
            }
        }
    }

    #[test]
    fn no_text_is_too_strange(left in any::<String>(), right in any::<String>()) {
        for order in ALL {
            prop_assert_eq!(order.compare(&left, &right), order.compare(&right, &left).reverse());
        }
    }
}
