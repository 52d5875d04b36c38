//! YAML as JSON, typed as YAML's core schema types plain words.

use serde_json::{Map, Value};

use crate::yaml::{Content, Node};

/// The node as JSON. Keys that are no text are left out.
pub(super) fn json(node: &Node) -> Value {
    match &node.content {
        Content::Scalar(text, false) => Value::from(text.as_str()),
        Content::Scalar(..) if node.is_null() => Value::Null,
        Content::Scalar(text, true) => plain(text),
        Content::Sequence(items) => items.iter().map(|item| json(item)).collect(),
        Content::Mapping(entries) => {
            let entries =
                entries.iter().filter_map(|(key, value)| Some((key.text()?.to_owned(), json(value))));
            Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

fn plain(text: &str) -> Value {
    match text {
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => {
            let integer = text.parse::<i64>().ok().map(Value::from);
            // What begins with a zero is an account id or the like, and `inf` is a word.
            let float = || text.contains('.').then(|| text.parse::<f64>().ok()).flatten().map(Value::from);
            let padded = text.len() > 1 && text.starts_with('0') && !text.starts_with("0.");
            let is_number = !padded && !text.starts_with('+');
            integer
                .or_else(float)
                .filter(|value| is_number && !value.is_null())
                .unwrap_or_else(|| Value::from(text))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::json;
    use crate::yaml;

    #[test]
    fn plain_words_are_typed() {
        let text = "{a: 1, b: '1', c: true, d: ~, e: [x, 1.5], f: 012345678901, g: {h: no}, i: -3, j: 0.5}";
        let document = &yaml::documents(text).unwrap()[0];
        assert_eq!(
            json(document),
            json!({
                "a": 1, "b": "1", "c": true, "d": null, "e": ["x", 1.5], "f": "012345678901", "g": {"h": "no"},
                "i": -3, "j": 0.5,
            })
        );
    }
}
