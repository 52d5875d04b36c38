use std::collections::HashSet;

use super::{FieldError, all, resolve, resolve_prefix};

#[test]
fn names_are_unique_and_documented() {
    let mut seen = HashSet::new();
    for field in all() {
        assert!(seen.insert(field.name), "{} twice", field.name);
        assert!(!field.doc.is_empty(), "{}", field.name);
    }
}

#[test]
fn arguments_are_checked() {
    assert!(resolve("evt.arg.name", None).is_ok());
    assert!(resolve("evt.arg[0]", None).is_err());
    assert!(resolve("evt.arg", Some("0")).is_ok());
    assert_eq!(resolve("evt.arg", None).unwrap_err(), FieldError::ArgumentNeeded("evt.arg".into()));
    assert_eq!(resolve("proc.name", Some("1")).unwrap_err(), FieldError::NoArgument("proc.name".into()));
    assert!(matches!(resolve("proc.aname", Some("x")), Err(FieldError::NotAnIndex(..))));
    let error = resolve("proc.nam", None).unwrap_err().to_string();
    assert_eq!(error, "unknown field 'proc.nam'; did you mean 'proc.name'?");
}

#[test]
fn outputs_take_the_longest_name_that_is_a_field() {
    let (found, length) = resolve_prefix("fd.name.old", None).unwrap();
    assert_eq!((found.field.name, length), ("fd.name", 7));
    assert!(resolve_prefix("nothing.here", None).is_err());
}
