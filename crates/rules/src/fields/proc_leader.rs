//! `proc.*` of the session, the process group and the login shell.

use super::{
    ArgKind::None as NoArg,
    Field,
    FieldType::{Bool, Int, Text},
    Values, leader, of_process,
};

pub(super) const FIELDS: &[Field] = &[
    of_process("proc.loginshellid", Int, NoArg, "process id of the farthest shell above", |own, _| {
        leader::login_shell(own)
    })
    .typed("INT64"),
    of_process("proc.sid", Int, NoArg, "session's number", |own, _| Values::int(own.sid)).typed("INT64"),
    of_process("proc.sname", Text, NoArg, "name of the session's leader", |own, _| {
        if own.sname.is_empty() {
            return leader::session(own, |process| &process.name);
        }
        Values::known(&own.sname)
    }),
    of_process("proc.sid.exe", Text, NoArg, "first element of argv of the session's leader", |own, _| {
        leader::session(own, |process| &process.exe)
    }),
    of_process("proc.sid.exepath", Text, NoArg, "executable of the session's leader", |own, _| {
        leader::session(own, |process| &process.exepath)
    }),
    of_process("proc.vpgid", Int, NoArg, "process group as the process sees it", |own, _| {
        match leader::own_group_number(own) {
            0 => Values::Missing,
            number => Values::int(number),
        }
    })
    .typed("INT64"),
    of_process("proc.vpgid.name", Text, NoArg, "name of that group's leader", |own, _| {
        leader::own_group(own, |process| &process.name)
    }),
    of_process("proc.vpgid.exe", Text, NoArg, "first element of argv of that group's leader", |own, _| {
        leader::own_group(own, |process| &process.exe)
    }),
    of_process("proc.vpgid.exepath", Text, NoArg, "executable of that group's leader", |own, _| {
        leader::own_group(own, |process| &process.exepath)
    }),
    of_process("proc.pgid", Int, NoArg, "process group's number", |own, _| Values::int(own.pgid))
        .typed("INT64"),
    of_process("proc.pgid.name", Text, NoArg, "name of the process group's leader", |own, _| {
        leader::group(own, |process| &process.name)
    }),
    of_process(
        "proc.pgid.exe",
        Text,
        NoArg,
        "first element of argv of the process group's leader",
        |own, _| leader::group(own, |process| &process.exe),
    ),
    of_process("proc.pgid.exepath", Text, NoArg, "executable of the process group's leader", |own, _| {
        leader::group(own, |process| &process.exepath)
    }),
    of_process("proc.is_sid_leader", Bool, NoArg, "leads its session", |own, _| {
        let process = own;
        Values::bool(process.sid == process.pid || process.sid == process.vpid)
    }),
    of_process("proc.is_vpgid_leader", Bool, NoArg, "leads its process group, as it sees it", |own, _| {
        let process = own;
        Values::bool(match process.vpgid {
            0 => process.pgid == process.pid,
            number => number == process.vpid,
        })
    }),
    of_process("proc.is_pgid_leader", Bool, NoArg, "leads its process group", |own, _| {
        Values::bool(own.pgid == own.pid)
    }),
];
