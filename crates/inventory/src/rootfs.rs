//! The inventory of a directory.

use std::{io, ops::ControlFlow, path::Path};

use fargard_scan::{Limits, WalkReport, walk};

use crate::{Collector, Inventory, Piece, source::Interest};

/// What is installed in the root file system at `path`. Files are opened only where their path or first bytes say that they
/// tell it. `progress` is called now and then and ends the walk by breaking.
///
/// # Errors
/// The root cannot be read; troubles below it are in the inventory.
pub fn of_rootfs(
    path: &Path,
    limits: &Limits,
    mut progress: impl FnMut(&WalkReport) -> ControlFlow<()>,
) -> io::Result<Inventory> {
    let mut collector = Collector::default();
    let report = walk(path, limits, |entry, report| {
        if report.files.is_multiple_of(256) && progress(report).is_break() {
            report.cut_short = Some("stopped".to_owned());
            return ControlFlow::Break(());
        }
        let executable = entry.stat.st_mode & 0o111 != 0;
        if !entry.is_regular() || Interest::of(entry.path, executable).is_none() {
            return ControlFlow::Continue(());
        }
        match entry.open() {
            Ok(Some((file, _))) => {
                if let Some(piece) = Piece::read(entry.path, executable, &file) {
                    collector.add(piece, None);
                }
            }
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => report.note_unreadable(entry.path, &error),
        }
        ControlFlow::Continue(())
    })?;
    if let Some(reason) = report.incomplete() {
        collector.add(Piece::unread(b"/", &reason), None);
    }
    Ok(collector.finish())
}
