//! The image of the containers in which actions are performed: busybox, the actor under many names, and the files
//! that attackers look for. Everything in it is older than the container, so only what an action makes is new.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

/// Commands of busybox that actions use.
const APPLETS: &[&str] =
    &["sh", "cat", "chmod", "cp", "echo", "find", "grep", "ln", "mkdir", "mount", "mv", "nc", "rm", "touch"];

/// What the actor is called where the name of a program decides.
const NAMES: &[&str] = &[
    "usr/sbin/nginx",
    "usr/sbin/httpd",
    "usr/bin/apt-get",
    "usr/bin/curl",
    "usr/bin/ssh",
    "usr/bin/shred",
    "usr/bin/runc",
    "usr/sbin/debugfs",
    "usr/bin/login",
    "opt/xmrig",
    "bin/marker",
];

const FILES: &[(&str, &str)] = &[
    ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\n"),
    ("etc/group", "root:x:0:\ndaemon:x:1:\n"),
    ("etc/shadow", "root:*:19000:0:99999:7:::\n"),
    ("etc/sudoers", "root ALL=(ALL) ALL\n"),
    ("root/.ssh/id_rsa", "not a key\n"),
    ("root/.aws/credentials", "[default]\n"),
    ("root/.bash_history", "ls\n"),
    ("var/log/auth.log", "a line\n"),
    ("var/log/syslog", "a line\n"),
];

/// The compiled actor; `None`, said visibly, where there is no compiler.
pub(crate) fn actor(directory: &Path) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/actions/actor.c");
    let program = directory.join("actor");
    let mut gcc = Command::new("gcc");
    let made = gcc.args(["-static", "-O1", "-o"]).arg(&program).arg(source).status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: gcc cannot make a static program here");
        return None;
    }
    Some(program)
}

/// Makes the image's root directory; `None`, said visibly, where something for it is missing.
pub(crate) fn make(directory: &Path) -> Option<PathBuf> {
    let busybox = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| Path::new(path).exists());
    let Some(busybox) = busybox else {
        eprintln!("skipped: no busybox (package busybox-static)");
        return None;
    };
    let actor = actor(directory)?;
    let root = directory.join("root");
    for name in
        ["bin", "etc", "opt", "root/.ssh", "root/.aws", "tmp", "usr/bin", "usr/sbin", "var/log", "mnt"]
    {
        fs::create_dir_all(root.join(name)).expect("a directory");
    }
    fs::copy(busybox, root.join("bin/busybox")).expect("busybox can be copied");
    fs::copy(actor, root.join("bin/actor")).expect("the actor can be copied");
    for applet in APPLETS {
        symlink("busybox", root.join("bin").join(applet)).expect("a link");
    }
    for name in NAMES {
        symlink("/bin/actor", root.join(name)).expect("a link");
    }
    for (name, content) in FILES {
        fs::write(root.join(name), content).expect("a file");
    }
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777)).expect("a mode");
    Some(root)
}
