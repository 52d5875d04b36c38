//! Single files of a running container, looked at when somebody wrote or started them.

use std::{fs::File, io, ops::ControlFlow, path::Path, sync::Arc};

use fargard_model::Priority;
use rustix::fs::{Advice, Stat};

use super::{Scanner, Selection, job::Job, judge, look::Look, look::Wanted};
use crate::{CHECK_448, Facts, Finding, Limits, WalkReport, confined::Root, packages::Packages};

/// Largest file of a package that is compared while others wait; a sparse one can claim any size.
const MAX_COMPARED: u64 = 512 << 20;

/// All checks of single files. What packages say is what they said when their databases were read, so that whoever changes a
/// file and the database alike is found.
#[derive(Debug)]
pub struct LiveScan {
    root: Root,
    limits: Limits,
    packages: Arc<Packages>,
    buffer: Vec<u8>,
}

/// What was seen at a path.
#[derive(Debug, Default)]
pub struct Looked {
    /// The findings with the numbers of their checks.
    pub findings: Vec<(u32, Finding)>,
    /// Bytes that were there to read.
    pub size: u64,
}

impl LiveScan {
    /// Looks at files of the root file system at `root`.
    ///
    /// # Errors
    /// The root cannot be entered.
    pub fn new(root: &Path, limits: Limits, packages: Arc<Packages>) -> io::Result<Self> {
        Ok(Self { root: Root::open(root)?, limits, packages, buffer: Vec::new() })
    }

    /// Makes all checks on what stands at a path: on a link, on the file it leads to inside the root. `between` is called
    /// after each 128 KiB and ends the look by breaking, which is an error.
    ///
    /// # Errors
    /// There is nothing, or it cannot be read.
    pub fn look(&mut self, path: &[u8], between: &mut dyn FnMut() -> ControlFlow<()>) -> io::Result<Looked> {
        let mut scanner =
            Scanner::new(Some(&self.root), &self.limits, Selection::ALL, Arc::clone(&self.packages));
        if let Some(link) = self.root.link_at(path)? {
            scanner.judge_link(&Facts::of(&link.path, &link.stat), Some(&link.target));
        }
        let mut size = 0;
        match self.root.open_real(path) {
            Ok(Some((real, file, stat))) => {
                size = u64::try_from(stat.st_size).unwrap_or(0);
                let buffer = std::mem::take(&mut self.buffer);
                self.buffer = read(&mut scanner, &real, file, &stat, buffer, between)?;
            }
            // A link that leads nowhere is judged as a link.
            Err(error) if scanner.findings.is_empty() => return Err(error),
            Ok(None) | Err(_) => {}
        }
        let found = std::mem::take(&mut scanner.findings).into_iter();
        let findings =
            found.flat_map(|(check, found)| found.into_iter().map(move |found| (check, found))).collect();
        Ok(Looked { findings, size })
    }
}

/// Reads a file and judges it; gives the buffer back.
fn read(
    scanner: &mut Scanner<'_>,
    path: &[u8],
    file: File,
    stat: &Stat,
    buffer: Vec<u8>,
    between: &mut dyn FnMut() -> ControlFlow<()>,
) -> io::Result<Vec<u8>> {
    // The app's own files stay in memory before what is read here once.
    let _ = rustix::fs::fadvise(&file, 0, None, Advice::NoReuse);
    let facts = Facts::of(path, stat);
    if facts.changes_identity() {
        scanner.judge_identity(&facts);
    }
    let expected = scanner.packages.files.get(path);
    let is_too_large = facts.size > MAX_COMPARED;
    let digest = expected.and_then(|expected| expected.digest).filter(|_| !is_too_large);
    if expected.is_some() && is_too_large {
        let reason = format!("{} bytes, more than are compared while a task runs", facts.size);
        let found = judge::finding(path, "not-compared", Priority::Warning, reason);
        scanner.add(CHECK_448.number, found);
    }
    if facts.size == 0 && digest.is_none() {
        return Ok(buffer);
    }
    let configuration = expected.is_none() && judge::may_configure(path);
    let wanted = Wanted { miners: true, configuration, keys: true };
    let look = Look::new(wanted, facts.size, digest.map(|digest| digest.hasher()));
    let mut job = Job::new(facts, None, look, file, scanner.limits.content_bytes, buffer);
    while job.outcome.is_none() {
        job.advance();
        if let Some((hasher, bytes)) = job.fresh() {
            hasher.update(bytes);
        }
        if job.outcome.is_none() {
            job.pass();
            if between().is_break() {
                return Err(io::ErrorKind::Interrupted.into());
            }
        }
    }
    let buffer = job.take_buffer();
    if let Some(Err(error)) = job.outcome {
        return Err(error);
    }
    scanner.finish_job(job, &mut WalkReport::default());
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use std::{fs, ops::ControlFlow, os::unix::fs::symlink, sync::Arc};

    use super::LiveScan;
    use crate::{Limits, confined::Root, packages::Packages};

    #[test]
    fn a_packages_program_written_over_is_altered_by_every_name_and_database() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        for directory in ["usr/bin", "var/lib/dpkg/status.d", "tmp"] {
            fs::create_dir_all(at(directory)).unwrap();
        }
        symlink("usr/bin", at("bin")).unwrap();
        fs::write(at("usr/bin/tool"), "#!/bin/sh\n").unwrap();
        fs::write(at("var/lib/dpkg/status.d/tool"), "Package: tool\n").unwrap();
        let sums = at("var/lib/dpkg/status.d/tool.md5sums");
        fs::write(&sums, "3e2b31c72181b87149ff995e7202c0e3  bin/tool\n").unwrap();
        let packages = Arc::new(Packages::read_compact(&Root::open(root.path()).unwrap()));
        let mut live = {
            let limits = Limits { content_bytes: 1 << 20, ..Limits::default() };
            LiveScan::new(root.path(), limits, packages).unwrap()
        };
        let mut look = |path: &str| {
            let looked = live.look(path.as_bytes(), &mut || ControlFlow::Continue(()));
            let mut found: Vec<_> = looked
                .map(|looked| looked.findings)
                .unwrap_or_default()
                .into_iter()
                .map(|(check, found)| format!("{check} {} {}", found.class, found.subject))
                .collect();
            found.sort();
            found
        };
        assert_eq!(look("/bin/tool"), [""; 0]);
        fs::write(at("usr/bin/tool"), "#!/bin/sh\nevil\n").unwrap();
        fs::write(&sums, "d41d8cd98f00b204e9800998ecf8427e  bin/tool\n").unwrap();
        assert_eq!(look("/bin/tool"), ["448 altered /usr/bin/tool"]);
        assert_eq!(look("/tmp/../bin/tool"), ["448 altered /usr/bin/tool"]);
        fs::File::options().write(true).open(at("usr/bin/tool")).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(look("/bin/tool"), ["448 not-compared /usr/bin/tool"]);
        fs::rename(at("usr/bin/tool"), at("tmp/xmrig")).unwrap();
        assert_eq!(look("/tmp/xmrig"), ["426 name /tmp/xmrig"]);
        symlink("../../tmp/xmrig", at("usr/bin/tool")).unwrap();
        assert_eq!(look("/bin/tool"), ["426 name /tmp/xmrig", "448 replaced /usr/bin/tool"]);
        fs::remove_file(at("tmp/xmrig")).unwrap();
        assert_eq!(look("/bin/tool"), ["448 replaced /usr/bin/tool"]);
        assert_eq!(look("/bin/gone"), [""; 0]);
    }
}
