//! A row of the table of fields.

use super::extract::{Extract, FromCall, FromProcess, IntOf, TextOf, TruthOf};

/// The type of a field; it decides which operators apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// Text.
    Text,
    /// A 64-bit integer; times are nanoseconds.
    Int,
    /// A number with a fraction.
    Double,
    /// `true` or `false`.
    Bool,
    /// An IP address.
    Ip,
    /// An IP address that is compared with networks.
    Net,
    /// A port number.
    Port,
    /// Bytes.
    Bytes,
}

impl FieldType {
    /// The name in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Int => "integer",
            Self::Double => "number",
            Self::Bool => "boolean",
            Self::Ip => "address",
            Self::Net => "network",
            Self::Port => "port",
            Self::Bytes => "bytes",
        }
    }

    /// Falco's name, unless a row says another.
    const fn falco(self) -> &'static str {
        match self {
            Self::Text => "CHARBUF",
            Self::Int => "UINT64",
            Self::Double => "DOUBLE",
            Self::Bool => "BOOL",
            Self::Ip => "IPADDR",
            Self::Net => "IPNET",
            Self::Port => "PORT",
            Self::Bytes => "BYTEBUF",
        }
    }
}

/// What may stand in brackets behind a field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    /// Nothing.
    None,
    /// A number, or nothing.
    OptionalIndex,
    /// A name, or nothing.
    OptionalKey,
    /// A name, a number, or nothing.
    Optional,
    /// A name behind a dot, or nothing: `evt.abspath.src`.
    OptionalDotted,
    /// A name or a number, also written behind a dot: `evt.arg.name`, `evt.arg[0]`.
    Dotted,
    /// A name or number.
    Key,
}

impl ArgKind {
    /// As in listings: `[n]`, `[key]?`; empty when there is none.
    #[must_use]
    pub fn form(self) -> &'static str {
        match self {
            Self::None => "",
            Self::OptionalIndex => "[n]?",
            Self::OptionalKey => "[name]?",
            Self::Optional => "[n|name]?",
            Self::OptionalDotted => ".name?",
            Self::Dotted => ".name",
            Self::Key => "[n|name]",
        }
    }
}

/// The argument of a field in a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FieldArg {
    /// None given.
    None,
    /// A number.
    Index(usize),
    /// A name.
    Key(String),
}

/// Where a field may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Everywhere.
    Everywhere,
    /// Everywhere but beside another field in a comparison.
    NoField,
    /// Neither beside another field nor in a transformer.
    Alone,
    /// As [`Use::Alone`], and not in outputs.
    Condition,
}

/// How text shows a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberForm {
    /// Decimal.
    Decimal,
    /// Decimal, with zeros to nine digits: nanoseconds behind a point.
    NineDigits,
    /// Hexadecimal, upper case; also in JSON, as text.
    Hexadecimal,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Name.
    pub name: &'static str,
    /// Type of its values.
    pub kind: FieldType,
    /// Falco's name of the type: two fields compare only when these are the same.
    pub falco_type: &'static str,
    /// Several values at once: it can only be tested with `exists`, `in` and `intersects`.
    pub list: bool,
    /// What may stand in brackets.
    pub arg: ArgKind,
    /// What it is.
    pub doc: &'static str,
    /// Reads it; `None` where nothing can have a value.
    pub get: Option<Extract>,
    /// Why it has no value on Fargate, although a capture may have one.
    pub absent: Option<&'static str>,
    /// What conditions see instead while the result of the call is not known.
    pub while_attempt: Option<FromCall>,
    /// Where it may stand.
    pub uses: Use,
    /// How text shows its numbers.
    pub form: NumberForm,
    /// Outputs show it when Falco's `append_output` asks for suggested fields.
    pub suggested: bool,
    /// Falco will remove it.
    pub deprecated: bool,
    /// JSON shows the event's time in nanoseconds in its place.
    pub is_time: bool,
}

impl Field {
    /// A row; nothing reads it when `get` is `None`.
    pub(super) const fn new(
        name: &'static str,
        kind: FieldType,
        arg: ArgKind,
        doc: &'static str,
        get: Option<Extract>,
    ) -> Self {
        Self {
            name,
            kind,
            falco_type: kind.falco(),
            list: false,
            arg,
            doc,
            get,
            absent: None,
            while_attempt: None,
            uses: Use::Everywhere,
            form: NumberForm::Decimal,
            suggested: false,
            deprecated: false,
            is_time: false,
        }
    }

    /// Whether a value can ever be there.
    #[must_use]
    pub fn is_computed(&self) -> bool {
        self.get.is_some()
    }

    /// Whether a value can be there on Fargate.
    #[must_use]
    pub fn is_on_fargate(&self) -> bool {
        self.get.is_some() && self.absent.is_none()
    }

    pub(super) const fn typed(self, falco_type: &'static str) -> Self {
        Self { falco_type, ..self }
    }

    pub(super) const fn only(self, uses: Use) -> Self {
        Self { uses, ..self }
    }

    pub(super) const fn shown(self, form: NumberForm) -> Self {
        Self { form, ..self }
    }

    pub(super) const fn suggested(self) -> Self {
        Self { suggested: true, ..self }
    }

    pub(super) const fn deprecated(self) -> Self {
        Self { deprecated: true, ..self }
    }

    pub(super) const fn listed(self) -> Self {
        Self { list: true, ..self }
    }

    /// The event's time, written out.
    pub(super) const fn time(self) -> Self {
        Self { is_time: true, ..self }
    }

    /// Only captures have it.
    pub(super) const fn absent(self, why: &'static str) -> Self {
        Self { absent: Some(why), ..self }
    }
}

/// A field of calls.
pub(super) const fn field(
    name: &'static str,
    kind: FieldType,
    arg: ArgKind,
    doc: &'static str,
    get: FromCall,
) -> Field {
    Field::new(name, kind, arg, doc, Some(Extract::Call(get)))
}

/// A text that calls hold.
pub(super) const fn text_field(name: &'static str, doc: &'static str, get: TextOf) -> Field {
    Field::new(name, FieldType::Text, ArgKind::None, doc, Some(Extract::Text(get)))
}

/// A number of calls.
pub(super) const fn int_field(name: &'static str, kind: FieldType, doc: &'static str, get: IntOf) -> Field {
    Field::new(name, kind, ArgKind::None, doc, Some(Extract::Int(get)))
}

/// A truth about calls.
pub(super) const fn truth_field(name: &'static str, doc: &'static str, get: TruthOf) -> Field {
    Field::new(name, FieldType::Bool, ArgKind::None, doc, Some(Extract::Truth(get)))
}

/// A field of the process that makes a call.
pub(super) const fn of_process(
    name: &'static str,
    kind: FieldType,
    arg: ArgKind,
    doc: &'static str,
    get: FromProcess,
) -> Field {
    Field::new(name, kind, arg, doc, Some(Extract::Process(get)))
}

/// A field nothing reads, and why.
pub(super) const fn null(
    name: &'static str,
    kind: FieldType,
    arg: ArgKind,
    doc: &'static str,
    why: &'static str,
) -> Field {
    Field::new(name, kind, arg, doc, None).absent(why)
}
