//! From tree to text: what is printed parses to the same tree.

use std::fmt::{self, Display};

use super::ast::{Check, Expr, FieldRef, List, Literal, Operand, Right, Test, Transform, TransformArg};

impl Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(children) => {
                joined(f, children, " and ", |child| matches!(child, Self::And(_) | Self::Or(_)))
            }
            Self::Or(children) => joined(f, children, " or ", |child| matches!(child, Self::Or(_))),
            Self::Not(child) => match **child {
                Self::And(_) | Self::Or(_) | Self::Not(_) => write!(f, "not ({child})"),
                Self::Macro(..) | Self::Check(_) => write!(f, "not {child}"),
            },
            // Before a blank this name would be the keyword.
            Self::Macro(name, _) if name == "not" => f.write_str("(not)"),
            Self::Macro(name, _) => f.write_str(name),
            Self::Check(check) => check.fmt(f),
        }
    }
}

fn joined(
    f: &mut fmt::Formatter<'_>,
    children: &[Expr],
    separator: &str,
    wrap: impl Fn(&Expr) -> bool,
) -> fmt::Result {
    for (index, child) in children.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        if wrap(child) {
            write!(f, "({child})")?;
        } else {
            write!(f, "{child}")?;
        }
    }
    Ok(())
}

impl Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.test {
            Test::Exists => write!(f, "{} exists", self.left),
            Test::Compare(op, right) if op.is_ordering() => {
                // Numbers stand without quotes.
                match right {
                    Right::Literal(number) => write!(f, "{} {} {}", self.left, op.symbol(), number.text),
                    other => write!(f, "{} {} {other}", self.left, op.symbol()),
                }
            }
            Test::Compare(op, right) => write!(f, "{} {} {right}", self.left, op.symbol()),
            Test::Each(op, quantifier, list) => {
                write!(f, "{} {} {} {list}", self.left, op.symbol(), quantifier.symbol())
            }
        }
    }
}

impl Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => literal.fmt(f),
            Self::List(list) => list.fmt(f),
            Self::Operand(operand) => operand.fmt(f),
        }
    }
}

impl Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name, _) => f.write_str(name),
            Self::Literals(items) => {
                f.write_str("(")?;
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    item.fmt(f)?;
                }
                f.write_str(")")
            }
        }
    }
}

/// Bare where that reads back as the same string everywhere a literal may stand, else in double quotes.
impl Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./*:+@%$#!?~^&|<>;{}".contains(&byte);
        let keyword = matches!(self.text.as_str(), "oneof" | "anyof" | "allof");
        if !self.text.is_empty() && self.text.bytes().all(bare) && !keyword {
            f.write_str(&self.text)
        } else {
            quoted(f, &self.text)
        }
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for char in text.chars() {
        match char {
            '"' => f.write_str("\\\"")?,
            // A backslash before the closing quote would hide it; `\x5c` never does.
            '\\' => f.write_str("\\x5c")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            other => write!(f, "{other}")?,
        }
    }
    f.write_str("\"")
}

impl Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => field.fmt(f),
            Self::Transform(transform) => transform.fmt(f),
        }
    }
}

impl Display for FieldRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.arg.as_deref().map_or(Ok(()), |arg| bracketed(f, arg))
    }
}

fn bracketed(f: &mut fmt::Formatter<'_>, arg: &str) -> fmt::Result {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./*:+".contains(&byte);
    f.write_str("[")?;
    if !arg.is_empty() && arg.bytes().all(bare) {
        f.write_str(arg)?;
    } else {
        quoted(f, arg)?;
    }
    f.write_str("]")
}

impl Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name.symbol())?;
        list_of_args(f, &self.args)?;
        self.index.as_deref().map_or(Ok(()), |index| bracketed(f, index))
    }
}

fn list_of_args(f: &mut fmt::Formatter<'_>, args: &[TransformArg]) -> fmt::Result {
    f.write_str("(")?;
    for (index, arg) in args.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        match arg {
            TransformArg::Operand(operand) => operand.fmt(f)?,
            TransformArg::Literal(literal) => quoted(f, &literal.text)?,
            TransformArg::List(items, _) => list_of_args(f, items)?,
        }
    }
    f.write_str(")")
}
