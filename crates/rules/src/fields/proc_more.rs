//! `proc.*` and `thread.*` fields of Falco that a process's snapshot does not hold.

use super::{
    ArgKind::{None as NoArg, OptionalKey},
    Field,
    FieldType::{Bool, Int, Text},
    null,
};

const COUNTERS: &str = "resource counters are not part of a snapshot";
const INODE: &str = "the executable's inode is not part of a snapshot";
const LEADER: &str = "of the group or session leader beyond its name";
const PROBE: &str = "no Kubernetes probes on ECS";
const STDIO: &str = "standard streams are not part of a snapshot";

pub(super) const FIELDS: &[Field] = &[
    null("proc.loginshellid", Int, NoArg, LEADER),
    null("proc.vpgid", Int, NoArg, "process group as the process sees it; use proc.pgid"),
    null("proc.vpgid.name", Text, NoArg, LEADER),
    null("proc.vpgid.exe", Text, NoArg, LEADER),
    null("proc.vpgid.exepath", Text, NoArg, LEADER),
    null("proc.pgid.name", Text, NoArg, LEADER),
    null("proc.pgid.exe", Text, NoArg, LEADER),
    null("proc.pgid.exepath", Text, NoArg, LEADER),
    null("proc.sid.exe", Text, NoArg, LEADER),
    null("proc.sid.exepath", Text, NoArg, LEADER),
    null("proc.is_container_healthcheck", Bool, NoArg, PROBE),
    null("proc.is_container_liveness_probe", Bool, NoArg, PROBE),
    null("proc.is_container_readiness_probe", Bool, NoArg, PROBE),
    null("proc.exe_ino", Int, NoArg, INODE),
    null("proc.exe_ino.ctime", Int, NoArg, INODE),
    null("proc.exe_ino.mtime", Int, NoArg, INODE),
    null("proc.exe_ino.ctime_duration_proc_start", Int, NoArg, INODE),
    null("proc.exe_ino.ctime_duration_pidns_start", Int, NoArg, INODE),
    null("proc.pidns_init_start_ts", Int, NoArg, INODE),
    null("proc.fdopencount", Int, NoArg, COUNTERS),
    null("proc.fdlimit", Int, NoArg, COUNTERS),
    null("proc.fdusage", Int, NoArg, COUNTERS),
    null("proc.vmsize", Int, NoArg, COUNTERS),
    null("proc.vmrss", Int, NoArg, COUNTERS),
    null("proc.vmswap", Int, NoArg, COUNTERS),
    null("proc.nthreads", Int, NoArg, COUNTERS),
    null("proc.nchilds", Int, NoArg, COUNTERS),
    null("proc.stdin.type", Text, NoArg, STDIO),
    null("proc.stdin.name", Text, NoArg, STDIO),
    null("proc.stdout.type", Text, NoArg, STDIO),
    null("proc.stdout.name", Text, NoArg, STDIO),
    null("proc.stderr.type", Text, NoArg, STDIO),
    null("proc.stderr.name", Text, NoArg, STDIO),
    null("thread.pfmajor", Int, NoArg, COUNTERS),
    null("thread.pfminor", Int, NoArg, COUNTERS),
    null("thread.vtid", Int, NoArg, "thread id as the thread sees it"),
    null("thread.nametid", Text, NoArg, "name and thread id"),
    null("thread.exectime", Int, NoArg, COUNTERS),
    null("thread.totexectime", Int, NoArg, COUNTERS),
    null("thread.cgroups", Text, NoArg, "control groups are not visible on Fargate"),
    null("thread.cgroup", Text, OptionalKey, "control groups are not visible on Fargate"),
    null("thread.vmsize", Int, NoArg, COUNTERS),
    null("thread.vmrss", Int, NoArg, COUNTERS),
    null("thread.cpu", Int, NoArg, COUNTERS),
    null("thread.cpu.user", Int, NoArg, COUNTERS),
    null("thread.cpu.system", Int, NoArg, COUNTERS),
    null("thread.cap_inheritable", Text, NoArg, "inheritable capabilities are not part of a snapshot"),
];
