//! From a captured call to the words of rules: Falco's event type, parameters, paths, file descriptor.

use std::borrow::Cow;

use fargard_model::{
    Arg, EventType, Fd,
    call::{Form, Param, flags, octal, params},
    event::ArgValue,
};

use super::{
    address::{self, Address},
    paths::{self, MAX_PATH},
    procfs::{self, Stat, Status},
};
use crate::{
    capture::calls::{self, AARCH64 as ARCH_AARCH64},
    raw::{ItemKind, RawEvent},
};

const MAX_TEXT: usize = 1024;

/// A call in the words of rules, before it is known who made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// Number of the capture.
    pub(crate) num: u64,
    /// Entry of the call, nanoseconds since the epoch.
    pub(crate) time: u64,
    /// Which call.
    pub(crate) kind: EventType,
    /// Thread.
    pub(crate) tid: u32,
    /// Falco's parameters.
    pub(crate) args: Vec<Arg>,
    /// Path arguments and the directories they are relative to.
    pub(crate) unresolved: Vec<Unresolved>,
    /// What the descriptor or address refers to, as far as the arguments say.
    pub(crate) fd: Option<Fd>,
    /// argv of an exec.
    pub(crate) argv: Option<Vec<String>>,
    /// There was more of it.
    pub(crate) argv_cut: bool,
    /// Environment of an exec.
    pub(crate) env: Option<Vec<String>>,
    /// State of the thread at its first event.
    pub(crate) stat: Option<Stat>,
    /// User and capabilities of a thread that executes a program.
    pub(crate) status: Option<Status>,
    /// The return value, where the capture knows it.
    pub(crate) result: Option<i64>,
}

/// A path argument as the process gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unresolved {
    /// The parameter's name.
    pub(crate) name: &'static str,
    /// As given.
    pub(crate) raw: String,
    /// The directory it is relative to, when the capture knows it.
    pub(crate) base: Option<String>,
}

/// Reads a captured call; `None` for a call that is not decoded (another architecture, an unknown number).
pub(crate) fn decode(raw: &RawEvent<'_>) -> Option<Decoded> {
    let head = &raw.head;
    let kind = calls::lookup(head.arch, head.nr)?.kind;
    let mut decoded = Decoded {
        num: head.seq,
        time: head.time,
        kind,
        tid: head.tid,
        args: Vec::new(),
        unresolved: Vec::new(),
        fd: None,
        argv: None,
        argv_cut: false,
        env: None,
        stat: None,
        status: None,
        result: None,
    };
    for param in params(kind) {
        decoded.read_param(raw, *param);
    }
    match kind {
        EventType::Openat2 => decoded.read_open_how(raw),
        EventType::Capset => decoded.read_capabilities(raw),
        _ => {}
    }
    decoded.read_items(raw);
    decoded.fd = decoded.descriptor(raw);
    Some(decoded)
}

impl Decoded {
    fn push(&mut self, name: &'static str, value: ArgValue) {
        self.args.push(Arg { name: name.into(), value });
    }

    fn read_param(&mut self, raw: &RawEvent<'_>, param: Param) {
        let register = raw.head.args.get(usize::from(param.arg)).copied().unwrap_or(0);
        let arm = raw.head.arch == ARCH_AARCH64;
        let value = match param.form {
            Form::Path => {
                let text = text_of(raw, param.arg, MAX_PATH);
                let base = raw.item(ItemKind::Base, param.arg).map(|item| lossy(item.bytes, MAX_PATH));
                self.unresolved.push(Unresolved { name: param.name, raw: text.clone(), base });
                ArgValue::Path(text)
            }
            form => {
                form.value(register, arm).unwrap_or_else(|| ArgValue::Text(text_of(raw, param.arg, MAX_TEXT)))
            }
        };
        self.push(param.name, value);
    }

    /// `struct open_how`: flags, mode, resolve, 64 bits each.
    fn read_open_how(&mut self, raw: &RawEvent<'_>) {
        let Some(item) = raw.item(ItemKind::Struct, 2) else { return };
        let word = |at: usize| {
            item.bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_ne_bytes)
        };
        let Some(bits) = word(0) else { return };
        let arm = raw.head.arch == ARCH_AARCH64;
        self.push("flags", ArgValue::Flags(bits, flags::open_names(bits, arm).into()));
        self.push("mode", ArgValue::Text(octal(word(8).unwrap_or(0))));
        self.push("resolve", ArgValue::Int(i64::try_from(word(16).unwrap_or(0)).unwrap_or(i64::MAX)));
    }

    /// Two of `struct __user_cap_data_struct`: effective, permitted, inheritable, the low and the high 32 bits.
    fn read_capabilities(&mut self, raw: &RawEvent<'_>) {
        let Some(item) = raw.item(ItemKind::Struct, 1) else { return };
        let (words, _) = item.bytes.as_chunks::<4>();
        let word = |at: usize| words.get(at).map_or(0, |bytes| u64::from(u32::from_ne_bytes(*bytes)));
        for (name, at) in [("cap_inheritable", 2), ("cap_permitted", 1), ("cap_effective", 0)] {
            let bits = word(at) | word(at + 3) << 32;
            self.push(name, ArgValue::Flags(bits, format!("{bits:X}").into()));
        }
    }

    fn read_items(&mut self, raw: &RawEvent<'_>) {
        for item in raw.items() {
            match item.kind {
                ItemKind::Argv if !item.unreadable => {
                    self.argv = Some(procfs::split_strings(item.bytes));
                    self.argv_cut = item.truncated;
                }
                ItemKind::Env if !item.unreadable => self.env = Some(procfs::split_strings(item.bytes)),
                ItemKind::Stat => self.stat = procfs::parse_stat(item.bytes),
                ItemKind::Status => {
                    // What was cut off in a line would be read as another number.
                    let whole = item.bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
                    let text = String::from_utf8_lossy(item.bytes.get(..whole).unwrap_or_default());
                    self.status = procfs::parse_status(&text);
                }
                ItemKind::Result => {
                    self.result = item.bytes.first_chunk::<8>().map(|bytes| i64::from_ne_bytes(*bytes));
                }
                _ => {}
            }
        }
    }

    fn descriptor(&self, raw: &RawEvent<'_>) -> Option<Fd> {
        let number = i64::from(low(raw.head.args.first().copied().unwrap_or(0)));
        match self.kind {
            kind if kind.is_open() => {
                let raw_name = self.unresolved.first().map(|path| path.raw.clone()).unwrap_or_default();
                let directory = if raw.head.arch == ARCH_AARCH64 { 0o40_000 } else { 0o200_000 };
                // O_TMPFILE has the bit of O_DIRECTORY, but makes a file.
                let is_directory = self.flag_bits() & directory != 0 && self.flag_bits() & 0o20_000_000 == 0;
                let typechar = Some(if is_directory { 'd' } else { 'f' });
                Some(Fd { num: -1, typechar, nameraw: raw_name, ..Fd::default() })
            }
            EventType::Connect | EventType::Sendto | EventType::Sendmsg | EventType::Sendmmsg => {
                let mut fd = socket(raw, number)?;
                fd.client = fd.remote.is_some().then_some(true);
                Some(fd)
            }
            EventType::Bind => {
                let mut fd = socket(raw, number)?;
                fd.local = fd.remote.take();
                fd.name = fd.local.map_or(fd.name, |address| address.to_string());
                Some(fd)
            }
            EventType::Listen
            | EventType::Accept
            | EventType::Accept4
            | EventType::Fchmod
            | EventType::Fchown
            | EventType::Dup2
            | EventType::Dup3
            | EventType::FinitModule
            | EventType::Ftruncate
            | EventType::Fsetxattr
            | EventType::KexecFileLoad
            | EventType::Setns => Some(Fd { num: number, ..Fd::default() }),
            EventType::MemfdCreate => {
                let name = self.args.first().map(|arg| format!("memfd:{}", arg.value)).unwrap_or_default();
                Some(Fd { num: -1, typechar: Some('m'), name, ..Fd::default() })
            }
            _ => None,
        }
    }

    /// Bits of the `flags` parameter.
    pub(crate) fn flag_bits(&self) -> u64 {
        match self.args.iter().find(|arg| arg.name == "flags").map(|arg| &arg.value) {
            Some(ArgValue::Flags(bits, _)) => *bits,
            _ => 0,
        }
    }

    /// The paths of the call, absolute and normalised; relative ones without a base are resolved against `cwd`.
    pub(crate) fn resolve(&self, cwd: &str) -> Vec<(Cow<'static, str>, String)> {
        self.unresolved
            .iter()
            .map(|path| {
                let base = path.base.as_deref().unwrap_or(cwd);
                (path.name.into(), paths::resolve(base, &path.raw))
            })
            .collect()
    }
}

fn socket(raw: &RawEvent<'_>, number: i64) -> Option<Fd> {
    let item = raw.items().find(|item| item.kind == ItemKind::Sockaddr)?;
    let address = address::parse(item.bytes)?;
    Some(match address {
        Address::Ip(remote) => Fd {
            num: number,
            typechar: Some(if remote.is_ipv4() { '4' } else { '6' }),
            name: connection_name(None, remote),
            remote: Some(remote),
            ..Fd::default()
        },
        Address::Unix(path) => {
            Fd { num: number, typechar: Some('u'), nameraw: path.clone(), name: path, ..Fd::default() }
        }
        Address::Other(_) => Fd { num: number, typechar: Some('o'), ..Fd::default() },
    })
}

/// `local->remote`, Falco's name of a connection; without its local end only `->remote`.
pub(crate) fn connection_name(local: Option<std::net::SocketAddr>, remote: std::net::SocketAddr) -> String {
    local.map_or_else(|| format!("->{remote}"), |local| format!("{local}->{remote}"))
}

/// The register's lower half as the kernel reads an `int`.
fn low(register: u64) -> i32 {
    (register & u64::from(u32::MAX)) as u32 as i32
}

fn text_of(raw: &RawEvent<'_>, arg: u8, limit: usize) -> String {
    raw.item(ItemKind::Text, arg).map(|item| lossy(item.bytes, limit)).unwrap_or_default()
}

fn lossy(bytes: &[u8], limit: usize) -> String {
    let bytes = bytes.get(..bytes.len().min(limit)).unwrap_or_default();
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let mut text = String::from_utf8_lossy(&bytes[..end]).into_owned();
    paths::cut(&mut text, limit);
    text
}

#[cfg(test)]
mod tests {
    use fargard_model::EventType;
    use proptest::prelude::*;

    use super::{Decoded, decode};
    use crate::{
        capture::calls::{AARCH64 as ARCH_AARCH64, I386, X32_BIT, X86_64 as ARCH_X86_64},
        raw::{Head, ItemKind, MAX_RECORD, RawEvent, Writer},
    };

    fn record(arch: u32, nr: i32, args: [u64; 6], items: &[(ItemKind, u8, &[u8])]) -> Decoded {
        let head = Head { seq: 1, time: 2, tid: 3, nr, arch, args };
        let mut buffer = [0; MAX_RECORD];
        let mut writer = Writer::new(&mut buffer, &head);
        for (kind, arg, bytes) in items {
            writer.bytes(*kind, *arg, bytes);
        }
        let length = writer.finish();
        decode(&RawEvent::parse(&buffer[..length]).unwrap()).unwrap()
    }

    fn shown(decoded: &Decoded) -> String {
        let args: Vec<String> =
            decoded.args.iter().map(|arg| format!("{}={}", arg.name, arg.value)).collect();
        format!("{} {}", decoded.kind.name(), args.join(" "))
    }

    #[test]
    fn opens_say_what_they_ask_for() {
        let at_fdcwd = (-100_i32 as u32).into();
        let decoded = record(
            ARCH_X86_64,
            257,
            [at_fdcwd, 0x1000, 0o1_101, 0o644, 0, 0],
            &[(ItemKind::Text, 1, b"../bin/probe"), (ItemKind::Base, 1, b"/usr/lib")],
        );
        assert_eq!(
            shown(&decoded),
            "openat dirfd=AT_FDCWD name=../bin/probe flags=O_TRUNC|O_CREAT|O_WRONLY mode=0644"
        );
        assert_eq!(decoded.resolve("/wrong"), [("name".into(), "/usr/bin/probe".to_owned())]);
        let fd = decoded.fd.unwrap();
        assert_eq!((fd.num, fd.typechar, fd.nameraw.as_str()), (-1, Some('f'), "../bin/probe"));
    }

    #[test]
    fn openat2_reads_its_structure() {
        let how: Vec<u8> = [0o101_u64, 0o600, 8].iter().flat_map(|word| word.to_ne_bytes()).collect();
        let decoded = record(
            ARCH_AARCH64,
            437,
            [5, 1, 1, 24, 0, 0],
            &[(ItemKind::Text, 1, b"x"), (ItemKind::Struct, 2, &how)],
        );
        assert_eq!(shown(&decoded), "openat2 dirfd=5 name=x flags=O_CREAT|O_WRONLY mode=0600 resolve=8");
        assert_eq!(decoded.resolve("/w"), [("name".into(), "/w/x".to_owned())]);
    }

    #[test]
    fn calls_of_other_interfaces_are_read_too() {
        let text = [(ItemKind::Text, 0, &b"/bin/sh"[..])];
        for (arch, nr) in [(ARCH_X86_64, 59), (I386, 11), (ARCH_X86_64, 520 | X32_BIT), (ARCH_AARCH64, 221)] {
            assert_eq!(shown(&record(arch, nr as i32, [1, 2, 3, 0, 0, 0], &text)), "execve filename=/bin/sh");
        }
        for (nr, args, expected) in [
            (
                10,
                [0x1000, 4096, 7, 0, 0, 0],
                "mprotect addr=1000 length=4096 prot=PROT_READ|PROT_WRITE|PROT_EXEC",
            ),
            (62, [0xffff_ffff, 9, 0, 0, 0, 0], "kill pid=-1 sig=SIGKILL"),
            (157, [4, 0, 0, 0, 0, 0], "prctl option=PR_SET_DUMPABLE arg2_int=0"),
            (112, [0; 6], "setsid "),
            (101, [16, 7, 0, 0, 0, 0], "ptrace request=PTRACE_ATTACH pid=7"),
        ] {
            assert_eq!(shown(&record(ARCH_X86_64, nr, args, &[])), expected);
        }
        assert_eq!(shown(&record(I386, 37, [5, 15, 0, 0, 0, 0], &[])), "kill pid=5 sig=SIGTERM");
        let data: Vec<u8> = [1_u32, 3, 7, 0, 1, 0].iter().flat_map(|word| word.to_ne_bytes()).collect();
        assert_eq!(
            shown(&record(ARCH_X86_64, 126, [0, 1, 0, 0, 0, 0], &[(ItemKind::Struct, 1, &data)])),
            "capset cap_inheritable=7 cap_permitted=100000003 cap_effective=1"
        );
    }

    #[test]
    fn connections_name_the_other_end() {
        let mut sockaddr = 2_u16.to_ne_bytes().to_vec();
        sockaddr.extend([0x1f, 0x90, 203, 0, 113, 9, 0, 0, 0, 0, 0, 0, 0, 0]);
        let decoded = record(ARCH_X86_64, 42, [7, 0x10, 16, 0, 0, 0], &[(ItemKind::Sockaddr, 1, &sockaddr)]);
        let fd = decoded.fd.unwrap();
        assert_eq!((fd.num, fd.typechar, fd.client), (7, Some('4'), Some(true)));
        assert_eq!(fd.name, "->203.0.113.9:8080");
    }

    #[test]
    fn executions_carry_their_arguments() {
        let decoded = record(
            ARCH_X86_64,
            59,
            [1, 2, 3, 0, 0, 0],
            &[
                (ItemKind::Text, 0, b"/bin/sh"),
                (ItemKind::Argv, 1, b"sh\0-c\0id\0"),
                (ItemKind::Stat, 0, b"3 (sh) R 2 3 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 55 0"),
                (ItemKind::Result, 0, &(-2_i64).to_ne_bytes()),
            ],
        );
        assert_eq!(decoded.argv.unwrap(), ["sh", "-c", "id"]);
        assert_eq!(decoded.stat.unwrap().start, 55);
        assert_eq!(decoded.result, Some(-2));
        assert_eq!(decoded.kind, EventType::Execve);
    }

    #[test]
    fn a_status_counts_as_far_as_its_lines_are_whole() {
        let text = b"Tgid:\t3\nUid:\t7\t7\t7\t7\nCapEff:\t00000000a804";
        let decoded = record(ARCH_X86_64, 59, [1; 6], &[(ItemKind::Status, 0, text)]);
        let status = decoded.status.unwrap();
        assert_eq!((status.uid, status.cap_effective), (7, 0));
    }

    proptest! {
        #[test]
        fn any_record_is_read(bytes in proptest::collection::vec(any::<u8>(), 80..400), nr in 0_i32..460, arm: bool) {
            if let Some(mut raw) = RawEvent::parse(&bytes) {
                raw.head.nr = nr;
                raw.head.arch = if arm { ARCH_AARCH64 } else { ARCH_X86_64 };
                if let Some(decoded) = decode(&raw) {
                    let _ = decoded.resolve("/");
                }
            }
        }
    }
}
