//! What CloudFormation sends to a macro.

use std::collections::BTreeMap;

use fargard_taskdef::json::{self, Node, Value};

/// Longest event: Lambda's limit for what a function is called with.
const MAX_EVENT: usize = 6 << 20;

/// A call of the macro.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// Its number, which the response repeats.
    pub(crate) id: String,
    /// The template's part that the macro may change, as it was written.
    pub(crate) text: &'a str,
    /// The same, read.
    pub(crate) fragment: Node,
    /// Parameters of the call, functions in them not evaluated; empty when the macro stands in the template's
    /// `Transform` section.
    pub(crate) parameters: Option<Node>,
    /// Values of the template's parameters and of pseudo parameters. Those without echo are among them: never printed.
    pub(crate) values: BTreeMap<String, String>,
    /// Those whose value is a list.
    pub(crate) lists: Vec<String>,
}

/// Reads an event; the error says what is wrong with it.
pub(crate) fn read(event: &str) -> Result<Request<'_>, String> {
    if event.len() > MAX_EVENT {
        return Err(format!("the event has {} bytes, more than {MAX_EVENT}", event.len()));
    }
    let root = json::parse(event)
        .map_err(|error| format!("the event is not JSON: {}: {}", error.at, error.reason))?;
    let text = |name: &str| root.get(name).and_then(Node::text);
    let id = text("requestId").ok_or("this is no call of a macro: it has no requestId")?.to_owned();
    let fragment = root.get("fragment").ok_or("this is no call of a macro: it has no fragment")?.clone();
    let written = event.get(fragment.span.clone()).ok_or("the fragment has no text")?;
    let (mut values, mut lists) = (pseudo(text("region"), text("accountId")), Vec::new());
    if let Some(Value::Object(members)) = root.get("templateParameterValues").map(|node| &node.value) {
        for member in members {
            if let Value::List(_) = member.node.value {
                lists.push(member.name.clone());
            }
            if let Some(value) = scalars(&member.node) {
                values.insert(member.name.clone(), value);
            }
        }
    }
    Ok(Request { id, text: written, fragment, parameters: root.get("params").cloned(), values, lists })
}

/// A value's text; that of a list is joined by commas, as parameters are given.
pub(crate) fn scalars(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) | Value::Number(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::List(elements) => {
            let all: Option<Vec<String>> = elements.iter().map(scalars).collect();
            all.map(|all| all.join(","))
        }
        Value::Null | Value::Object(_) => None,
    }
}

/// The pseudo parameters that region and account say.
fn pseudo(region: Option<&str>, account: Option<&str>) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let mut put = |name: &str, value: &str| values.insert(format!("AWS::{name}"), value.to_owned());
    if let Some(region) = region {
        let (partition, suffix) = match region {
            _ if region.starts_with("cn-") => ("aws-cn", "amazonaws.com.cn"),
            _ if region.starts_with("us-gov-") => ("aws-us-gov", "amazonaws.com"),
            _ => ("aws", "amazonaws.com"),
        };
        put("Region", region);
        put("Partition", partition);
        put("URLSuffix", suffix);
    }
    if let Some(account) = account {
        put("AccountId", account);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_call_is_read_with_its_fragment_as_written() {
        let event = r#"{"region":"us-gov-west-1","accountId":"111122223333","fragment": { "A" : 1.0 },
            "transformId":"111122223333::Fargard","params":{},"requestId":"r-1",
            "templateParameterValues":{"Tag":"1","Words":["a","b"],"Number":8,"None":null}}"#;
        let request = read(event).unwrap();
        assert_eq!((request.id.as_str(), request.text), ("r-1", "{ \"A\" : 1.0 }"));
        let values: Vec<String> =
            request.values.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            values,
            [
                "AWS::AccountId=111122223333",
                "AWS::Partition=aws-us-gov",
                "AWS::Region=us-gov-west-1",
                "AWS::URLSuffix=amazonaws.com",
                "Number=8",
                "Tag=1",
                "Words=a,b",
            ]
        );
        assert_eq!(request.lists, ["Words"]);
    }

    #[test]
    fn other_events_say_what_is_missing() {
        for (event, part) in [
            ("", "not JSON"),
            ("[]", "no requestId"),
            (r#"{"requestId":"r"}"#, "no fragment"),
            (r#"{"requestId":"r","requestId":"s"}"#, "given twice"),
            (
                &format!("{{\"requestId\":\"r\",\"fragment\":{}{}}}", "[".repeat(100), "]".repeat(100)),
                "deeper",
            ),
            (&" ".repeat(7 << 20), "more than"),
        ] {
            let error = read(event).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
