//! Rule files made to hurt: each loads, or is refused with a place, within the bounds that the crate names. How long
//! that may take is the runner's limit for a test; what is asserted here is work that did not happen.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use fargard_rules::{
    Code, LoadReport, MAX_FILE, SourceFile, default_rules, diagnostic::MAX_DIAGNOSTICS, load, report,
};

fn loaded(text: impl Into<String>) -> LoadReport {
    let files = [SourceFile { name: "hostile.yaml".into(), text: text.into() }];
    let loaded = load(&files);
    assert!(loaded.diagnostics.len() <= MAX_DIAGNOSTICS + 1, "{}", loaded.diagnostics.len());
    for diagnostic in &loaded.diagnostics {
        assert!(diagnostic.at.line >= 1 && diagnostic.at.column >= 1, "{diagnostic}");
    }
    // Every diagnostic can be shown; the last is the one on what went wrong.
    if let Some(last) = loaded.diagnostics.last() {
        assert!(!report::render(last, &files, false).is_empty());
    }
    loaded
}

/// A rule of any condition, as YAML that needs no care for quotes.
fn rule(condition: &str) -> String {
    let condition = serde_json::Value::from(condition);
    format!("- rule: r\n  desc: d\n  condition: {condition}\n  output: x\n  priority: INFO\n")
}

/// The first error has this code, stands on this line and says this.
fn refused(name: &str, text: impl Into<String>, code: Code, line: usize, says: &str) {
    let loaded = loaded(text);
    assert!(loaded.ruleset.is_none(), "{name}");
    let error = loaded.diagnostics.iter().find(|diagnostic| diagnostic.is_error()).unwrap();
    let start: String = error.to_string().chars().take(300).collect();
    assert_eq!((error.code, error.at.line), (code, line), "{name}: {start}");
    assert!(error.message.contains(says), "{name}: {start}");
}

fn accepted(name: &str, text: impl Into<String>) -> LoadReport {
    let loaded = loaded(text);
    let first = loaded.diagnostics.first().map(ToString::to_string).unwrap_or_default();
    assert!(loaded.ruleset.is_some(), "{name}: {}", first.chars().take(300).collect::<String>());
    loaded
}

#[test]
fn nesting_has_an_end() {
    let deep = |open: &str, close: &str| {
        rule(&format!("evt.type=open and {}proc.name=a{}", open.repeat(10_000), close.repeat(10_000)))
    };
    refused("parentheses", deep("(", ")"), Code::ErrCompileCondition, 3, "nested deeper");
    refused("not", deep("not(", ")"), Code::ErrCompileCondition, 3, "nested deeper");
    let transformers =
        format!("evt.type=open and {}proc.name{}=a", "tolower(".repeat(10_000), ")".repeat(10_000));
    refused("transformers", rule(&transformers), Code::ErrCompileCondition, 3, "nested deeper");
    accepted("a row of not", rule(&format!("evt.type=open and {}proc.name=a", "not ".repeat(100_000))));
    for (name, open) in [("flow sequence", "["), ("flow mapping", "{a: "), ("block", "- "), ("keys", "? ")] {
        let loaded = loaded(open.repeat(100_000));
        let error = loaded.diagnostics.first().unwrap();
        assert_eq!((error.code, error.at.line), (Code::ErrYamlParse, 1), "{name}: {error}");
    }
}

#[test]
fn macros_in_macros_have_an_end() {
    let chain = |link: fn(usize) -> String, from: &str| {
        let mut text = format!("- macro: m0\n  condition: {from}\n");
        for index in 1..10_000 {
            text.push_str(&format!("- macro: m{index}\n  condition: {}\n", link(index)));
        }
        text + &rule("evt.type=open and m9999")
    };
    accepted("a chain of names", chain(|index| format!("m{}", index - 1), "proc.name=a"));
    let nested = chain(|index| format!("not (m{} or proc.name=a{index})", index - 1), "proc.name=a");
    let refusal = loaded(nested);
    let error = refusal.diagnostics.iter().find(|diagnostic| diagnostic.is_error()).unwrap();
    assert!(error.message.contains("nested deeper") && error.at.line > 1, "{error}");

    // Each macro holds the one before twice: 2^200 comparisons if they were written out.
    let mut text = String::from("- macro: m0\n  condition: proc.name=a\n");
    for index in 1..200 {
        let before = index - 1;
        text.push_str(&format!(
            "- macro: m{index}\n  condition: (m{before} and proc.name=b{index}) or (m{before} and proc.name=c{index})\n"
        ));
    }
    let report = accepted("doubling", text + &rule("evt.type=open and m199"));
    let ruleset = report.ruleset.unwrap();
    let shown = ruleset.expanded_condition(ruleset.find("r").unwrap()).unwrap();
    assert!(shown.len() < 4 << 20, "{} bytes", shown.len());

    for text in ["- macro: a\n  condition: a\n", "- macro: a\n  condition: b\n- macro: b\n  condition: a\n"] {
        let refusal = loaded(text.to_owned() + &rule("evt.type=open and a"));
        assert!(refusal.ruleset.is_none() && refusal.diagnostics[0].at.line <= 4, "{text}");
    }
}

#[test]
fn lists_of_lists_have_an_end() {
    let mut text = String::from("- list: l0\n  items: [a, b]\n");
    for index in 1..64 {
        let before = index - 1;
        text.push_str(&format!("- list: l{index}\n  items: [l{before}, l{before}]\n"));
    }
    let refusal = loaded(text + &rule("evt.type=open and proc.name in (l63)"));
    assert!(refusal.ruleset.is_none() && refusal.diagnostics[0].message.contains("4 MiB"));
    let items: String = (0..10_000).map(|index| format!("i{index},")).collect();
    let uses = vec!["proc.name in (l)"; 1_000].join(" or ");
    let text = format!("- list: l\n  items: [{items}]\n") + &rule(&format!("evt.type=open and ({uses})"));
    refused("one list a thousand times", text, Code::ErrCompileCondition, 5, "at most");
    let cycle = "- list: a\n  items: [b, x]\n- list: b\n  items: [a, y]\n";
    loaded(cycle.to_owned() + &rule("evt.type=open and proc.name in (a)"));
}

#[test]
fn aliases_and_sheer_number_have_an_end() {
    let mut bomb = String::from("- list: a\n  items: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for index in 1..12 {
        let refs = vec![format!("*a{}", index - 1); 9].join(",");
        bomb.push_str(&format!("- list: b{index}\n  items: &a{index} [{refs}]\n"));
    }
    refused("aliases", bomb, Code::ErrYamlParse, 12, "more than 500000 nodes");
    let merges = "- &a {rule: r}\n- {<<: *a, desc: d}\n";
    assert!(loaded(merges).ruleset.is_none());
    let inside = "- &a [*a]\n";
    refused("an alias of what it stands in", inside, Code::ErrYamlParse, 1, "");
    refused("keys", "a: b\n".repeat(1 << 20), Code::ErrYamlParse, 250_000, "more than 500000 nodes");
    let loaded = loaded((0..20_000).map(|index| format!("- unknown{index}: 1\n")).collect::<String>());
    assert_eq!(loaded.diagnostics.len(), MAX_DIAGNOSTICS);
    assert!(loaded.diagnostics.last().unwrap().help.as_deref().unwrap_or_default().contains("more"));
}

#[test]
fn files_have_a_largest_size() {
    let comment = "# nothing\n".repeat(10 << 20);
    assert_eq!(comment.len(), 100 << 20);
    refused("100 MiB of comments", comment, Code::ErrFileRead, 1, "bytes long");
    refused("one byte too many", " ".repeat(MAX_FILE + 1), Code::ErrFileRead, 1, "bytes long");
    loaded("#".repeat(MAX_FILE));
    refused("one huge word", "a".repeat(MAX_FILE), Code::ErrYamlValidate, 1, "");
}

#[test]
fn expressions_of_death_are_refused_or_harmless() {
    let with = |expression: &str| {
        let quoted = expression.replace('\\', "\\\\");
        rule(&format!("evt.type=open and proc.name regex \"{quoted}\""))
    };
    for expression in [
        "(a{1000}){1000}",
        "((a{1000}){1000}){1000}",
        &".{0,1000}".repeat(100),
        &"[a-z]{0,255}".repeat(300),
        &".*".repeat(20_000),
        &"a".repeat(1_000_000),
    ] {
        refused("too large", with(expression), Code::ErrCompileCondition, 3, "too large");
    }
    let repeated = with(".{0,100000}");
    refused("repeated", repeated, Code::ErrCompileCondition, 3, "repeats more than 1000 times");
    let nested = format!("{}a{}", "(".repeat(5_000), ")".repeat(5_000));
    refused("nested", with(&nested), Code::ErrCompileCondition, 3, "invalid regular expression");
    for exponential in ["(a+)+", "(a|a)*", "(a*)*", "(a|aa)+", "([a-zA-Z]+)*", "(.*)*(.*)*(.*)*x", "(x+x+)+y"]
    {
        accepted(exponential, with(exponential));
    }
    // Each is within its limit, all together are not.
    let many: Vec<String> =
        (0..200).map(|index| format!("proc.name regex \"(.{{0,200}}x){{20}}{index}\"")).collect();
    let many = rule(&format!("evt.type=open and ({})", many.join(" or ")));
    refused("many", many, Code::ErrCompileCondition, 3, "MiB");
}

#[test]
fn exceptions_by_the_hundred_thousand() {
    let exceptions = |values: &str| {
        let head = "  exceptions:\n  - name: e\n    fields: [proc.name, fd.name]\n    comps: [=, startswith]\n    values:\n";
        rule("evt.type=open") + head + values
    };
    let tuples = |count: usize| (0..count).map(|index| format!("    - [p{index}, /f]\n")).collect::<String>();
    accepted("tuples", exceptions(&tuples(4_000)));
    refused("more tuples", exceptions(&tuples(100_000)), Code::ErrCompileCondition, 7, "bytes long");
    let single = "  exceptions:\n  - name: e\n    fields: proc.name\n    comps: in\n    values:\n";
    let values: String = (0..100_000).map(|index| format!("    - p{index}\n")).collect();
    accepted("values", rule("evt.type=open") + single + &values);
}

#[test]
fn names_and_outputs_may_be_long() {
    let long = ".a".repeat(1_000_000);
    let condition = format!("evt.type=open and user.name{long}=1");
    refused("field", rule(&condition), Code::ErrCompileCondition, 3, "unknown field");
    let output = |text: &str| {
        format!("- rule: r\n  desc: d\n  condition: evt.type=open\n  priority: INFO\n  output: \"{text}\"\n")
    };
    accepted("text behind a field", output(&format!("%user.name{long}")));
    accepted("fields", output(&"%proc.name ".repeat(100_000)));
    let tails: String =
        ('a'..='z').cycle().take(5_000).map(|tail| format!("%user.name.{tail}{}", "Z".repeat(100))).collect();
    accepted("fields with text behind", output(&tails));
    accepted("glob", rule(&format!("evt.type=open and proc.name glob \"{}\"", "*a?".repeat(300_000))));
}

#[test]
fn numbers_without_end_are_refused() {
    for number in ["99999999999999999999", "0xffffffffffffffffff", "1e999999", "-9999999999999999999999"] {
        let loaded = loaded(rule(&format!("evt.type=open and fd.num > {number}")));
        assert!(loaded.ruleset.is_none() && loaded.diagnostics[0].at.line == 3, "{number}");
    }
    for version in ["99999999999999999999", "1.99999999999999999999.0", "-1", "0x10"] {
        let text = format!("- required_engine_version: {version}\n");
        assert!(loaded(text).ruleset.is_none(), "{version}");
    }
    let index = "evt.type=open and proc.aname[99999999999999999999]=a";
    assert!(loaded(rule(index)).ruleset.is_none());
}

#[test]
fn odd_bytes_do_not_move_places() {
    let broken = "- macro: m\n  condition: evt.type = = open\n";
    let place = |text: &str| {
        let loaded = loaded(text);
        assert!(loaded.ruleset.is_none(), "{text:?}");
        (loaded.diagnostics[0].at.line, loaded.diagnostics[0].code)
    };
    assert_eq!(place(broken), (2, Code::ErrCompileCondition));
    assert_eq!(place(&broken.replace('\n', "\r\n")), (2, Code::ErrCompileCondition));
    assert_eq!(place(&format!("\u{feff}{broken}")), (2, Code::ErrCompileCondition));
    assert!(loaded("- macro: m\n  condition: proc.name = a\0b\n").diagnostics[0].at.line <= 2);
    for text in [
        "\0",
        "\u{feff}",
        "\u{feff}\u{feff}- a: b",
        "\u{85}",
        "\u{2028}",
        "\u{fffd}",
        "%YAML 9.9\n---\n",
        "\t",
    ] {
        loaded(text);
    }
}

#[test]
fn a_file_may_end_anywhere() {
    for file in default_rules() {
        for end in (0..file.text.len()).step_by(397).filter(|end| file.text.is_char_boundary(*end)) {
            loaded(file.text.get(..end).unwrap());
        }
    }
}
