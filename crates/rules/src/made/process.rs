//! `proc.*`, `thread.*`, `user.*` and `group.*` of an event in the making.

use std::sync::Arc;

use fargard_model::{Process, process::MAX_LINEAGE};

use super::{MadeError, Setting};
use crate::fields::{FieldArg, capability};

const SECOND: u64 = 1_000_000_000;

/// A process and its ancestors; what was not said is `None` or empty.
#[derive(Clone, Debug)]
pub(super) struct Lineage {
    /// The process first.
    said: Vec<Said>,
    tid: Option<u32>,
}

/// What was said of one process, and which program it is otherwise.
#[derive(Clone, Debug)]
struct Said {
    name: Option<String>,
    exe: Option<String>,
    exepath: Option<String>,
    otherwise: &'static str,
    process: Process,
}

impl Said {
    fn of(otherwise: &'static str, pid: u32) -> Self {
        let process = Process { pid, ..Process::default() };
        Self { name: None, exe: None, exepath: None, otherwise, process }
    }
}

impl Default for Lineage {
    fn default() -> Self {
        let said = vec![Said::of("/srv/app", PID), Said::of("/bin/sh", 10), Said::of("/sbin/init", 1)];
        Self { said, tid: None }
    }
}

impl Lineage {
    pub(super) fn tid(&self) -> u32 {
        self.tid.unwrap_or_else(|| self.said.first().map_or(PID, |own| own.process.pid))
    }

    pub(super) fn set(&mut self, field: &str, setting: &Setting<'_>, now: u64) -> Result<(), MadeError> {
        let (generation, field) = self.generation(field, setting)?;
        while self.said.len() <= generation {
            let at = u32::try_from(self.said.len()).unwrap_or_default();
            self.said.push(Said::of("/sbin/supervisor", 100 + at));
        }
        let Some(said) = self.said.get_mut(generation) else { return Ok(()) };
        match (field, setting.arg) {
            ("name", _) => said.name = Some(setting.text()),
            ("exe", _) => said.exe = Some(setting.text()),
            ("exepath", _) => said.exepath = Some(setting.text()),
            ("cmdline", _) => {
                let mut words = setting.value.split(' ').map(str::to_owned);
                said.name = words.next();
                said.process.args = words.collect();
            }
            ("args", FieldArg::None) => {
                said.process.args =
                    setting.values.iter().flat_map(|value| value.split(' ')).map(str::to_owned).collect();
            }
            ("env", FieldArg::Key(name)) => said.process.env.push(format!("{name}={}", setting.value)),
            ("env", _) => said.process.env = setting.values.iter().map(|value| (*value).to_owned()).collect(),
            ("tid", _) => self.tid = Some(setting.number()?),
            (field, _) => set(&mut said.process, field, setting, now)?,
        }
        Ok(())
    }

    /// Which generation a field is about, 0 for the process itself, and its name there.
    fn generation<'f>(&self, field: &'f str, setting: &Setting<'_>) -> Result<(usize, &'f str), MadeError> {
        if let Some(name) = field.strip_prefix("thread.").or_else(|| field.strip_prefix("user.")) {
            let name = if field == "user.name" { "user" } else { name };
            return Ok((0, name));
        }
        if let Some(name) = field.strip_prefix("group.") {
            return Ok((0, if name == "name" { "group" } else { name }));
        }
        let name = field.strip_prefix("proc.").unwrap_or(field);
        let of_ancestor = ["aname", "aexe", "aexepath", "acmdline", "apid", "aenv"];
        let of_parent = ["pname", "pexe", "pexepath", "pcmdline", "ppid", "pvpid"];
        if of_ancestor.contains(&name) {
            return match setting.arg {
                FieldArg::Index(index) if *index <= MAX_LINEAGE => {
                    Ok((*index, name.get(1..).unwrap_or(name)))
                }
                FieldArg::Index(_) => Err(setting.not_settable("32 ancestors are kept")),
                _ => Err(setting.not_settable("say which ancestor, as in proc.aname[2]")),
            };
        }
        if of_parent.contains(&name) {
            return Ok((1, name.get(1..).unwrap_or(name)));
        }
        Ok((0, name))
    }

    /// The process with its ancestors.
    pub(super) fn build(self, is_exec: bool, now: u64, container: &str) -> Process {
        let mut parent: Option<Arc<Process>> = None;
        for (generation, said) in self.said.into_iter().enumerate().rev() {
            let mut process = finished(said, is_exec && generation == 0);
            process.ppid = parent.as_ref().map_or(0, |parent| parent.pid);
            if process.started_at == 0 {
                process.started_at = now - SECOND * (1 + generation as u64);
            }
            container.clone_into(&mut process.container_id);
            process.parent = parent;
            parent = Some(Arc::new(process));
        }
        parent.map(Arc::unwrap_or_clone).unwrap_or_default()
    }
}

/// Process id of the process itself.
const PID: u32 = 11;

/// Fills in what was not said.
fn finished(said: Said, is_exec: bool) -> Process {
    let Said { name, exe, exepath, otherwise, mut process } = said;
    let file = |path: &str| path.rsplit('/').next().unwrap_or_default().chars().take(15).collect::<String>();
    process.exepath = match (exepath, &name) {
        (Some(path), _) => path,
        (None, Some(name)) if *name != file(otherwise) => format!("/usr/bin/{name}"),
        _ => otherwise.to_owned(),
    };
    process.name = name.unwrap_or_else(|| file(&process.exepath));
    process.exe = exe.unwrap_or_else(|| if is_exec { process.exepath.clone() } else { process.name.clone() });
    if process.vpid == 0 {
        process.vpid = process.pid;
    }
    process.exe_upper_layer = process.exe_upper_layer.or(Some(false));
    if process.user.is_empty() && process.euid == 0 {
        "root".clone_into(&mut process.user);
    }
    if process.group.is_empty() && process.gid == 0 {
        "root".clone_into(&mut process.group);
    }
    process
}

fn set(process: &mut Process, field: &str, setting: &Setting<'_>, now: u64) -> Result<(), MadeError> {
    match field {
        "pid" => process.pid = setting.number()?,
        "vpid" => process.vpid = setting.number()?,
        "cwd" => process.cwd = setting.text(),
        "tty" => process.tty = setting.number()?,
        "sid" => process.sid = setting.number()?,
        "sname" => process.sname = setting.text(),
        "pgid" => process.pgid = setting.number()?,
        "uid" => {
            process.euid = setting.number()?;
            process.uid = process.euid;
        }
        "user" => process.user = setting.text(),
        "gid" => process.gid = setting.number()?,
        "group" => process.group = setting.text(),
        "loginuid" => process.loginuid = Some(setting.number()?),
        "homedir" => process.home = setting.text(),
        "shell" => process.shell = setting.text(),
        "pid.ts" => process.started_at = setting.number()?,
        "duration" => process.started_at = now.saturating_sub(setting.number()?),
        "is_exe_upper_layer" => process.exe_upper_layer = Some(setting.boolean()?),
        "is_exe_from_memfd" => process.exe_from_memfd = setting.boolean()?,
        "is_exe_writable" => process.exe_writable = setting.boolean()?,
        "cap_effective" => process.cap_effective = capabilities(setting)?,
        "cap_permitted" => process.cap_permitted = capabilities(setting)?,
        "cap_inheritable" => process.cap_inheritable = Some(capabilities(setting)?),
        _ => return Err(setting.not_settable("it follows from others, or has no value here")),
    }
    Ok(())
}

fn capabilities(setting: &Setting<'_>) -> Result<u64, MadeError> {
    setting.value.split_whitespace().try_fold(0, |bits, name| {
        let bit = (0..64).find(|bit| capability::names(1 << bit) == name);
        bit.map(|bit| bits | 1 << bit)
            .ok_or_else(|| setting.refuse("names of capabilities, as CAP_SYS_ADMIN"))
    })
}
