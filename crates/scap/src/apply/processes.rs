//! Processes: how they begin, what they execute, whom they become.

use fargard_model::{Container, EventType, Process};

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
                self.state.threads.update(thread, &mut self.state.budget, |process| {
                    process.cap_permitted = permitted.unwrap_or(process.cap_permitted);
                    process.cap_effective = effective.unwrap_or(process.cap_effective);
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
        (new.sid, new.pgid) = (old.sid, old.pgid);
        new.sname.clone_from(&old.sname);
        new.pgid = self.int("vpgid").map_or(new.pgid, id);
        new.tty = self.uint("tty").and_then(|tty| u32::try_from(tty).ok()).unwrap_or(old.tty);
        new.uid = self.id("uid").unwrap_or(old.uid);
        new.euid = new.uid;
        new.gid = self.id("gid").unwrap_or(old.gid);
        new.cap_permitted = self.uint("cap_permitted").unwrap_or(old.cap_permitted);
        new.cap_effective = self.uint("cap_effective").unwrap_or(old.cap_effective);
        if new.container_id.is_empty() {
            new.container_id.clone_from(&old.container_id);
        }
        if let Some(flags) = self.uint("flags") {
            new.exe_writable = flags & EXE_WRITABLE != 0;
            new.exe_upper_layer = Some(flags & EXE_UPPER_LAYER != 0);
            new.exe_from_memfd = flags & EXE_FROM_MEMFD != 0;
        }
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
        let user = self.state.accounts.user(euid).to_owned();
        let group = self.state.accounts.group(gid).to_owned();
        self.state.threads.update(thread, &mut self.state.budget, |process| {
            (process.uid, process.euid, process.gid) = (uid, euid, gid);
            (process.user, process.group) = (user, group);
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

    /// Events that no thread made: users, groups and containers come and go.
    pub(super) fn change_accounts(&mut self) -> Result<(), Full> {
        let state = &mut *self.state;
        let number =
            |name| self.kind.position(name).and_then(|at| crate::bytes::unsigned(self.raw.params.get(at)));
        let name = || {
            let bytes = self.kind.position("name").map_or(&[][..], |at| self.raw.params.get(at));
            text(bytes).into_owned()
        };
        let short = |id: Option<u64>| id.and_then(|id| u32::try_from(id).ok());
        match self.kind.event {
            EventType::Useradded => match short(number("uid")) {
                Some(uid) => state.accounts.set_user(uid, name(), &mut state.budget),
                None => Ok(()),
            },
            EventType::Groupadded => match short(number("gid")) {
                Some(gid) => state.accounts.set_group(gid, name(), &mut state.budget),
                None => Ok(()),
            },
            EventType::Userdeleted => {
                short(number("uid")).into_iter().for_each(|uid| state.accounts.forget_user(uid));
                Ok(())
            }
            EventType::Groupdeleted => {
                short(number("gid")).into_iter().for_each(|gid| state.accounts.forget_group(gid));
                Ok(())
            }
            EventType::Container => match self.container() {
                Some(container) => self.state.accounts.set_container(container, &mut self.state.budget),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// What an event says of a container.
    fn container(&self) -> Option<Container> {
        let json = self.bytes("json");
        if json.is_empty() {
            let get = |name| text(self.bytes(name)).into_owned();
            let container =
                Container { id: get("id"), name: get("name"), image: get("image"), ..Container::default() };
            return (!container.id.is_empty()).then_some(container);
        }
        let json = json.strip_suffix(&[0]).unwrap_or(json);
        let value: serde_json::Value = serde_json::from_slice(json).ok()?;
        let value = value.get("container").unwrap_or(&value);
        let get = |name| value.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let started = value.get("created_time").and_then(serde_json::Value::as_u64).unwrap_or(0);
        let container = Container {
            id: get("id"),
            name: get("name"),
            image: get("image"),
            image_digest: get("imagedigest"),
            started_at: started.saturating_mul(1_000_000_000),
            ..Container::default()
        };
        (!container.id.is_empty()).then_some(container)
    }
}

/// What a child has from its parent and events do not repeat.
fn inherit(process: &mut Process, parent: &Process) {
    process.env.clone_from(&parent.env);
    process.cwd.clone_from(&parent.cwd);
    process.exepath.clone_from(&parent.exepath);
    process.sname.clone_from(&parent.sname);
    process.user.clone_from(&parent.user);
    process.group.clone_from(&parent.group);
    if process.container_id.is_empty() {
        process.container_id.clone_from(&parent.container_id);
    }
    (process.sid, process.pgid, process.tty) = (parent.sid, parent.pgid, parent.tty);
    (process.uid, process.gid) = (parent.uid, parent.gid);
    (process.cap_permitted, process.cap_effective) = (parent.cap_permitted, parent.cap_effective);
    process.exe_upper_layer = parent.exe_upper_layer;
    process.exe_from_memfd = parent.exe_from_memfd;
    process.exe_writable = parent.exe_writable;
}
