//! Who answers what the checks of users ask.

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// There is nobody to ask: an image has no processes.
    #[error("{0}")]
    NotHere(String),
    /// Somebody was asked and could not say.
    #[error("{0}")]
    Failed(String),
}

/// What a path leads to, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// Anything else.
    Other,
}

/// What is known of a file without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileState {
    /// What it is.
    pub kind: Kind,
    /// Permissions with setuid, setgid and sticky bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes.
    pub size: u64,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its name (`comm`), at most 15 bytes.
    pub name: String,
    /// Path of its program, where known.
    pub program: String,
    /// Its effective user.
    pub uid: u32,
}

/// A socket that is listened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    /// Its port.
    pub port: u16,
    /// The address it is bound to.
    pub address: std::net::IpAddr,
}

/// Answers questions about one container. Everything can be made up by whoever is in it, and is bounded by who answers.
pub trait Sources {
    /// What a path (absolute, links resolved inside the root) leads to; `Ok(None)` where there is nothing.
    ///
    /// # Errors
    /// It cannot be asked, or there is no answer.
    fn file(&self, path: &str) -> Result<Option<FileState>, Unanswered>;

    /// At most `limit` bytes of a regular file's content; more is an error.
    ///
    /// # Errors
    /// It cannot be asked, or there is no answer.
    fn content(&self, path: &str, limit: u64) -> Result<Vec<u8>, Unanswered>;

    /// The processes.
    ///
    /// # Errors
    /// It cannot be asked, or there is no answer.
    fn processes(&self) -> Result<Vec<Process>, Unanswered> {
        Err(Unanswered::NotHere("there are no processes here".to_owned()))
    }

    /// The sockets that are listened on.
    ///
    /// # Errors
    /// It cannot be asked, or there is no answer.
    fn listeners(&self) -> Result<Vec<Listener>, Unanswered> {
        Err(Unanswered::NotHere("there are no sockets here".to_owned()))
    }

    /// The environment: `NAME=value`.
    ///
    /// # Errors
    /// It cannot be asked, or there is no answer.
    fn environment(&self) -> Result<Vec<String>, Unanswered> {
        Err(Unanswered::NotHere("the environment is not known here".to_owned()))
    }
}
