//! The table of fields as a reference: text for a terminal, JSON for programs, Markdown for `docs/fields.md`.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::{Field, Use, all};

/// One line a field: name with argument, type, what it is.
#[must_use]
pub fn text() -> String {
    let mut text = String::new();
    for field in all() {
        let name = format!("{}{}", field.name, field.arg.form());
        let _ = write!(text, "{name:<44} {:<8} {}", shown_type(field), field.doc);
        if let Some(why) = field.absent {
            let _ = write!(text, " [no value on Fargate: {why}]");
        }
        text.push_str(if field.deprecated { " [deprecated]\n" } else { "\n" });
    }
    text
}

/// An array of objects, one a field.
#[must_use]
pub fn json() -> Json {
    let rows = all().map(|field| {
        json!({
            "name": field.name, "type": field.falco_type, "argument": field.arg.form(), "list": field.list,
            "description": field.doc, "computed": field.is_on_fargate(), "absent": field.absent,
            "captures": field.is_computed(), "uses": uses(field.uses), "deprecated": field.deprecated,
        })
    });
    Json::Array(rows.collect())
}

/// A page with one table a class.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from(
        "# Fields\n\nWhat conditions and outputs of rules may ask. This page is made from the table in \
         `crates/rules/src/fields` by `fargard rules list --fields --format markdown`.\n\nThe column Fargate says \
         whether the field has a value there; where it has none, why. A field marked *captures* has one when \
         rules run over a Falco capture. `?` marks an argument that may be left out.\n",
    );
    let mut classes: Vec<&str> = Vec::new();
    for class in all().map(class_of) {
        if !classes.contains(&class) {
            classes.push(class);
        }
    }
    for class in classes {
        let _ = write!(text, "\n## {class}\n\n| field | type | what it is | Fargate |\n|---|---|---|---|\n");
        all().filter(|field| class_of(field) == class).for_each(|field| row(&mut text, field));
    }
    text
}

fn row(text: &mut String, field: &Field) {
    let note = match field.absent {
        None => "yes".to_owned(),
        Some(why) if field.is_computed() => format!("*captures*: {why}"),
        Some(why) => format!("no: {why}"),
    };
    let deprecated = if field.deprecated { " (deprecated)" } else { "" };
    let _ = writeln!(
        text,
        "| `{}{}` | {} | {}{deprecated} | {note} |",
        field.name,
        field.arg.form().replace('|', "\\|"),
        shown_type(field),
        escaped(field.doc),
    );
}

/// The heading a field stands under: what its name begins with.
fn class_of(field: &Field) -> &'static str {
    match field.name.split('.').next().unwrap_or_default() {
        "syscall" => "evt",
        "thread" => "proc",
        class => class,
    }
}

fn shown_type(field: &Field) -> String {
    let kind = field.falco_type.to_ascii_lowercase();
    if field.list { format!("{kind}[]") } else { kind }
}

fn uses(uses: Use) -> &'static str {
    match uses {
        Use::Everywhere => "everywhere",
        Use::NoField => "not beside another field",
        Use::Alone => "neither beside another field nor in a transformer",
        Use::Condition => "conditions only, neither beside another field nor in a transformer",
    }
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{json, markdown, text};
    use crate::fields::all;

    #[test]
    fn every_form_has_every_field() {
        let (text, page, rows) = (text(), markdown(), json());
        assert_eq!(text.lines().count(), all().count());
        assert_eq!(rows.as_array().map(Vec::len), Some(all().count()));
        for field in all() {
            assert!(page.contains(&format!("| `{}", field.name)), "{}", field.name);
        }
    }

    #[test]
    fn the_page_in_the_documentation_is_this_table() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/fields.md");
        let found = fargard_model::bounded::read_to_string(&path, 1 << 20).unwrap_or_default();
        assert!(
            found == markdown(),
            "docs/fields.md is not the table of fields: make it anew with\n  cargo run -p fargard -- rules list --fields \
             --format markdown > docs/fields.md"
        );
    }
}
