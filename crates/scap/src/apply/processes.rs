//! Processes: how they begin, what they execute, whom they become.

use fargard_model::{EventType, ExeFile, Process};

use super::{Change, UNKNOWN};
use crate::{
    bytes::{strings, text},
    flags::{CLONE_FILES, CLONE_THREAD, EXE_FROM_MEMFD, EXE_UPPER_LAYER, EXE_WRITABLE},
    lists::{directory, id},
    path,
    state::{Full, NewThread, ThreadId, container_id},
};

/// How long a thread of the same id can have been there and still be the one a clone speaks of: both ends of a
/// clone are events.
const FRESH: u64 = 2_000_000_000;
/// Flags of a clone after which the caller does not know the child's id as others see it (`PPM_CL_*`).
const HIDDEN_CHILD: u64 = 1 << 6 | 1 << 8 | 1 << 27 | 1 << 29;
const PR_SET_NAME: u64 = 15;

impl Change<'_, '_> {
    /// A clone, at its caller or in its child.
    pub(super) fn clone_process(&mut self, own: Option<ThreadId>) -> Result<Option<ThreadId>, Full> {
        let flags = self.uint("flags").unwrap_or(0);
        match self.result() {
            Some(0) => {
                let fresh = own.and_then(|id| self.state.threads.get(id)).is_some_and(|thread| {
                    let began = thread.process().started_at;
                    began != 0 && self.raw.time.saturating_sub(began) < FRESH
                });
                if fresh {
                    return Ok(own);
                }
                let pid = self.int("pid").unwrap_or(self.raw.tid);
                let ptid = self.int("ptid").unwrap_or(0);
                let is_thread = flags & CLONE_THREAD != 0;
                let model = self.state.threads.find(if is_thread { pid } else { ptid });
                self.add_child(model, self.raw.tid, pid, ptid, flags).map(Some)
            }
            Some(child) if child > 0 => {
                let caller = match own {
                    Some(caller) => caller,
                    None => match self.stranger()? {
                        Some(caller) => caller,
                        None => return Ok(None),
                    },
                };
                let Some(thread) = self.state.threads.get(caller) else { return Ok(own) };
                let contained = thread.process().vpid != thread.process().pid;
                let hidden = contained || flags & HIDDEN_CHILD != 0 || self.kind.event == EventType::Vfork;
                let (pid, ptid) = if flags & CLONE_THREAD != 0 {
                    (i64::from(thread.process().pid), thread.ptid)
                } else {
                    (child, thread.tid)
                };
                if !hidden && self.state.threads.find(child).is_none() {
                    self.add_child(Some(caller), child, pid, ptid, flags)?;
                }
                Ok(Some(caller))
            }
            _ => match own {
                Some(caller) => Ok(Some(caller)),
                None => self.stranger(),
            },
        }
    }

    fn add_child(
        &mut self,
        model: Option<ThreadId>,
        tid: i64,
        pid: i64,
        ptid: i64,
        flags: u64,
    ) -> Result<ThreadId, Full> {
        let mut process = self.described();
        let mut files = None;
        if let Some(parent) = model.and_then(|id| self.state.threads.get(id)) {
            files = Some(parent.files);
            inherit(&mut process, parent.process());
        }
        process.pid = id(pid);
        process.vpid = self.int("vpid").map_or(process.pid, id);
        process.started_at = self.raw.time;
        process.uid = self.id("uid").unwrap_or(process.uid);
        process.euid = process.uid;
        process.gid = self.id("gid").unwrap_or(process.gid);
        self.state.name_owner(&mut process);
        let shared = flags & (CLONE_THREAD | CLONE_FILES) != 0;
        let files = match files {
            Some(files) if shared => self.state.files.share(files),
            Some(files) => self.state.files.fork(files),
            None => self.state.files.create(),
        };
        self.state.add_thread(NewThread { tid, ptid, files, process })
    }

    /// What a clone or an exec says of the process itself.
    fn described(&self) -> Process {
        let mut process = Process { exe: text(self.bytes("exe")).into_owned(), ..Process::default() };
        process.args = strings(self.bytes("args")).map(Into::into).collect();
        let comm = self.bytes("comm");
        process.name = if comm.is_empty() {
            process.exe.rsplit('/').next().unwrap_or_default().to_owned()
        } else {
            text(comm).into_owned()
        };
        let groups = self.bytes("cgroups").split(|byte| *byte == 0);
        container_id(groups).unwrap_or_default().clone_into(&mut process.container_id);
        process
    }

    /// Events that change the process of their thread and no descriptor.
    pub(super) fn change_process(&mut self, thread: ThreadId) -> Result<(), Full> {
        match self.kind.event {
            EventType::Execve | EventType::Execveat if self.succeeded() => self.execute(thread),
            EventType::Chdir | EventType::Getcwd if self.succeeded() => self.change_directory(thread),
            EventType::Setuid
            | EventType::Setgid
            | EventType::Setresuid
            | EventType::Setresgid
            | EventType::Setreuid
            | EventType::Setregid
                if self.succeeded() =>
            {
                self.change_ids(thread)
            }
            EventType::Setsid if self.succeeded() => {
                let session = self.result().map_or(0, id);
                self.state.threads.update(thread, &mut self.state.budget, |process| {
                    process.sid = session;
                    process.sname.clone_from(&process.name);
                })
            }
            EventType::Setpgid if self.succeeded() => self.change_group(thread),
            EventType::Capset if self.succeeded() => {
                let (permitted, effective) = (self.uint("cap_permitted"), self.uint("cap_effective"));
                let inheritable = self.uint("cap_inheritable");
                self.state.threads.update(thread, &mut self.state.budget, |process| {
                    process.cap_permitted = permitted.unwrap_or(process.cap_permitted);
                    process.cap_effective = effective.unwrap_or(process.cap_effective);
                    process.cap_inheritable = inheritable.or(process.cap_inheritable);
                })
            }
            EventType::Prctl if self.succeeded() && self.uint("option") == Some(PR_SET_NAME) => {
                let name = text(self.bytes("arg2_str")).into_owned();
                self.state.threads.update(thread, &mut self.state.budget, |process| process.name = name)
            }
            _ => self.change_accounts(),
        }
    }

    fn execute(&mut self, thread: ThreadId) -> Result<(), Full> {
        let mut new = self.described();
        new.env = strings(self.bytes("env")).map(Into::into).collect();
        let Some(old) = self.state.threads.get(thread).map(|thread| thread.process()) else { return Ok(()) };
        let cwd = self.bytes("cwd");
        new.cwd = if cwd.is_empty() { old.cwd.clone() } else { directory(&text(cwd)) };
        new.exepath = self.executable(&new.cwd);
        new.pid = self.int("pid").map_or(old.pid, id);
        new.vpid = old.vpid;
        new.ppid = old.ppid;
        new.parent.clone_from(&old.parent);
        new.started_at = old.started_at;
        new.sid = old.sid;
        new.sname.clone_from(&old.sname);
        new.vpgid = self.int("vpgid").map_or(old.vpgid, id);
        new.pgid = self.int("pgid").or_else(|| self.int("vpgid")).map_or(old.pgid, id);
        new.loginuid = if self.bytes("loginuid").is_empty() { old.loginuid } else { self.id("loginuid") };
        new.tty = self.uint("tty").and_then(|tty| u32::try_from(tty).ok()).unwrap_or(old.tty);
        new.uid = self.id("uid").unwrap_or(old.uid);
        new.euid = new.uid;
        new.gid = self.id("gid").unwrap_or(old.gid);
        new.cap_permitted = self.uint("cap_permitted").unwrap_or(old.cap_permitted);
        new.cap_effective = self.uint("cap_effective").unwrap_or(old.cap_effective);
        new.cap_inheritable = self.uint("cap_inheritable").or(old.cap_inheritable);
        new.exe_file = self.executable_file();
        if new.container_id.is_empty() {
            new.container_id.clone_from(&old.container_id);
        }
        if let Some(flags) = self.uint("flags") {
            new.exe_writable = flags & EXE_WRITABLE != 0;
            new.exe_upper_layer = Some(flags & EXE_UPPER_LAYER != 0);
            new.exe_from_memfd = flags & EXE_FROM_MEMFD != 0;
        }
        new.stdio = self.state.stdio(thread);
        self.state.name_owner(&mut new);
        self.state.threads.update(thread, &mut self.state.budget, |process| *process = new)?;
        if let Some(ptid) = self.int("ptid") {
            self.state.threads.set_parent(thread, ptid);
        }
        Ok(())
    }

    /// Path of the executable, where the event tells it.
    fn executable(&self, cwd: &str) -> String {
        for name in ["trusted_exepath", "filename"] {
            let path = text(self.bytes(name));
            if !path.is_empty() && path != UNKNOWN {
                return path::resolve(cwd, &path);
            }
        }
        String::new()
    }

    fn executable_file(&self) -> Option<ExeFile> {
        let inode = self.uint("exe_ino")?;
        let time = |name| self.uint(name).unwrap_or(0);
        Some(ExeFile { inode, ctime: time("exe_ino_ctime"), mtime: time("exe_ino_mtime") })
    }

    fn change_directory(&mut self, thread: ThreadId) -> Result<(), Full> {
        let path = text(self.bytes("path"));
        let Some(old) = self.state.threads.get(thread).map(|thread| thread.process()) else { return Ok(()) };
        let cwd = path::resolve(&old.cwd, &path);
        if old.cwd == cwd {
            return Ok(());
        }
        self.state.threads.update(thread, &mut self.state.budget, |process| process.cwd = cwd)
    }

    fn change_ids(&mut self, thread: ThreadId) -> Result<(), Full> {
        let of_user = self.kind.event.name().ends_with("uid");
        let first = |names: &[&str]| names.iter().find_map(|name| self.id(name));
        let (real, effective) = if of_user {
            (first(&["ruid", "uid"]), first(&["euid", "uid"]))
        } else {
            (None, first(&["egid", "gid"]))
        };
        let Some(old) = self.state.threads.get(thread).map(|thread| thread.process()) else { return Ok(()) };
        let (mut uid, mut euid, mut gid) = (old.uid, old.euid, old.gid);
        if of_user {
            uid = real.unwrap_or(uid);
            euid = effective.unwrap_or(euid);
        } else {
            gid = effective.unwrap_or(gid);
        }
        let mut owner = Process { euid, gid, ..Process::default() };
        self.state.name_owner(&mut owner);
        self.state.threads.update(thread, &mut self.state.budget, |process| {
            (process.uid, process.euid, process.gid) = (uid, euid, gid);
            (process.user, process.home, process.shell) = (owner.user, owner.home, owner.shell);
            process.group = owner.group;
        })
    }

    fn change_group(&mut self, caller: ThreadId) -> Result<(), Full> {
        let target = self.int("pid").unwrap_or(0);
        let thread = if target == 0 { Some(caller) } else { self.state.threads.find(target) };
        let Some(thread) = thread else { return Ok(()) };
        let group = self.int("pgid").map_or(0, id);
        self.state.threads.update(thread, &mut self.state.budget, |process| {
            process.pgid = if group == 0 { process.pid } else { group };
        })
    }
}

/// What a child has from its parent and events do not repeat.
fn inherit(process: &mut Process, parent: &Process) {
    process.env.clone_from(&parent.env);
    process.cwd.clone_from(&parent.cwd);
    process.exepath.clone_from(&parent.exepath);
    process.sname.clone_from(&parent.sname);
    process.stdio.clone_from(&parent.stdio);
    if process.container_id.is_empty() {
        process.container_id.clone_from(&parent.container_id);
    }
    (process.sid, process.pgid, process.vpgid) = (parent.sid, parent.pgid, parent.vpgid);
    (process.tty, process.loginuid, process.exe_file) = (parent.tty, parent.loginuid, parent.exe_file);
    process.cap_inheritable = parent.cap_inheritable;
    (process.uid, process.gid) = (parent.uid, parent.gid);
    (process.cap_permitted, process.cap_effective) = (parent.cap_permitted, parent.cap_effective);
    process.exe_upper_layer = parent.exe_upper_layer;
    process.exe_from_memfd = parent.exe_from_memfd;
    process.exe_writable = parent.exe_writable;
}
