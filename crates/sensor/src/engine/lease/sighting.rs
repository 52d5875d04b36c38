//! What a lease saw, and the event that comes of it.

use fargard_model::{
    Arg, Event, EventType, Fd, Timestamp,
    call::{flags, params},
    event::ArgValue,
};

use super::opener::{Open, Opener};
use crate::engine::{
    decode::{Decoded, Unresolved},
    observer::Observer,
    procfs::Procfs,
    table::Seen,
};

const AT_FDCWD: i32 = -100;
/// Events of leases count from here: below are the numbers of captured calls. Less than 2^53, as JSON's readers need.
const FIRST: u64 = 1 << 52;

/// An open of a watched file.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Opened {
    /// The call, as far as it is known.
    pub(super) call: Decoded,
    /// Who made it; `None` when that could not be found out.
    pub(super) by: Option<Seen>,
}

impl Opened {
    /// An open that is waited for; `number` counts them.
    pub(super) fn waiting(number: u64, opener: Opener, open: Open, procfs: &Procfs) -> Self {
        let by = Seen::look(procfs, opener.tid);
        let relative = !opener.raw.starts_with('/');
        let link = match opener.dirfd {
            AT_FDCWD => "cwd".to_owned(),
            number => format!("fd/{number}"),
        };
        let base = relative.then(|| procfs.link(opener.tid, &link)).flatten();
        let mut call = call(number, opener.tid, open, opener.raw, opener.dirfd);
        if let Some(path) = call.unresolved.first_mut() {
            path.base = base;
        }
        Self { call, by }
    }

    /// An open that inotify showed and whose maker has the file still open as that descriptor.
    pub(super) fn held(number: u64, pid: u32, descriptor: u32, path: &str, procfs: &Procfs) -> Self {
        let flags = procfs.descriptor_flags(pid, descriptor.into()).unwrap_or(0);
        let open = Open { kind: EventType::Openat, flags, mode: 0 };
        let mut call = call(number, pid, open, path.to_owned(), AT_FDCWD);
        call.result = Some(descriptor.into());
        if let Some(fd) = &mut call.fd {
            fd.num = descriptor.into();
        }
        Self { call, by: Seen::look(procfs, pid) }
    }

    /// An open by somebody who could not be named.
    pub(super) fn unnamed(number: u64, path: &str) -> Self {
        let open = Open { kind: EventType::Openat, flags: 0, mode: 0 };
        Self { call: call(number, 0, open, path.to_owned(), AT_FDCWD), by: None }
    }

    /// When it was seen, nanoseconds since the epoch.
    pub(in crate::engine) fn time(&self) -> u64 {
        self.call.time
    }

    /// The event, unless it is none of the watched processes': `within` is the first of them, if not all count.
    pub(in crate::engine) fn event(self, observer: &mut Observer, within: Option<u32>) -> Option<Event> {
        match &self.by {
            Some(seen) => observer.adopt(self.call.tid, seen),
            None if within.is_some() => return None,
            None => {}
        }
        let event = observer.observe(self.call);
        let belongs = within.is_none_or(|first| {
            let process = Some(&event.process);
            std::iter::successors(process, |process| process.parent.as_ref()).any(|one| one.pid == first)
        });
        belongs.then_some(event)
    }
}

fn call(number: u64, tid: u32, open: Open, raw: String, dirfd: i32) -> Decoded {
    let arm = cfg!(target_arch = "aarch64");
    let value = |name: &str| match name {
        "dirfd" if dirfd == AT_FDCWD => Some(ArgValue::Text("AT_FDCWD".to_owned())),
        "dirfd" => Some(ArgValue::Int(dirfd.into())),
        "name" => Some(ArgValue::Path(raw.clone())),
        "flags" => Some(ArgValue::Flags(open.flags, flags::open_names(open.flags, arm).into())),
        "mode" => Some(ArgValue::Text(if open.mode == 0 { "0".into() } else { format!("0{:o}", open.mode) })),
        _ => None,
    };
    let params = params(open.kind).iter().map(|param| param.name);
    // Those of openat2 are in a structure.
    let rest = ["flags", "mode"].into_iter().filter(|_| open.kind == EventType::Openat2);
    let args = params.chain(rest).filter_map(|name| Some(Arg { name: name.into(), value: value(name)? }));
    Decoded {
        num: FIRST + number,
        time: Timestamp::now().0,
        kind: open.kind,
        tid,
        args: args.collect(),
        unresolved: vec![Unresolved { name: "name", raw: raw.clone(), base: None }],
        fd: Some(Fd { num: -1, typechar: Some('f'), nameraw: raw, ..Fd::default() }),
        argv: None,
        argv_cut: false,
        env: None,
        stat: None,
        status: None,
        result: None,
    }
}
