//! The checks by their numbers.

macro_rules! checks {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// A check of task definitions, by the number it has everywhere: the one of the CIS Docker benchmark without the
        /// point where that asks the same (as Prisma Cloud numbers its checks), above 7000 where only ECS knows the thing.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum Check {
            $($(#[$doc])* $name = $number,)*
        }

        impl Check {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

checks! {
    /// AppArmor or SELinux is switched off.
    Unconfined = 51,
    /// Capabilities beyond Docker's default ones.
    Capabilities = 53,
    /// Privileged containers.
    Privileged = 54,
    /// Directories of the host.
    HostPaths = 55,
    /// A server for SSH.
    Ssh = 56,
    /// Ports of the host below 1024.
    HostPorts = 57,
    /// The host's network.
    HostNetwork = 59,
    /// Secrets in the clear.
    Secrets = 424,
    /// No limit of memory.
    Memory = 510,
    /// No share of the CPU.
    Cpu = 511,
    /// A root file system that can be written.
    WritableRoot = 512,
    /// The host's processes.
    HostPid = 515,
    /// The host's shared memory.
    HostIpc = 516,
    /// Devices of the host.
    Devices = 517,
    /// Programs may gain privileges.
    NewPrivileges = 525,
    /// No health check.
    HealthCheck = 526,
    /// The container engine's socket.
    EngineSocket = 531,
    /// Raw packets.
    NetRaw = 596,
    /// Running as root.
    Root = 599,
    /// No log.
    Logging = 7001,
    /// A log that can block the application.
    BlockingLog = 7002,
    /// An image by a name that can move.
    MovingImage = 7003,
    /// EFS without encryption on the way.
    EfsTransit = 7004,
    /// EFS without asking who mounts it.
    EfsAuthorization = 7005,
    /// One role for the agent and the application.
    SharedRole = 7006,
    /// Fault injection.
    FaultInjection = 7007,
    /// Public addresses of services and task sets.
    PublicAddress = 7010,
    /// An old platform version.
    PlatformVersion = 7011,
    /// A cluster without Container Insights.
    ContainerInsights = 7012,
    /// ECS Exec without a log.
    ExecLogging = 7013,
    /// ECS Exec without a key of one's own.
    ExecEncryption = 7014,
    /// Instances that are terminated under running tasks.
    TerminationProtection = 7015,
}

impl Check {
    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }
}
