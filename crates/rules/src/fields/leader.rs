//! Leaders of sessions and process groups, found among a process's ancestors.

use fargard_model::Process;

use super::{Value, Values};

/// A text of a process.
pub(super) type OfProcess = fn(&Process) -> &String;

/// The process of that number among the process and its ancestors, or the farthest ancestor that is reached over
/// processes of the same group.
fn leader(process: &Process, number: u32, id: fn(&Process) -> u32, group: fn(&Process) -> u32) -> &Process {
    if let Some(leader) = process.lineage().find(|ancestor| id(ancestor) == number) {
        return leader;
    }
    process.lineage().take_while(|ancestor| group(ancestor) == number).last().unwrap_or(process)
}

/// Of the session's leader.
pub(super) fn session(own: &Process, read: OfProcess) -> Values<'_> {
    Values::known(read(leader(own, own.sid, |process| process.pid, |process| process.sid)))
}

/// Of the process group's leader.
pub(super) fn group(own: &Process, read: OfProcess) -> Values<'_> {
    Values::known(read(leader(own, own.pgid, |process| process.pid, |process| process.pgid)))
}

/// Of the leader of the process group as the process sees it.
pub(super) fn own_group(own: &Process, read: OfProcess) -> Values<'_> {
    if own.vpgid == 0 {
        return group(own, read);
    }
    Values::known(read(leader(own, own.vpgid, |process| process.vpid, |process| process.vpgid)))
}

/// The number of the process group as the process sees it. Where the process is in the sensor's own namespace, as
/// on Fargate, it is the group's number.
pub(super) fn own_group_number(process: &Process) -> u32 {
    if process.vpgid == 0 && process.pid == process.vpid { process.pgid } else { process.vpgid }
}

/// The farthest shell among the process and its ancestors: a program whose name ends in `sh`.
pub(super) fn login_shell(own: &Process) -> Values<'_> {
    let shell = own.lineage().filter(|process| process.name.ends_with("sh")).last();
    Values::optional(shell.map(|shell| Value::Int(shell.pid.into())))
}
