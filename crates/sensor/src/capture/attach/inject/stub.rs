//! The code that installs a filter from inside a thread (x86-64).
//!
//! It needs neither stack nor memory of its own, changes no flags, and ends by putting every register back and
//! jumping to where the thread was: once a thread is in it, nobody has to be there for it to come out. The tracer
//! stops it at its calls, fills in what the filter needs, takes the listener, and leads it past the parts that were
//! not needed.

use super::registers::{R8, R9, R10, R11, RBX, RCX, RDI, RDX, RSI, resumption};
use crate::sys::ptrace::Registers;

const MMAP: u32 = 9;
const MUNMAP: u32 = 11;
const CLOSE: u32 = 3;
const SIGPROCMASK: u32 = 14;
const PRCTL: u32 = 157;
const SECCOMP: u32 = 317;

const SIG_SETMASK: u64 = 2;
const PROT_READ_WRITE: u64 = 3;
const MAP_PRIVATE_ANONYMOUS: u64 = 0x22;
const PR_SET_NO_NEW_PRIVS: u64 = 38;
const SET_MODE_FILTER: u64 = 1;
/// `TSYNC`, `NEW_LISTENER`, `TSYNC_ESRCH`.
const FILTER_FLAGS: u64 = 1 | 1 << 3 | 1 << 4;
const WAIT_KILLABLE_RECV: u64 = 1 << 5;

/// What the code is made for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan<'a> {
    /// Where the code will be.
    pub(super) base: u64,
    /// The thread's registers.
    pub(super) registers: &'a Registers,
    /// The signals it has blocked.
    pub(super) blocked: u64,
    /// Bytes of memory for the filter.
    pub(super) room: u64,
    /// It has to give up rights by setuid programs first.
    pub(super) no_new_privs: bool,
    /// The filter waits killable.
    pub(super) wait_killable: bool,
}

/// The code and the addresses after its calls, at which the tracer sees their results.
#[derive(Clone, Debug)]
pub(super) struct Stub {
    pub(super) code: Vec<u8>,
    pub(super) base: u64,
    pub(super) after_block: u64,
    pub(super) after_mmap: u64,
    pub(super) after_prctl: Option<u64>,
    pub(super) after_seccomp: u64,
    /// Where the listener, whose number is in `rdi`, is closed.
    pub(super) close: u64,
    pub(super) after_close: u64,
    pub(super) after_unblock: u64,
}

/// A value for an argument register.
#[derive(Clone, Copy)]
enum Put {
    Value(u64),
    /// What the memory's address is kept in.
    Memory,
    /// Left as it is.
    Nothing,
}

struct Assembler {
    code: Vec<u8>,
    base: u64,
}

impl Assembler {
    fn here(&self) -> u64 {
        self.base + self.code.len() as u64
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.code.extend_from_slice(bytes);
    }

    /// `mov register, value`; registers by the processor's numbers.
    fn set(&mut self, register: u8, value: u64) {
        let (low, high) = (register & 7, register >> 3);
        match u32::try_from(value) {
            Ok(short) => {
                if high != 0 {
                    self.bytes(&[0x41]);
                }
                self.bytes(&[0xb8 | low]);
                self.bytes(&short.to_le_bytes());
            }
            Err(_) => {
                self.bytes(&[0x48 | high, 0xb8 | low]);
                self.bytes(&value.to_le_bytes());
            }
        }
    }

    /// `mov register, rbx`, for the first three argument registers.
    fn set_memory(&mut self, register: u8) {
        self.bytes(&[0x48, 0x89, 0xd8 | register]);
    }

    /// Makes a call; the address after it.
    fn call(&mut self, number: u32, arguments: &[Put]) -> u64 {
        // rdi, rsi, rdx, r10, r8, r9.
        for (register, put) in [7, 6, 2, 10, 8, 9].into_iter().zip(arguments) {
            match *put {
                Put::Value(value) => self.set(register, value),
                Put::Memory => self.set_memory(register),
                Put::Nothing => {}
            }
        }
        self.set(0, number.into());
        self.bytes(&[0x0f, 0x05]);
        self.here()
    }

    /// `jmp [rip]` and the address.
    fn jump(&mut self, address: u64) {
        self.bytes(&[0xff, 0x25, 0, 0, 0, 0]);
        self.bytes(&address.to_le_bytes());
    }
}

/// Most bytes of the code.
pub(super) const MAX_STUB: usize = 640;
/// Where the masks are, before the code.
const CODE_AT: u64 = 16;

impl Stub {
    pub(super) fn new(plan: &Plan<'_>) -> Self {
        use Put::{Memory, Nothing, Value};
        let mut asm = Assembler { code: Vec::with_capacity(MAX_STUB), base: plan.base };
        asm.bytes(&u64::MAX.to_le_bytes());
        asm.bytes(&plan.blocked.to_le_bytes());
        let mask = |at: u64| [Value(SIG_SETMASK), Value(plan.base + at), Value(0), Value(8)];
        let after_block = asm.call(SIGPROCMASK, &mask(0));
        let memory = [0, plan.room, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, u64::MAX, 0].map(Value);
        let after_mmap = asm.call(MMAP, &memory);
        // mov rbx, rax
        asm.bytes(&[0x48, 0x89, 0xc3]);
        let give_up = [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0].map(Value);
        let after_prctl = plan.no_new_privs.then(|| asm.call(PRCTL, &give_up));
        let flags = FILTER_FLAGS | if plan.wait_killable { WAIT_KILLABLE_RECV } else { 0 };
        let after_seccomp = asm.call(SECCOMP, &[Value(SET_MODE_FILTER), Value(flags), Memory]);
        // Without a tracer that has taken the listener it stays open: jmp over what follows.
        asm.bytes(&[0xeb, 0x07]);
        let close = asm.here();
        let after_close = asm.call(CLOSE, &[Nothing]);
        asm.call(MUNMAP, &[Memory, Value(plan.room)]);
        let after_unblock = asm.call(SIGPROCMASK, &mask(8));
        let (address, rax) = resumption(plan.registers);
        for (register, place) in
            [(3, RBX), (11, R11), (10, R10), (9, R9), (8, R8), (1, RCX), (2, RDX), (6, RSI), (7, RDI)]
        {
            asm.set(register, plan.registers[place]);
        }
        asm.set(0, rax);
        asm.jump(address);
        Self {
            code: asm.code,
            base: plan.base,
            after_block,
            after_mmap,
            after_prctl,
            after_seccomp,
            close,
            after_close,
            after_unblock,
        }
    }

    /// Where the thread enters.
    pub(super) fn entry(&self) -> u64 {
        self.base + CODE_AT
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_STUB, Plan, Stub};

    #[test]
    fn the_largest_code_fits_and_its_parts_are_in_order() {
        let registers = [u64::MAX - 1; 27];
        let plan = Plan {
            base: 0x7fff_0000_1000,
            registers: &registers,
            blocked: 7,
            room: 65536,
            no_new_privs: true,
            wait_killable: true,
        };
        let stub = Stub::new(&plan);
        assert!(stub.code.len() <= MAX_STUB, "{}", stub.code.len());
        let places = [
            stub.entry(),
            stub.after_block,
            stub.after_mmap,
            stub.after_prctl.unwrap(),
            stub.after_seccomp,
            stub.close,
            stub.after_close,
            stub.after_unblock,
        ];
        assert!(places.is_sorted(), "{places:x?}");
        // The jump over the closing leads to where the memory is given back.
        assert_eq!(stub.close, stub.after_seccomp + 2);
        assert_eq!(stub.after_close, stub.close + 7);
    }
}
