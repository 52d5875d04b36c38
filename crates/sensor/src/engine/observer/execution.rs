//! An execution as the call asks for it: which file, which arguments, what the process is after it.

use fargard_model::{Arg, Event, EventType, Outcome, Part, Process, call::flags, event::ArgValue};

use super::{Asked, Observer, without_deleted};
use crate::engine::{
    confirm,
    decode::Decoded,
    paths,
    procfs::InRoot,
    table::{Execution, is_memfd},
};

impl Observer {
    pub(super) fn execute(&mut self, event: &mut Event, decoded: Decoded) {
        // A relative program is looked up from the directory the process is in.
        let relative = decoded.unresolved.first().filter(|path| !path.raw.starts_with('/'));
        let directory =
            relative.and_then(|path| path.base.clone()).filter(|_| event.kind == EventType::Execve);
        let given = event.paths.first().map(|(_, path)| path.clone()).unwrap_or_default();
        let link = decoded.unresolved.first().and_then(|path| path.base.as_deref());
        let (path, file, memfd) = self.program(&event.process, &given, link);
        let written = self.origins.was_written(&given);
        self.asked = Some(Asked {
            num: event.num,
            stack: decoded.stat.as_ref().map_or(0, |stat| stat.stack),
            before: event.process.exepath.clone(),
            given: given.clone(),
            argv: decoded.argv.clone().unwrap_or_default(),
            script: None,
            whole: decoded.argv.as_ref().is_some_and(|argv| !decoded.argv_cut && is_whole(argv)),
        });
        if event.outcome == Outcome::Attempt
            && !memfd
            && let Some(errno) = confirm::exec_failure(&event.process, &file, written)
        {
            event.outcome = Outcome::Confirmed(errno);
        }
        if matches!(event.outcome, Outcome::Confirmed(result) if result < 0) {
            return;
        }
        let interpreter = confirm::interpreter_of(&file);
        if let (Some(asked), Some((interpreter, option))) = (&mut self.asked, &interpreter) {
            asked.through(interpreter, option.as_deref(), decoded.unresolved.first().map(|path| &*path.raw));
            let program = self.table.procfs().in_root(event.process.pid, interpreter);
            asked.whole &=
                event.kind == EventType::Execve && confirm::is_plain_script(&file, interpreter, &program);
        }
        let execution = Execution {
            argv: decoded.argv.unwrap_or_default(),
            env: decoded.env,
            interpreter,
            upper_layer: if memfd { Some(false) } else { self.origins.is_new(&given, &path, &file) },
            memfd,
            writable: memfd || confirm::is_writable(&event.process, &file),
            path,
        };
        let mut after = self.table.executed(&event.process, &execution);
        if !given.starts_with("/proc/") && !memfd {
            after.name = paths::file_name(&given).to_owned();
            paths::cut(&mut after.name, 15);
        }
        // Who saw the execution after it happened knows the name the kernel gave the process.
        if let (Some(0), Some(stat)) = (decoded.result, decoded.stat) {
            after.name = stat.comm;
            // All of it is from the kernel: what the process runs later is another matter.
            for part in [Part::Program, Part::Name, Part::Arguments] {
                event.evidence.confirmed.insert(part);
            }
        }
        if let Some(directory) = directory {
            after.cwd = directory;
        }
        event.process = self.table.replace(after);
        add_exec_args(event);
    }

    /// The program's real path as the kernel would name it, where it is found, and whether it is memory only. `link`
    /// is what a path that names a descriptor led to when the call was made.
    fn program(&self, process: &Process, given: &str, link: Option<&str>) -> (String, InRoot, bool) {
        let procfs = self.table.procfs();
        if is_memfd(given) {
            return (without_deleted(given).to_owned(), InRoot::own(given), true);
        }
        let number = ["/proc/self/fd/", "/dev/fd/", "/proc/thread-self/fd/"]
            .iter()
            .find_map(|prefix| given.strip_prefix(prefix))
            .map(str::to_owned)
            .or_else(|| given.strip_prefix(&format!("/proc/{}/fd/", process.pid)).map(str::to_owned));
        if let Some(number) = number.and_then(|number| number.parse::<u32>().ok()) {
            let link = link.map(str::to_owned).or_else(|| procfs.link(process.pid, &format!("fd/{number}")));
            // After the execution the descriptor may be closed, but then the program is what runs.
            let link = link.or_else(|| procfs.link(process.pid, "exe")).unwrap_or_default();
            if is_memfd(&link) {
                return (without_deleted(&link).to_owned(), InRoot::own(&link), true);
            }
            let path = without_deleted(&link).to_owned();
            let file = procfs.in_root(process.pid, &path);
            return (path, file, false);
        }
        let file = procfs.in_root(process.pid, given);
        // Links of another container's root are not followed in this one's.
        let here = self.table.other_container(process).is_none();
        let real = if here { std::fs::canonicalize(given).ok() } else { None };
        let real = real.and_then(|path| path.to_str().map(str::to_owned));
        (real.unwrap_or_else(|| given.to_owned()), file, false)
    }
}

/// Nothing of these arguments was cut or replaced.
fn is_whole(argv: &[String]) -> bool {
    !argv.is_empty() && argv.len() < 256 && !argv.iter().any(|argument| argument.contains('\u{fffd}'))
}

pub(super) fn add_exec_args(event: &mut Event) {
    let process = &event.process;
    let bits = u64::from(process.exe_writable)
        | u64::from(process.exe_upper_layer == Some(true)) << 1
        | u64::from(process.exe_from_memfd) << 2
        | u64::from(process.exe_upper_layer == Some(false) && !process.exe_from_memfd) << 3;
    let added = [
        ("exe", ArgValue::Text(process.exe.clone())),
        ("args", ArgValue::Text(process.args.join(" "))),
        ("comm", ArgValue::Text(process.name.clone())),
        ("flags", ArgValue::Flags(bits, flags::names(bits, &flags::EXEC).into())),
    ];
    event.args.extend(added.map(|(name, value)| Arg { name: name.into(), value }));
}
