//! What a check demands of files, processes, ports and variables.

use fargard_model::foreign::printable;
use sha2::{Digest, Sha256};

use super::sources::{FileState, Kind, Sources, Unanswered};

/// Most bytes of a file that a condition may ask for.
const MAX_CONTENT: u64 = 16 << 20;
/// Most bytes of an account file.
const MAX_ACCOUNTS: u64 = 4 << 20;

/// What fails: the subject and the reason.
pub(super) type Failure = (String, String);

/// A demand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Of a file.
    File(FileCondition),
    /// Of processes.
    Process {
        /// Its name, or the path of its program where it begins with `/`.
        name: String,
        /// Whether it must run or must not.
        runs: bool,
        /// The user it must run as.
        user: Option<Account>,
    },
    /// Of a port.
    Port {
        /// Its number.
        port: u16,
        /// `tcp` or `udp`.
        protocol: &'static str,
        /// Whether somebody must listen or must not.
        listens: bool,
        /// Only where others can reach it: not on a loopback address.
        reachable: bool,
    },
    /// Of a variable.
    Environment {
        /// Its name.
        name: String,
        /// Whether it must be set or must not.
        set: bool,
        /// The value it must have.
        equals: Option<String>,
    },
}

/// What a file must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileCondition {
    /// Absolute path.
    pub path: String,
    /// Whether it must be there or must not.
    pub exists: bool,
    /// `file` or `directory`.
    pub kind: Option<&'static str>,
    /// Exactly these permissions.
    pub mode: Option<u32>,
    /// No permission beyond these.
    pub mode_at_most: Option<u32>,
    /// Its owner.
    pub owner: Option<Account>,
    /// Its group.
    pub group: Option<Account>,
    /// Texts it must have.
    pub contains: Vec<String>,
    /// Texts it must not have.
    pub lacks: Vec<String>,
    /// Whole lines it must have; space around them does not count.
    pub line: Vec<String>,
    /// SHA-256 of its content, in small letters.
    pub sha256: Option<String>,
}

/// A user or group by number or name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// By number.
    Number(u32),
    /// By name, as the container's own `/etc/passwd` or `/etc/group` has it.
    Name(String),
}

impl Condition {
    /// The path of a condition on a file.
    pub(super) fn path(&self) -> Option<&str> {
        match self {
            Self::File(file) => Some(&file.path),
            _ => None,
        }
    }

    /// `None` where it holds, else why not.
    pub(super) fn judge(&self, sources: &dyn Sources) -> Result<Option<Failure>, Unanswered> {
        match self {
            Self::File(file) => {
                let reasons = file.judge(sources)?;
                Ok((!reasons.is_empty()).then(|| (file.path.clone(), reasons.join("; "))))
            }
            Self::Process { name, runs, user } => process(sources, name, *runs, user.as_ref()),
            Self::Port { port, protocol, listens, reachable } => {
                let found = sources.listeners()?.into_iter().find(|listener| {
                    listener.port == *port
                        && listener.protocol == *protocol
                        && !(*reachable && listener.address.is_loopback())
                });
                let subject = format!("port {port}/{protocol}");
                Ok(match (found, listens) {
                    (Some(_), true) | (None, false) => None,
                    (Some(listener), false) => {
                        Some((subject, format!("somebody listens on {}", listener.address)))
                    }
                    (None, true) => Some((subject, "nobody listens".to_owned())),
                })
            }
            Self::Environment { name, set, equals } => environment(sources, name, *set, equals.as_deref()),
        }
    }
}

fn process(
    sources: &dyn Sources,
    name: &str,
    runs: bool,
    user: Option<&Account>,
) -> Result<Option<Failure>, Unanswered> {
    let wanted = user.map(|user| user.number(sources, "/etc/passwd")).transpose()?;
    // The kernel keeps 15 bytes of a name.
    let short = name.get(..15).unwrap_or(name);
    let all = sources.processes()?;
    let mut found = all.iter().filter(|process| {
        if name.starts_with('/') { process.program == name } else { process.name == short }
    });
    let subject = format!("process {name}");
    if !runs {
        return Ok(found.next().map(|process| (subject, format!("it runs (process {})", process.pid))));
    }
    let mut found = found.peekable();
    if found.peek().is_none() {
        return Ok(Some((subject, "it does not run".to_owned())));
    }
    let stranger = found.find(|process| wanted.is_some_and(|uid| process.uid != uid));
    Ok(stranger.map(|process| (subject, format!("process {} runs as user {}", process.pid, process.uid))))
}

fn environment(
    sources: &dyn Sources,
    name: &str,
    set: bool,
    equals: Option<&str>,
) -> Result<Option<Failure>, Unanswered> {
    let variables = sources.environment()?;
    let value = variables.iter().find_map(|variable| {
        variable.split_once('=').filter(|(known, _)| *known == name).map(|(_, value)| value)
    });
    let subject = format!("variable {name}");
    // Values are not shown: they may be secrets.
    Ok(match (value, set) {
        (None, true) => Some((subject, "it is not set".to_owned())),
        (Some(_), false) => Some((subject, "it is set".to_owned())),
        (Some(value), true) if equals.is_some_and(|wanted| wanted != value) => {
            Some((subject, "it has another value".to_owned()))
        }
        _ => None,
    })
}

impl Account {
    /// Its number, by the container's own account file.
    fn number(&self, sources: &dyn Sources, file: &str) -> Result<u32, Unanswered> {
        let name = match self {
            Self::Number(number) => return Ok(*number),
            Self::Name(name) => name,
        };
        let text = sources.content(file, MAX_ACCOUNTS)?;
        let number = text.split(|byte| *byte == b'\n').find_map(|line| {
            let mut fields = line.split(|byte| *byte == b':');
            (fields.next()? == name.as_bytes()).then_some(())?;
            std::str::from_utf8(fields.nth(1)?).ok()?.trim().parse().ok()
        });
        number.ok_or_else(|| Unanswered::Failed(format!("{file} has no {name:?}")))
    }
}

impl FileCondition {
    /// Why it does not hold; nothing where it does.
    fn judge(&self, sources: &dyn Sources) -> Result<Vec<String>, Unanswered> {
        let Some(state) = sources.file(&self.path)? else {
            return Ok(if self.exists { vec!["it is not there".to_owned()] } else { Vec::new() });
        };
        if !self.exists {
            return Ok(vec!["it is there".to_owned()]);
        }
        let mut reasons = Vec::new();
        self.judge_state(&state, &mut reasons);
        for (wanted, number, file, what) in [
            (&self.owner, state.uid, "/etc/passwd", "owner"),
            (&self.group, state.gid, "/etc/group", "group"),
        ] {
            if let Some(wanted) = wanted {
                let wanted = wanted.number(sources, file)?;
                if wanted != number {
                    reasons.push(format!("its {what} is {number}, not {wanted}"));
                }
            }
        }
        let asks_content = !(self.contains.is_empty() && self.lacks.is_empty() && self.line.is_empty());
        if (asks_content || self.sha256.is_some()) && state.kind == Kind::File {
            self.judge_content(&sources.content(&self.path, MAX_CONTENT)?, &mut reasons);
        }
        Ok(reasons)
    }

    fn judge_state(&self, state: &FileState, reasons: &mut Vec<String>) {
        let kind = match state.kind {
            Kind::File => "file",
            Kind::Directory => "directory",
            Kind::Other => "something else",
        };
        let asks_content = !self.contains.is_empty()
            || !self.lacks.is_empty()
            || !self.line.is_empty()
            || self.sha256.is_some();
        if let Some(wanted) = self.kind.or(asks_content.then_some("file"))
            && wanted != kind
        {
            reasons.push(format!("it is a {kind}, not a {wanted}"));
        }
        let mode = state.mode & 0o7777;
        if let Some(wanted) = self.mode.filter(|wanted| *wanted != mode) {
            reasons.push(format!("its mode is {mode:04o}, not {wanted:04o}"));
        }
        if let Some(most) = self.mode_at_most.filter(|most| mode & !most != 0) {
            reasons.push(format!("its mode is {mode:04o}, which is more than {most:04o}"));
        }
    }

    fn judge_content(&self, content: &[u8], reasons: &mut Vec<String>) {
        let has = |text: &String| memchr::memmem::find(content, text.as_bytes()).is_some();
        let show = |text: &str| printable(text.chars().take(60).collect::<String>().as_bytes());
        reasons.extend(
            self.contains.iter().filter(|text| !has(text)).map(|text| format!("it lacks {:?}", show(text))),
        );
        reasons.extend(
            self.lacks.iter().filter(|text| has(text)).map(|text| format!("it has {:?}", show(text))),
        );
        for wanted in &self.line {
            let there = content
                .split(|byte| *byte == b'\n')
                .any(|line| line.trim_ascii() == wanted.trim().as_bytes());
            if !there {
                reasons.push(format!("it has no line {:?}", show(wanted)));
            }
        }
        if let Some(wanted) = &self.sha256 {
            let digest = Sha256::digest(content);
            let found: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            if found != *wanted {
                reasons.push("its SHA-256 is another one".to_owned());
            }
        }
    }
}
