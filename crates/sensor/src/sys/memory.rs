//! Reading memory of another process.

/// As [`read`] for two pieces at once: bytes copied of both together, in order.
pub(crate) fn read_both(tid: u32, addresses: [u64; 2], into: [&mut [u8]; 2]) -> Option<usize> {
    let [first, second] = into;
    let local = [&mut *first, &mut *second]
        .map(|into| libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() });
    let mut remote = local;
    for (piece, address) in remote.iter_mut().zip(addresses) {
        piece.iov_base = std::ptr::with_exposed_provenance_mut(usize::try_from(address).ok()?);
    }
    // SAFETY: writes at most as many bytes as both slices have into them; the remote addresses are the kernel's to
    // check.
    let count =
        unsafe { libc::process_vm_readv(tid.cast_signed(), local.as_ptr(), 2, remote.as_ptr(), 2, 0) };
    usize::try_from(count).ok().filter(|count| *count > 0)
}

/// Copies from `address` in the process of `tid`: bytes copied, or `None` when nothing could be read.
pub(crate) fn read(tid: u32, address: u64, into: &mut [u8]) -> Option<usize> {
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let remote = libc::iovec {
        iov_base: std::ptr::with_exposed_provenance_mut(usize::try_from(address).ok()?),
        iov_len: into.len(),
    };
    // SAFETY: writes at most `into.len()` bytes into `into`; the remote address is the kernel's to check.
    let count =
        unsafe { libc::process_vm_readv(tid.cast_signed(), &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(count).ok().filter(|count| *count > 0)
}
