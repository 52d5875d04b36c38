//! A stopped thread's registers, and what has to be put back so that it notices nothing (x86-64).

use crate::sys::ptrace::Registers;

/// Places in `struct user_regs_struct` (`asm/user_64.h`).
pub(super) const RBX: usize = 5;
pub(super) const R11: usize = 6;
pub(super) const R10: usize = 7;
pub(super) const R9: usize = 8;
pub(super) const R8: usize = 9;
pub(super) const RAX: usize = 10;
pub(super) const RCX: usize = 11;
pub(super) const RDX: usize = 12;
pub(super) const RSI: usize = 13;
pub(super) const RDI: usize = 14;
pub(super) const ORIG_RAX: usize = 15;
pub(super) const RIP: usize = 16;
const CS: usize = 17;

/// `__USER_CS`: 64-bit code.
const USER_CS: u64 = 0x33;
/// No call was interrupted.
pub(super) const NO_CALL: u64 = u64::MAX;
/// `restart_syscall`.
const RESTART_SYSCALL: u64 = 219;
/// Bytes of the instruction that makes a call.
const CALL_BYTES: u64 = 2;

const EINTR: i64 = -4;
/// The kernel's own results of interrupted calls (`linux/errno.h`): it makes the call again, or `EINTR` of them.
const ERESTARTSYS: i64 = -512;
const ERESTARTNOINTR: i64 = -513;
const ERESTARTNOHAND: i64 = -514;
const ERESTART_RESTARTBLOCK: i64 = -516;

/// Calls that say `EINTR` of every interruption, one without a signal too (signal(7)): `semop`, `rt_sigtimedwait`,
/// `io_getevents`, `semtimedop`, `epoll_wait`, `epoll_pwait`, `recvmmsg`, `io_pgetevents`, `io_uring_enter`,
/// `epoll_pwait2`; and where a time is set on the socket `connect`, `accept`, `recvfrom`, `recvmsg`, `sendto`,
/// `sendmsg`, `accept4`; `read` and `write` of such a socket or of inotify.
const NEVER_RESTARTED: [u64; 19] =
    [65, 128, 208, 220, 232, 281, 299, 333, 426, 441, 42, 43, 45, 47, 44, 46, 288, 0, 1];

/// Whether the thread runs 64-bit code.
pub(super) fn is_64_bit(registers: &Registers) -> bool {
    registers[CS] == USER_CS
}

/// The registers to put back at a stop in which the kernel itself looks at interrupted calls: an `EINTR` that only
/// the interruption made becomes a result after which the kernel makes the call again, unless a signal is handled.
pub(super) fn restorable(registers: &Registers) -> Registers {
    let mut copy = *registers;
    if copy[ORIG_RAX] != NO_CALL
        && copy[RAX].cast_signed() == EINTR
        && NEVER_RESTARTED.contains(&copy[ORIG_RAX])
    {
        copy[RAX] = ERESTARTNOHAND.cast_unsigned();
    }
    copy
}

/// Where and with which `rax` the thread goes on when nobody is there to ask the kernel for it: as the kernel does
/// it where no signal is handled.
pub(super) fn resumption(registers: &Registers) -> (u64, u64) {
    let restorable = restorable(registers);
    let (rip, rax, call) = (restorable[RIP], restorable[RAX], restorable[ORIG_RAX]);
    if call == NO_CALL {
        return (rip, rax);
    }
    match rax.cast_signed() {
        ERESTARTSYS | ERESTARTNOINTR | ERESTARTNOHAND => (rip.wrapping_sub(CALL_BYTES), call),
        ERESTART_RESTARTBLOCK => (rip.wrapping_sub(CALL_BYTES), RESTART_SYSCALL),
        _ => (rip, rax),
    }
}

#[cfg(test)]
mod tests {
    use super::{ERESTARTNOHAND, NO_CALL, ORIG_RAX, RAX, RIP, restorable, resumption};

    #[test]
    fn interrupted_calls_are_made_again() {
        // Call, its result at the stop, the result to restore, and how it goes on without a tracer.
        let table: [(u64, i64, i64, (u64, u64)); 9] = [
            (0, -512, -512, (0x0ffe, 0)),
            (202, -512, -512, (0x0ffe, 202)),
            (35, -516, -516, (0x0ffe, 219)),
            (7, -516, -516, (0x0ffe, 219)),
            (34, -514, -514, (0x0ffe, 34)),
            (232, -4, ERESTARTNOHAND, (0x0ffe, 232)),
            (35, -4, -4, (0x1000, (-4_i64).cast_unsigned())),
            (1, 17, 17, (0x1000, 17)),
            (NO_CALL, -512, -512, (0x1000, (-512_i64).cast_unsigned())),
        ];
        for (call, result, restored, resumed) in table {
            let mut registers = [0; 27];
            registers[ORIG_RAX] = call;
            registers[RAX] = result.cast_unsigned();
            registers[RIP] = 0x1000;
            assert_eq!(restorable(&registers)[RAX].cast_signed(), restored, "{call} {result}");
            assert_eq!(resumption(&registers), resumed, "{call} {result}");
        }
    }
}
