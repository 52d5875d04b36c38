//! The names that arguments of calls have, from Falco's event schema 4 (driver/event_table.c of its libs).

/// Whether any call, or other event of Falco's, has an argument of this name.
pub(super) fn is_known(name: &str) -> bool {
    NAMES.binary_search(&name).is_ok()
}

/// Sorted by byte.
#[rustfmt::skip]
pub(super) const NAMES: &[&str] = &[
    "ID", "action", "addr", "arg", "arg2_int", "arg2_str", "args", "argument", "aux", "backlog",
    "cap_effective", "cap_inheritable", "cap_permitted", "cgroups", "clockid", "cmd", "comm",
    "container_id", "core", "cpu", "cpu_sys", "cpu_usr", "cq_entries", "creat_flags", "cur", "cwd",
    "data", "desc", "description", "dev", "dir", "dirfd", "dirfdpath", "domain", "dpid",
    "dqb_bhardlimit", "dqb_bsoftlimit", "dqb_btime", "dqb_curspace", "dqb_ihardlimit", "dqb_isoftlimit",
    "dqb_itime", "dqi_bgrace", "dqi_flags", "dqi_igrace", "egid", "entries", "env", "error", "euid",
    "event_data", "event_type", "exe", "exe_ino", "exe_ino_ctime", "exe_ino_mtime", "fd", "fd1", "fd2",
    "fd_in", "fd_out", "fdin", "fdlimit", "fdout", "fds", "features", "filename", "flags", "gid",
    "home", "how", "id", "image", "img", "in_fd", "initval", "ino", "interval", "ip", "json", "key",
    "len", "length", "level", "linkdirfd", "linkpath", "loginuid", "mask", "max", "maxevents",
    "min_complete", "mode", "mountfd", "msgcontrol", "name", "nativeID", "newcur", "newdir", "newdirfd",
    "newfd", "newmax", "newpath", "next", "nr_args", "nsems", "nsops", "nstype", "offin", "offout",
    "offset", "oldcur", "olddir", "olddirfd", "oldfd", "oldmax", "oldpath", "op", "opcode", "operation",
    "option", "optlen", "optname", "out_fd", "path", "pathname", "peer", "pgft_maj", "pgft_min", "pgid",
    "pgoffset", "pid", "pid_fd", "pidns_init_start_ts", "plugin_id", "pos", "prot", "proto", "ptid",
    "queuelen", "queuemax", "queuepct", "quota_fmt", "quota_fmt_out", "quotafilepath", "ratio",
    "reaper_tid", "request", "res", "resolve", "resource", "ret", "rgid", "ruid", "scope", "sem_flg_0",
    "sem_flg_1", "sem_num_0", "sem_num_1", "sem_op_0", "sem_op_1", "semflg", "semid", "semnum", "sgid",
    "shell", "sig", "sigmask", "size", "source", "special", "spid", "sq_entries", "sq_thread_cpu",
    "sq_thread_idle", "status", "suid", "tags", "target", "target_fd", "tid", "timeout", "to_submit",
    "trusted_exepath", "tty", "tuple", "type", "uargs", "uid", "val", "value_bytebuf", "value_charbuf",
    "vm_rss", "vm_size", "vm_swap", "vpgid", "vpid", "vtid", "whence",
];

#[cfg(test)]
mod tests {
    use super::{NAMES, is_known};

    #[test]
    fn names_are_sorted() {
        assert!(NAMES.is_sorted());
        assert!(is_known("flags") && is_known("ID") && is_known("whence"));
        assert!(!is_known("flagz") && !is_known(""));
    }
}
