//! A condition with its macros put in, as Falco prints it: every group in parentheses.

use std::fmt::Write;

use crate::{
    load::Definitions,
    syntax::ast::{Check, Expr, List, Literal, Right, Test},
};

/// Most bytes of one condition.
const MAX_ONE: usize = 256 << 10;

/// The condition with every macro put in; cut, with dots at its end, when it is very long or longer than `room`.
pub(super) fn inlined(tree: &Expr, definitions: &Definitions, macros: &[Expr], room: usize) -> String {
    let most = room.min(MAX_ONE);
    let mut printer = Printer { definitions, macros, text: String::new(), most };
    printer.expr(tree);
    if printer.text.len() > most {
        printer.text.push_str("...");
    }
    printer.text
}

struct Printer<'a> {
    definitions: &'a Definitions,
    macros: &'a [Expr],
    text: String,
    most: usize,
}

impl Printer<'_> {
    fn expr(&mut self, tree: &Expr) {
        if self.text.len() > self.most {
            return;
        }
        match tree {
            Expr::And(children) => self.joined(children, " and "),
            Expr::Or(children) => self.joined(children, " or "),
            Expr::Not(child) => {
                self.text.push_str("not ");
                self.expr(child);
            }
            Expr::Macro(name, _) => {
                let macros = self.macros;
                match self.definitions.macro_index(name).and_then(|index| macros.get(index)) {
                    Some(tree) => self.expr(tree),
                    None => self.text.push_str(name),
                }
            }
            Expr::Check(check) => self.check(check),
        }
    }

    fn joined(&mut self, children: &[Expr], separator: &str) {
        self.text.push('(');
        for (index, child) in children.iter().enumerate() {
            if index > 0 {
                self.text.push_str(separator);
            }
            self.expr(child);
        }
        self.text.push(')');
    }

    fn check(&mut self, check: &Check) {
        let _ = write!(self.text, "{} ", check.left);
        match &check.test {
            Test::Exists => self.text.push_str("exists"),
            Test::Compare(op, right) => {
                let _ = write!(self.text, "{} ", op.symbol());
                match right {
                    Right::Literal(literal) => self.literal(literal),
                    Right::List(list) => self.list(list),
                    Right::Operand(operand) => {
                        let _ = write!(self.text, "{operand}");
                    }
                }
            }
            Test::Each(op, quantifier, list) => {
                let _ = write!(self.text, "{} {} ", op.symbol(), quantifier.symbol());
                self.list(list);
            }
        }
    }

    fn list(&mut self, list: &List) {
        match list {
            List::Named(name, _) => self.text.push_str(name),
            List::Literals(items) => {
                self.text.push('(');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.text.push_str(", ");
                    }
                    self.literal(item);
                }
                self.text.push(')');
            }
        }
    }

    /// In double quotes where a blank or quote stands in it; Falco leaves everything else bare, also what would
    /// not read back.
    fn literal(&mut self, literal: &Literal) {
        let quoted = |byte: u8| byte.is_ascii_whitespace() || b"\"'\\".contains(&byte);
        if !literal.text.bytes().any(quoted) {
            self.text.push_str(&literal.text);
            return;
        }
        self.text.push('"');
        for char in literal.text.chars() {
            match char {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                other => self.text.push(other),
            }
        }
        self.text.push('"');
    }
}
