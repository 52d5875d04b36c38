//! Putting the sensor before a container's own program.
//!
//! RunTask can override `command` but not `entryPoint`, so only `entryPoint` gets the sensor: the entry point that
//! would have run stands behind it, and what follows stays where it was. As a written `entryPoint` discards the
//! image's CMD, that is written out where the container relied on it.

use super::{
    dialect::{Dialect, Texts},
    lookup::{FailureKind, ImageLookup, Platform},
    reason::{Skip, SkipCode},
    tree::{Node, Value},
    write::New,
};

/// Where the sensor's program is in every container that mounts its volume.
pub(crate) const PROGRAM: &str = "/fargard/fargard-sensor";
/// What stands before a container's own entry point.
pub(crate) const PREFIX: [&str; 3] = [PROGRAM, "run", "--"];

/// What becomes of `entryPoint`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    /// The written one gets the prefix.
    Prefix,
    /// The function gets this one's value, which is its own behind the prefix.
    Function(New),
    /// Prefix and this (the image's ENTRYPOINT) are written.
    Written(Vec<String>),
}

/// How a container is wrapped.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wrap {
    pub(crate) entry: Entry,
    /// `command` to write: the image's CMD.
    pub(crate) command: Option<Vec<String>>,
    /// The image by digest, where that is known.
    pub(crate) pinned: Option<String>,
    /// Where the entry point was taken from.
    pub(crate) reason: String,
    /// The image's program insists on being PID 1.
    pub(crate) needs_pid_1: bool,
}

/// How a container can be wrapped, or why not.
pub(crate) fn judge(
    dialect: &Dialect<'_>,
    container: &Node,
    platform: &Platform,
    lookup: &dyn ImageLookup,
) -> Result<Wrap, Skip> {
    if let Some(entry_point) = dialect.get(container, "entryPoint") {
        match &entry_point.value {
            Value::List(elements) if elements.is_empty() => {}
            Value::List(elements) if elements.iter().any(|element| element.intrinsic().is_none()) => {
                return Ok(written(Entry::Prefix));
            }
            Value::List(_) | Value::Map(_) => {
                let entry = joined(dialect, entry_point).ok_or_else(|| {
                    let reason = "entryPoint is made by functions; write it as a list, or use attach mode";
                    Skip::new(SkipCode::EntryPointFunction, reason)
                })?;
                return Ok(written(Entry::Function(entry)));
            }
            _ => {
                let reason = format!("entryPoint is {}, not a list", entry_point.kind());
                return Err(Skip::new(SkipCode::NotUnderstood, reason));
            }
        }
    }
    from_image(dialect, container, platform, lookup)
}

fn written(entry: Entry) -> Wrap {
    let reason = "entryPoint is written in the definition".to_owned();
    Wrap { entry, command: None, pinned: None, reason, needs_pid_1: false }
}

/// A function's list behind the prefix. CloudFormation cannot join lists, but it can join and split text: so for
/// what `Fn::Split` makes, and for parameters that are lists.
fn joined(dialect: &Dialect<'_>, entry_point: &Node) -> Option<New> {
    let call = |name: &str, separator: &str, argument: New| {
        New::Map(vec![(name.to_owned(), New::List(vec![New::text(separator), argument]))])
    };
    let (separator, own) = match entry_point.intrinsic()? {
        ("Fn::Split", argument) => {
            let [separator, text] = argument.elements() else { return None };
            (separator.text()?, New::from(text))
        }
        ("Ref", argument) if dialect.is_list_parameter(argument.text()?) => {
            (",", call("Fn::Join", ",", New::from(entry_point)))
        }
        _ => return None,
    };
    if separator.is_empty() || PREFIX.iter().any(|word| word.contains(separator)) {
        return None;
    }
    let parts = PREFIX.into_iter().map(New::text).chain([own]).collect();
    Some(call("Fn::Split", separator, call("Fn::Join", separator, New::List(parts))))
}

/// A reference by digest, without the tag that may move.
fn pinned(image: &str, digest: &str) -> Option<String> {
    if image.contains('@') {
        return None;
    }
    let name = image.rfind('/').map_or(0, |at| at + 1);
    let tag = image.get(name..)?.find(':').map_or(image.len(), |at| name + at);
    Some(format!("{}@{digest}", image.get(..tag)?))
}

fn from_image(
    dialect: &Dialect<'_>,
    container: &Node,
    platform: &Platform,
    lookup: &dyn ImageLookup,
) -> Result<Wrap, Skip> {
    let image = dialect.text(container, "image").ok_or_else(|| {
        let reason = "entryPoint is absent and the image is not known before deployment; give --parameter NAME=VALUE, \
                      write entryPoint, or use attach mode";
        Skip::new(SkipCode::ImageUnresolved, reason)
    })?;
    let secret = Secret::of(dialect, container);
    let config = lookup.config_with(&image, platform, secret.name()).map_err(|failure| {
        let unknown = if matches!(secret, Secret::Unknown) {
            "; its repositoryCredentials are not known before deployment"
        } else {
            ""
        };
        let reason = format!("entryPoint is absent and image {image:?} is not known: {failure}{unknown}");
        Skip::new(code(failure.kind), reason)
    })?;
    if config.os == "windows" {
        return Err(Skip::new(SkipCode::Windows, format!("image {image:?} is a Windows image")));
    }
    let command = dialect.get(container, "command");
    let relies_on_cmd = match (dialect.texts(container, "command"), command) {
        (Texts::Nothing, _) => true,
        (Texts::Unknown, Some(command)) => may_be_absent(command),
        _ => false,
    };
    if relies_on_cmd && dialect.texts(container, "command") == Texts::Unknown && !config.cmd.is_empty() {
        let reason = "command is absent under a condition, when the image's CMD would have to be written; write \
                      entryPoint, or use attach mode";
        return Err(Skip::new(SkipCode::CommandFunction, reason));
    }
    if config.entrypoint.is_empty() && relies_on_cmd && config.cmd.is_empty() {
        let reason = format!("neither the definition nor image {image:?} says what to run");
        return Err(Skip::new(SkipCode::NothingToRun, reason));
    }
    let needs_pid_1 = config.entrypoint.iter().chain(&config.cmd).take(1).any(|program| program == "/init");
    let writes_cmd = relies_on_cmd && !config.cmd.is_empty();
    Ok(Wrap {
        entry: Entry::Written(config.entrypoint),
        command: writes_cmd.then_some(config.cmd),
        pinned: config.digest.and_then(|digest| pinned(&image, &digest)),
        reason: format!("entry point of image {image}"),
        needs_pid_1,
    })
}

/// The secret that holds the login to the image's registry.
enum Secret {
    None,
    /// Made by functions whose values are not known.
    Unknown,
    Named(String),
}

impl Secret {
    fn of(dialect: &Dialect<'_>, container: &Node) -> Self {
        let given = dialect.get(container, "repositoryCredentials");
        let Some(parameter) = given.and_then(|given| dialect.get(given, "credentialsParameter")) else {
            return Self::None;
        };
        dialect.text_of(parameter).map_or(Self::Unknown, Self::Named)
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            Self::None | Self::Unknown => None,
        }
    }
}

fn code(failure: FailureKind) -> SkipCode {
    match failure {
        FailureKind::Credentials => SkipCode::ImageCredentials,
        _ => SkipCode::ImageUnknown,
    }
}

/// Whether a function may have the value `AWS::NoValue`.
fn may_be_absent(node: &Node) -> bool {
    match node.intrinsic() {
        Some(("Ref", argument)) => argument.text() == Some("AWS::NoValue"),
        Some(("Fn::If", argument)) => argument.elements().iter().skip(1).any(may_be_absent),
        _ => false,
    }
}
