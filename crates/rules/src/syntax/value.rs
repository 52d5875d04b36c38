//! Operators and right sides.

use super::{
    SyntaxError,
    ast::{List, Literal, Op, Quantifier, Right, Test},
    cursor::is_blank,
    operand::Side,
    parser::Parser,
};

/// Operators made of signs; a longer one stands before its prefix.
const SIGNS: [(&str, Op); 7] = [
    ("==", Op::Eq),
    ("=", Op::Eq),
    ("!=", Op::Ne),
    ("<=", Op::Le),
    ("<", Op::Lt),
    (">=", Op::Ge),
    (">", Op::Gt),
];
/// Operators made of letters.
const WORDS: [Op; 12] = [
    Op::Contains,
    Op::Icontains,
    Op::Bcontains,
    Op::Startswith,
    Op::Bstartswith,
    Op::Endswith,
    Op::Glob,
    Op::Iglob,
    Op::Regex,
    Op::In,
    Op::Intersects,
    Op::Pmatch,
];

impl Parser<'_> {
    /// What follows the left side.
    pub(super) fn test(&mut self) -> Result<Test, SyntaxError> {
        self.cursor.blanks();
        if self.cursor.take("exists") {
            return Ok(Test::Exists);
        }
        let Some(op) = self.operator() else {
            return Err(self.cursor.error(
                "expected an operator: one of exists, =, !=, <, <=, >, >=, contains, icontains, bcontains, \
                 startswith, bstartswith, endswith, glob, iglob, regex, in, intersects, pmatch",
            ));
        };
        if op.is_ordering() {
            return self.number_or_operand(op);
        }
        if op.takes_list() {
            return self.list_or_operand(op);
        }
        if let Some((quantifier, list)) = self.quantified()? {
            return Ok(Test::Each(op, quantifier, list));
        }
        self.string_or_operand(op)
    }

    fn operator(&mut self) -> Option<Op> {
        for (sign, op) in SIGNS {
            if self.cursor.take(sign) {
                return Some(op);
            }
        }
        for op in WORDS {
            let mut ahead = self.cursor.clone();
            let follows = |next: Option<u8>| match next {
                Some(b'(') => op.takes_list(),
                Some(byte) => is_blank(byte),
                None => false,
            };
            if ahead.take(op.symbol()) && follows(ahead.peek()) {
                self.cursor = ahead;
                return Some(op);
            }
        }
        None
    }

    fn number_or_operand(&mut self, op: Op) -> Result<Test, SyntaxError> {
        self.cursor.blanks();
        if let Some(operand) = self.operand(Side::Right)? {
            return Ok(Test::Compare(op, Right::Operand(operand)));
        }
        match self.cursor.number() {
            Some(number) => Ok(Test::Compare(op, Right::Literal(number))),
            None => Err(self.cursor.error(format!("expected a number after '{}'", op.symbol()))),
        }
    }

    fn string_or_operand(&mut self, op: Op) -> Result<Test, SyntaxError> {
        self.cursor.blanks();
        if let Some(operand) = self.operand(Side::Right)? {
            return Ok(Test::Compare(op, Right::Operand(operand)));
        }
        match self.literal()? {
            Some(literal) => Ok(Test::Compare(op, Right::Literal(literal))),
            None => Err(self.cursor.error(format!("expected a value after '{}'", op.symbol()))),
        }
    }

    fn list_or_operand(&mut self, op: Op) -> Result<Test, SyntaxError> {
        self.cursor.blanks();
        if let Some(operand) = self.operand(Side::Right)? {
            return Ok(Test::Compare(op, Right::Operand(operand)));
        }
        match self.list()? {
            Some(list) => Ok(Test::Compare(op, Right::List(list))),
            None => Err(self.cursor.error(format!("expected a list after '{}', as in (a, b)", op.symbol()))),
        }
    }

    /// `oneof (..)`, `anyof name`: a word that only looks like it, with no list behind it, is a plain value.
    fn quantified(&mut self) -> Result<Option<(Quantifier, List)>, SyntaxError> {
        let mut ahead = self.cursor.clone();
        if !ahead.blanks() {
            return Ok(None);
        }
        let Some(quantifier) = ahead.identifier().and_then(Quantifier::of) else { return Ok(None) };
        if !ahead.blanks() {
            return Ok(None);
        }
        let is_list = ahead.peek() == Some(b'(')
            || ahead.clone().identifier().is_some_and(|word| !matches!(word, "and" | "or"));
        if !is_list {
            return Ok(None);
        }
        self.cursor = ahead;
        Ok(self.list()?.map(|list| (quantifier, list)))
    }

    /// `( a, b )` or the name of a list.
    fn list(&mut self) -> Result<Option<List>, SyntaxError> {
        let start = self.cursor.at();
        if !self.cursor.take("(") {
            let name = self.cursor.identifier();
            return Ok(name.map(|name| List::Named(name.to_owned(), self.cursor.span_from(start))));
        }
        let mut items = Vec::new();
        self.cursor.blanks();
        if self.cursor.take(")") {
            return Ok(Some(List::Literals(items)));
        }
        loop {
            self.cursor.blanks();
            match self.literal()? {
                Some(item) => items.push(item),
                None => return Err(self.cursor.error("expected a value in the list")),
            }
            self.cursor.blanks();
            if !self.cursor.take(",") {
                break;
            }
        }
        self.close("expected ',' or ')' in the list")?;
        Ok(Some(List::Literals(items)))
    }

    fn literal(&mut self) -> Result<Option<Literal>, SyntaxError> {
        match self.cursor.quoted() {
            Some(quoted) => quoted.map(Some),
            None => Ok(self.cursor.bare()),
        }
    }
}
