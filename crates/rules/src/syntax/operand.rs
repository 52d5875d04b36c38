//! Fields and transformers.

use super::{
    SyntaxError,
    ast::{FieldRef, Operand, Transform, TransformArg, TransformName},
    cursor::Cursor,
    parser::Parser,
};

/// Which side of a comparison an operand stands on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    /// Right, where `val(...)` may stand and a bare field may not.
    Right,
    /// Inside a transformer.
    Inner,
}

impl Parser<'_> {
    /// A field or a transformer; `None` (and nothing taken) when neither stands here.
    pub(super) fn operand(&mut self, side: Side) -> Result<Option<Operand>, SyntaxError> {
        if let Some(transform) = self.transform(side)? {
            return Ok(Some(Operand::Transform(transform)));
        }
        if side == Side::Right {
            return Ok(None);
        }
        Ok(self.field()?.map(Operand::Field))
    }

    fn field(&mut self) -> Result<Option<FieldRef>, SyntaxError> {
        let start = self.cursor.at();
        let Some(name) = self.cursor.field_name() else { return Ok(None) };
        let name = name.to_owned();
        let arg = self.bracketed()?;
        Ok(Some(FieldRef { name, arg, span: self.cursor.span_from(start) }))
    }

    /// `[arg]`, quoted or bare.
    fn bracketed(&mut self) -> Result<Option<String>, SyntaxError> {
        if !self.cursor.take("[") {
            return Ok(None);
        }
        let arg = match self.cursor.quoted() {
            Some(quoted) => quoted?.text,
            None => match self.cursor.bare_arg() {
                Some(bare) => bare.to_owned(),
                None => return Err(self.cursor.error("expected an argument in the brackets")),
            },
        };
        if !self.cursor.take("]") {
            return Err(self.cursor.error("expected ']' after the field's argument"));
        }
        Ok(Some(arg))
    }

    fn transform(&mut self, side: Side) -> Result<Option<Transform>, SyntaxError> {
        let start = self.cursor.at();
        let Some(name) = transform_ahead(&mut self.cursor.clone()) else { return Ok(None) };
        if name == TransformName::Val && side != Side::Right {
            return Err(self.cursor.error("val() stands only directly on the right side of a comparison"));
        }
        self.enter()?;
        self.cursor.take(name.symbol());
        self.cursor.take("(");
        let args = self.transform_args(name)?;
        self.leave();
        let index = if name == TransformName::Getopt { self.bracketed()? } else { None };
        Ok(Some(Transform { name, args, index, span: self.cursor.span_from(start) }))
    }

    /// Arguments and the closing parenthesis.
    fn transform_args(&mut self, name: TransformName) -> Result<Vec<TransformArg>, SyntaxError> {
        let single = !matches!(name, TransformName::Join | TransformName::Concat | TransformName::Getopt);
        let mut args = Vec::new();
        loop {
            self.cursor.blanks();
            let arg = if name == TransformName::Val {
                self.field()?.map(|field| TransformArg::Operand(Operand::Field(field)))
            } else if single {
                self.operand(Side::Inner)?.map(TransformArg::Operand)
            } else {
                self.transform_arg(true)?
            };
            args.push(arg.ok_or_else(|| {
                let what = if name == TransformName::Val { "a field" } else { "a field or a transformer" };
                self.cursor.error(format!("expected {what} as argument of {}()", name.symbol()))
            })?);
            self.cursor.blanks();
            if single || !self.cursor.take(",") {
                break;
            }
        }
        self.close(&format!("expected ')' after the argument of {}()", name.symbol()))?;
        Ok(args)
    }

    /// An operand, a quoted string, a number, or (at the first level) a list of those.
    fn transform_arg(&mut self, list_allowed: bool) -> Result<Option<TransformArg>, SyntaxError> {
        if let Some(quoted) = self.cursor.quoted() {
            return Ok(Some(TransformArg::Literal(quoted?)));
        }
        if let Some(number) = self.cursor.number() {
            return Ok(Some(TransformArg::Literal(number)));
        }
        let start = self.cursor.at();
        if list_allowed && self.cursor.take("(") {
            let items = self.transform_list()?;
            return Ok(Some(TransformArg::List(items, self.cursor.span_from(start))));
        }
        Ok(self.operand(Side::Inner)?.map(TransformArg::Operand))
    }

    fn transform_list(&mut self) -> Result<Vec<TransformArg>, SyntaxError> {
        let mut items = Vec::new();
        self.cursor.blanks();
        if self.cursor.take(")") {
            return Ok(items);
        }
        loop {
            self.cursor.blanks();
            let item = self.transform_arg(false)?;
            items.push(item.ok_or_else(|| {
                self.cursor.error("expected a field, a transformer, a quoted string or a number")
            })?);
            self.cursor.blanks();
            if !self.cursor.take(",") {
                break;
            }
        }
        self.close("expected ',' or ')' in the list")?;
        Ok(items)
    }
}

/// The transformer whose name stands here directly before a parenthesis.
fn transform_ahead(ahead: &mut Cursor<'_>) -> Option<TransformName> {
    let name = TransformName::of(ahead.identifier()?)?;
    ahead.take("(").then_some(name)
}
