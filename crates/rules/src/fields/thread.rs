//! `thread.*`, and the counters of processes.

use super::{
    ArgKind::{Dotted, None as NoArg},
    Field,
    FieldType::{Bool, Double, Int, Text},
    Values, capability, field, null, of_process,
};

const CGROUPS: &str = "a task sees only its own root of control groups";
const COUNTERS: &str = "no counters are sampled with an event";
const SWITCH: &str = "only switches between threads tell, which are not observed";

pub(super) const FIELDS: &[Field] = &[
    field("thread.tid", Int, NoArg, "thread id", |event, _| Values::int(event.tid)).typed("INT64"),
    field("thread.ismain", Bool, NoArg, "is the process's first thread", |event, _| {
        Values::bool(event.tid == event.process.pid)
    }),
    field(
        "thread.vtid",
        Int,
        NoArg,
        "thread id as the thread sees it, of a process's first thread",
        |event, _| {
            let process = &event.process;
            match (event.tid == process.pid, process.pid == process.vpid) {
                (true, _) => Values::int(process.vpid),
                // In the sensor's own namespace all numbers are the same.
                (false, true) => Values::int(event.tid),
                (false, false) => Values::Missing,
            }
        },
    )
    .typed("INT64"),
    field("thread.nametid", Text, NoArg, "the process's name with the thread's id behind it", |event, _| {
        Values::text(format!("{}{}", event.process.name, event.tid))
    }),
    of_process("thread.cap_permitted", Text, NoArg, "permitted capabilities", |own, _| {
        Values::text(own.cap_permitted_text(capability::names))
    }),
    of_process("thread.cap_inheritable", Text, NoArg, "inheritable capabilities", |own, _| {
        own.cap_inheritable.map_or(Values::Missing, |mask| Values::text(capability::names(mask)))
    }),
    of_process("thread.cap_effective", Text, NoArg, "effective capabilities", |own, _| {
        Values::text(own.cap_effective_text(capability::names))
    }),
    null("thread.pfmajor", Int, NoArg, "major page faults", COUNTERS),
    null("thread.pfminor", Int, NoArg, "minor page faults", COUNTERS),
    null("thread.exectime", Int, NoArg, "time on the processor since it was last switched to", SWITCH)
        .typed("RELTIME"),
    null("thread.totexectime", Int, NoArg, "time on the processor since the first event", SWITCH)
        .typed("RELTIME"),
    null("thread.cgroups", Text, NoArg, "all control groups", CGROUPS),
    null("thread.cgroup", Text, Dotted, "control group of a controller, as in thread.cgroup.cpu", CGROUPS),
    null("thread.cpu", Double, NoArg, "processor use of the last second", COUNTERS),
    null("thread.cpu.user", Double, NoArg, "the same, in user mode", COUNTERS),
    null("thread.cpu.system", Double, NoArg, "the same, in the kernel", COUNTERS),
    null("thread.vmsize", Int, NoArg, "virtual memory of the first thread, KiB", COUNTERS),
    null("thread.vmrss", Int, NoArg, "resident memory of the first thread, KiB", COUNTERS),
    null("thread.vmsize.b", Int, NoArg, "virtual memory of the first thread, bytes", COUNTERS),
    null("thread.vmrss.b", Int, NoArg, "resident memory of the first thread, bytes", COUNTERS),
    null("proc.fdopencount", Int, NoArg, "open descriptors", COUNTERS),
    null("proc.fdlimit", Int, NoArg, "most descriptors it may open", COUNTERS).typed("INT64"),
    null("proc.fdusage", Double, NoArg, "share of the descriptors it may open that are open", COUNTERS),
    null("proc.vmsize", Int, NoArg, "virtual memory, KiB", COUNTERS),
    null("proc.vmrss", Int, NoArg, "resident memory, KiB", COUNTERS),
    null("proc.vmswap", Int, NoArg, "swapped memory, KiB", COUNTERS),
    null("proc.nthreads", Int, NoArg, "threads", COUNTERS),
    null("proc.nchilds", Int, NoArg, "threads beside the first", COUNTERS),
];
