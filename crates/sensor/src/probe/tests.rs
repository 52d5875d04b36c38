use super::{Answer, Fact, Probe};

fn fact(id: &'static str, answer: Answer, detail: &str) -> Fact {
    let what = if id.starts_with("pidfd") { id } else { String::leak(format!("whether {id}")) };
    Fact { id, what, answer, detail: detail.to_owned() }
}

/// As on Fargate without SYS_PTRACE.
fn fargate() -> Vec<Fact> {
    let yes = |id| fact(id, Answer::Yes, "");
    vec![
        fact("kernel", Answer::Is, "5.10.230"),
        yes("seccomp_notify"),
        yes("seccomp_trace"),
        yes("listener"),
        fact("wait_killable_recv", Answer::No, "EINVAL"),
        yes("addfd"),
        yes("tsync_esrch"),
        fact("cap_effective", Answer::Is, "CHOWN KILL NET_RAW"),
        fact("pidfd_getfd", Answer::No, "EPERM"),
        yes("pidfd_send_signal"),
        fact("vm_readv", Answer::No, ""),
        yes("proc_mem"),
        yes("ptrace_child"),
        fact("ptrace_first", Answer::No, "EPERM"),
        yes("lease_own"),
        yes("lease_root"),
        yes("inotify"),
        yes("packet"),
        yes("sock_diag"),
        fact("setuid", Answer::Is, "7"),
    ]
}

#[test]
fn the_report_of_a_small_container_reads_as_this() {
    insta::assert_snapshot!(Probe::of(fargate()));
}

#[test]
fn where_nothing_is_allowed_the_report_says_so() {
    let mut facts = fargate();
    for fact in facts.iter_mut().filter(|fact| fact.answer == Answer::Yes) {
        fact.answer = Answer::No;
        fact.detail = "EPERM".to_owned();
    }
    insta::assert_snapshot!(Probe::of(facts));
}

#[test]
fn the_machine_at_hand_can_be_asked() {
    let probe = Probe::run();
    let find = |id: &str| probe.facts.iter().find(|fact| fact.id == id).unwrap();
    assert_eq!(find("kernel").detail, rustix::system::uname().release().to_string_lossy());
    assert_eq!(find("proc_mem").answer, Answer::Yes);
    assert_eq!(find("ptrace_child").answer, Answer::Yes);
    let ids: std::collections::BTreeSet<_> = probe.facts.iter().map(|fact| fact.id).collect();
    assert_eq!(ids.len(), probe.facts.len());
    let json = serde_json::to_value(&probe).unwrap();
    assert_eq!(json["works"][0]["part"], "backend");
    assert!(json["facts"].as_array().unwrap().iter().any(|fact| fact["answer"] == "yes"));
}
