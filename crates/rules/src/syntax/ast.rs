//! The tree of a condition.

/// Bytes of the condition's text, end exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One behind the last byte.
    pub end: usize,
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// All of two or more.
    And(Vec<Expr>),
    /// Any of two or more.
    Or(Vec<Expr>),
    /// The opposite.
    Not(Box<Expr>),
    /// A macro by name.
    Macro(String, Span),
    /// A comparison.
    Check(Box<Check>),
}

/// A comparison: what is looked at, how, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is looked at.
    pub left: Operand,
    /// How.
    pub test: Test,
    /// The whole comparison.
    pub span: Span,
}

/// How a value is tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// It is there.
    Exists,
    /// It compares so with a value.
    Compare(Op, Right),
    /// It compares so with exactly one, any, or all of several values.
    Each(Op, Quantifier, List),
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant is the operator that `symbol` gives")]
pub enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Contains,
    Icontains,
    Bcontains,
    Startswith,
    Bstartswith,
    Endswith,
    Glob,
    Iglob,
    Regex,
    In,
    Intersects,
    Pmatch,
}

impl Op {
    /// As written in conditions.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::Contains => "contains",
            Self::Icontains => "icontains",
            Self::Bcontains => "bcontains",
            Self::Startswith => "startswith",
            Self::Bstartswith => "bstartswith",
            Self::Endswith => "endswith",
            Self::Glob => "glob",
            Self::Iglob => "iglob",
            Self::Regex => "regex",
            Self::In => "in",
            Self::Intersects => "intersects",
            Self::Pmatch => "pmatch",
        }
    }

    /// Takes a list on its right side.
    #[must_use]
    pub fn takes_list(self) -> bool {
        matches!(self, Self::In | Self::Intersects | Self::Pmatch)
    }

    /// Compares by order.
    #[must_use]
    pub fn is_ordering(self) -> bool {
        matches!(self, Self::Lt | Self::Le | Self::Gt | Self::Ge)
    }
}

/// How many values of a list must compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant is the keyword that `symbol` gives")]
pub enum Quantifier {
    Oneof,
    Anyof,
    Allof,
}

impl Quantifier {
    /// As written in conditions.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Oneof => "oneof",
            Self::Anyof => "anyof",
            Self::Allof => "allof",
        }
    }

    /// The quantifier of that name.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [Self::Oneof, Self::Anyof, Self::Allof].into_iter().find(|quantifier| quantifier.symbol() == word)
    }
}

/// The right side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Right {
    /// A string or a number.
    Literal(Literal),
    /// A list.
    List(List),
    /// Another field: `val(field)` or a transformer.
    Operand(Operand),
}

/// Several values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum List {
    /// `( a, b )`.
    Literals(Vec<Literal>),
    /// A list by name.
    Named(String, Span),
}

/// A string or number as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    /// The text, escapes resolved.
    pub text: String,
    /// Where.
    pub span: Span,
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A field.
    Field(FieldRef),
    /// A function of fields.
    Transform(Transform),
}

impl Operand {
    /// Where it stands.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::Field(field) => field.span,
            Self::Transform(transform) => transform.span,
        }
    }
}

/// A field as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRef {
    /// Dotted name.
    pub name: String,
    /// What stands in brackets, escapes resolved.
    pub arg: Option<String>,
    /// Where.
    pub span: Span,
}

/// A call of a transformer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transform {
    /// Which.
    pub name: TransformName,
    /// Its arguments.
    pub args: Vec<TransformArg>,
    /// What stands in brackets behind it (`getopt(...)[t]`).
    pub index: Option<String>,
    /// Where.
    pub span: Span,
}

/// An argument of a transformer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransformArg {
    /// A field or another transformer.
    Operand(Operand),
    /// A quoted string or a number.
    Literal(Literal),
    /// `( a, b )`.
    List(Vec<TransformArg>, Span),
}

macro_rules! transforms {
    ($($variant:ident $name:literal,)*) => {
        /// The transformers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each variant is the function that `symbol` gives")]
        pub enum TransformName { $($variant),* }

        impl TransformName {
            /// Every transformer.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// As written in conditions.
            #[must_use]
            pub fn symbol(self) -> &'static str { match self { $(Self::$variant => $name),* } }
        }
    };
}

transforms! {
    Tolower "tolower",
    Toupper "toupper",
    B64 "b64",
    Basename "basename",
    Len "len",
    Join "join",
    Concat "concat",
    Getopt "getopt",
    Val "val",
}

impl TransformName {
    /// The transformer of that name.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|name| name.symbol() == word)
    }
}
