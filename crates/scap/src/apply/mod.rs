//! What each event changes in the state, and whom and what it is about.

mod accounts;
mod descriptors;
mod processes;

pub(crate) use self::descriptors::WORKING_DIRECTORY;

use fargard_model::{EventType, Fd, Process};

use crate::{
    bytes::{signed, unsigned},
    raw::RawEvent,
    schema::{Kind, Use},
    state::{Full, NewThread, State, ThreadId},
};

/// Name of what a capture does not tell, as Falco writes it.
const UNKNOWN: &str = "<NA>";

/// Whom and what an event is about.
#[derive(Debug, Default)]
pub(crate) struct About {
    pub(crate) thread: Option<ThreadId>,
    pub(crate) fd: Option<Fd>,
    /// The thread ends with this event; who gets its children, where the event says.
    pub(crate) ends: Option<Option<i64>>,
}

/// An event and what it may change.
pub(crate) struct Change<'c, 'b> {
    pub(crate) state: &'c mut State,
    pub(crate) raw: &'c RawEvent<'b>,
    pub(crate) kind: &'static Kind,
}

impl<'b> Change<'_, 'b> {
    /// Applies the event.
    pub(crate) fn apply(mut self) -> Result<About, Full> {
        let event = self.kind.event;
        let mut about = About { thread: self.state.threads.find(self.raw.tid), ..About::default() };
        if matches!(event, EventType::Clone | EventType::Clone3 | EventType::Fork | EventType::Vfork) {
            about.thread = self.clone_process(about.thread)?;
            return Ok(about);
        }
        let Some(thread) = about.thread.map_or_else(|| self.stranger(), |id| Ok(Some(id)))? else {
            self.change_accounts()?;
            return Ok(about);
        };
        about.thread = Some(thread);
        match self.kind.descriptor {
            Use::Nothing => self.change_process(thread)?,
            Use::Creates => about.fd = Some(self.create_descriptor(thread)?),
            Use::Works(position) => about.fd = Some(self.use_descriptor(thread, usize::from(position))?),
        }
        if event == EventType::Procexit {
            about.ends = Some(self.int("reaper_tid").filter(|reaper| *reaper > 0));
        }
        Ok(about)
    }

    /// A thread nothing is known of: the capture missed its beginning.
    fn stranger(&mut self) -> Result<Option<ThreadId>, Full> {
        if !self.kind.threaded {
            return Ok(None);
        }
        let process = Process {
            pid: crate::lists::id(self.raw.tid),
            vpid: crate::lists::id(self.raw.tid),
            name: UNKNOWN.to_owned(),
            exe: UNKNOWN.to_owned(),
            uid: u32::MAX,
            euid: u32::MAX,
            gid: u32::MAX,
            ..Process::default()
        };
        let files = self.state.files.create();
        let new = NewThread { tid: self.raw.tid, ptid: -1, files, process };
        self.state.add_thread(new).map(Some)
    }

    /// The result, where the event has one.
    pub(crate) fn result(&self) -> Option<i64> {
        if self.kind.has_result { signed(self.raw.params.get(0)) } else { None }
    }

    fn succeeded(&self) -> bool {
        self.result().is_some_and(|result| result >= 0)
    }

    /// Bytes of a parameter; empty when it is absent.
    fn bytes(&self, name: &str) -> &'b [u8] {
        self.kind.position(name).map_or(&[], |position| self.raw.params.get(position))
    }

    fn int(&self, name: &str) -> Option<i64> {
        signed(self.bytes(name))
    }

    fn uint(&self, name: &str) -> Option<u64> {
        unsigned(self.bytes(name))
    }

    /// An id; none for the value that stands for it.
    fn id(&self, name: &str) -> Option<u32> {
        let id = u32::try_from(self.uint(name)? & u64::from(u32::MAX)).ok()?;
        (id != u32::MAX).then_some(id)
    }
}
