//! Diagnostics for people (as rustc prints them) and for programs (Falco's `falco_load_results`).

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};

use crate::{
    diagnostic::{Diagnostic, Severity},
    schema,
    source::{SourceFile, line_column},
};

/// Most bytes of a file that are shown for one diagnostic.
const MAX_SHOWN: usize = 4_096;

/// A diagnostic as text of several lines, with the lines of the file it is about.
#[must_use]
pub fn render(diagnostic: &Diagnostic, files: &[SourceFile], color: bool) -> String {
    let level = match diagnostic.code.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Lint => Level::INFO.with_name("lint"),
    };
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code.name());
    let mut group = Group::with_title(title);
    let source = files.iter().find(|file| file.name == diagnostic.file);
    if let Some(file) = source.filter(|file| !file.text.is_empty()) {
        let (window, span) = window(&file.text, &diagnostic.span);
        let shown = file.text.get(window.clone()).unwrap_or_default();
        group = group.element(
            Snippet::source(shown)
                .line_start(line_column(&file.text, window.start).line)
                .path(file.name.as_str())
                .annotation(AnnotationKind::Primary.span(span)),
        );
    }
    let named = diagnostic.item.as_ref().filter(|item| !item.name.is_empty());
    if let Some(item) = named {
        group = group.element(Level::NOTE.message(format!("in {} '{}'", item.kind, item.name)));
    }
    let help = diagnostic.help.as_deref().unwrap_or_else(|| diagnostic.code.remedy());
    group = group.element(Level::HELP.message(help));
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}

/// The lines a span touches, and the span within them; both cut where they are long.
fn window(text: &str, span: &Range<usize>) -> (Range<usize>, Range<usize>) {
    let boundary = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = boundary(span.start);
    let before = text.get(..start).unwrap_or_default();
    let from = boundary(before.rfind('\n').map_or(0, |at| at + 1).max(start.saturating_sub(MAX_SHOWN / 2)));
    // Of a span over several lines only the first is marked.
    let line_end = text.get(start..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| start + at);
    let to = boundary(line_end.min(from + MAX_SHOWN)).max(start);
    let end = boundary(span.end.clamp(start, to));
    (from..to, start - from..end - from)
}

/// What loading the files gave, in the form of `falco -V FILE -o json_output=true`. Lines and columns count from 0
/// there, as Falco's do.
#[must_use]
pub fn load_results(files: &[SourceFile], diagnostics: &[Diagnostic]) -> Value {
    let results: Vec<Value> = files
        .iter()
        .map(|file| {
            let of = |severity: Severity| -> Vec<Value> {
                diagnostics
                    .iter()
                    .filter(|diagnostic| {
                        diagnostic.file == file.name && diagnostic.code.severity() == severity
                    })
                    .map(|diagnostic| entry(files, file, diagnostic))
                    .collect()
            };
            let errors = of(Severity::Error);
            let schema = schema::verdict(file);
            json!({
                "name": file.name, "successful": errors.is_empty(), "errors": errors,
                "warnings": of(Severity::Warning), "schema_valid": schema.is_valid(),
                "schema_warnings": schema.warnings,
            })
        })
        .collect();
    json!({ "falco_load_results": results })
}

/// Lints in the form of Falco's warnings, with what to do about each.
#[must_use]
pub fn lint_results(files: &[SourceFile], lints: &[Diagnostic]) -> Value {
    let entry = |lint: &Diagnostic| {
        let file = files.iter().find(|file| file.name == lint.file)?;
        let mut entry = entry(files, file, lint);
        entry.as_object_mut()?.insert("help".into(), json!(lint.help));
        Some(entry)
    };
    lints.iter().filter_map(entry).collect()
}

fn entry(files: &[SourceFile], file: &SourceFile, diagnostic: &Diagnostic) -> Value {
    let position = |file: &SourceFile, offset: usize| {
        let at = line_column(&file.text, offset);
        json!({ "name": file.name, "line": at.line - 1, "column": at.column - 1, "offset": offset })
    };
    let mut locations =
        vec![json!({ "item_type": "rules content", "item_name": "", "position": position(file, 0) })];
    if let Some(item) = &diagnostic.item {
        let of = files.iter().find(|other| other.name == item.file).unwrap_or(file);
        locations.push(json!({
            "item_type": item.kind, "item_name": item.name, "position": position(of, item.offset),
        }));
    }
    locations.push(json!({
        "item_type": "value for", "item_name": "", "position": position(file, diagnostic.span.start),
    }));
    json!({
        "code": diagnostic.code.name(),
        "codedesc": diagnostic.code.title(),
        "message": diagnostic.message,
        "context": { "locations": locations, "snippet": diagnostic.snippet },
    })
}

#[cfg(test)]
mod tests {
    use super::{lint_results, load_results, render};
    use crate::{SourceFile, load};

    const RULES: &str = "\
- list: shells
  items: [sh, bash]
- macro: spawned
  condition: evt.type = execve and
    proc.nam in (shells)
- rule: Test
  desc: A test
  condition: >
    spawned and
    fd.sport = nowhere
  output: \"%proc.cmdline %nothing.here\"
  priority: urgent
- rule: Other
  desc: A test
  condition: spawned
  output: started
  priority: NOTICE
- rule: Third
  desc: A test
  condition: >
    evt.type = open
    and fd.name startswith /etc
    and fd.sport = nowhere
  output: \"%nothing.here\"
  priority: NOTICE
";

    fn files() -> Vec<SourceFile> {
        // The first error of a file ends it, so the later items stand in a file of their own.
        let (head, tail) = RULES.split_at(RULES.find("- rule: Other").unwrap());
        let file = |name: &str, text: &str| SourceFile { name: name.into(), text: text.into() };
        vec![file("a.yaml", head), file("b.yaml", tail)]
    }

    #[test]
    fn people_see_the_place() {
        let files = files();
        let report = load(&files);
        assert!(report.ruleset.is_none());
        let text: Vec<String> =
            report.diagnostics.iter().map(|diagnostic| render(diagnostic, &files, false)).collect();
        insta::assert_snapshot!(text.join("\n\n"));
    }

    #[test]
    fn programs_see_falcos_form() {
        let files = files();
        insta::assert_json_snapshot!(load_results(&files, &load(&files).diagnostics));
    }

    #[test]
    fn hostile_files_are_refused_at_a_place() {
        let deep = format!("- macro: m\n  condition: {}a{}\n", "(".repeat(10_000), ")".repeat(10_000));
        let chain: String = (0..3_000)
            .map(|at| {
                format!("- macro: m{}\n  condition: (m{at} or evt.num = {at}) and evt.cpu = {at}\n", at + 1)
            })
            .collect();
        let chain = format!(
            "- macro: m0\n  condition: evt.num > 1\n{chain}\
            - rule: r\n  desc: d\n  condition: m3000\n  output: o\n  priority: INFO\n"
        );
        let doubling: String =
            (0..64).map(|at| format!("- list: l{}\n  items: [l{at}, l{at}x, l{at}]\n", at + 1)).collect();
        let doubling = format!("- list: l0\n  items: [aaaaaaaaaaaaaaaaaaaaa]\n{doubling}");
        for (text, code, part) in [
            (deep, "LOAD_ERR_COMPILE_CONDITION", "nested deeper than 250"),
            (chain, "LOAD_ERR_COMPILE_CONDITION", "nested deeper than 1000"),
            (doubling, "LOAD_ERR_VALIDATE", "more than 4 MiB"),
            ("- [".into(), "LOAD_ERR_YAML_PARSE", ""),
            ("rule: x".into(), "LOAD_ERR_YAML_VALIDATE", "not a YAML array"),
            ("\u{0}".into(), "LOAD_ERR_YAML", ""),
        ] {
            let files = [SourceFile { name: "x.yaml".into(), text }];
            let report = load(&files);
            assert!(report.ruleset.is_none());
            let error = report.diagnostics.iter().find(|diagnostic| diagnostic.is_error()).unwrap();
            assert!(error.code.name().starts_with(code) && error.message.contains(part), "{error}");
            assert!(error.at.line >= 1 && error.at.column >= 1);
            assert!(!render(error, &files, true).is_empty());
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_loads_or_is_refused(
            pieces in proptest::collection::vec(
                proptest::sample::select(vec![
                    "- rule: r\n", "- macro: m\n", "- list: l\n", "  condition: ", "  items: [", "]", "\n", "m", "l",
                    "evt.type = open", " and ", "  output: \"%fd.name", "\"", "  priority: INFO\n", "  desc: d\n", ">",
                    "  append: true\n", "  override:\n", "    condition: append\n", "  exceptions:\n", "&a ", "*a", "é",
                    "    - name: e\n", "      fields: fd.name\n", "      values: [a, l]\n", "%", "- ", "  ", ": ",
                ]),
                0..40,
            )
        ) {
            let files = [SourceFile { name: "x.yaml".into(), text: pieces.concat() }];
            let report = load(&files);
            proptest::prop_assert!(
                report.ruleset.is_some() || report.diagnostics.iter().any(|diagnostic| diagnostic.is_error())
            );
            for diagnostic in &report.diagnostics {
                proptest::prop_assert!(!render(diagnostic, &files, false).is_empty());
            }
            let results = load_results(&files, &report.diagnostics);
            proptest::prop_assert!(results.is_object());
            proptest::prop_assert_eq!(crate::describe(&files).is_some(), report.ruleset.is_some());
            let lints = crate::lint(&files);
            proptest::prop_assert!(lints.is_empty() || report.ruleset.is_some());
            proptest::prop_assert_eq!(lint_results(&files, &lints).as_array().map(Vec::len), Some(lints.len()));
        }
    }
}
