//! Exceptions of rules.

use super::{BASE, check};
use crate::Code;

#[test]
fn exceptions_of_every_form() {
    for (exception, expected) in [
        ("{name: e, fields: proc.name, values: [a, b]}", None),
        ("{name: e, fields: proc.name, comps: in, values: [a]}", None),
        ("{name: e, fields: proc.name, comps: pmatch, values: [/a]}", None),
        ("{name: e, fields: proc.name, comps: intersects, values: [a]}", None),
        ("{name: e, fields: proc.name, comps: startswith anyof, values: [a, b]}", None),
        ("{name: e, fields: proc.name, comps: regex oneof, values: ['a[0-9]']}", None),
        ("{name: e, fields: proc.name, comps: '!=  allof', values: [a]}", None),
        ("{name: e, fields: proc.name}", None),
        ("{name: e, fields: proc.name, values: []}", None),
        ("{name: e, fields: [proc.name], values: [[a], [b]]}", None),
        ("{name: e, fields: [proc.name, fd.name], values: [[a, /b]]}", None),
        ("{name: e, fields: [proc.name, fd.name], comps: [in, startswith], values: [[[a, b], /b]]}", None),
        ("{name: e, fields: [proc.name], comps: [=], values: [['a b']]}", None),
        ("{name: e, fields: [proc.name], comps: [glob anyof], values: [[['a*', 'b*']]]}", None),
        ("{name: e, fields: [proc.pid], comps: ['>'], values: [[5]]}", None),
        ("{name: e, fields: [proc.name], comps: [=], values: [[toupper(proc.pname)]]}", None),
        ("{fields: proc.name}", Some((Code::ErrYamlValidate, "no mapping for key 'name'"))),
        ("{name: e}", Some((Code::ErrYamlValidate, "must have a 'fields' property"))),
        ("{name: e, fields: proc.name, values: a}", Some((Code::ErrYamlValidate, "must be a list"))),
        (
            "{name: e, fields: proc.name, comps: =, values: [a]}",
            Some((Code::ErrValidate, "one field takes in, pmatch")),
        ),
        (
            "{name: e, fields: proc.name, comps: [in], values: [a]}",
            Some((Code::ErrYamlValidate, "must be one operator")),
        ),
        (
            "{name: e, fields: [proc.name], comps: in, values: [[a]]}",
            Some((Code::ErrYamlValidate, "must be one as well")),
        ),
        (
            "{name: e, fields: [proc.name, fd.name], comps: [=], values: [[a, b]]}",
            Some((Code::ErrValidate, "equal length")),
        ),
        ("{name: e, fields: [proc.name, fd.name], values: [[a]]}", Some((Code::ErrValidate, "equal length"))),
        (
            "{name: e, fields: [proc.name], values: [a]}",
            Some((Code::ErrValidate, "each value must be a list")),
        ),
        (
            "{name: e, fields: [proc.name], comps: [like], values: [[a]]}",
            Some((Code::ErrValidate, "'like' is not a supported")),
        ),
        (
            "{name: e, fields: [proc.name], comps: [in oneof], values: [[[a]]]}",
            Some((Code::ErrValidate, "not a supported")),
        ),
        (
            "{name: e, fields: [proc.nothing], values: [[a]]}",
            Some((Code::ErrValidate, "'proc.nothing' is not a supported filter field")),
        ),
        (
            "{name: e, fields: proc.nothing, values: [a]}",
            Some((Code::ErrValidate, "not a supported filter field")),
        ),
        (
            "{name: e, fields: [proc.name], values: [[{a: b}]]}",
            Some((Code::ErrYamlValidate, "a value of an exception")),
        ),
        (
            "{name: e, fields: [proc.pid], values: [[x]]}",
            Some((Code::ErrCompileCondition, "'x' is not an integer")),
        ),
        ("x", Some((Code::ErrYamlValidate, "no mapping for key 'name'"))),
    ] {
        check(&format!("{BASE}  exceptions:\n    - {exception}\n"), expected);
    }
    let twice = "  exceptions:\n    - {name: e, fields: proc.name, values: [a]}\n    - {name: e, fields: proc.name, values: [b]}\n";
    check(&format!("{BASE}{twice}"), Some((Code::ExceptionNameNotUnique, "multiple definitions")));
    let once = format!("{BASE}  exceptions:\n    - {{name: e, fields: proc.name, values: [a]}}\n");
    for (exception, expected) in [
        ("{name: e, values: [b]}", None),
        ("{name: e}", Some((Code::AppendNoValues, "no values"))),
        ("{name: e, fields: proc.name, values: [b]}", Some((Code::ErrValidate, "only values"))),
        ("{name: e, comps: in, values: [b]}", Some((Code::ErrValidate, "only values"))),
        ("{name: new, fields: fd.name, values: [/b]}", None),
        ("{name: new, values: [/b]}", Some((Code::ErrYamlValidate, "must have a 'fields' property"))),
    ] {
        let appended =
            format!("- rule: r\n  exceptions:\n    - {exception}\n  override:\n    exceptions: append\n");
        check(&format!("{once}{appended}"), expected);
    }
}
