use proptest::prelude::*;

use super::{
    MAX_DEPTH,
    ast::{Check, Expr, FieldRef, List, Literal, Op, Operand, Quantifier, Right, Span, Test},
    parse,
};
use crate::shared;

fn vectors(name: &str) -> Vec<String> {
    let Some(text) = shared::text(&format!("data/falco/vectors/{name}")) else { return Vec::new() };
    serde_json::from_str(&text).unwrap()
}

#[test]
fn what_falco_accepts_parses_and_prints_back() {
    for text in vectors("filter_accept.json") {
        let tree = parse(&text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        let printed = tree.to_string();
        let again =
            parse(&printed).unwrap_or_else(|error| panic!("{text:?} printed as {printed:?}: {error}"));
        assert_eq!(again.to_string(), printed, "{text:?}");
    }
}

#[test]
fn what_falco_refuses_is_refused() {
    for text in vectors("filter_reject.json") {
        assert!(parse(&text).is_err(), "{text:?} parsed as {}", parse(&text).unwrap());
    }
}

#[test]
fn errors_point_at_the_place() {
    for (text, at, part) in [
        ("evt.type = open and", 19, "expected a blank or"),
        ("evt.type = open and (fd.num > a)", 30, "expected a number after '>'"),
        ("evt.type ~ open", 9, "expected an operator"),
        ("proc.name = 'bash", 12, "no closing '"),
        (r#"proc.name = "a\d""#, 14, "unknown escape '\\d'"),
        ("(proc.name = a", 14, "expected ')'"),
        ("proc.name = a)", 13, "closes nothing"),
        ("fake(proc.name) exists", 4, "no such transformer"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.span.start, at, "{text}: {error}");
        assert!(error.message.contains(part), "{text}: {error}");
    }
}

#[test]
fn precedence_and_negation() {
    for (text, printed) in [
        ("a.a=1 or b.b=2 and c", "a.a = 1 or b.b = 2 and c"),
        ("(a or b) and c", "(a or b) and c"),
        ("not not a", "a"),
        ("not not not a", "not a"),
        ("not(a)and(not(b))", "not a and not b"),
        ("a.b == 'x y'", "a.b = \"x y\""),
    ] {
        assert_eq!(parse(text).unwrap().to_string(), printed);
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(MAX_DEPTH)).is_ok());
    let error = parse(&nested(10_000)).unwrap_err();
    assert!(error.message.contains("nested deeper"), "{error}");
    assert_eq!(error.span.start, MAX_DEPTH + 1);
}

fn literal(text: String) -> Literal {
    Literal { text, span: Span::default() }
}

fn check(left: Operand, test: Test) -> Expr {
    Expr::Check(Box::new(Check { left, test, span: Span::default() }))
}

fn a_literal() -> impl Strategy<Value = Literal> {
    "[ -~é]{0,8}".prop_map(literal)
}

fn a_leaf() -> impl Strategy<Value = Expr> {
    let field = ("[a-z]{1,3}\\.[a-z]{1,3}", proptest::option::of("[ -~]{0,5}"))
        .prop_map(|(name, arg)| Operand::Field(FieldRef { name, arg, span: Span::default() }));
    let op =
        proptest::sample::select(vec![Op::Eq, Op::Ne, Op::Contains, Op::Startswith, Op::Glob, Op::Regex]);
    let test = prop_oneof![
        Just(Test::Exists),
        (op.clone(), a_literal()).prop_map(|(op, text)| Test::Compare(op, Right::Literal(text))),
        proptest::collection::vec(a_literal(), 0..3)
            .prop_map(|items| Test::Compare(Op::In, Right::List(List::Literals(items)))),
        (op, proptest::collection::vec(a_literal(), 0..3)).prop_map(|(op, items)| Test::Each(
            op,
            Quantifier::Oneof,
            List::Literals(items)
        )),
    ];
    prop_oneof![
        "m[a-z]{1,4}".prop_map(|name| Expr::Macro(name, Span::default())),
        (field, test).prop_map(|(left, test)| check(left, test)),
    ]
}

fn an_expr() -> impl Strategy<Value = Expr> {
    a_leaf().prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Expr::And),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Expr::Or),
            inner.prop_map(|child| match child {
                Expr::Not(_) => child,
                other => Expr::Not(Box::new(other)),
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_parses_to_the_same(expr in an_expr()) {
        let printed = expr.to_string();
        let again = parse(&printed).map_err(|error| TestCaseError::fail(format!("{printed}: {error}")))?;
        prop_assert_eq!(again.to_string(), printed);
    }

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,80}") {
        if let Err(error) = parse(&text) {
            prop_assert!(text.get(error.span.start..error.span.end).is_some(), "{:?}", error);
        }
    }

    #[test]
    fn any_tokens_are_read_without_panic(
        words in proptest::collection::vec(
            proptest::sample::select(vec![
                "a", "and", "or", "not", "(", ")", " ", "fd.name", "[", "]", "=", "in", "exists", "\"", "'", "\\",
                ",", "val(", "join(", "oneof", "0x", "-1", "é",
            ]),
            0..20,
        )
    ) {
        let _ = parse(&words.concat());
    }
}
