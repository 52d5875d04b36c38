//! What this process was given by its starter and the Rust runtime changes before `main`: the disposition of
//! SIGPIPE, and closed standard descriptors. The command must get them as they were.

use std::sync::atomic::{AtomicU8, Ordering::SeqCst};

const PIPE_IGNORED: u8 = 8;

/// Bits 0 to 2: that descriptor was closed; [`PIPE_IGNORED`].
static STATE: AtomicU8 = AtomicU8::new(0);

#[used]
// SAFETY: the C library calls every function in this section once, before `main`, with (argc, argv, envp), which
// a function without parameters may ignore in the C calling convention.
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

extern "C" fn look() {
    let mut state = 0;
    for descriptor in 0..3 {
        // SAFETY: asks for the flags of a descriptor, which need not be open.
        if unsafe { libc::fcntl(descriptor, libc::F_GETFD) } == -1 {
            state |= 1 << descriptor;
        }
    }
    // SAFETY: all zero is a valid `sigaction`, which the call overwrites; a null new action changes nothing.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    unsafe { libc::sigaction(libc::SIGPIPE, std::ptr::null(), &raw mut action) };
    if action.sa_sigaction == libc::SIG_IGN {
        state |= PIPE_IGNORED;
    }
    STATE.store(state, SeqCst);
}

/// Puts back what the runtime changed. To be called right before `exec`: it closes standard descriptors that
/// were closed at the start.
pub(crate) fn restore() {
    let state = STATE.load(SeqCst);
    for descriptor in 0..3 {
        if state & 1 << descriptor != 0 {
            // SAFETY: the runtime opened it for want of one; nobody in this process uses it.
            unsafe { libc::close(descriptor) };
        }
    }
    let disposition = if state & PIPE_IGNORED == 0 { libc::SIG_DFL } else { libc::SIG_IGN };
    // SAFETY: sets a disposition without a handler.
    unsafe { libc::signal(libc::SIGPIPE, disposition) };
}
