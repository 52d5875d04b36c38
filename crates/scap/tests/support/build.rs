//! Captures made for tests.

/// A capture in the making.
pub(crate) struct Build(pub(crate) Vec<u8>);

impl Build {
    /// With its section header.
    pub(crate) fn new() -> Self {
        let mut body = 0x1a2b_3c4du32.to_le_bytes().to_vec();
        body.extend([1, 0, 2, 0]);
        body.extend([0xff; 8]);
        Self(Vec::new()).block(0x0a0d_0d0a, &body)
    }

    pub(crate) fn block(mut self, number: u32, body: &[u8]) -> Self {
        let padded = body.len().next_multiple_of(4);
        let length = u32::try_from(padded + 12).unwrap().to_le_bytes();
        self.0.extend(number.to_le_bytes());
        self.0.extend(length);
        self.0.extend(body);
        self.0.resize(self.0.len() + padded - body.len(), 0);
        self.0.extend(length);
        self
    }

    /// A process list of version 9 with one entry.
    pub(crate) fn process(self, tid: i64, ptid: i64, name: &str, cwd: &str) -> Self {
        let mut entry = Vec::new();
        for number in [tid, tid, ptid, 1, tid] {
            entry.extend(number.to_le_bytes());
        }
        for text in [name, &format!("/bin/{name}"), &format!("/usr/bin/{name}"), "-x\0a b\0", cwd] {
            entry.extend(counted(text));
        }
        entry.extend(1024u64.to_le_bytes());
        entry.extend([0; 4]);
        entry.extend(1000u32.to_le_bytes());
        entry.extend(100u32.to_le_bytes());
        entry.extend([0; 3 * 4 + 2 * 8]);
        entry.extend(counted("HOME=/root\0"));
        entry.extend(tid.to_le_bytes());
        entry.extend(tid.to_le_bytes());
        entry.extend(counted("cpu=/\0"));
        entry.extend(counted("/"));
        let length = u32::try_from(entry.len() + 4).unwrap();
        self.block(0x215, &[&length.to_le_bytes()[..], &entry].concat())
    }

    /// A user list with one user and one group.
    pub(crate) fn users(self, uid: u32, user: &str, gid: u32, group: &str) -> Self {
        let sized = |entry: Vec<u8>| {
            let length = u32::try_from(entry.len() + 4).unwrap().to_le_bytes();
            [&length[..], &entry].concat()
        };
        let (uid, gid) = (uid.to_le_bytes(), gid.to_le_bytes());
        let user = [&[0][..], &uid, &gid, &counted(user), &counted("/home/u"), &counted("/bin/sh")].concat();
        let group = [&[1][..], &gid, &counted(group)].concat();
        self.block(0x220, &[sized(user), sized(group)].concat())
    }

    /// A descriptor list with one file.
    pub(crate) fn file(self, tid: i64, number: i64, path: &str) -> Self {
        let mut entry = [number.to_le_bytes(), 77u64.to_le_bytes()].concat();
        entry.push(16);
        entry.extend(1u32.to_le_bytes());
        entry.extend(counted(path));
        entry.extend(5u32.to_le_bytes());
        let length = u32::try_from(entry.len() + 4).unwrap().to_le_bytes();
        self.block(0x218, &[&tid.to_le_bytes()[..], &length, &entry].concat())
    }

    /// An event of the usual form.
    pub(crate) fn event(self, time: u64, tid: i64, number: u16, params: &[&[u8]]) -> Self {
        self.event_as(0x216, time, tid, number, params)
    }

    /// An event in a block of that type.
    pub(crate) fn event_as(self, block: u32, time: u64, tid: i64, number: u16, params: &[&[u8]]) -> Self {
        let (flags, counted, wide) = match block {
            0x204 => (false, false, false),
            0x208 => (true, false, false),
            0x216 => (false, true, false),
            0x217 => (true, true, false),
            0x221 => (false, true, true),
            _ => (true, true, true),
        };
        let mut rest = Vec::new();
        for param in params {
            let length = u32::try_from(param.len()).unwrap().to_le_bytes();
            rest.extend(if wide { &length[..] } else { &length[..2] });
        }
        params.iter().for_each(|param| rest.extend_from_slice(param));
        let header = if counted { 26 } else { 22 };
        let mut body = vec![0, 0];
        if flags {
            body.extend([0; 4]);
        }
        body.extend(time.to_le_bytes());
        body.extend(tid.to_le_bytes());
        body.extend(u32::try_from(header + rest.len()).unwrap().to_le_bytes());
        body.extend(number.to_le_bytes());
        if counted {
            body.extend(u32::try_from(params.len()).unwrap().to_le_bytes());
        }
        body.extend(rest);
        self.block(block, &body)
    }
}

fn counted(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap().to_le_bytes();
    [&length[..], text.as_bytes()].concat()
}

/// A number of eight bytes.
pub(crate) fn long(number: i64) -> [u8; 8] {
    number.to_le_bytes()
}

/// A number of four bytes.
pub(crate) fn int(number: u32) -> [u8; 4] {
    number.to_le_bytes()
}

/// What happens in a shell: it forks, the child executes, opens, connects and ends.
pub(crate) fn shell() -> Build {
    let clone = |result: i64, tid: i64| {
        [
            long(result).to_vec(),
            b"/bin/sh\0".to_vec(),
            b"-x\0".to_vec(),
            long(tid).to_vec(),
            long(tid).to_vec(),
            long(10).to_vec(),
            b"\0".to_vec(),
            long(1024).to_vec(),
            long(0).to_vec(),
            long(0).to_vec(),
            int(0).to_vec(),
            int(0).to_vec(),
            int(0).to_vec(),
            b"sh\0".to_vec(),
            b"cpu=/\0".to_vec(),
            int(0).to_vec(),
            int(1000).to_vec(),
            int(100).to_vec(),
            long(tid).to_vec(),
            long(tid).to_vec(),
        ]
    };
    let mut exec = clone(0, 11).to_vec();
    exec[1] = b"curl\0".to_vec();
    exec[2] = b"-s\0http://x\0".to_vec();
    exec[6] = b"/tmp/\0".to_vec();
    exec[13] = b"curl\0".to_vec();
    exec[15] = b"A=b\0".to_vec();
    exec.truncate(16);
    exec.push(int(34816).to_vec());
    let slices = |params: &[Vec<u8>]| params.to_vec();
    let (child, exec) = (slices(&clone(0, 11)), slices(&exec));
    let refs = |params: &'static [Vec<u8>]| params.iter().map(Vec::as_slice).collect::<Vec<_>>();
    let child = refs(child.leak());
    let exec = refs(exec.leak());
    let tuple =
        [&[2][..], &[10, 0, 0, 2], &40_000u16.to_le_bytes(), &[1, 2, 3, 4], &443u16.to_le_bytes()].concat();
    Build::new()
        .process(1, 0, "init", "/")
        .process(10, 1, "sh", "/root/")
        .file(10, 5, "/var/log")
        .users(1000, "ann", 100, "staff")
        .event(1_000, 11, 223, &child)
        .event(2_000, 11, 283, &exec)
        .event(
            3_000,
            11,
            307,
            &[&long(3), &long(-100), b"../etc/passwd\0", &int(0x1001), &int(0), &int(8), &long(9)],
        )
        .event(
            3_500,
            11,
            307,
            &[&long(-2), &long(5), b"x.log\0", &int(0x106), &int(0o644), &int(0), &long(0)],
        )
        .event(4_000, 11, 19, &[&long(4), &int(2), &int(0x8_0001), &int(6)])
        .event(5_000, 11, 23, &[&long(-115), &tuple, &long(4)])
        .event(6_000, 11, 5, &[&long(0), &long(3)])
        .event(7_000, 11, 7, &[&long(2), b"ab", &long(3), &int(16)])
        .event(8_000, 11, 186, &[&long(0), &long(0), &[0], &[0], &long(1)])
        .event(9_000, 10, 95, &[&long(0), b"../srv\0"])
}
