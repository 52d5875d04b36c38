//! Putting the sensor before a container's own program.
//!
//! RunTask can override `command` but not `entryPoint`, so only `entryPoint` gets the sensor: the entry point that
//! would have run stands behind it, and what follows stays where it was. As a written `entryPoint` discards the
//! image's CMD, that is written out where the container relied on it.

use super::{
    dialect::{Dialect, Texts},
    lookup::{ImageLookup, Platform},
    reason::{Skip, SkipCode},
    tree::{Node, Value},
};

/// Where the sensor's program is in every container that mounts its volume.
pub(crate) const PROGRAM: &str = "/fargard/fargard-sensor";
/// What stands before a container's own entry point.
pub(crate) const PREFIX: [&str; 3] = [PROGRAM, "run", "--"];

/// What becomes of `entryPoint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The written one gets the prefix.
    Prefix,
    /// Prefix and this (the image's ENTRYPOINT) are written.
    Written(Vec<String>),
}

/// How a container is wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrap {
    pub(crate) entry: Entry,
    /// `command` to write: the image's CMD.
    pub(crate) command: Option<Vec<String>>,
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
                let reason = "entryPoint is written in the definition".to_owned();
                return Ok(Wrap { entry: Entry::Prefix, command: None, reason, needs_pid_1: false });
            }
            Value::List(_) | Value::Map(_) => {
                let reason = "entryPoint is made by functions; write it as a list, or use attach mode";
                return Err(Skip::new(SkipCode::EntryPointFunction, reason));
            }
            _ => {
                let reason = format!("entryPoint is {}, not a list", entry_point.kind());
                return Err(Skip::new(SkipCode::NotUnderstood, reason));
            }
        }
    }
    from_image(dialect, container, platform, lookup)
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
    let config = lookup.config(&image, platform).map_err(|failure| {
        let reason = format!("entryPoint is absent and image {image:?} is not known: {failure}");
        Skip::new(SkipCode::ImageUnknown, reason)
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
        reason: format!("entry point of image {image}"),
        needs_pid_1,
    })
}

/// Whether a function may have the value `AWS::NoValue`.
fn may_be_absent(node: &Node) -> bool {
    match node.intrinsic() {
        Some(("Ref", argument)) => argument.text() == Some("AWS::NoValue"),
        Some(("Fn::If", argument)) => argument.elements().iter().skip(1).any(may_be_absent),
        _ => false,
    }
}
