//! One line of a selection: a field, its modifiers, its values.

use fargard_rules::{
    syntax::ast::{Expr, FieldRef, Op},
    yaml::{Content, Node},
};

use crate::{
    budget::Budget,
    cidr, encode,
    logsource::{Field, Kind, LogSource},
    pattern::Pattern,
    regex::{self, Flags},
    test::{self, How},
};

/// What cannot be converted, and why.
pub(crate) type Unsupported = (String, String);

/// How values are made of what is written, in the order of the modifiers.
#[derive(Clone, Copy, Debug)]
enum Encoding {
    Utf16 { big_endian: bool, mark: bool },
    Base64,
    Base64Offset,
    Windash,
}

/// What the modifiers say.
#[derive(Debug, Default)]
struct Modifiers {
    encodings: Vec<Encoding>,
    starts: bool,
    ends: bool,
    all: bool,
    cased: bool,
    negated: bool,
    exists: bool,
    cidr: bool,
    fieldref: bool,
    order: Option<Op>,
    regex: Option<Flags>,
}

impl Modifiers {
    fn read(names: &[&str]) -> Result<Self, Unsupported> {
        let mut found = Self::default();
        for name in names {
            found.add(name).map_err(|reason| (format!("modifier |{name}"), reason.to_owned()))?;
        }
        Ok(found)
    }

    fn add(&mut self, name: &str) -> Result<(), &'static str> {
        match name {
            "contains" => (self.starts, self.ends) = (true, true),
            "startswith" => self.ends = true,
            "endswith" => self.starts = true,
            "all" => self.all = true,
            "cased" => self.cased = true,
            "neq" => self.negated = true,
            "exists" => self.exists = true,
            "cidr" => self.cidr = true,
            "fieldref" => self.fieldref = true,
            "lt" => self.order = Some(Op::Lt),
            "lte" => self.order = Some(Op::Le),
            "gt" => self.order = Some(Op::Gt),
            "gte" => self.order = Some(Op::Ge),
            "windash" => self.encodings.push(Encoding::Windash),
            "base64" => self.encodings.push(Encoding::Base64),
            "base64offset" => self.encodings.push(Encoding::Base64Offset),
            "wide" | "utf16le" => self.encodings.push(Encoding::Utf16 { big_endian: false, mark: false }),
            "utf16be" => self.encodings.push(Encoding::Utf16 { big_endian: true, mark: false }),
            "utf16" => self.encodings.push(Encoding::Utf16 { big_endian: false, mark: true }),
            "re" => self.regex = Some(Flags::default()),
            "i" | "ignorecase" | "m" | "multiline" | "s" | "dotall" => {
                let flags = self.regex.as_mut().ok_or("it stands only behind |re")?;
                match name {
                    "i" | "ignorecase" => flags.ignore_case = true,
                    "s" | "dotall" => flags.dot_newline = true,
                    _ => return Err("Falco's expressions have no lines"),
                }
            }
            "expand" => return Err("the value's placeholders are not known"),
            "minute" | "hour" | "day" | "week" | "month" | "year" => {
                return Err("parts of a time cannot be compared");
            }
            _ => return Err("there is no such modifier"),
        }
        Ok(())
    }
}

/// Values as written; null is none.
fn scalars(node: &Node) -> Result<Vec<Option<&str>>, Unsupported> {
    let one = |node: &'_ Node| matches!(node.content, Content::Scalar(..));
    match &node.content {
        Content::Scalar(..) => Ok(vec![node.text()]),
        Content::Sequence(items) if items.iter().all(|item| one(item)) => {
            if items.is_empty() {
                return Err(("empty list".to_owned(), "a field without a value matches nothing".to_owned()));
            }
            Ok(items.iter().map(|item| item.text()).collect())
        }
        _ => Err(("value".to_owned(), "a value is text, a number, null or a list of those".to_owned())),
    }
}

/// The comparison that `key: values` asks for. A key without a field looks for keywords.
pub(crate) fn item(
    key: &str,
    values: &Node,
    source: &LogSource,
    budget: &mut Budget,
) -> Result<Expr, Unsupported> {
    let mut words = key.split('|');
    let name = words.next().unwrap_or_default();
    let modifiers = Modifiers::read(&words.collect::<Vec<_>>())?;
    let construct = || if name.is_empty() { "keywords".to_owned() } else { format!("field {name}") };
    let refuse = |reason: String| (construct(), reason);
    let values = scalars(values)?;
    let (field, modifiers) = if name.is_empty() {
        (source.whole().map_err(refuse)?, Modifiers { starts: true, ends: true, ..modifiers })
    } else {
        (source.field(name).map_err(refuse)?, modifiers)
    };
    budget.take(values.len()).map_err(|reason| ("size".to_owned(), reason))?;
    let expr = compare(name, &field, &modifiers, &values, source, budget).map_err(refuse)?;
    Ok(if modifiers.negated { test::not(expr) } else { expr })
}

fn compare(
    name: &str,
    field: &Field,
    modifiers: &Modifiers,
    values: &[Option<&str>],
    source: &LogSource,
    budget: &mut Budget,
) -> Result<Expr, String> {
    let mut parts = Vec::new();
    let mut patterns = Vec::new();
    let mut networks = Vec::new();
    for value in values {
        let Some(value) = value else {
            parts.push(match source.nullable(name) {
                Some(member) => test::is_null(&member),
                None => test::not(test::exists(&field.field)),
            });
            continue;
        };
        if modifiers.exists {
            parts.push(existence(source.nullable(name).as_ref().unwrap_or(&field.field), value)?);
        } else if let Some(op) = modifiers.order {
            parts.push(order(field, op, value)?);
        } else if modifiers.fieldref {
            parts.push(reference(field, modifiers, value, source)?);
        } else if let Some(flags) = modifiers.regex {
            text_only(field, "an expression")?;
            parts.push(test::fits(&field.field, regex::to_posix(value, &flags)?));
        } else if let (true, Kind::Address(_)) = (modifiers.cidr, field.kind) {
            networks.push(cidr::network(value)?);
        } else {
            let ways = if modifiers.cidr { network(field, value)? } else { encoded(modifiers, value)? };
            budget.take(ways.len())?;
            if modifiers.all && ways.len() > 1 {
                // The ways to write one value are alternatives even where all values must fit.
                parts.push(test::matches(field, &ways, How { cased: modifiers.cased, all: false })?);
            } else {
                patterns.extend(ways);
            }
        }
    }
    if let (Kind::Address(net), false) = (field.kind, networks.is_empty()) {
        parts.push(test::in_networks(net, networks));
    }
    if !patterns.is_empty() {
        let how = How { cased: modifiers.cased, all: modifiers.all };
        parts.push(test::matches(field, &patterns, how)?);
    }
    test::join(parts, modifiers.all).ok_or_else(|| "there is no value".to_owned())
}

fn existence(field: &FieldRef, value: &str) -> Result<Expr, String> {
    let exists = test::exists(field);
    match value.to_ascii_lowercase().as_str() {
        "true" | "yes" => Ok(exists),
        "false" | "no" => Ok(test::not(exists)),
        _ => Err("|exists takes true or false".to_owned()),
    }
}

fn order(field: &Field, op: Op, value: &str) -> Result<Expr, String> {
    if !matches!(field.kind, Kind::Number | Kind::Port) {
        return Err("Falco holds it as text, which has no order".to_owned());
    }
    let number = value.parse().map_err(|_| format!("'{value}' is no whole number"))?;
    if field.kind == Kind::Port && u16::try_from(number).is_err() {
        return Err(format!("'{value}' is no port"));
    }
    Ok(test::ordered(&field.field, op, number))
}

fn reference(field: &Field, modifiers: &Modifiers, value: &str, source: &LogSource) -> Result<Expr, String> {
    text_only(field, "another field")?;
    let other = source.field(value).map_err(|reason| format!("{value}: {reason}"))?;
    text_only(&other, "another field")?;
    let op = match (modifiers.starts, modifiers.ends) {
        (false, false) => Op::Eq,
        (true, true) => Op::Contains,
        (false, true) => Op::Startswith,
        (true, false) => Op::Endswith,
    };
    Ok(test::compare_fields(op, &field.field, &other.field, modifiers.cased))
}

fn network(field: &Field, value: &str) -> Result<Vec<Pattern>, String> {
    text_only(field, "a network")?;
    let (texts, whole) = cidr::prefixes(value)?;
    let pattern = |text: String| {
        let pattern = Pattern::literal(text);
        if whole { pattern } else { pattern.before_anything() }
    };
    Ok(texts.into_iter().map(pattern).collect())
}

fn text_only(field: &Field, what: &str) -> Result<(), String> {
    if field.kind == Kind::Text { Ok(()) } else { Err(format!("it is no text to compare with {what}")) }
}

/// A value, or the ways in which it may stand in the field.
fn encoded(modifiers: &Modifiers, value: &str) -> Result<Vec<Pattern>, String> {
    let patterns = if modifiers.encodings.is_empty() {
        vec![Pattern::parse(value)]
    } else {
        encode_all(&modifiers.encodings, value)?
    };
    let place = |mut pattern: Pattern| {
        if modifiers.starts {
            pattern = pattern.after_anything();
        }
        if modifiers.ends {
            pattern = pattern.before_anything();
        }
        pattern
    };
    Ok(patterns.into_iter().map(place).collect())
}

fn encode_all(encodings: &[Encoding], value: &str) -> Result<Vec<Pattern>, String> {
    // Dashes first: they are of the text as the command line holds it, wildcards included.
    let (dashes, codes): (Vec<Encoding>, Vec<Encoding>) =
        encodings.iter().partition(|encoding| matches!(encoding, Encoding::Windash));
    let texts = if dashes.is_empty() { vec![value.to_owned()] } else { encode::windash(value)? };
    if codes.is_empty() {
        return Ok(texts.iter().map(|text| Pattern::parse(text)).collect());
    }
    let mut patterns = Vec::new();
    for text in texts {
        let pattern = Pattern::parse(&text);
        let text = pattern.text().ok_or("a value with wildcards cannot be encoded")?;
        patterns.extend(encode_one(&codes, text)?);
    }
    Ok(patterns)
}

fn encode_one(codes: &[Encoding], text: &str) -> Result<Vec<Pattern>, String> {
    let mut bytes = text.as_bytes().to_vec();
    let mut is_text = true;
    for (index, code) in codes.iter().enumerate() {
        match code {
            Encoding::Utf16 { big_endian, mark } => {
                let text = String::from_utf8(bytes).map_err(|_| "UTF-16 of UTF-16 makes no sense")?;
                bytes = if *mark { vec![0xff, 0xfe] } else { Vec::new() };
                bytes.extend(encode::utf16(&text, *big_endian));
                is_text = false;
            }
            Encoding::Base64 => {
                bytes = encode::base64(&bytes).into_bytes();
                is_text = true;
            }
            Encoding::Base64Offset if index + 1 == codes.len() => {
                return Ok(encode::base64_offsets(&bytes).into_iter().map(Pattern::literal).collect());
            }
            Encoding::Base64Offset => {
                return Err("nothing may follow |base64offset but where it stands".to_owned());
            }
            Encoding::Windash => {}
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) if is_text => Ok(vec![Pattern::literal(text)]),
        _ => Err("UTF-16 without Base64 around it cannot stand in a text field".to_owned()),
    }
}
