//! Memory that processes share across `fork`: atomic words and bytes at offsets, all checked.

use std::{
    ffi::c_void,
    io,
    ptr::NonNull,
    sync::atomic::{AtomicU32, AtomicU64},
    time::Duration,
};

use rustix::{
    mm::{MapFlags, ProtFlags, mmap_anonymous},
    thread::futex,
    time::Timespec,
};

/// An anonymous shared mapping. Never unmapped before `exec` or the process's end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping lives as long as the process; words are reached by atomics, and bytes are copied under the
// protocols of their users (one writer until a word hands them over).
unsafe impl Send for Mapping {}
// SAFETY: as for `Send`.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `len` zeroed bytes that children made by `fork` share.
    pub(crate) fn new(len: usize) -> io::Result<Self> {
        let len = len.next_multiple_of(4096);
        // SAFETY: a new mapping at an address the kernel chooses aliases nothing.
        let start = unsafe {
            mmap_anonymous(
                std::ptr::null_mut::<c_void>(),
                len,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
            )
        }?;
        let start =
            NonNull::new(start.cast::<u8>()).ok_or_else(|| io::Error::other("mapped at address 0"))?;
        Ok(Self { start, len })
    }

    fn at(&self, offset: usize, len: usize) -> *mut u8 {
        let end = offset.saturating_add(len);
        assert!(end <= self.len, "offset {offset} with {len} bytes is outside of a mapping of {}", self.len);
        // SAFETY: the range was just checked to lie in the mapping.
        unsafe { self.start.as_ptr().add(offset) }
    }

    /// The word at `offset`, a multiple of 8.
    pub(crate) fn word(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8), "unaligned word");
        // SAFETY: in bounds (`at`), aligned, and the mapping outlives every reference to it.
        unsafe { AtomicU64::from_ptr(self.at(offset, 8).cast()) }
    }

    /// The half word at `offset`, a multiple of 4.
    pub(crate) fn half(&self, offset: usize) -> &AtomicU32 {
        assert!(offset.is_multiple_of(4), "unaligned half word");
        // SAFETY: in bounds (`at`), aligned, and the mapping outlives every reference to it.
        unsafe { AtomicU32::from_ptr(self.at(offset, 4).cast()) }
    }

    /// Copies bytes out.
    pub(crate) fn read(&self, offset: usize, into: &mut [u8]) {
        let from = self.at(offset, into.len());
        // SAFETY: the source is in bounds and `into` is memory of ours outside of the mapping.
        unsafe { std::ptr::copy_nonoverlapping(from, into.as_mut_ptr(), into.len()) }
    }

    /// Copies bytes in.
    pub(crate) fn write(&self, offset: usize, bytes: &[u8]) {
        let to = self.at(offset, bytes.len());
        // SAFETY: the target is in bounds and `bytes` is memory of ours outside of the mapping.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) }
    }

    /// Address of `len` bytes at `offset`, for a system call that writes there.
    pub(crate) fn address(&self, offset: usize, len: usize) -> *mut c_void {
        self.at(offset, len).cast()
    }
}

/// Waits while `word` is `value`, for at most `timeout`. May return early.
pub(crate) fn futex_wait(word: &AtomicU32, value: u32, timeout: Duration) {
    let timeout = Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    };
    // Every error (changed value, timeout, signal) means: look again.
    let _ = futex::wait(word, futex::Flags::empty(), value, Some(&timeout));
}

/// Wakes everybody who waits for `word`, in any process.
pub(crate) fn futex_wake(word: &AtomicU32) {
    let _ = futex::wake(word, futex::Flags::empty(), i32::MAX as u32);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::Mapping;

    #[test]
    fn words_and_bytes_are_one_memory() {
        let mapping = Mapping::new(100).unwrap();
        mapping.word(8).store(u64::from_ne_bytes(*b"abcdefgh"), Ordering::SeqCst);
        let mut bytes = [0; 8];
        mapping.read(8, &mut bytes);
        assert_eq!(&bytes, b"abcdefgh");
    }

    #[test]
    #[should_panic(expected = "outside of a mapping")]
    fn nothing_is_reached_outside() {
        Mapping::new(4096).unwrap().write(4090, b"12345678");
    }
}
