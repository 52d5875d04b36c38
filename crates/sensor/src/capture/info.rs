//! How calls are captured, as the shim finds it out and the engine reads it.

use std::sync::atomic::Ordering::SeqCst;

use super::{
    Backend, CaptureInfo,
    layout::{Shared, Word},
};

macro_rules! bits {
    ($(#[doc = $doc:literal])* $name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($variant),* }

        impl $name {
            const ALL: &'static [(Self, &'static str)] = &[$((Self::$variant, $text)),*];

            fn texts(bits: u64) -> Vec<&'static str> {
                Self::ALL.iter().filter(|(one, _)| bits & (1 << *one as u64) != 0).map(|(_, text)| *text).collect()
            }
        }
    };
}

bits! {
    /// A kernel feature in use.
    Feature {
        WaitKillable = "wait_killable_recv",
        SyncWakeUp = "sync_wake_up",
        AffinityFollowing = "affinity_following",
        VmReadv = "process_vm_readv",
        ProcMem = "proc_mem",
    }
}

bits! {
    /// What a reader should know.
    Note {
        NoNewPrivs = "setuid programs gain no rights (no_new_privs)",
        Interruptible = "signal handlers without SA_RESTART may see EINTR from watched calls \
                         (the kernel lacks WAIT_KILLABLE_RECV)",
        Unreadable = "memory of processes cannot be read: paths and arguments are missing \
                      (Yama, a seccomp profile, or the SYS_PTRACE capability is missing)",
        OtherUsers = "memory of processes that changed their user may not be readable: their paths and arguments \
                      are then missing (add the SYS_PTRACE capability)",
        EngineDies = "the engine died again and again soon after its start: somebody may be killing it; it is started \
                      after 2 seconds each time, and what the ring cannot hold meanwhile is lost and counted",
        TraceEnosys = "if the keeper is killed, watched calls of running processes fail with ENOSYS",
        TraceTracer = "other tracers (strace, gdb) cannot attach to watched processes",
    }
}

/// Records a backend and its reason.
pub(crate) fn choose(shared: &Shared, backend: Backend, reason: &str) {
    shared.set_text(reason);
    shared.word(Word::Backend).store(backend as u64, SeqCst);
}

/// Records a feature in use.
pub(crate) fn add_feature(shared: &Shared, feature: Feature) {
    shared.word(Word::Features).fetch_or(1 << feature as u64, SeqCst);
}

/// Whether a feature is in use.
pub(super) fn uses(shared: &Shared, feature: Feature) -> bool {
    shared.word(Word::Features).load(SeqCst) & 1 << feature as u64 != 0
}

/// Records a note.
pub(crate) fn add_note(shared: &Shared, note: Note) {
    shared.word(Word::Notes).fetch_or(1 << note as u64, SeqCst);
}

/// Takes a note back.
pub(super) fn remove_note(shared: &Shared, note: Note) {
    shared.word(Word::Notes).fetch_and(!(1 << note as u64), SeqCst);
}

/// What was recorded.
pub(super) fn read(shared: &Shared) -> CaptureInfo {
    let code = shared.word(Word::Backend).load(SeqCst);
    let backend = [Backend::Notify, Backend::Trace].into_iter().find(|one| *one as u64 == code);
    CaptureInfo {
        backend: backend.unwrap_or_default(),
        reason: shared.text(),
        features: Feature::texts(shared.word(Word::Features).load(SeqCst)),
        notes: Note::texts(shared.word(Word::Notes).load(SeqCst)),
    }
}
