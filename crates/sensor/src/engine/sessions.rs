//! By which way a process came into its container: as its program, through ECS Exec, as a health check.
//!
//! What came from outside has no parent in the namespace. ECS puts the SSM agent's programs into a directory of their
//! own in the container (`/ecs-execute-command-ID/` on EC2, `/managed-agents/execute-command/` on Fargate) and starts
//! `amazon-ssm-agent` there; a session is a process `ssm-session-worker` that is given the session's id.

use fargard_model::{Process, Session};

const AGENT_DIRECTORIES: [&str; 2] = ["/ecs-execute-command-", "/managed-agents/execute-command/"];
const SESSION_WORKER: &str = "ssm-session-worker";
/// How ids of sessions begin.
const SESSION_ID: &str = "ecs-execute-command-";
const MAX_ID: usize = 128;

/// The kind of a process that came from outside. `is_entry`: it is the container's program.
pub(super) fn of_root(process: &Process, is_entry: bool) -> Session {
    if is_entry {
        Session::Entrypoint
    } else if is_agents(process) {
        Session::Exec
    } else {
        Session::HealthCheck
    }
}

/// Corrects what a process has from its parent, or from before it executed a program.
pub(super) fn correct(process: &mut Process) {
    // A container runtime's process becomes the agent by executing it.
    if process.ppid == 0 && process.session == Some(Session::HealthCheck) && is_agents(process) {
        process.session = Some(Session::Exec);
    }
    if process.session != Some(Session::Exec) || !process.exepath.ends_with(SESSION_WORKER) {
        return;
    }
    if let Some(id) = process.args.iter().find(|arg| is_id(arg)) {
        process.exec_session.clone_from(id);
    }
}

fn is_agents(process: &Process) -> bool {
    AGENT_DIRECTORIES.iter().any(|directory| process.exepath.starts_with(directory))
}

fn is_id(text: &str) -> bool {
    text.strip_prefix(SESSION_ID).is_some_and(|rest| !rest.is_empty())
        && text.len() <= MAX_ID
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use fargard_model::{Process, Session};

    use super::{correct, of_root};

    fn process(exepath: &str, args: &[&str], session: Option<Session>) -> Process {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        Process { exepath: exepath.to_owned(), args, session, ..Process::default() }
    }

    #[test]
    fn roots_are_told_apart() {
        let agent = process("/ecs-execute-command-0a1b/amazon-ssm-agent", &[], None);
        let managed = process("/managed-agents/execute-command/amazon-ssm-agent", &[], None);
        let other = process("/bin/curl", &["localhost"], None);
        let kinds = [&agent, &managed, &other].map(|process| of_root(process, false));
        assert_eq!(kinds, [Session::Exec, Session::Exec, Session::HealthCheck]);
        assert_eq!(of_root(&agent, true), Session::Entrypoint, "whatever the program calls itself");
    }

    #[test]
    fn a_session_has_its_id_from_the_worker() {
        let path = "/ecs-execute-command-0a1b/ssm-session-worker";
        let args = ["ecs-execute-command-0f913e47ae801aeb4"];
        let mut worker = process(path, &args, Some(Session::Exec));
        correct(&mut worker);
        assert_eq!(worker.exec_session, args[0]);
        for mut other in [
            // The app's processes cannot pretend.
            process(path, &args, Some(Session::Entrypoint)),
            process(path, &["ecs-execute-command-"], Some(Session::Exec)),
            process(path, &["ecs-execute-command-x y"], Some(Session::Exec)),
            process("/bin/sh", &args, Some(Session::Exec)),
        ] {
            correct(&mut other);
            assert_eq!(other.exec_session, "");
        }
    }

    #[test]
    fn a_runtimes_process_becomes_the_agent() {
        let mut root =
            process("/managed-agents/execute-command/amazon-ssm-agent", &[], Some(Session::HealthCheck));
        correct(&mut root);
        assert_eq!(root.session, Some(Session::Exec));
    }
}
