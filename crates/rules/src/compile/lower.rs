//! One condition into the graph.

use super::{
    Compiler, Macro,
    check::{Check, Test},
    operand::{Operand, OperandError},
    program::{MAX_DEPTH, NodeId},
    typing, warnings,
};
use crate::{
    diagnostic::Code,
    fields::{Text, Value},
    load::{Condition, Place, Substituted},
    syntax::{
        self,
        ast::{self, Expr, Right, Span},
    },
};

/// Why a rule or macro is refused.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) place: Place,
    pub(super) help: Option<String>,
    /// `skip-if-unknown-filter` forgives it.
    pub(super) unknown_field: bool,
    /// The text is no condition, whatever it is used for.
    pub(super) is_syntax: bool,
}

/// Where the condition comes from.
enum Origin<'a> {
    Condition(&'a Condition),
    /// Made from something that stands here.
    Made(&'a Place),
}

/// The work on one condition.
pub(super) struct Lowering<'c, 'a> {
    compiler: &'c mut Compiler<'a>,
    origin: Origin<'c>,
    text: Substituted,
    /// Only macros defined before this see themselves used.
    visibility: usize,
}

impl<'c, 'a> Lowering<'c, 'a> {
    pub(super) fn new(compiler: &'c mut Compiler<'a>, condition: &'c Condition, visibility: usize) -> Self {
        let text = compiler.lists.substitute(&condition.text(), &mut compiler.used_lists);
        Self { compiler, origin: Origin::Condition(condition), text, visibility }
    }

    pub(super) fn of_text(compiler: &'c mut Compiler<'a>, text: &str, place: &'c Place) -> Self {
        let text = compiler.lists.substitute(text, &mut compiler.used_lists);
        Self { compiler, origin: Origin::Made(place), text, visibility: usize::MAX }
    }

    pub(super) fn lower(mut self) -> Result<NodeId, Trouble> {
        let tree = match syntax::parse(&self.text.text) {
            Ok(tree) => tree,
            Err(error) => {
                let trouble = self.trouble(error.message.clone(), error.span);
                return Err(Trouble { is_syntax: true, help: remedy(&error.message), ..trouble });
            }
        };
        self.expr(&tree)
    }

    fn trouble(&self, message: String, span: Span) -> Trouble {
        let place = match self.origin {
            Origin::Made(place) => place.clone(),
            Origin::Condition(condition) => {
                let start = self.text.original(span.start);
                let end = self.text.original(span.end.max(span.start + 1) - 1) + 1;
                condition.locate(self.compiler.files, start..end.max(start))
            }
        };
        Trouble {
            code: Code::ErrCompileCondition,
            message,
            place,
            help: None,
            unknown_field: false,
            is_syntax: false,
        }
    }

    fn expr(&mut self, expr: &Expr) -> Result<NodeId, Trouble> {
        let node = match expr {
            Expr::And(children) => {
                let nodes = children.iter().map(|child| self.expr(child)).collect::<Result<_, _>>()?;
                self.compiler.program.and(nodes)
            }
            Expr::Or(children) => {
                let nodes = children.iter().map(|child| self.expr(child)).collect::<Result<_, _>>()?;
                self.compiler.program.or(nodes)
            }
            Expr::Not(child) => {
                let node = self.expr(child)?;
                self.compiler.program.not(node)
            }
            Expr::Macro(name, span) => self.r#macro(name, *span)?,
            Expr::Check(check) => self.check(check)?,
        };
        if self.compiler.program.depth(node) > MAX_DEPTH {
            let message = format!("the condition with its macros is nested deeper than {MAX_DEPTH} levels");
            return Err(self.trouble(message, Span { start: 0, end: 1 }));
        }
        Ok(node)
    }

    fn r#macro(&mut self, name: &str, span: Span) -> Result<NodeId, Trouble> {
        let definitions = self.compiler.definitions;
        let index = definitions.macro_index(name);
        let definition = index.and_then(|index| definitions.macros.get(index));
        let (Some(index), Some(definition)) = (index, definition) else {
            let message = format!("undefined macro '{name}' used in filter");
            return Err(Trouble {
                code: Code::ErrValidate,
                help: Some("define the macro, or write a field with a comparison".into()),
                ..self.trouble(message, span)
            });
        };
        if definition.first >= self.visibility {
            let message = format!("macro '{name}' is used before it is defined");
            return Err(Trouble {
                code: Code::ErrValidate,
                help: Some("a macro sees only macros that stand before it".into()),
                ..self.trouble(message, span)
            });
        }
        self.compiler.used_macros.insert(index);
        match self.compiler.macros.get(index) {
            Some(Macro::Ready(node)) => Ok(*node),
            Some(Macro::Broken(trouble)) => Err(trouble.clone()),
            Some(Macro::Pending) => Err(Trouble {
                code: Code::ErrValidate,
                help: Some("let one of them not name the other".into()),
                ..self.trouble(format!("macro '{name}' and others name each other in a circle"), span)
            }),
            Some(Macro::Reported) | None => Err(self.trouble(format!("macro '{name}' has an error"), span)),
        }
    }

    fn check(&mut self, check: &ast::Check) -> Result<NodeId, Trouble> {
        let text = check.to_string();
        if let Some(known) = self.compiler.program.known_check(&text) {
            return Ok(known);
        }
        for warning in warnings::of_check(check) {
            let place = self.trouble(String::new(), check.span).place;
            self.compiler.report_with_help(warning.code, &place, warning.message, warning.help);
        }
        let left = self.left(&check.left)?;
        let test = match &check.test {
            ast::Test::Compare(op, Right::Operand(right)) => {
                let right = Operand::compile(right).map_err(|error| self.operand_trouble(error))?;
                typing::pair_fits(&left, *op, &right).map_err(|message| self.trouble(message, check.span))?;
                Test::Field(*op, right)
            }
            written => typing::test(&left, written).map_err(|message| {
                // `skip-if-unknown-filter` forgives names of event types as well.
                let unknown_field = message.starts_with("unknown event type");
                let help = remedy(&message);
                Trouble { unknown_field, help, ..self.trouble(message, check.span) }
            })?,
        };
        if matches!(&left, Operand::Field(field) if field.field.name == "evt.dir") {
            let place = self.trouble(String::new(), check.span).place;
            self.compiler.deprecated_dir(&place);
        }
        Ok(self.compiler.program.add_check(Check { left, test, text }))
    }

    /// The left side of a comparison; only there may a static field stand.
    fn left(&self, written: &ast::Operand) -> Result<Operand, Trouble> {
        if let ast::Operand::Field(field) = written
            && let Some(name) = field.name.strip_prefix("static.").filter(|_| field.arg.is_none())
            && let Some(value) = self.compiler.definitions.statics.get(name)
        {
            return Ok(Operand::Constant(Value::Text(Text::Owned(value.clone()))));
        }
        Operand::compile(written).map_err(|error| self.operand_trouble(error))
    }

    fn operand_trouble(&self, error: OperandError) -> Trouble {
        Trouble { unknown_field: error.unknown_field, ..self.trouble(error.message, error.span) }
    }
}

/// What to write instead of what other engines take: POSIX has neither `\d` nor `(?i)`.
fn remedy(message: &str) -> Option<String> {
    let of_regex = message.starts_with("unknown escape") || message.starts_with("invalid regular expression");
    of_regex.then(|| {
        "a backslash is written \\\\; regular expressions are POSIX: [0-9] for \\d, [[:alnum:]_] for \\w, \
         [[:space:]] for \\s, tolower(field) to ignore case"
            .to_owned()
    })
}
