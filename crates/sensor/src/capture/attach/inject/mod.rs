//! Installing the filter in a process that runs already.
//!
//! One thread is stopped in a call or on its way out of one, is led through code that installs the filter for all
//! threads (`TSYNC`), and goes on where it was. No other thread is touched. The order of steps:
//!
//! 1. the thread is stopped; nothing is changed yet, and should the tracer die, the kernel makes the thread's call
//!    again as after any interruption;
//! 2. the code is written to the unused end of the vDSO, where nobody looks;
//! 3. all registers are set at once: from here on the thread comes out by itself, with or without a tracer, since
//!    the code ends by putting every register back (see [`stub`]);
//! 4. at the stops at its calls the filter is written, the listener is taken and handed to the keeper;
//! 5. in a last stop, in which the kernel looks at interrupted calls itself, the registers are put back, the code is
//!    wiped out, and the thread is let go.

mod place;
mod registers;
mod stub;
#[cfg(test)]
mod tests;

use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use self::{
    place::Memory,
    registers::{NO_CALL, ORIG_RAX, RAX, RDI, RIP},
    stub::{MAX_STUB, Plan, Stub},
};
use super::refused::Refused;
use crate::sys::{
    process::{self, Status},
    ptrace::{self, CALL_STOP, EVENT_STOP, Registers},
    signals,
};

/// `struct sock_fprog` and its padding, before the instructions.
const HEADER: u64 = 16;
const PAGE: u64 = 4096;

/// What is installed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filter<'a> {
    /// An array of `struct sock_filter`.
    pub(super) program: &'a [u8],
    pub(super) wait_killable: bool,
}

/// Who takes the listener: the process's calls wait until somebody answers them.
pub(super) trait Takes {
    /// Called between the filter's installation and the thread's going on.
    fn take(&mut self, listener: OwnedFd);
}

/// What became of the thread at a stop that was waited for.
enum Stop {
    /// At a call's entry or exit.
    Call,
    /// In the kernel's signal handling: nothing to deliver.
    Interrupted,
    /// A signal is about to be delivered.
    Signal(i32),
    /// It is gone.
    Ended,
}

fn wait(tid: u32) -> Stop {
    match process::wait(Some(tid)) {
        Ok((_, Status::Stopped(CALL_STOP, 0))) => Stop::Call,
        Ok((_, Status::Stopped(_, EVENT_STOP))) => Stop::Interrupted,
        Ok((_, Status::Stopped(signal, 0))) => Stop::Signal(signal),
        Ok((_, Status::Stopped(..))) => Stop::Interrupted,
        _ => Stop::Ended,
    }
}

/// Whether descriptors of the process may be taken, which is known only by trying: no descriptor has that number.
fn may_take(process: &OwnedFd) -> bool {
    const NONE: i32 = i32::MAX;
    let error = pidfd_getfd(process, NONE, PidfdGetfdFlags::empty()).err();
    error == Some(rustix::io::Errno::BADF)
}

/// Installs the filter in a process by its thread `tid`, which is this process's tracee and in the stop of an
/// interruption. It is still stopped afterwards, in a stop from which it can be let go as if nothing had happened,
/// unless it has ended.
///
/// # Errors
/// Why nothing was installed; the process is as it was.
pub(super) fn install(
    pid: u32,
    tid: u32,
    no_new_privs: bool,
    filter: Filter<'_>,
    taker: &mut impl Takes,
) -> Result<(), Refused> {
    if ptrace::architecture(tid) != Some(super::super::calls::NATIVE) {
        return Err(Refused::Architecture);
    }
    let handle = Pid::from_raw(pid.cast_signed())
        .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok())
        .ok_or(Refused::Gone)?;
    if !may_take(&handle) {
        return Err(Refused::Descriptors);
    }
    let memory = Memory::open(pid).ok_or(Refused::Memory)?;
    let registers = ptrace::registers(tid).map_err(|_| Refused::Gone)?;
    if !registers::is_64_bit(&registers) {
        return Err(Refused::Architecture);
    }
    if in_restartable_sequence(tid, &registers, &memory) {
        return Err(Refused::Disturbed);
    }
    let length = HEADER + filter.program.len() as u64;
    let plan = Plan {
        base: place::find(pid, &memory, MAX_STUB)?,
        registers: &registers,
        blocked: ptrace::blocked_signals(tid).map_err(|_| Refused::Gone)?,
        room: length.next_multiple_of(PAGE),
        no_new_privs,
        wait_killable: filter.wait_killable,
    };
    let stub = Stub::new(&plan);
    let restore = registers::restorable(&registers);
    let mut injection = Injection { tid, memory, handle, stub, restore, filter, taker, held_back: None };
    injection.write_code()?;
    let result = injection.run();
    injection.wipe_code();
    result
}

/// Registers may be changed only outside of a restartable sequence; calls are not made in one.
fn in_restartable_sequence(tid: u32, registers: &Registers, memory: &Memory) -> bool {
    if registers[ORIG_RAX] != NO_CALL {
        return false;
    }
    match ptrace::rseq_area(tid) {
        Ok(0) => false,
        Ok(area) => {
            let mut sequence = [0; 8];
            memory.read(area + 8, &mut sequence).is_none() || sequence != [0; 8]
        }
        Err(_) => true,
    }
}

struct Injection<'a, T> {
    tid: u32,
    memory: Memory,
    handle: OwnedFd,
    stub: Stub,
    restore: Registers,
    filter: Filter<'a>,
    taker: &'a mut T,
    /// A signal that cannot be blocked came meanwhile.
    held_back: Option<i32>,
}

impl<T: Takes> Injection<'_, T> {
    fn write_code(&self) -> Result<(), Refused> {
        self.poke(&self.stub.code).ok_or(Refused::Memory)
    }

    /// After the thread has left the code, or never entered it.
    fn wipe_code(&self) {
        // A thread that has ended needs no wiping.
        let _ = self.poke(&vec![0; self.stub.code.len()]);
    }

    fn poke(&self, bytes: &[u8]) -> Option<()> {
        let (words, rest) = bytes.as_chunks::<8>();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        let mut address = self.stub.base;
        for word in words.iter().chain([&last]) {
            ptrace::poke(self.tid, address, u64::from_le_bytes(*word)).ok()?;
            address += 8;
        }
        Some(())
    }

    fn run(&mut self) -> Result<(), Refused> {
        let mut registers = self.restore;
        registers[RIP] = self.stub.entry();
        registers[ORIG_RAX] = NO_CALL;
        ptrace::set_registers(self.tid, &registers).map_err(|_| Refused::Gone)?;
        // Until its first call signals may come: then everything is put back before they are delivered.
        match self.to_call_stop() {
            Stop::Call => {}
            Stop::Signal(signal) => return self.give_way(signal),
            Stop::Interrupted => return self.put_back().and(Err(Refused::Disturbed)),
            Stop::Ended => return Err(Refused::Gone),
        }
        self.expect(self.stub.after_block)?;
        let installed = self.install();
        self.leave()?;
        installed
    }

    /// From the first call's end to the listener's being taken.
    fn install(&mut self) -> Result<(), Refused> {
        let memory = self.call(self.stub.after_mmap)?;
        let ready = self.write_filter(memory);
        if let Some(after) = self.stub.after_prctl {
            self.call(after)?;
        }
        let number = self.call(self.stub.after_seccomp)?.cast_signed();
        ready?;
        match i32::try_from(number) {
            Ok(listener @ 0..) => self.take(listener),
            Ok(error) if -error == libc::EBUSY => Err(Refused::Filtered),
            Ok(error) if -error == libc::ESRCH => Err(Refused::Threads),
            _ => Err(Refused::Kernel),
        }
    }

    fn write_filter(&self, at: u64) -> Result<(), Refused> {
        let instructions = (self.filter.program.len() / 8) as u16;
        let mut bytes = Vec::with_capacity(HEADER as usize + self.filter.program.len());
        // struct sock_fprog: count, padding, pointer.
        bytes.extend_from_slice(&u64::from(instructions).to_le_bytes());
        bytes.extend_from_slice(&(at + HEADER).to_le_bytes());
        bytes.extend_from_slice(self.filter.program);
        self.memory.write(at, &bytes).ok_or(Refused::Memory)
    }

    /// Takes the listener out of the process.
    fn take(&mut self, number: i32) -> Result<(), Refused> {
        // It was tried before: this fails only for want of descriptors, and then the process's own one is left
        // open, so that its calls wait instead of failing.
        let listener = pidfd_getfd(&self.handle, number, PidfdGetfdFlags::empty());
        self.taker.take(listener.map_err(|_| Refused::Stranded)?);
        let mut registers = ptrace::registers(self.tid).map_err(|_| Refused::Gone)?;
        registers[RIP] = self.stub.close;
        registers[RDI] = u64::from(number.unsigned_abs());
        ptrace::set_registers(self.tid, &registers).map_err(|_| Refused::Gone)?;
        self.call(self.stub.after_close).map(drop)
    }

    /// From wherever it is in the code to its end, and back to where it came from.
    fn leave(&mut self) -> Result<(), Refused> {
        loop {
            self.next_stop()?;
            let registers = ptrace::registers(self.tid).map_err(|_| Refused::Gone)?;
            if registers[RIP] == self.stub.after_unblock && registers[RAX] == 0 {
                break;
            }
        }
        // A stop in which the kernel looks at signals and interrupted calls.
        ptrace::interrupt(self.tid).map_err(|_| Refused::Gone)?;
        ptrace::proceed(self.tid, 0).map_err(|_| Refused::Gone)?;
        match wait(self.tid) {
            Stop::Interrupted => self.put_back()?,
            Stop::Signal(signal) => self.deliver(signal)?,
            Stop::Call | Stop::Ended => return Err(Refused::Gone),
        }
        if let Some(signal) = self.held_back {
            signals::send(self.tid, signal);
        }
        Ok(())
    }

    fn put_back(&self) -> Result<(), Refused> {
        ptrace::set_registers(self.tid, &self.restore).map_err(|_| Refused::Gone)
    }

    /// A signal came before the first call: it is for the thread as it was.
    fn give_way(&mut self, signal: i32) -> Result<(), Refused> {
        self.deliver(signal).and(Err(Refused::Disturbed))
    }

    /// Puts everything back and delivers a signal; stops it again at once.
    fn deliver(&mut self, signal: i32) -> Result<(), Refused> {
        self.put_back()?;
        ptrace::interrupt(self.tid).map_err(|_| Refused::Gone)?;
        self.wipe_code();
        ptrace::proceed(self.tid, signal).map_err(|_| Refused::Gone)?;
        loop {
            match wait(self.tid) {
                Stop::Interrupted => return Ok(()),
                Stop::Signal(signal) => ptrace::proceed(self.tid, signal).map_err(|_| Refused::Gone)?,
                Stop::Call | Stop::Ended => return Err(Refused::Gone),
            }
        }
    }

    fn to_call_stop(&self) -> Stop {
        match ptrace::to_next_call(self.tid) {
            Ok(()) => wait(self.tid),
            Err(_) => Stop::Ended,
        }
    }

    /// Lets the thread come to the next entry or exit of a call. Every signal is blocked but those that stop it.
    fn next_stop(&mut self) -> Result<(), Refused> {
        loop {
            match self.to_call_stop() {
                Stop::Call => return Ok(()),
                // Part of a stop of the whole process, which holds when the thread is let go.
                Stop::Interrupted => {}
                Stop::Signal(signal) => self.held_back = Some(signal),
                Stop::Ended => return Err(Refused::Gone),
            }
        }
    }

    /// Lets the thread, at a call's entry, come to its exit.
    fn expect(&mut self, after: u64) -> Result<u64, Refused> {
        self.next_stop()?;
        let registers = ptrace::registers(self.tid).map_err(|_| Refused::Gone)?;
        if registers[RIP] == after { Ok(registers[RAX]) } else { Err(Refused::Gone) }
    }

    /// Lets the thread make its next call; its result.
    fn call(&mut self, after: u64) -> Result<u64, Refused> {
        self.next_stop()?;
        self.expect(after)
    }
}

/// Lets a thread that was interrupted make its call again; it is in the stop of the interruption.
pub(super) fn undo_interruption(tid: u32) {
    let Ok(registers) = ptrace::registers(tid) else { return };
    let restore = registers::restorable(&registers);
    if restore != registers {
        // An error means that it is gone.
        let _ = ptrace::set_registers(tid, &restore);
    }
}

/// The listener that is still open in a process whose tracer died between installing the filter and taking it.
pub(super) fn stranded_listener(pid: u32) -> Option<OwnedFd> {
    let handle = pidfd_open(Pid::from_raw(pid.cast_signed())?, PidfdFlags::empty()).ok()?;
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
    let mut numbers = entries.filter_map(|entry| {
        let link = std::fs::read_link(entry.path()).ok()?;
        let is_listener = link.as_os_str() == "anon_inode:seccomp notify";
        entry.file_name().to_str()?.parse::<i32>().ok().filter(|_| is_listener)
    });
    pidfd_getfd(&handle, numbers.next()?, PidfdGetfdFlags::empty()).ok()
}
