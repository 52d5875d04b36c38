//! Finding the program to execute, as a container runtime does.

use std::{
    io,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access};

use super::{StageError, spec::Process};

/// The file to execute for the process's first argument.
pub(super) fn find(process: &Process) -> Result<PathBuf, StageError> {
    let name = process.arguments.first().map(String::as_str).unwrap_or_default();
    let failed = |reason: &str| StageError {
        what: format!("exec: {name:?}"),
        source: io::Error::other(reason.to_owned()),
    };
    if name.contains('/') {
        return match check(Path::new(name)) {
            Ok(()) => Ok(name.into()),
            Err(error) => Err(failed(&reason(&error))),
        };
    }
    let path = process.environment.iter().rev().find(|(variable, _)| variable == "PATH");
    let mut refused = None;
    for directory in path.map(|(_, value)| value.split(':')).into_iter().flatten() {
        let candidate = Path::new(if directory.is_empty() { "." } else { directory }).join(name);
        match check(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(error) if error.kind() != io::ErrorKind::NotFound => refused = Some(reason(&error)),
            Err(_) => {}
        }
    }
    Err(failed(refused.as_deref().unwrap_or("executable file not found in $PATH")))
}

fn check(path: &Path) -> io::Result<()> {
    if std::fs::metadata(path)?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(access(path, Access::EXEC_OK)?)
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "is a directory".to_owned(),
        _ => error.to_string(),
    }
}
