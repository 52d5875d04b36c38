//! Tracing processes without changing their behaviour.

use std::io;

use super::check;

/// A child was made by fork, vfork or clone, or a filter selected a call.
pub(crate) const EVENT_FORK: i32 = libc::PTRACE_EVENT_FORK;
pub(crate) const EVENT_VFORK: i32 = libc::PTRACE_EVENT_VFORK;
pub(crate) const EVENT_CLONE: i32 = libc::PTRACE_EVENT_CLONE;
pub(crate) const EVENT_SECCOMP: i32 = libc::PTRACE_EVENT_SECCOMP;
/// A tracee executed a program.
pub(crate) const EVENT_EXEC: i32 = libc::PTRACE_EVENT_EXEC;
/// A new tracee's first stop, an interruption, or a group-stop.
pub(crate) const EVENT_STOP: i32 = libc::PTRACE_EVENT_STOP;
/// The stopping signal at a call's entry and exit.
pub(crate) const CALL_STOP: i32 = libc::SIGTRAP | 0x80;

/// `PTRACE_GET_SYSCALL_INFO` and `PTRACE_SYSCALL_INFO_SECCOMP` of `linux/ptrace.h`.
const GET_SYSCALL_INFO: Request = 0x420e;
const SYSCALL_INFO_SECCOMP: u8 = 3;

/// Set of general registers (`linux/elf.h`).
#[cfg(target_arch = "x86_64")]
const NT_PRSTATUS: usize = 1;

/// The C libraries differ in the type of a request.
#[cfg(target_env = "musl")]
type Request = libc::c_int;
#[cfg(not(target_env = "musl"))]
type Request = libc::c_uint;

fn request(request: Request, tid: u32, address: usize, data: usize) -> io::Result<libc::c_long> {
    // SAFETY: only called with requests whose address and data are numbers, or memory of that size (below).
    check(unsafe { libc::ptrace(request, tid.cast_signed(), address, data) })
}

/// Becomes the tracer of a process and of all it will make; it is not stopped by that.
pub(crate) fn seize(tid: u32) -> io::Result<()> {
    let options = libc::PTRACE_O_TRACESECCOMP
        | libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACECLONE;
    request(libc::PTRACE_SEIZE, tid, 0, options as usize).map(drop)
}

/// Becomes the tracer of a thread and of all it will make, for the beginnings and ends of processes and for the
/// programs they execute; none of their calls stops them.
pub(crate) fn seize_life(tid: u32) -> io::Result<()> {
    let options = libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_TRACEEXEC
        | libc::PTRACE_O_TRACESYSGOOD;
    request(libc::PTRACE_SEIZE, tid, 0, options as usize).map(drop)
}

/// Stops a tracee as soon as it can be; the stop is reported as [`EVENT_STOP`].
pub(crate) fn interrupt(tid: u32) -> io::Result<()> {
    request(libc::PTRACE_INTERRUPT, tid, 0, 0).map(drop)
}

/// Lets a stopped tracee go on until it enters or leaves a call.
pub(crate) fn to_next_call(tid: u32) -> io::Result<()> {
    request(libc::PTRACE_SYSCALL, tid, 0, 0).map(drop)
}

/// Ends the tracing of a stopped tracee, which goes on, with a signal or 0.
pub(crate) fn detach(tid: u32, signal: i32) -> io::Result<()> {
    request(libc::PTRACE_DETACH, tid, 0, signal as usize).map(drop)
}

/// Writes a word into a stopped tracee's memory, where needed into a private copy of a page it may not write.
pub(crate) fn poke(tid: u32, address: u64, word: u64) -> io::Result<()> {
    request(libc::PTRACE_POKEDATA, tid, address as usize, word as usize).map(drop)
}

/// The signals a stopped tracee has blocked, as the kernel's mask.
pub(crate) fn blocked_signals(tid: u32) -> io::Result<u64> {
    const GET_SIGNAL_MASK: Request = 0x420a;
    let mut mask = 0u64;
    request(GET_SIGNAL_MASK, tid, size_of_val(&mask), (&raw mut mask).expose_provenance())?;
    Ok(mask)
}

/// `AUDIT_ARCH_*` under which a stopped tracee makes calls.
pub(crate) fn architecture(tid: u32) -> Option<u32> {
    let mut info = [0u64; 11];
    let size = size_of_val(&info);
    request(GET_SYSCALL_INFO, tid, size, (&raw mut info).expose_provenance()).ok()?;
    let [_, _, _, _, arch @ ..] = info[0].to_ne_bytes();
    Some(u32::from_ne_bytes(arch))
}

/// Where a stopped tracee's restartable sequence would be named: the address of `struct rseq`, 0 for none. Fails where
/// the kernel does not tell.
pub(crate) fn rseq_area(tid: u32) -> io::Result<u64> {
    const GET_RSEQ_CONFIGURATION: Request = 0x420f;
    // struct ptrace_rseq_configuration: pointer, size, signature, flags, padding.
    let mut area = [0u64; 3];
    let size = size_of_val(&area);
    request(GET_RSEQ_CONFIGURATION, tid, size, (&raw mut area).expose_provenance())?;
    Ok(area[0])
}

/// General registers of a stopped tracee in the order of `struct user_regs_struct`.
#[cfg(target_arch = "x86_64")]
pub(crate) type Registers = [u64; 27];

#[cfg(target_arch = "x86_64")]
fn registers_vector(registers: &mut Registers) -> libc::iovec {
    libc::iovec { iov_base: registers.as_mut_ptr().cast(), iov_len: size_of::<Registers>() }
}

/// Reads the general registers of a stopped tracee.
#[cfg(target_arch = "x86_64")]
pub(crate) fn registers(tid: u32) -> io::Result<Registers> {
    let mut registers = [0; 27];
    let mut vector = registers_vector(&mut registers);
    let set = NT_PRSTATUS;
    request(libc::PTRACE_GETREGSET, tid, set, (&raw mut vector).expose_provenance())?;
    Ok(registers)
}

/// Sets all general registers of a stopped tracee at once.
#[cfg(target_arch = "x86_64")]
pub(crate) fn set_registers(tid: u32, registers: &Registers) -> io::Result<()> {
    let mut copy = *registers;
    let mut vector = registers_vector(&mut copy);
    let set = NT_PRSTATUS;
    request(libc::PTRACE_SETREGSET, tid, set, (&raw mut vector).expose_provenance()).map(drop)
}

/// Lets a stopped tracee go on, with a signal or 0.
pub(crate) fn proceed(tid: u32, signal: i32) -> io::Result<()> {
    request(libc::PTRACE_CONT, tid, 0, signal as usize).map(drop)
}

/// Leaves a tracee in its group-stop until something happens to it.
pub(crate) fn listen(tid: u32) -> io::Result<()> {
    request(libc::PTRACE_LISTEN, tid, 0, 0).map(drop)
}

/// A call at which a tracee is stopped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoppedCall {
    pub(crate) nr: i32,
    pub(crate) arch: u32,
    pub(crate) args: [u64; 6],
}

/// The call at which a filter stopped a tracee.
pub(crate) fn stopped_call(tid: u32) -> Option<StoppedCall> {
    // struct ptrace_syscall_info (linux/ptrace.h): op, arch, two pointers, number, six arguments, data.
    let mut info = [0u64; 11];
    let size = size_of_val(&info);
    request(GET_SYSCALL_INFO, tid, size, (&raw mut info).expose_provenance()).ok()?;
    let head = info[0].to_ne_bytes();
    let [op, _, _, _, arch @ ..] = head;
    if op != SYSCALL_INFO_SECCOMP {
        return None;
    }
    let [_, _, _, nr, args @ .., _] = info;
    Some(StoppedCall { nr: nr as i32, arch: u32::from_ne_bytes(arch), args })
}
