//! Check 424 on the variables and arguments of processes. The same variable is in the environment of every descendant, so each
//! is judged once.

use std::{
    collections::HashSet,
    hash::{BuildHasher as _, RandomState},
    path::Path,
};

use fargard_model::bounded;
use fargard_scan::{CHECK_424, Finding, secrets};

use crate::config::VARIABLES;

/// Longest environment read; the kernel's own bound of all arguments and variables is mostly 2 MiB.
const MAX_ENVIRONMENT: usize = 2 << 20;
/// Most variables that are remembered as judged; then all are forgotten.
const MAX_JUDGED: usize = 8192;
/// Most findings of one process.
const MAX_FOUND: usize = 64;

/// Judges variables, each once.
#[derive(Debug, Default)]
pub(super) struct Environments {
    /// Hashes of variables that were judged, under a key of this process's own.
    judged: HashSet<u64>,
    state: RandomState,
}

impl Environments {
    /// What a living process was started with.
    pub(super) fn of_process(&mut self, pid: u32) -> Vec<(u32, Finding)> {
        let path = Path::new("/proc").join(pid.to_string()).join("environ");
        let Ok(bytes) = bounded::read(&path, MAX_ENVIRONMENT) else { return Vec::new() };
        let variables =
            bytes.split(|byte| *byte == 0).filter_map(|variable| std::str::from_utf8(variable).ok());
        self.judge(variables)
    }

    /// `NAME=value` each. The sensor's own variables are not the app's.
    pub(super) fn judge<'a>(&mut self, variables: impl Iterator<Item = &'a str>) -> Vec<(u32, Finding)> {
        let fresh = variables.filter(|variable| !variable.starts_with(VARIABLES) && self.is_fresh(variable));
        let found = secrets::environment(fresh).into_iter().filter(Finding::fails);
        found.take(MAX_FOUND).map(|found| (CHECK_424.number, found)).collect()
    }

    /// The arguments of a program.
    pub(super) fn judge_words(&mut self, program: &str, args: &[String]) -> Vec<(u32, Finding)> {
        if args.is_empty() || !self.is_fresh(args) {
            return Vec::new();
        }
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        let found = secrets::command(&words).into_iter().map(|secret| Finding {
            subject: format!("the arguments of {}", fargard_model::foreign::printable(program.as_bytes())),
            class: secret.class,
            reason: secret.reason,
            severity: secret.severity,
        });
        found.filter(Finding::fails).take(MAX_FOUND).map(|found| (CHECK_424.number, found)).collect()
    }

    fn is_fresh<T: std::hash::Hash + ?Sized>(&mut self, what: &T) -> bool {
        if self.judged.len() >= MAX_JUDGED {
            self.judged.clear();
        }
        self.judged.insert(self.state.hash_one(what))
    }
}

#[cfg(test)]
mod tests {
    use super::Environments;

    #[test]
    fn a_variable_is_judged_once_and_its_value_is_not_shown() {
        let mut environments = Environments::default();
        let variables = ["PATH=/bin", "DB_PASSWORD=Zk8vTq2Lw9pX", "FARGARD_TOKEN=Zk8vTq2Lw9pX"];
        let found = environments.judge(variables.into_iter());
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].0, found[0].1.subject.as_str()), (424, "DB_PASSWORD"));
        assert!(!found[0].1.reason.contains("Zk8vTq"), "{}", found[0].1.reason);
        assert!(environments.judge(variables.into_iter()).is_empty());
        assert_eq!(environments.judge(["DB_PASSWORD=other9Lw2qTv8kZ"].into_iter()).len(), 1);
    }

    #[test]
    fn arguments_with_a_secret() {
        let mut environments = Environments::default();
        let args = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let found = environments.judge_words("mysql", &args("-u root --password=Zk8vTq2Lw9pX"));
        assert_eq!(found[0].1.subject, "the arguments of mysql");
        assert!(environments.judge_words("mysql", &args("-u root --password=Zk8vTq2Lw9pX")).is_empty());
        assert!(environments.judge_words("ls", &args("-l /tmp")).is_empty());
    }
}
