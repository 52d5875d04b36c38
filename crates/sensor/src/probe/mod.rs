//! What the kernel and the container allow, for people who want to know before they rely on it, and for pasting into
//! a report. Nothing is changed by asking: what could have an effect is tried in a process that ends at once.

mod calls;
mod container;
mod files;
mod kernel;
mod text;
mod verdict;

use std::path::Path;

use fargard_model::bounded;
use serde::Serialize;

pub use verdict::Verdict;

/// Most bytes of a file in `/proc` that are read.
const MAX_FILE: usize = 64 << 10;

/// Restriction of tracing by the Yama module, 0 where there is none.
pub(crate) fn yama_scope() -> u32 {
    read("/proc/sys/kernel/yama/ptrace_scope").and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

fn read(path: &str) -> Option<String> {
    bounded::read_to_string(Path::new(path), MAX_FILE).ok()
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is there, or allowed.
    Yes,
    /// It is not.
    No,
    /// No question of yes or no; the detail says it.
    Is,
}

/// One thing that was found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// For programs: `wait_killable_recv`.
    pub id: &'static str,
    /// What it is.
    pub what: &'static str,
    /// Whether it is so.
    pub answer: Answer,
    /// Why, or what.
    pub detail: String,
}

/// What was found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// Each by itself.
    pub facts: Vec<Fact>,
    /// What will work here.
    pub works: Vec<Verdict>,
}

impl Probe {
    /// Asks the kernel and looks at the container; changes nothing. The process must have a single thread.
    #[must_use]
    pub fn run() -> Self {
        let mut facts = Facts::default();
        kernel::ask(&mut facts);
        calls::ask(&mut facts);
        container::ask(&mut facts);
        files::ask(&mut facts);
        Self::of(facts.0)
    }

    fn of(facts: Vec<Fact>) -> Self {
        let works = verdict::verdicts(&facts);
        Self { facts, works }
    }
}

/// What is being found out.
#[derive(Debug, Default)]
struct Facts(Vec<Fact>);

impl Facts {
    fn is(&mut self, id: &'static str, what: &'static str, detail: impl Into<String>) {
        self.0.push(Fact { id, what, answer: Answer::Is, detail: detail.into() });
    }

    fn whether(&mut self, id: &'static str, what: &'static str, yes: bool, detail: impl Into<String>) {
        let answer = if yes { Answer::Yes } else { Answer::No };
        self.0.push(Fact { id, what, answer, detail: detail.into() });
    }

    /// From an error number, 0 for success.
    fn result(&mut self, id: &'static str, what: &'static str, answer: std::io::Result<i32>) {
        match answer {
            Ok(0) => self.whether(id, what, true, ""),
            Ok(error) => self.whether(id, what, false, errno(error)),
            Err(error) => self.whether(id, what, false, format!("could not be asked: {error}")),
        }
    }
}

/// An error's name and meaning.
fn errno(number: i32) -> String {
    let name = match number {
        libc::EPERM => "EPERM",
        libc::ENOENT => "ENOENT",
        libc::ESRCH => "ESRCH",
        libc::EACCES => "EACCES",
        libc::EAGAIN => "EAGAIN",
        libc::EBUSY => "EBUSY",
        libc::EINVAL => "EINVAL",
        libc::ENOSYS => "ENOSYS",
        libc::EROFS => "EROFS",
        libc::EFAULT => "EFAULT",
        libc::EAFNOSUPPORT => "EAFNOSUPPORT",
        libc::EPROTONOSUPPORT => "EPROTONOSUPPORT",
        _ => return std::io::Error::from_raw_os_error(number).to_string(),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests;
