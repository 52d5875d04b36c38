//! Namespaces of the calling process.

use std::io;

pub use rustix::thread::UnshareFlags;

/// Gives the calling thread namespaces of its own.
///
/// Call it while the process has a single thread: the kernel changes the calling thread only (and refuses user
/// and mount-sharing changes of a threaded process). A new pid namespace holds the children made afterwards.
///
/// # Errors
/// `EPERM` without `CAP_SYS_ADMIN`, `EINVAL` for an unknown flag or a process with several threads, `ENOSPC`
/// beyond the kernel's limits. [`UnshareFlags::FILES`] is refused with `InvalidInput`: it would let threads
/// see different descriptors under the same number.
pub fn unshare(flags: UnshareFlags) -> io::Result<()> {
    if flags.contains(UnshareFlags::FILES) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "sharing of descriptors between threads must stay as it is",
        ));
    }
    // SAFETY: the only hazard of the call is a descriptor table of its own for one thread, refused above.
    unsafe { rustix::thread::unshare_unsafe(flags) }.map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::{UnshareFlags, unshare};

    #[test]
    fn a_descriptor_table_of_its_own_is_refused() {
        let error = unshare(UnshareFlags::FILES).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }

    #[test]
    fn no_flags_change_nothing() {
        unshare(UnshareFlags::empty()).unwrap();
    }
}
