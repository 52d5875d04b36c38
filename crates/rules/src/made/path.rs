//! Paths among a call's arguments.

use fargard_model::{EventType, event::ArgValue};

use super::{EventBuilder, MadeError, Setting, flags};
use crate::fields::fspaths::{Part, parameters};

/// Names of arguments that hold paths.
pub(super) fn is_path(name: &str) -> bool {
    const NAMES: [&str; 10] =
        ["name", "path", "pathname", "filename", "oldpath", "newpath", "linkpath", "target", "dir", "dev"];
    NAMES.contains(&name)
}

impl EventBuilder {
    /// What a symbolic link points to is text, and so is the device of a mount.
    pub(super) fn takes_path(&self, name: &str) -> bool {
        !matches!(
            (self.kind, name),
            (EventType::Symlink | EventType::Symlinkat, "target") | (EventType::Mount, "dev")
        )
    }

    pub(super) fn set_path(&mut self, field: &str, setting: &Setting<'_>) -> Result<(), MadeError> {
        let part = match field {
            "fs.path.name" => Part::Name,
            "fs.path.source" => Part::Source,
            "fs.path.target" => Part::Target,
            _ => return Err(setting.not_settable("set evt.arg.* to give a path as the process did")),
        };
        if part == Part::Name
            && (self.kind.is_open() || matches!(self.kind, EventType::Fchmod | EventType::Fchown))
        {
            self.descriptor.set_path(setting.value);
            return Ok(());
        }
        let Some(name) = parameters(self.kind, part).first() else {
            return Err(setting.refuse(format!("{} has no such path", self.kind.name())));
        };
        let value = if self.takes_path(name) {
            ArgValue::Path(setting.text())
        } else {
            ArgValue::Text(setting.text())
        };
        self.put(name, value);
        Ok(())
    }

    pub(super) fn set_fd(&mut self, field: &str, setting: &Setting<'_>) -> Result<(), MadeError> {
        self.descriptor.set(field, setting, self.kind)
    }

    /// An open has a name and flags.
    pub(super) fn open_defaults(&mut self) {
        if !self.kind.is_open() {
            return;
        }
        if let Some(raw) = self.descriptor.raw_path()
            && !self.args.contains_key("name")
        {
            self.put("name", ArgValue::Path(raw));
        }
        if self.kind != EventType::Creat && !self.args.contains_key("flags") {
            self.put("flags", flags::value("flags", "O_RDONLY"));
        }
    }

    /// The absolute paths by argument.
    pub(super) fn paths(&self) -> Vec<(String, String)> {
        let mut paths = Vec::new();
        for name in &self.order {
            let Some(ArgValue::Path(raw)) = self.args.get(name) else { continue };
            let known = if name == "name" && self.kind.is_open() { self.descriptor.path() } else { None };
            let resolved = known.or_else(|| raw.starts_with('/').then(|| raw.clone()));
            paths.extend(resolved.map(|path| (name.clone(), path)));
        }
        paths
    }
}
