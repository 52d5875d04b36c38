//! Which parameter of which call holds which path.

use fargard_model::{Event, EventType, event::ArgValue};

use super::Values;

/// Which of a call's paths.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Name,
    Source,
    Target,
}

/// Names of the parameter, the likelier first: sensors name it as Falco does, which differs between calls.
pub(crate) fn parameters(kind: EventType, part: Part) -> &'static [&'static str] {
    use EventType as E;
    match (kind, part) {
        (E::Open | E::Openat | E::Openat2 | E::Creat, Part::Name) => &["name"],
        (E::Unlink | E::Unlinkat | E::Rmdir | E::Mkdir | E::Mkdirat, Part::Name) => &["path", "name"],
        (E::Chmod | E::Fchmodat | E::Fchmodat2, Part::Name) => &["filename", "path"],
        (E::Chown | E::Lchown | E::Fchownat, Part::Name) => &["path", "pathname", "filename"],
        (E::Rename | E::Renameat | E::Renameat2, Part::Source) => &["oldpath"],
        (E::Rename | E::Renameat | E::Renameat2, Part::Target) => &["newpath"],
        (E::Link | E::Linkat, Part::Source) => &["newpath"],
        (E::Link | E::Linkat, Part::Target) => &["oldpath"],
        (E::Symlink | E::Symlinkat, Part::Source) => &["linkpath"],
        (E::Symlink | E::Symlinkat, Part::Target) => &["target"],
        (E::Mount, Part::Source) => &["dev"],
        (E::Mount, Part::Target) => &["dir"],
        (E::Umount2, Part::Name) => &["name", "path"],
        (E::Chroot, Part::Name) => &["path"],
        _ => &[],
    }
}

pub(super) fn resolved(event: &Event, part: Part) -> Values<'_> {
    let path = parameters(event.kind, part).iter().find_map(|name| event.path(name));
    if let Some(path) = path {
        return Values::known(path);
    }
    match &event.fd {
        Some(fd) if part == Part::Name && (event.kind.is_open() || by_descriptor(event.kind)) => {
            Values::known(&fd.name)
        }
        _ => raw(event, part),
    }
}

/// Resolved path of a call that takes a directory descriptor (`evt.abspath`).
pub(super) fn resolved_at(event: &Event, part: Part) -> Values<'_> {
    use EventType as E;
    let (source, target): (&[&str], &[&str]) = match event.kind {
        E::Renameat | E::Renameat2 | E::Linkat => (&["oldpath"], &["newpath"]),
        E::Symlinkat => (&["linkpath"], &["linkpath"]),
        E::Openat | E::Openat2 => (&["name"], &["name"]),
        E::Unlinkat | E::Mkdirat => (&["name", "path"], &["name", "path"]),
        E::Fchmodat | E::Fchmodat2 => (&["filename"], &["filename"]),
        E::Fchownat => (&["pathname", "filename"], &["pathname", "filename"]),
        E::OpenByHandleAt => (&["path"], &["path"]),
        _ => return Values::Missing,
    };
    let names = if part == Part::Target { target } else { source };
    names.iter().find_map(|name| event.path(name)).map_or(Values::Missing, Values::known)
}

pub(super) fn raw(event: &Event, part: Part) -> Values<'_> {
    let value = parameters(event.kind, part).iter().find_map(|name| event.arg(name));
    match value {
        Some(ArgValue::Path(path) | ArgValue::Text(path)) => Values::known(path),
        _ => Values::Missing,
    }
}

fn by_descriptor(kind: EventType) -> bool {
    matches!(kind, EventType::Fchmod | EventType::Fchown)
}
