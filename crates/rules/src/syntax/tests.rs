use proptest::prelude::*;

use super::{
    MAX_DEPTH,
    ast::{
        Check, Expr, FieldRef, List, Literal, Op, Operand, Quantifier, Right, Span, Test, Transform,
        TransformArg, TransformName,
    },
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

const HERE: Span = Span { start: 0, end: 0 };

fn literal(text: String) -> Literal {
    Literal { text, span: HERE }
}

fn check(left: Operand, test: Test) -> Expr {
    Expr::Check(Box::new(Check { left, test, span: HERE }))
}

/// Any text a string can hold: everything but NUL.
fn any_literal() -> impl Strategy<Value = Literal> {
    prop_oneof!["[ -~é]{0,8}", "[\\\\\"' \n\r\t\u{8}\u{c}(),=]{0,6}", "[^\u{0}]{0,6}"].prop_map(literal)
}

fn any_field() -> impl Strategy<Value = Operand> {
    ("[a-z]{1,3}(\\.[a-z_0-9A-Z]{0,2}x){1,3}", proptest::option::of("[ -~é]{0,5}")).prop_map(|(name, arg)| {
        let name = name.replace(|char: char| char.is_ascii_digit(), "d").replace('_', "u");
        Operand::Field(FieldRef { name, arg, span: HERE })
    })
}

fn any_arg(operand: impl Strategy<Value = Operand> + Clone) -> impl Strategy<Value = TransformArg> {
    let plain = prop_oneof![
        operand.prop_map(TransformArg::Operand),
        any_literal().prop_map(TransformArg::Literal),
        "-?[0-9]{1,4}".prop_map(|text| TransformArg::Literal(literal(text))),
    ];
    prop_oneof![
        plain.clone(),
        proptest::collection::vec(plain, 0..3).prop_map(|items| TransformArg::List(items, HERE)),
    ]
}

/// A field or a transformer, nested.
fn any_operand() -> impl Strategy<Value = Operand> + Clone {
    any_field().boxed().prop_recursive(3, 12, 3, |inner| {
        let one = proptest::sample::select(vec![
            TransformName::Tolower,
            TransformName::Toupper,
            TransformName::B64,
            TransformName::Basename,
            TransformName::Len,
        ]);
        let many = proptest::sample::select(vec![TransformName::Join, TransformName::Concat]);
        prop_oneof![
            (one, inner.clone()).prop_map(|(name, operand)| transform(
                name,
                vec![TransformArg::Operand(operand)],
                None
            )),
            (many, proptest::collection::vec(any_arg(inner.clone()), 1..4))
                .prop_map(|(name, args)| transform(name, args, None)),
            (proptest::collection::vec(any_arg(inner), 1..3), proptest::option::of("[a-zA-Z0-9]"))
                .prop_map(|(args, index)| transform(TransformName::Getopt, args, index)),
        ]
    })
}

fn transform(name: TransformName, args: Vec<TransformArg>, index: Option<String>) -> Operand {
    Operand::Transform(Transform { name, args, index, span: HERE })
}

/// What may stand on the right side without being a literal.
fn any_right_operand() -> impl Strategy<Value = Operand> {
    prop_oneof![
        any_field().prop_map(|field| transform(TransformName::Val, vec![TransformArg::Operand(field)], None)),
        any_operand().prop_filter("a bare field is text", |operand| matches!(operand, Operand::Transform(_))),
    ]
}

fn any_test() -> impl Strategy<Value = Test> {
    let text = proptest::sample::select(vec![
        Op::Eq,
        Op::Ne,
        Op::Contains,
        Op::Icontains,
        Op::Bcontains,
        Op::Startswith,
        Op::Bstartswith,
        Op::Endswith,
        Op::Glob,
        Op::Iglob,
        Op::Regex,
    ]);
    let order = proptest::sample::select(vec![Op::Lt, Op::Le, Op::Gt, Op::Ge]);
    let list = proptest::sample::select(vec![Op::In, Op::Intersects, Op::Pmatch]);
    let quantifier = proptest::sample::select(vec![Quantifier::Oneof, Quantifier::Anyof, Quantifier::Allof]);
    let items = || {
        prop_oneof![
            proptest::collection::vec(any_literal(), 0..3).prop_map(List::Literals),
            "l[a-z]{1,4}".prop_map(|name| List::Named(name, HERE)),
        ]
    };
    let every = prop_oneof![text.clone(), order.clone(), list.clone()];
    prop_oneof![
        Just(Test::Exists),
        (text.clone(), any_literal()).prop_map(|(op, text)| Test::Compare(op, Right::Literal(text))),
        (order, "-?[0-9]{1,6}|0x[0-9a-f]{1,4}|[0-9]\\.[0-9]e[+-][0-9]")
            .prop_map(|(op, number)| Test::Compare(op, Right::Literal(literal(number)))),
        (list, items()).prop_map(|(op, items)| Test::Compare(op, Right::List(items))),
        (every, any_right_operand()).prop_map(|(op, right)| Test::Compare(op, Right::Operand(right))),
        (text, quantifier, items()).prop_map(|(op, quantifier, items)| Test::Each(op, quantifier, items)),
    ]
}

fn any_leaf() -> impl Strategy<Value = Expr> {
    prop_oneof![
        "m[a-z]{1,4}".prop_map(|name| Expr::Macro(name, HERE)),
        (any_operand(), any_test()).prop_map(|(left, test)| check(left, test)),
    ]
}

fn any_expr() -> impl Strategy<Value = Expr> {
    any_leaf().prop_recursive(4, 24, 3, |inner| {
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

/// The tree without its places.
fn bare(expr: Expr) -> Expr {
    match expr {
        Expr::And(children) => Expr::And(children.into_iter().map(bare).collect()),
        Expr::Or(children) => Expr::Or(children.into_iter().map(bare).collect()),
        Expr::Not(child) => Expr::Not(Box::new(bare(*child))),
        Expr::Macro(name, _) => Expr::Macro(name, HERE),
        Expr::Check(found) => {
            let test = match found.test {
                Test::Exists => Test::Exists,
                Test::Compare(op, right) => Test::Compare(
                    op,
                    match right {
                        Right::Literal(found) => Right::Literal(literal(found.text)),
                        Right::List(list) => Right::List(bare_list(list)),
                        Right::Operand(operand) => Right::Operand(bare_operand(operand)),
                    },
                ),
                Test::Each(op, quantifier, list) => Test::Each(op, quantifier, bare_list(list)),
            };
            check(bare_operand(found.left), test)
        }
    }
}

fn bare_list(list: List) -> List {
    match list {
        List::Literals(items) => List::Literals(items.into_iter().map(|item| literal(item.text)).collect()),
        List::Named(name, _) => List::Named(name, HERE),
    }
}

fn bare_operand(operand: Operand) -> Operand {
    match operand {
        Operand::Field(field) => Operand::Field(FieldRef { span: HERE, ..field }),
        Operand::Transform(found) => {
            transform(found.name, found.args.into_iter().map(bare_arg).collect(), found.index)
        }
    }
}

fn bare_arg(arg: TransformArg) -> TransformArg {
    match arg {
        TransformArg::Operand(operand) => TransformArg::Operand(bare_operand(operand)),
        TransformArg::Literal(found) => TransformArg::Literal(literal(found.text)),
        TransformArg::List(items, _) => TransformArg::List(items.into_iter().map(bare_arg).collect(), HERE),
    }
}

#[test]
fn escapes_stand_for_what_they_say() {
    for (written, expected) in [
        (r#""a b""#, "a b"),
        (r#""a\\tb""#, "a\\tb"),
        (r#""a\tb\nc\rd\be\ff""#, "a\tb\nc\rd\u{8}e\u{c}f"),
        (r#""say \"hi\"""#, "say \"hi\""),
        (r#"'say "hi"'"#, "say \"hi\""),
        (r"'it\'s'", "it's"),
        (r#""it's""#, "it's"),
        (r#""\/etc""#, "/etc"),
        (r#""a\ b""#, "a\\b"),
        (r#""\x41\x7a""#, "Az"),
        (r#""""#, ""),
        ("bare-*?[x]!", "bare-*?[x]!"),
    ] {
        let tree = parse(&format!("a.b = {written}")).unwrap_or_else(|error| panic!("{written}: {error}"));
        let Expr::Check(found) = tree else { panic!("{written}") };
        let Test::Compare(Op::Eq, Right::Literal(found)) = found.test else { panic!("{written}") };
        assert_eq!(found.text, expected, "{written}");
    }
    for written in [r#""\d""#, r#""\x00""#, r#""\xZZ""#, r#""it\'s""#, r#"'a\"b'"#, r#""\u0041""#, r#""open"#]
    {
        assert!(parse(&format!("a.b = {written}")).is_err(), "{written}");
    }
}

proptest! {
    #[test]
    fn what_is_printed_parses_to_the_same(expr in any_expr()) {
        let printed = expr.to_string();
        let again = parse(&printed).map_err(|error| TestCaseError::fail(format!("{printed}: {error}")))?;
        prop_assert_eq!(bare(again), expr, "{}", printed);
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
