//! Which program a process runs after an execution, and whether it is the one the call asked for.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path, sync::Arc};

use fargard_model::{Difference, Event, Outcome, Part, Process};

use super::{Observer, arguments, execution::add_exec_args, without_deleted};
use crate::engine::{
    confirm,
    procfs::Stat,
    stable::{Led, led_to},
    streams,
    suspects::Look,
    table::is_memfd,
};

/// Most interpreters of interpreters, as in the kernel.
const MAX_INTERPRETERS: usize = 5;

/// What an execution asked for, beside what its event says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// Number of its event.
    pub(super) num: u64,
    /// The stack of the program that made the call.
    pub(super) stack: u64,
    /// Path of the program that made the call.
    pub(super) before: String,
    /// Absolute path of the file to execute.
    pub(super) given: String,
    /// argv as the kernel would keep it.
    pub(super) argv: Vec<String>,
    /// Place of a script's path in argv.
    pub(super) script: Option<usize>,
    /// argv is known whole.
    pub(super) whole: bool,
}

impl Asked {
    /// The file is a script: the kernel puts its interpreter, that one's argument and its path as given before the
    /// rest of argv.
    pub(super) fn through(&mut self, interpreter: &str, option: Option<&str>, raw: Option<&str>) {
        let mut argv = vec![interpreter.to_owned()];
        argv.extend(option.map(str::to_owned));
        self.script = Some(argv.len());
        argv.push(raw.unwrap_or(&self.given).to_owned());
        argv.extend(self.argv.drain(..).skip(1));
        self.argv = argv;
    }
}

/// What a living process runs.
#[derive(Clone, Debug)]
pub(super) struct Program {
    stat: Stat,
    exe: String,
    argv: Vec<String>,
    /// It is the file that was asked for, or its interpreter.
    runs: bool,
    /// The execution is over; `None` where the kernel does not show it.
    done: Option<bool>,
}

impl Observer {
    /// What the process of an execution runs now; `None` when it is gone.
    pub(super) fn program_now(&self, event: &Event, asked: &Asked) -> Option<Program> {
        let pid = event.process.pid;
        let procfs = self.table.procfs();
        let start = self.table.start_of(pid);
        let stat = procfs.stat(pid).filter(|stat| start == 0 || stat.start == start)?;
        let exe = procfs.link(pid, "exe")?;
        let argv = procfs.cmdline(pid).unwrap_or_default();
        let done = (asked.stack != 0 && stat.stack != 0).then_some(stat.stack != asked.stack);
        let runs = self.is_asked_file(&event.process, &exe);
        Some(Program { stat, exe, argv, runs, done })
    }

    fn is_asked_file(&self, process: &Process, exe: &str) -> bool {
        if without_deleted(exe) == process.exepath || (process.exe_from_memfd && is_memfd(exe)) {
            return true;
        }
        let procfs = self.table.procfs();
        let Ok(running) = fs::metadata(procfs.link_path(process.pid, "exe")) else { return false };
        let mut path = process.exepath.clone();
        for _ in 0..MAX_INTERPRETERS {
            let file = procfs.in_root(process.pid, &path);
            if fs::metadata(&*file)
                .is_ok_and(|data| (data.dev(), data.ino()) == (running.dev(), running.ino()))
            {
                return true;
            }
            match confirm::interpreter_of(&file) {
                Some((interpreter, _)) => path = interpreter,
                None => return false,
            }
        }
        false
    }

    /// Looks whether the execution happened. Returns whether looking again a little later could tell more.
    pub(super) fn confirm_exec(&mut self, event: &mut Event) -> bool {
        let asked = match &self.asked {
            Some(asked) if asked.num == event.num => asked.clone(),
            _ => Asked::default(),
        };
        let Some(program) = self.program_now(event, &asked) else { return false };
        // Shell and command may be the same program, as in images with busybox: then the name tells them apart.
        let named = program.stat.comm == event.process.name || runs_as(&event.process, &program.argv);
        let happened = match program.done {
            Some(true) => program.runs,
            // The stack of a program without address randomisation may be where the last one's was.
            Some(false) => program.runs && named && without_deleted(&program.exe) != asked.before,
            None => program.runs && named,
        };
        if happened {
            self.executed_as_asked(event, &program, &asked);
            return false;
        }
        program.done != Some(true)
    }

    fn executed_as_asked(&mut self, event: &mut Event, program: &Program, asked: &Asked) {
        event.outcome = Outcome::Confirmed(0);
        let confirmed = &mut event.evidence.confirmed;
        confirmed.insert(Part::Program);
        if program.stat.comm == event.process.name {
            confirmed.insert(Part::Name);
        }
        if asked.whole && arguments::same(asked, &program.argv) {
            confirmed.insert(Part::Arguments);
        }
        let mut after = (*event.process).clone();
        without_deleted(&program.exe).clone_into(&mut after.exepath);
        after.name.clone_from(&program.stat.comm);
        if let Some(cwd) = self.table.procfs().link(after.pid, "cwd") {
            after.cwd = cwd;
        }
        if after != *event.process {
            event.process = self.table.replace(after);
        }
        event.process = self.table.refresh_credentials(&event.process);
    }

    /// What this execution asked for, where it is not certain that the kernel took that.
    pub(crate) fn doubted_execution(&self, event: &Event) -> Option<Asked> {
        let asked = self.asked.as_ref().filter(|asked| asked.num == event.num && asked.stack != 0)?;
        let confirmed = event.evidence.confirmed;
        let certain =
            confirmed.contains(Part::Program) && (confirmed.contains(Part::Arguments) || !asked.whole);
        (event.kind.is_exec() && !certain).then(|| asked.clone())
    }

    /// Looks what an execution in doubt came to.
    pub(crate) fn look_at_execution(&self, event: &Event, asked: &Asked) -> Look {
        match self.program_now(event, asked) {
            None => Look::Nothing,
            Some(program) if program.done != Some(true) => Look::NotYet,
            Some(program) => match self.executed_otherwise(event, asked, &program) {
                Some((event, is_race)) => Look::Other(Box::new(event), is_race),
                None => Look::Nothing,
            },
        }
    }

    /// What of the program the kernel shows otherwise than it was asked for: nothing, or the event as it really was,
    /// and whether only another thread's change of the arguments explains it.
    fn executed_otherwise(&self, event: &Event, asked: &Asked, program: &Program) -> Option<(Event, bool)> {
        let rewritten =
            asked.whole && arguments::were_changed(asked, &program.argv, program.stat.argument_bytes);
        // Where the file said that it cannot be executed, it was not what ran.
        let runs = program.runs && !matches!(event.outcome, Outcome::Confirmed(result) if result < 0);
        if runs && !rewritten {
            return None;
        }
        let mut differences = Vec::new();
        if !runs {
            // A handler the kernel knows for a format may run anything.
            if Path::new("/proc/sys/fs/binfmt_misc/register").exists() && !self.is_native(event, asked) {
                return None;
            }
            differences.push(Difference {
                part: Part::Program,
                asked: asked.given.clone(),
                confirmed: without_deleted(&program.exe).to_owned(),
            });
        }
        if rewritten {
            differences.push(Difference {
                part: Part::Arguments,
                asked: asked.argv.join(" "),
                confirmed: program.argv.join(" "),
            });
        }
        let is_race = runs || self.leads_elsewhere(event, asked, program);
        let mut event = event.clone();
        self.run_instead(&mut event, program);
        if is_race {
            event.evidence.differences = differences;
        }
        Some((event, is_race))
    }

    /// The file that was asked for is one the kernel runs without help, or is not there.
    fn is_native(&self, event: &Event, asked: &Asked) -> bool {
        let file = self.table.procfs().in_root(event.process.pid, &asked.given);
        confirm::is_native(&file)
    }

    /// The path that was asked for has led to another file than the one that runs since before the call.
    fn leads_elsewhere(&self, event: &Event, asked: &Asked, program: &Program) -> bool {
        if !asked.given.starts_with('/') || without_deleted(&program.exe) == asked.given {
            return false;
        }
        let procfs = self.table.procfs();
        let root = procfs.in_root(event.process.pid, "/");
        match led_to(&root, &asked.given, event.time.0) {
            Led::Nowhere => true,
            Led::Unclear => false,
            Led::File(data) => {
                let running = fs::metadata(procfs.link_path(event.process.pid, "exe"));
                running.is_ok_and(|running| (running.dev(), running.ino()) != (data.dev(), data.ino()))
            }
        }
    }

    /// Later events of the process are of the program that runs.
    pub(crate) fn believe(&mut self, event: &Event) {
        if event.kind.is_exec() {
            self.table.replace((*event.process).clone());
        }
    }

    /// Makes the event one of the program that runs.
    fn run_instead(&self, event: &mut Event, program: &Program) {
        let mut after = (*event.process).clone();
        without_deleted(&program.exe).clone_into(&mut after.exepath);
        after.name.clone_from(&program.stat.comm);
        let mut argv = program.argv.iter().cloned();
        after.exe = argv.next().unwrap_or_default();
        after.args = argv.collect();
        after.exe_from_memfd = is_memfd(&program.exe);
        let link = self.table.procfs().link_path(after.pid, "exe");
        after.exe_file = streams::exe_file(&link);
        after.exe_upper_layer = self.origins.is_new(&after.exepath, &after.exepath, &link);
        event.process = Arc::new(after);
        event.outcome = Outcome::Confirmed(0);
        event.evidence.confirmed = [Part::Program, Part::Arguments, Part::Name].into_iter().collect();
        if let Some(added) = event.args.iter().position(|arg| arg.name == "exe") {
            event.args.truncate(added);
        }
        add_exec_args(event);
    }
}

/// Whether these are the arguments the process was executed with, as far as its first two tell.
fn runs_as(process: &Process, argv: &[String]) -> bool {
    argv.first() == Some(&process.exe) && argv.get(1) == process.args.first()
}
