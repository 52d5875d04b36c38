//! Why a process is not watched by a filter of its own, or not at all.

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $variant:ident = $text:literal,)*) => {
        /// Why something was not done to a process.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Refused { $($(#[doc = $doc])* $variant),* }

        impl Refused {
            /// For people.
            pub(crate) fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// The reason with that number in a notice.
            pub(crate) fn of(code: u64) -> Option<Self> {
                [$(Self::$variant),*].into_iter().find(|one| *one as u64 == code)
            }
        }
    };
}

reasons! {
    /// It ended meanwhile.
    Gone = "it ended meanwhile",
    /// A signal came between, or it was in a restartable sequence; another try may succeed.
    Disturbed = "it was busy each time",
    /// Another architecture, or 32-bit code.
    Architecture = "its code is of another architecture",
    /// `ptrace` is refused.
    Ptrace = "it may not be traced (another tracer, another user, or the SYS_PTRACE capability is missing)",
    /// `pidfd_getfd` is refused.
    Descriptors = "its descriptors may not be taken (the SYS_PTRACE capability is missing)",
    /// `/proc/PID/mem` is refused.
    Memory = "its memory may not be written",
    /// No room for code.
    NoPlace = "its vDSO has no room",
    /// It has filters that this process has not.
    Filtered = "it has a seccomp filter of its own",
    /// Its threads have different filters.
    Threads = "its threads have different seccomp filters",
    /// The kernel refused the filter.
    Kernel = "the kernel refused the filter",
    /// The filter is on, but its listener is still in the process.
    Stranded = "the filter's listener could not be taken",
    /// The keeper has no room for another listener.
    Full = "there are too many listeners",
    /// It lends its memory to a child that has not executed anything yet.
    Lent = "its memory is lent to a child",
}
