//! From a stopped call to a record: reads what its arguments point to while the caller waits.

use super::{
    calls::{self, Call, I386, I386_SOCKETCALL, Pointee},
    lane::Class,
    pages::Pages,
    proc::ProcPath,
    seen::Seen,
};
use crate::{
    raw::{Head, ItemKind, MAX_RECORD, Writer},
    sys::memory,
};

/// Longest path or other text that is read, `PATH_MAX`.
pub(super) const MAX_TEXT: usize = 4096;
/// Most bytes of argv, and of the environment.
const MAX_STRINGS: usize = 4096;
/// Most bytes of `/proc/TID/status`: its lines up to the capabilities have about 1000.
const MAX_STATUS: usize = 1536;
/// Bytes tried first for a text: most are shorter, and reading costs by the call.
const FIRST_CHUNK: usize = 256;
pub(super) const PAGE: u64 = 4096;
/// The longest socket address, `struct sockaddr_storage`.
const MAX_SOCKADDR: u64 = 128;

/// How memory of another process is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// `process_vm_readv`.
    Vm,
    /// `/proc/TID/mem`, where a profile refuses the call.
    ProcMem,
}

impl Reader {
    /// The way that works on the process of `tid`, where `word` holds `value` at `address`.
    pub(super) fn probe(tid: u32, address: u64, value: u64) -> Option<Self> {
        [Self::Vm, Self::ProcMem].into_iter().find(|reader| {
            let mut bytes = [0; 8];
            reader.read(tid, address, &mut bytes) == Some(8) && u64::from_ne_bytes(bytes) == value
        })
    }

    pub(super) fn read(self, tid: u32, address: u64, into: &mut [u8]) -> Option<usize> {
        match self {
            Self::Vm => memory::read(tid, address, into),
            Self::ProcMem => ProcPath::of(tid, "mem").read_at(address, into),
        }
    }

    /// Exactly `into.len()` bytes.
    fn fill(self, tid: u32, address: u64, into: &mut [u8]) -> Option<()> {
        (self.read(tid, address, into)? == into.len()).then_some(())
    }

    /// Text up to its NUL or the end of the room: length, and whether there was more.
    pub(super) fn text(self, tid: u32, address: u64, room: &mut [u8]) -> Option<(usize, bool)> {
        let mut done = 0;
        let mut chunk = FIRST_CHUNK;
        while done < room.len() {
            let at = address.checked_add(done as u64)?;
            // A read that stays in a page succeeds or fails as a whole.
            let in_page = (PAGE - at % PAGE) as usize;
            let end = (done + chunk.min(in_page)).min(room.len());
            let Some(length) = self.read(tid, at, &mut room[done..end]) else {
                return (done > 0).then_some((done, true));
            };
            if let Some(nul) = room[done..done + length].iter().position(|byte| *byte == 0) {
                return Some((done + nul, false));
            }
            done += length;
            chunk = MAX_TEXT;
        }
        Some((done, true))
    }

    pub(super) fn pointer(self, tid: u32, address: u64, width: usize) -> Option<u64> {
        let mut bytes = [0; 8];
        // The machine is little-endian: a narrow pointer is the low half.
        self.fill(tid, address, &mut bytes[..width])?;
        Some(u64::from_le_bytes(bytes))
    }
}

/// Makes records of stopped calls.
#[derive(Debug)]
pub(super) struct Recorder {
    reader: Reader,
    environment: bool,
    seen: Seen,
    /// The last record says of its thread what is said once.
    introduces: bool,
    pages: Box<Pages>,
    buffer: Box<[u8; MAX_RECORD]>,
}

impl Recorder {
    pub(super) fn new(reader: Reader, environment: bool) -> Self {
        Self {
            reader,
            environment,
            seen: Seen::default(),
            introduces: false,
            pages: Box::default(),
            buffer: Box::new([0; MAX_RECORD]),
        }
    }

    /// Reads what belongs to a call; its thread must wait meanwhile. The record, of the returned length and class, is
    /// in [`Recorder::bytes`].
    pub(super) fn record(&mut self, head: Head) -> (usize, Class) {
        self.record_answered(head, None)
    }

    /// As [`Recorder::record`] for a call that is not made: its result.
    pub(super) fn record_answered(&mut self, mut head: Head, result: Option<i64>) -> (usize, Class) {
        if head.arch == I386 && head.nr == I386_SOCKETCALL.cast_signed() {
            self.unfold_socketcall(&mut head);
        }
        let call = calls::lookup(head.arch, head.nr);
        let is_exec = call.is_some_and(|call| call.kind.is_exec());
        let second = (head.time / 1_000_000_000) as u32;
        let known = self.seen.meet(head.tid, second);
        self.introduces = !known;
        let mut writer = Writer::new(&mut self.buffer[..], &head);
        if !known || is_exec {
            writer.item(ItemKind::Stat, 0, |room| ProcPath::of(head.tid, "stat").read(cap(room, 1024)));
        }
        if is_exec {
            // Its user and capabilities: a program that runs for a moment has no others.
            writer.item(ItemKind::Status, 0, |room| {
                ProcPath::of(head.tid, "status").read(cap(room, MAX_STATUS))
            });
        }
        if let Some(result) = result {
            writer.item(ItemKind::Result, 0, |room| {
                let bytes = result.to_ne_bytes();
                room.get_mut(..bytes.len())?.copy_from_slice(&bytes);
                Some((bytes.len(), false))
            });
        }
        if let Some(call) = call {
            let (reader, environment) = (self.reader, self.environment);
            let mut reading = Reading { reader, head: &head, environment, pages: &mut self.pages };
            reading.pointees(call, &mut writer);
            self.pages.forget();
        }
        if is_exec {
            // The next call under this id comes from another program.
            self.seen.forget(head.tid);
        }
        (writer.finish(), Class::of_call(call, &head))
    }

    /// How it reads memory.
    pub(super) fn reader(&self) -> Reader {
        self.reader
    }

    /// The last record, of that thread, did not get to the engine: what it said once is said again.
    pub(super) fn take_back(&mut self, tid: u32) {
        if self.introduces {
            self.seen.forget(tid);
        }
    }

    /// The engine knows no thread.
    pub(super) fn forget_all(&mut self) {
        self.seen.forget_all();
    }

    /// The record made last.
    pub(super) fn bytes(&self, length: usize) -> &[u8] {
        &self.buffer[..length]
    }

    /// Replaces i386's `socketcall` by the direct call of the same meaning.
    fn unfold_socketcall(&self, head: &mut Head) {
        let Some(direct) = calls::socketcall_direct(head.args[0]) else { return };
        let mut words = [0; 24];
        // Fewer arguments than six may lie at the end of a page: then what can be read is taken.
        let Some(length) = self.reader.read(head.tid, head.args[1] & 0xffff_ffff, &mut words) else { return };
        let mut args = [0; 6];
        let (words, _) = words[..length].as_chunks::<4>();
        for (arg, word) in args.iter_mut().zip(words) {
            *arg = u32::from_le_bytes(*word).into();
        }
        head.nr = direct;
        head.args = args;
    }
}

fn cap(room: &mut [u8], most: usize) -> &mut [u8] {
    let length = room.len().min(most);
    &mut room[..length]
}

/// The number in a path that names a descriptor of whoever uses it: what it leads to is known only now.
fn named_descriptor(path: &[u8]) -> Option<i32> {
    let own: [&[u8]; 3] = [b"/proc/self/fd/", b"/dev/fd/", b"/proc/thread-self/fd/"];
    let number = own.iter().find_map(|prefix| path.strip_prefix(*prefix))?;
    std::str::from_utf8(number).ok()?.parse().ok().filter(|number| *number >= 0)
}

struct Reading<'a> {
    reader: Reader,
    head: &'a Head,
    environment: bool,
    pages: &'a mut Pages,
}

impl Reading<'_> {
    fn arg(&self, index: u8) -> u64 {
        self.head.args.get(usize::from(index)).copied().unwrap_or_default()
    }

    fn pointees(&mut self, call: &Call, writer: &mut Writer<'_>) {
        let (reader, tid) = (self.reader, self.head.tid);
        let width = calls::pointer_bytes(self.head.arch, self.head.nr);
        if let [Pointee::Path(path, _), Pointee::Argv(argv), ..] = *call.pointees {
            self.pages.start(reader, tid, [self.arg(path), self.arg(argv)]);
        }
        for pointee in call.pointees {
            match *pointee {
                Pointee::Path(arg, directory) => self.path(arg, directory, writer),
                Pointee::Text(arg) => {
                    writer.item(ItemKind::Text, arg, |room| {
                        reader.text(tid, self.arg(arg), cap(room, MAX_TEXT))
                    });
                }
                Pointee::Sockaddr(arg, length) => {
                    self.sockaddr(arg, self.arg(arg), self.arg(length), writer);
                }
                Pointee::Message(arg) => self.message(arg, width, writer),
                Pointee::Argv(arg) => self.strings(ItemKind::Argv, arg, width, writer),
                Pointee::Env(arg) if self.environment => self.strings(ItemKind::Env, arg, width, writer),
                Pointee::Env(_) => {}
                Pointee::Struct(arg, length) => writer.item(ItemKind::Struct, arg, |room| {
                    let room = cap(room, usize::from(length));
                    reader.read(tid, self.arg(arg), room).map(|length| (length, length < room.len()))
                }),
                Pointee::Descriptor(arg) => {
                    let number = self.arg(arg) as i32;
                    writer.item(ItemKind::Base, arg, |room| ProcPath::descriptor(tid, number).link(room));
                }
            }
        }
    }

    /// Of an execution, whose pages were read beforehand.
    fn strings(&mut self, kind: ItemKind, arg: u8, width: usize, writer: &mut Writer<'_>) {
        let array = self.arg(arg);
        writer.item(kind, arg, |room| self.pages.strings(array, width, cap(room, MAX_STRINGS)));
    }

    fn path(&mut self, arg: u8, directory: Option<u8>, writer: &mut Writer<'_>) {
        let (mut relative, mut descriptor) = (false, None);
        writer.item(ItemKind::Text, arg, |room| {
            let room = cap(room, MAX_TEXT);
            let address = self.arg(arg);
            let (length, more) = match self.pages.has(address) {
                true => self.pages.text(address, room)?,
                false => self.reader.text(self.head.tid, address, room)?,
            };
            relative = room[..length].first() != Some(&b'/');
            descriptor = named_descriptor(&room[..length]);
            Some((length, more))
        });
        let number = match descriptor {
            Some(number) => number,
            None if !relative => return,
            None => directory.map_or(libc::AT_FDCWD, |index| self.arg(index) as i32),
        };
        let base = match number {
            libc::AT_FDCWD => ProcPath::of(self.head.tid, "cwd"),
            number => ProcPath::descriptor(self.head.tid, number),
        };
        writer.item(ItemKind::Base, arg, |room| base.link(room));
    }

    fn sockaddr(&self, arg: u8, address: u64, length: u64, writer: &mut Writer<'_>) {
        // The length is an int.
        let length = (length & 0xffff_ffff).min(MAX_SOCKADDR) as usize;
        writer.item(ItemKind::Sockaddr, arg, |room| {
            let room = cap(room, length);
            self.reader.read(self.head.tid, address, room).map(|read| (read, read < room.len()))
        });
    }

    /// The address a message is sent to, where it names one. `struct msghdr` starts with pointer and length.
    fn message(&self, arg: u8, width: usize, writer: &mut Writer<'_>) {
        let at = self.arg(arg);
        let name = self.reader.pointer(self.head.tid, at, width);
        let length = at.checked_add(width as u64).and_then(|at| self.reader.pointer(self.head.tid, at, 4));
        match (name, length) {
            (Some(0), _) => {}
            (Some(name), Some(length)) => self.sockaddr(arg, name, length, writer),
            _ => writer.item(ItemKind::Sockaddr, arg, |_| None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use super::{Reader, Recorder};
    use crate::{
        capture::calls::NATIVE,
        raw::{Head, ItemKind, RawEvent},
    };

    fn head(nr: libc::c_long, args: [u64; 6]) -> Head {
        let tid = rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned();
        Head { seq: 1, time: 1, tid, nr: nr as i32, arch: NATIVE, args }
    }

    fn address<T>(of: *const T) -> u64 {
        of.expose_provenance() as u64
    }

    #[test]
    fn both_ways_of_reading_memory_work_on_ourselves() {
        let word: u64 = 0x1234_5678_9abc_def0;
        for reader in [Reader::Vm, Reader::ProcMem] {
            let mut bytes = [0; 8];
            assert_eq!(reader.read(std::process::id(), address(&raw const word), &mut bytes), Some(8));
            assert_eq!(u64::from_ne_bytes(bytes), word);
        }
        assert_eq!(Reader::probe(std::process::id(), address(&raw const word), word), Some(Reader::Vm));
        assert_eq!(Reader::probe(std::process::id(), address(&raw const word), 1), None);
    }

    #[test]
    fn an_exec_has_path_directory_argv_and_stat() {
        let path = CString::new("bin/tool").unwrap();
        let argv = [c"tool", c"-v", c""].map(|arg| arg.as_ptr());
        let array = [argv[0], argv[1], argv[2], std::ptr::null()];
        let mut recorder = Recorder::new(Reader::Vm, false);
        let call = head(libc::SYS_execve, [address(path.as_ptr()), address(array.as_ptr()), 0, 0, 0, 0]);
        for _ in 0..2 {
            let (length, _) = recorder.record(call);
            let event = RawEvent::parse(recorder.bytes(length)).unwrap();
            assert_eq!(event.item(ItemKind::Text, 0).unwrap().bytes, b"bin/tool");
            assert_eq!(event.item(ItemKind::Argv, 1).unwrap().bytes, b"tool\0-v\0\0");
            let here = std::env::current_dir().unwrap();
            assert_eq!(event.item(ItemKind::Base, 0).unwrap().bytes, here.to_str().unwrap().as_bytes());
            assert!(
                event.item(ItemKind::Stat, 0).unwrap().bytes.starts_with(call.tid.to_string().as_bytes())
            );
            let status = std::str::from_utf8(event.item(ItemKind::Status, 0).unwrap().bytes).unwrap();
            assert!(status.contains("\nUid:") && status.contains("\nCapEff:"), "{status}");
            assert!(event.item(ItemKind::Env, 2).is_none());
        }
    }

    #[test]
    fn stat_comes_once_and_absolute_paths_need_no_directory() {
        let path = CString::new(format!("/{}", "x".repeat(700))).unwrap();
        let mut recorder = Recorder::new(Reader::Vm, false);
        let call = head(libc::SYS_openat, [0, address(path.as_ptr()), 0, 0, 0, 0]);
        for first in [true, false] {
            let (length, _) = recorder.record(call);
            let event = RawEvent::parse(recorder.bytes(length)).unwrap();
            assert_eq!(event.item(ItemKind::Text, 1).unwrap().bytes, path.as_bytes());
            assert_eq!(event.item(ItemKind::Stat, 0).is_some(), first);
            assert!(event.item(ItemKind::Base, 1).is_none());
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let mut recorder = Recorder::new(Reader::Vm, true);
        let (length, _) = recorder.record(head(libc::SYS_execve, [8, 16, u64::MAX, 0, 0, 0]));
        let event = RawEvent::parse(recorder.bytes(length)).unwrap();
        for (kind, arg) in [(ItemKind::Text, 0), (ItemKind::Argv, 1), (ItemKind::Env, 2)] {
            assert!(event.item(kind, arg).unwrap().unreadable, "{kind:?}");
        }
    }

    #[test]
    fn a_message_shows_the_address_it_names() {
        let name = [2u8, 0, 0, 53, 10, 0, 0, 2];
        let message: [u64; 7] = [address(name.as_ptr()), 8, 0, 0, 0, 0, 0];
        let mut recorder = Recorder::new(Reader::Vm, true);
        let (length, _) =
            recorder.record(head(libc::SYS_sendmsg, [3, address(message.as_ptr()), 0, 0, 0, 0]));
        let event = RawEvent::parse(recorder.bytes(length)).unwrap();
        assert_eq!(event.item(ItemKind::Sockaddr, 1).unwrap().bytes, name);
    }
}
