//! What Falco warns of in comparisons that compile.

use crate::{
    diagnostic::Code,
    fields,
    syntax::{
        self,
        ast::{Check, Expr, List, Literal, Op, Operand, Right, Test, TransformName},
    },
};

/// A warning with what to do about it.
pub(super) struct Warning {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) help: &'static str,
}

/// The warnings of one comparison.
pub(super) fn of_check(check: &Check) -> Vec<Warning> {
    let (op, values): (Op, &[Literal]) = match &check.test {
        Test::Compare(op, Right::Literal(literal)) => (*op, std::slice::from_ref(literal)),
        Test::Compare(op, Right::List(List::Literals(items))) | Test::Each(op, _, List::Literals(items)) => {
            (*op, items)
        }
        _ => return Vec::new(),
    };
    let mut warnings = Vec::new();
    if is_unsafe_field(&check.left) && is_equality(op) && values.iter().any(|value| value.text == "<NA>") {
        warnings.push(Warning {
            code: Code::UnsafeNaCheck,
            message: format!("comparing {} with <NA> does not tell whether it has a value", check.left),
            help: "use 'exists', or 'not .. exists'",
        });
    }
    for value in values {
        warnings.extend(of_value(op, &value.text));
    }
    warnings
}

fn of_value(op: Op, value: &str) -> Option<Warning> {
    let warn =
        |message: String, help: &'static str| Some(Warning { code: Code::CompileCondition, message, help });
    if op == Op::Regex && is_pointless(value) {
        let message = format!("regex '{value}' can be written with a simpler and much faster operator");
        return warn(message, "use =, contains, startswith or endswith; a regex must match the whole value");
    }
    let bare: String = value.chars().filter(|char| !char.is_whitespace()).collect();
    if is_field(&bare) {
        let message = format!("'{value}' is the name of a field, and here a text to compare with");
        return warn(message, "to compare with the field's value, write val(..) around its name");
    }
    if is_call(&bare) {
        let message = format!("'{value}' looks like a transformer, and is a text to compare with here");
        return warn(message, "to compare with the transformed value, write it without quotes and blanks");
    }
    None
}

/// Fields of the Kubernetes audit and JSON plugins, whose text for "no value" is `<NA>`.
fn is_unsafe_field(operand: &Operand) -> bool {
    matches!(operand, Operand::Field(field) if field.name.starts_with("ka.") || field.name.starts_with("jevt."))
}

fn is_equality(op: Op) -> bool {
    matches!(op, Op::Eq | Op::Ne | Op::In | Op::Intersects | Op::Pmatch)
}

/// Nothing but plain text, with at most an anchor or an "anything" at either end.
fn is_pointless(pattern: &str) -> bool {
    const ANYTHING: [&str; 3] = [".*", ".+", ".?"];
    let text = pattern.strip_prefix('^').unwrap_or(pattern);
    let text = if text.len() == pattern.len() {
        ANYTHING.iter().find_map(|any| text.strip_prefix(any)).unwrap_or(text)
    } else {
        text
    };
    let end = text.strip_suffix('$').unwrap_or(text);
    let text = if end.len() == text.len() {
        ANYTHING.iter().find_map(|any| text.strip_suffix(any)).unwrap_or(text)
    } else {
        end
    };
    !text.contains(['.', '+', '*', '?', '^', '$', '(', ')', '[', ']', '{', '}', '|', '\\'])
}

/// The whole text is a field with its argument.
fn is_field(text: &str) -> bool {
    // Most values are no names at all.
    let may_be = text.len() < 256
        && text.starts_with(|char: char| char.is_ascii_alphabetic())
        && text.contains('.')
        && !text.contains(['"', '\'']);
    may_be
        && matches!(
            syntax::parse(&format!("{text} exists")),
            Ok(Expr::Check(check)) if matches!(
                &check.left,
                Operand::Field(field) if fields::resolve(&field.name, field.arg.as_deref()).is_ok()
            )
        )
}

fn is_call(text: &str) -> bool {
    text.strip_suffix(')')
        .and_then(|text| text.split_once('('))
        .is_some_and(|(name, _)| TransformName::of(name).is_some())
}

#[cfg(test)]
mod tests {
    use crate::{SourceFile, load};

    #[test]
    fn falcos_warnings_of_conditions() {
        for (condition, part) in [
            ("proc.name regex 'cat'", Some("simpler")),
            ("proc.name regex '^cat$'", Some("simpler")),
            ("proc.name regex '.*cat.*'", Some("simpler")),
            ("proc.name regex 'cat.+'", Some("simpler")),
            ("proc.name regex anyof (c.t, cat)", Some("simpler")),
            ("proc.name regex ''", Some("simpler")),
            ("proc.name regex '.*c.t'", None),
            ("proc.name regex 'ca[tr]'", None),
            ("proc.name regex '(a|b)'", None),
            ("proc.name regex '^.*cat'", None),
            ("proc.name regex '.'", None),
            ("proc.name = proc.pname", Some("name of a field")),
            ("proc.name = 'proc.pname '", Some("name of a field")),
            ("proc.name in (a, proc.aname[2])", Some("name of a field")),
            ("proc.name = proc.nothing", None),
            ("proc.name = proc.name.old", None),
            ("proc.name = 'toupper(proc.pname)'", Some("transformer")),
            ("proc.name = 'val( proc.pname )'", Some("transformer")),
            ("proc.name = 'unknown(proc.pname)'", None),
            ("proc.name = val(proc.pname)", None),
            ("proc.name = '<NA>'", None),
        ] {
            let text = format!(
                "- rule: r\n  desc: d\n  condition: |\n    evt.type = open and {condition}\n  output: o\n  priority: INFO\n"
            );
            let report = load(&[SourceFile { name: "t.yaml".into(), text }]);
            let said: Vec<String> = report.diagnostics.iter().map(ToString::to_string).collect();
            match part {
                Some(part) => {
                    assert_eq!(said.len(), 1, "{condition}: {said:?}");
                    assert!(said[0].contains(part) && said[0].contains("t.yaml:4:"), "{condition}: {said:?}");
                    assert!(said[0].contains("LOAD_COMPILE_CONDITION") && report.ruleset.is_some());
                }
                None => assert!(said.is_empty(), "{condition}: {said:?}"),
            }
        }
        let text = "- rule: r\n  desc: d\n  condition: jevt.value[/a] = '<NA>'\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n";
        let report = load(&[SourceFile { name: "t.yaml".into(), text: text.into() }]);
        let codes: Vec<&str> = report.diagnostics.iter().map(|one| one.code.name()).collect();
        assert!(codes.contains(&"LOAD_UNSAFE_NA_CHECK"), "{codes:?}");
    }
}
