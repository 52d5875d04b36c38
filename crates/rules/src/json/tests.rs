use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{Json, MAX_DEPTH, Scanner};

fn is_json(text: &str) -> Result<(), (usize, &'static str)> {
    let mut scanner = Scanner::new(text.as_bytes(), 0);
    scanner.value().map_err(|fault| (fault.at, fault.what))?;
    if scanner.at() == text.len() { Ok(()) } else { Err((scanner.at(), "more text")) }
}

/// One value with blanks around it.
fn is_whole(text: &str) -> bool {
    let mut scanner = Scanner::new(text.as_bytes(), 0);
    scanner.blanks();
    let is_value = scanner.value().is_ok();
    scanner.blanks();
    is_value && scanner.peek().is_none()
}

#[test]
fn faults_say_where() {
    for (text, expected) in [
        ("", (0, "the text ends where a JSON value should stand")),
        ("tru", (0, "expected true, false or null")),
        ("{\"a\" 1}", (5, "expected ':' after a member's name")),
        ("{\"a\":1,}", (7, "expected a member's name in quotes")),
        ("{\"a\":1 \"b\":2}", (7, "expected ',' or '}' after a member")),
        ("[1 2]", (3, "expected ',' or ']' after an item")),
        ("[1,]", (3, "expected a JSON value")),
        ("\"abc", (4, "the text ends inside a string")),
        ("\"a\nb\"", (2, "a control character inside a string")),
        ("\"a\\qb\"", (2, "an escape that JSON does not have")),
        ("\"12345678\\u12g4\"", (9, "'\\u' without four hexadecimal digits")),
        ("-", (1, "expected a digit")),
        ("1.", (2, "expected a digit")),
        ("01", (1, "more text")),
        ("1e+", (3, "expected a digit")),
        ("+1", (0, "expected a JSON value")),
    ] {
        assert_eq!(is_json(text), Err(expected), "{text}");
    }
}

#[test]
fn depth_is_limited() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(is_json(&nested(MAX_DEPTH as usize)), Ok(()));
    assert_eq!(is_json(&nested(1_000_000)), Err((MAX_DEPTH as usize, "nested too deep")));
}

#[test]
fn strings_read_as_written() {
    for (raw, plain) in [
        (r#""""#, ""),
        (r#""ä€𝄞""#, "ä€𝄞"),
        (r#""a\"b\\c\/d""#, "a\"b\\c/d"),
        (r#""\b\f\n\r\t""#, "\u{8}\u{c}\n\r\t"),
        (r#""\u0041\u00e4""#, "Aä"),
        (r#""\ud834\udd1e!""#, "𝄞!"),
        (r#""\ud834""#, "\u{fffd}"),
        (r#""\udd1e\ud834x""#, "\u{fffd}\u{fffd}x"),
    ] {
        assert_eq!(is_json(raw), Ok(()));
        assert_eq!(Json::checked(raw).as_str().unwrap(), plain, "{raw}");
    }
}

#[test]
fn the_first_of_equal_names_counts() {
    let object = Json::checked(r#"{"a": 1, "\u0061": 2, "b\"c": 3}"#);
    assert_eq!(object.get("a").map(Json::text), Some("1"));
    assert_eq!(object.get("b\"c").map(Json::text), Some("3"));
    assert_eq!(object.get("c"), None);
    assert_eq!(Json::checked(r#"{"\u0061": 2, "a": 1}"#).get("a").map(Json::text), Some("2"));
}

#[test]
fn numbers_become_whole() {
    for (text, number) in [
        ("33.0", Some(33)),
        ("0", Some(0)),
        ("1e3", Some(1_000)),
        ("-5", Some(0)),
        ("18446744073709551615", Some(u64::MAX)),
        ("99999999999999999999999", Some(u64::MAX)),
        ("\"33\"", None),
        ("null", None),
    ] {
        assert_eq!(Json::checked(text).as_u64(), number, "{text}");
    }
}

#[test]
fn layouts() {
    let text = " {\"a\" : [ 1 , 2.50 ] , \"b\":{ } , \"c , d\" : \"x  y\", \"e\":[]} ".trim();
    let json = Json::checked(text);
    assert_eq!(json.compact(), r#"{"a":[1,2.50],"b":{},"c , d":"x  y","e":[]}"#);
    let lines = "{\n  \"a\": [\n    1,\n    2.50\n  ],\n  \"b\": {},\n  \"c , d\": \"x  y\",\n  \"e\": []\n}";
    assert_eq!(json.indented(), lines);
}

/// Any JSON value, as deep and wide as records are.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e6..1e6_f64).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "[a-c/~\"\\\\\u{1}-\u{1f}]{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-c~/\"é]{0,3}", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Every pointer into a value with what it points to.
fn pointers<'v>(value: &'v Value, path: &mut Vec<String>, found: &mut Vec<(Vec<String>, &'v Value)>) {
    found.push((path.clone(), value));
    let inner: Vec<(String, &Value)> = match value {
        Value::Array(items) => items.iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect(),
        Value::Object(members) => members.iter().map(|(name, member)| (name.clone(), member)).collect(),
        _ => Vec::new(),
    };
    for (name, member) in inner {
        path.push(name);
        pointers(member, path, found);
        path.pop();
    }
}

proptest! {
    #[test]
    fn what_serde_reads_is_read_and_nothing_else(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        // Strings of bytes that are no UTF-8 are the caller's matter.
        if let Ok(text) = String::from_utf8(bytes) {
            prop_assert_eq!(is_whole(&text), serde_json::from_str::<IgnoredAny>(&text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn texts_near_json_are_judged_as_serde_judges(text in r#"[\[\]{}:,"\\ue0-9.+\-a tfn]{0,16}"#) {
        prop_assert_eq!(is_whole(&text), serde_json::from_str::<IgnoredAny>(&text).is_ok(), "{}", text);
    }

    #[test]
    fn values_are_those_serde_finds(value in any_json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        prop_assert_eq!(is_json(&text), Ok(()));
        let whole = Json::checked(&text);
        let mut found = Vec::new();
        pointers(&value, &mut Vec::new(), &mut found);
        for (path, expected) in found {
            let keys: Vec<&str> = path.iter().map(String::as_str).collect();
            let json = whole.path(&keys).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Value>(json.text()).unwrap(), expected);
            let characters = json.as_str();
            prop_assert_eq!(characters.as_deref(), expected.as_str());
            prop_assert_eq!(json.as_bool(), expected.as_bool());
            prop_assert_eq!(&*json.compact(), serde_json::to_string(expected).unwrap());
            prop_assert_eq!(json.indented(), serde_json::to_string_pretty(expected).unwrap());
        }
    }
}
