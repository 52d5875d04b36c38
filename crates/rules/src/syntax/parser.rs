//! From text to tree, by recursive descent with a bounded depth.

use super::{
    SyntaxError,
    ast::{Check, Expr, FieldRef, Operand, Span},
    cursor::Cursor,
    operand::Side,
};

/// Deepest nesting of parentheses and transformers. Falco counts each grammar level and stops at 1,000, which is
/// 250 of these.
pub const MAX_DEPTH: usize = 250;
/// Longest condition in bytes, after lists are put in.
pub const MAX_CONDITION: usize = 4 << 20;

/// Reads a condition.
///
/// # Errors
/// The text is not a condition, is nested deeper than [`MAX_DEPTH`] or longer than [`MAX_CONDITION`].
pub fn parse(text: &str) -> Result<Expr, SyntaxError> {
    if text.len() > MAX_CONDITION {
        let message = format!("the condition is {} bytes long; at most {MAX_CONDITION} are read", text.len());
        return Err(SyntaxError { message, span: Span { start: 0, end: 1 } });
    }
    let mut parser = Parser { cursor: Cursor::new(text), depth: 0 };
    let expr = parser.or()?;
    parser.cursor.blanks();
    if parser.cursor.is_done() {
        return Ok(expr);
    }
    Err(parser.cursor.error(match parser.cursor.peek() {
        Some(b')') => "this ')' closes nothing",
        Some(b'(') => {
            "expected 'and' or 'or' before '('; a macro takes no arguments and there is no such transformer"
        }
        _ => "expected 'and', 'or' or the end of the condition",
    }))
}

/// The field or transformer a text begins with, and its length.
///
/// # Errors
/// A transformer begins but is not whole.
pub(crate) fn operand_prefix(text: &str) -> Result<Option<(Operand, usize)>, SyntaxError> {
    let mut parser = Parser { cursor: Cursor::new(text), depth: 0 };
    match parser.operand(Side::Left) {
        Ok(operand) => Ok(operand.map(|operand| (operand, parser.cursor.at()))),
        // A bracket that is no argument is text behind the field.
        Err(error) => match Cursor::new(text).field_name() {
            Some(name) => {
                let span = Span { start: 0, end: name.len() };
                let field = FieldRef { name: name.to_owned(), arg: None, span };
                Ok(Some((Operand::Field(field), name.len())))
            }
            None => Err(error),
        },
    }
}

/// The parser's state.
pub(super) struct Parser<'a> {
    pub(super) cursor: Cursor<'a>,
    depth: usize,
}

impl Parser<'_> {
    /// Counts one level of nesting.
    pub(super) fn enter(&mut self) -> Result<(), SyntaxError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.cursor.error(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(())
    }

    /// Ends one level of nesting.
    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// A closing parenthesis after blanks.
    pub(super) fn close(&mut self, message: &str) -> Result<(), SyntaxError> {
        self.cursor.blanks();
        if self.cursor.take(")") { Ok(()) } else { Err(self.cursor.error(message)) }
    }

    fn or(&mut self) -> Result<Expr, SyntaxError> {
        let mut children = vec![self.and()?];
        self.cursor.blanks();
        while self.cursor.take("or") {
            children.push(if self.operand_follows("or")? { self.and()? } else { self.embedded()? });
            self.cursor.blanks();
        }
        Ok(one_or(children, Expr::Or))
    }

    fn and(&mut self) -> Result<Expr, SyntaxError> {
        let mut children = vec![self.not()?];
        self.cursor.blanks();
        while self.cursor.take("and") {
            children.push(if self.operand_follows("and")? { self.not()? } else { self.embedded()? });
            self.cursor.blanks();
        }
        Ok(one_or(children, Expr::And))
    }

    /// After `and` and `or`: blanks (true), or a parenthesis, which is taken (false).
    fn operand_follows(&mut self, word: &str) -> Result<bool, SyntaxError> {
        if self.cursor.blanks() {
            return Ok(true);
        }
        if self.cursor.take("(") {
            return Ok(false);
        }
        Err(self.cursor.error(format!("expected a blank or '(' after '{word}'")))
    }

    fn not(&mut self) -> Result<Expr, SyntaxError> {
        self.cursor.blanks();
        let mut negated = false;
        let child = loop {
            let mut ahead = self.cursor.clone();
            if !ahead.take("not") {
                break self.check()?;
            }
            if ahead.blanks() {
                self.cursor = ahead;
                negated = !negated;
            } else if ahead.take("(") {
                self.cursor = ahead;
                negated = !negated;
                break self.embedded()?;
            } else {
                break self.check()?;
            }
        };
        Ok(if negated { Expr::Not(Box::new(child)) } else { child })
    }

    /// The rest of a parenthesised condition, its opening parenthesis being taken.
    fn embedded(&mut self) -> Result<Expr, SyntaxError> {
        self.enter()?;
        let expr = self.or()?;
        self.close("expected ')', 'and' or 'or'")?;
        self.leave();
        Ok(expr)
    }

    fn check(&mut self) -> Result<Expr, SyntaxError> {
        self.cursor.blanks();
        if self.cursor.take("(") {
            return self.embedded();
        }
        let start = self.cursor.at();
        if let Some(left) = self.operand(Side::Left)? {
            let test = self.test()?;
            return Ok(Expr::Check(Box::new(Check { left, test, span: self.cursor.span_from(start) })));
        }
        match self.cursor.identifier() {
            Some(name) => Ok(Expr::Macro(name.to_owned(), self.cursor.span_from(start))),
            None => Err(self.cursor.error("expected a field, a macro, 'not' or '('")),
        }
    }
}

/// The only child itself, or all of them under one node.
fn one_or(mut children: Vec<Expr>, node: impl Fn(Vec<Expr>) -> Expr) -> Expr {
    if children.len() == 1
        && let Some(only) = children.pop()
    {
        return only;
    }
    node(children)
}
