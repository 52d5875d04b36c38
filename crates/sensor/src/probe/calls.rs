//! Which calls are refused, and whether other processes can be looked into.

use super::{Facts, errno};
use crate::sys::probing::{self, in_child};

pub(super) fn ask(facts: &mut Facts) {
    for (name, question) in probing::CALLS {
        let answer = in_child(question);
        match answer {
            // What comes behind the check of rights says that there was none, or that it was passed.
            Ok(error) if error != libc::EPERM && error != libc::ENOSYS && error != libc::EACCES => {
                facts.whether(name, name, true, "");
            }
            Ok(error) => facts.whether(name, name, false, errno(error)),
            Err(error) => facts.whether(name, name, false, format!("could not be asked: {error}")),
        }
    }
    let word = 0x1234_5678_9abc_def0_u64;
    let mut bytes = [0; 8];
    let address = (&raw const word).expose_provenance() as u64;
    let read = crate::sys::memory::read(std::process::id(), address, &mut bytes) == Some(8);
    facts.whether("vm_readv", "memory by process_vm_readv", read && u64::from_ne_bytes(bytes) == word, "");
    let opened = |pid: u32| std::fs::File::open(format!("/proc/{pid}/mem"));
    for (id, what, pid) in [
        ("proc_mem", "memory by /proc/PID/mem, own", std::process::id()),
        ("proc_mem_first", "memory by /proc/PID/mem, of PID 1", 1),
    ] {
        facts.result(
            id,
            what,
            opened(pid).map_or_else(|error| Ok(error.raw_os_error().unwrap_or(libc::EIO)), |_| Ok(0)),
        );
    }
    facts.result("ptrace_child", "ptrace of an own child", trace_child());
    match std::process::id() {
        1 => facts.whether("ptrace_first", "ptrace of PID 1", false, "it is this process"),
        _ => facts.result("ptrace_first", "ptrace of PID 1", in_child(|| probing::trace(1))),
    }
}

/// A child traces its own child, which waits in a read that ends with it.
fn trace_child() -> std::io::Result<i32> {
    use crate::sys::process::{self, Fork};
    let (reader, writer) = std::io::pipe()?;
    match process::fork_hidden()? {
        Fork::Child => {
            drop(writer);
            let mut byte = [0];
            let _ = rustix::io::read(&reader, &mut byte);
            process::exit(0)
        }
        Fork::Parent(child) => {
            let answer = in_child(|| probing::trace(child));
            drop((reader, writer));
            let _ = process::wait(Some(child));
            answer
        }
    }
}
