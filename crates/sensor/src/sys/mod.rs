//! The kernel's interfaces that need `unsafe`, each behind a thin safe function. The only place with `unsafe`.

#![expect(unsafe_code, reason = "every unsafe block of the workspace lives in this module")]

pub(crate) mod inherited;
pub(crate) mod lease;
pub(crate) mod memory;
pub mod namespace;
pub(crate) mod packet;
pub(crate) mod poll;
pub(crate) mod probing;
pub(crate) mod process;
pub(crate) mod ptrace;
pub(crate) mod seccomp;
pub(crate) mod shared;
pub(crate) mod signals;

use std::io;

/// The result of a libc call that returns -1 and sets `errno`.
fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
