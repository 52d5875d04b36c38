//! `proc.*` of the session, the process group and the login shell.

use super::{
    ArgKind::None as NoArg,
    Field,
    FieldType::{Bool, Int, Text},
    Values, field, leader,
};

pub(super) const FIELDS: &[Field] = &[
    field("proc.loginshellid", Int, NoArg, "process id of the farthest shell above", |event, _| {
        leader::login_shell(event)
    })
    .typed("INT64"),
    field("proc.sid", Int, NoArg, "session's number", |event, _| Values::int(event.process.sid))
        .typed("INT64"),
    field("proc.sname", Text, NoArg, "name of the session's leader", |event, _| {
        if event.process.sname.is_empty() {
            return leader::session(event, |process| &process.name);
        }
        Values::known(&event.process.sname)
    }),
    field("proc.sid.exe", Text, NoArg, "first element of argv of the session's leader", |event, _| {
        leader::session(event, |process| &process.exe)
    }),
    field("proc.sid.exepath", Text, NoArg, "executable of the session's leader", |event, _| {
        leader::session(event, |process| &process.exepath)
    }),
    field("proc.vpgid", Int, NoArg, "process group as the process sees it", |event, _| {
        match leader::own_group_number(&event.process) {
            0 => Values::Missing,
            number => Values::int(number),
        }
    })
    .typed("INT64"),
    field("proc.vpgid.name", Text, NoArg, "name of that group's leader", |event, _| {
        leader::own_group(event, |process| &process.name)
    }),
    field("proc.vpgid.exe", Text, NoArg, "first element of argv of that group's leader", |event, _| {
        leader::own_group(event, |process| &process.exe)
    }),
    field("proc.vpgid.exepath", Text, NoArg, "executable of that group's leader", |event, _| {
        leader::own_group(event, |process| &process.exepath)
    }),
    field("proc.pgid", Int, NoArg, "process group's number", |event, _| Values::int(event.process.pgid))
        .typed("INT64"),
    field("proc.pgid.name", Text, NoArg, "name of the process group's leader", |event, _| {
        leader::group(event, |process| &process.name)
    }),
    field("proc.pgid.exe", Text, NoArg, "first element of argv of the process group's leader", |event, _| {
        leader::group(event, |process| &process.exe)
    }),
    field("proc.pgid.exepath", Text, NoArg, "executable of the process group's leader", |event, _| {
        leader::group(event, |process| &process.exepath)
    }),
    field("proc.is_sid_leader", Bool, NoArg, "leads its session", |event, _| {
        let process = &event.process;
        Values::bool(process.sid == process.pid || process.sid == process.vpid)
    }),
    field("proc.is_vpgid_leader", Bool, NoArg, "leads its process group, as it sees it", |event, _| {
        let process = &event.process;
        Values::bool(match process.vpgid {
            0 => process.pgid == process.pid,
            number => number == process.vpid,
        })
    }),
    field("proc.is_pgid_leader", Bool, NoArg, "leads its process group", |event, _| {
        Values::bool(event.process.pgid == event.process.pid)
    }),
];
