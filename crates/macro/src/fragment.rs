//! Which part of a template a macro was given: all of it, some resources, one resource, or a resource's properties.
//!
//! The engine knows whole templates, so a part is put into one, and taken out again.

use fargard_taskdef::json::{Node, Value};

use crate::request::Request;

/// Logical name of a resource whose name the macro is not told.
const NAME: &str = "Fragment";

/// A template around a fragment.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) text: String,
    before: usize,
    after: usize,
}

impl Template {
    /// The template that a call is about.
    pub(crate) fn of(request: &Request<'_>) -> Result<Self, String> {
        let task = r#""Type": "AWS::ECS::TaskDefinition", "Properties": "#;
        let (before, after) = match &request.fragment.value {
            Value::Object(_) if request.fragment.get("Resources").is_some() => {
                return Ok(Self { text: request.text.to_owned(), before: 0, after: 0 });
            }
            Value::Object(_) if request.fragment.get("ContainerDefinitions").is_some() => {
                (format!("\"{NAME}\": {{{task}"), "}}}")
            }
            Value::Object(_) if is_resource(&request.fragment) => (format!("\"{NAME}\": "), "}}"),
            Value::Object(members) if members.iter().all(|member| is_resource(&member.node)) => {
                let before = format!("{{{}\"Resources\": ", parameters(&request.lists));
                return Ok(Self::around(&before, request.text, "}"));
            }
            _ => {
                return Err(
                    "the macro was given a part of the template that is no task definition: name it in \
                            the template's Transform section, or put Fn::Transform into the Properties of an \
                            AWS::ECS::TaskDefinition, beside ContainerDefinitions"
                        .to_owned(),
                );
            }
        };
        let before = format!("{{{}\"Resources\": {{{before}", parameters(&request.lists));
        Ok(Self::around(&before, request.text, after))
    }

    fn around(before: &str, fragment: &str, after: &str) -> Self {
        Self { text: format!("{before}{fragment}{after}"), before: before.len(), after: after.len() }
    }

    /// The fragment in a template that was made of this one.
    pub(crate) fn fragment<'t>(&self, changed: &'t str) -> Option<&'t str> {
        changed.get(self.before..changed.len().checked_sub(self.after)?)
    }
}

fn is_resource(node: &Node) -> bool {
    node.get("Type").and_then(Node::text).is_some()
}

/// The types of parameters that are lists, which the fragment does not tell.
fn parameters(lists: &[String]) -> String {
    if lists.is_empty() {
        return String::new();
    }
    let lists: Vec<String> = lists
        .iter()
        .map(|name| {
            format!("{}: {{\"Type\": \"CommaDelimitedList\"}}", serde_json::Value::from(name.as_str()))
        })
        .collect();
    format!("\"Parameters\": {{{}}}, ", lists.join(", "))
}

#[cfg(test)]
mod tests {
    use super::Template;
    use crate::request;

    fn open(fragment: &str) -> Result<Template, String> {
        let event =
            format!(r#"{{"requestId":"r","fragment":{fragment},"templateParameterValues":{{"L":["a"]}}}}"#);
        Template::of(&request::read(&event).unwrap())
    }

    #[test]
    fn parts_are_put_into_a_template_and_taken_out() {
        for fragment in [
            r#"{"Resources":{}}"#,
            r#"{"T":{"Type":"AWS::ECS::TaskDefinition","Properties":{}}}"#,
            r#"{"Type":"AWS::ECS::TaskDefinition","Properties":{"ContainerDefinitions":[]}}"#,
            r#"{"ContainerDefinitions":[]}"#,
        ] {
            let template = open(fragment).unwrap();
            let read = serde_json::from_str::<serde_json::Value>(&template.text).unwrap();
            assert!(read["Resources"].is_object(), "{}", template.text);
            assert_eq!(template.fragment(&template.text), Some(fragment));
        }
        assert!(open(r#"{"ContainerDefinitions":[]}"#).unwrap().text.contains("CommaDelimitedList"));
    }

    #[test]
    fn other_parts_are_refused() {
        for fragment in ["[]", "1", r#"{"Cpu":"256"}"#] {
            assert!(open(fragment).unwrap_err().contains("no task definition"), "{fragment}");
        }
    }
}
