//! An action for each default rule.

use std::collections::BTreeSet;

use super::stage::{Action, check, fires, names_in};
use crate::support::repository;

const ACTIONS: &[Action] = &[
    fires(
        "Write below binary dir",
        "echo x > /usr/bin/planted; mkdir /usr/bin/place; ln -s /opt /usr/sbin/opt",
    ),
    fires("Modify binary dirs", "mv /usr/bin/planted /usr/bin/renamed; rm /usr/bin/renamed"),
    fires("Crypto miner executed", "/opt/xmrig; /bin/actor nothing -o stratum+tcp://pool.example:3333"),
    fires("Execute file that was not in the image", "cp /bin/actor /tmp/dropped; /tmp/dropped"),
    fires("Fileless execution from memory", "actor memory x"),
    fires("Execution from shared memory", "echo true > /dev/shm/script; /bin/sh /dev/shm/script"),
    fires("Execution from shared memory", "cp /bin/actor /dev/shm/tool; /dev/shm/tool")
        .also(&["Execute file that was not in the image"]),
    fires("Reverse shell", "actor hold input-from 127.0.0.1 $PORT"),
    fires("Contact credentials endpoint", "curl udp 169.254.170.2 80"),
    fires("Package manager run", "apt-get install nmap"),
    fires("Log removed or cleared", "rm /var/log/auth.log; echo > /root/.bash_history"),
    fires("Set setuid or setgid bit", "chmod u+s /opt"),
    fires("Trace or change another process", "actor attach"),
    fires("Write below etc", "echo 'x:x:0:0::/:/bin/sh' >> /etc/passwd"),
    fires("Link to sensitive file made", "ln -s /etc/shadow /tmp/soft; ln /etc/sudoers /tmp/hard"),
    fires("Netcat-like tool run", "/bin/nc 127.0.0.1 1 < /dev/null"),
    fires("Shell spawned by a server", "nginx run sh -c true"),
    fires("Unexpected program listens", "cp /bin/actor /tmp/backdoor; /tmp/backdoor hold listen")
        .also(&["Execute file that was not in the image"]),
    fires("Mount or namespace change attempted", "mount -t tmpfs x /mnt"),
    fires("Kernel interface probed", "actor faults"),
    fires("SSH key or authorized keys written", "echo key >> /root/.ssh/authorized_keys"),
    fires("Search for secrets", "/bin/find /root -name id_rsa; /bin/grep -r 'BEGIN RSA PRIVATE' /opt"),
    fires("Terminal shell in container", "actor terminal sh -c true"),
    fires("Credential file read", "cat /etc/shadow; cat /root/.aws/credentials"),
    fires("Environment of another process read", "cat /proc/1/environ").needs_every_read(),
];

#[test]
fn each_default_rule_is_fired_by_a_real_action_and_by_no_other() {
    let files =
        ["fargard_rules.yaml", "fargard_rules_read.yaml"].map(|name| repository().join("rules").join(name));
    let defined: BTreeSet<String> = files.iter().flat_map(|file| names_in(file)).collect();
    let tested: BTreeSet<String> = ACTIONS.iter().map(|action| action.rule.to_owned()).collect();
    assert_eq!(tested, defined, "each default rule has an action");
    // Somebody to connect to; nobody has to answer.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port().to_string();
    check(&files, &ACTIONS.iter().collect::<Vec<_>>(), |script| script.replace("$PORT", &port));
}
