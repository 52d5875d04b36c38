//! Compliance checks of a running container: real commands under the whole sensor, what they do and how soon it is told.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, its helpers too")]

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use fargard_model::{Batch, CheckResult, CheckStatus, Record, bounded};

/// Ed25519, PKCS#8.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIP9nHHOWd6PqwKeAscf0NsEYtEYhZrwzYGRW1FiD6NVe\n-----END PRIVATE KEY-----\n";

/// Soon enough, by the clock of the machine: from the call to the result.
const SOON: u64 = 5_000_000_000;

/// Every result in the batches of a spool, by check.
fn results(spool: &Path) -> BTreeMap<u32, Vec<CheckResult>> {
    let mut found: BTreeMap<u32, Vec<CheckResult>> = BTreeMap::new();
    let producers = fs::read_dir(spool).into_iter().flatten().flatten();
    let files = producers.flat_map(|producer| fs::read_dir(producer.path()).into_iter().flatten().flatten());
    let mut paths: Vec<_> = files.map(|file| file.path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "zst")) {
        let Ok(bytes) = bounded::read(path, 2 << 20) else { continue };
        let Ok(lines) = zstd::decode_all(&bytes[..]) else { continue };
        let Ok(batch) = Batch::from_lines(&lines) else { continue };
        for record in batch.records {
            if let Record::CheckResult(result) = record {
                found.entry(result.check).or_default().push(*result);
            }
        }
    }
    found
}

/// Waits for something that another process does.
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "waited too long for {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

struct Ran {
    child: Child,
    _directory: tempfile::TempDir,
}

impl Ran {
    /// A command under the sensor in mounts of its own, after `before` was done there.
    fn start(before: &str, variables: &[(&str, &Path)], script: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let rules = directory.path().join("rules.yaml");
        fs::write(&rules, "- rule: R\n  desc: d\n  priority: INFO\n  condition: evt.type=execve and proc.name=none\n  output: x\n")
            .unwrap();
        let child = Command::new("unshare")
            .args(["-m", "sh", "-ec", &format!("{before}\nexec \"$0\" run --stay -- sh -c \"$1\"")])
            .args([env!("CARGO_BIN_EXE_fargard-sensor"), script])
            .env("FARGARD_RULES", &rules)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, _directory: directory }
    }

    /// Lets the command end, which waits for a line of input.
    fn finish(mut self) -> String {
        drop(self.child.stdin.take());
        let output = self.child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        said
    }
}

fn can_mount() -> bool {
    let works = Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|status| status.success());
    if !works {
        println!("skipped: this user may not make mounts of its own");
    }
    works
}

#[test]
fn what_is_done_appears_within_five_seconds_with_who_did_it() {
    if !can_mount() || !Path::new("/var/lib/dpkg/info/coreutils.md5sums").exists() {
        println!("skipped: this is no Debian");
        return;
    }
    let (place, spool) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let at = |name: &str| place.path().join(name).display().to_string();
    fs::write(at("prepared"), KEY).unwrap();
    fs::copy("/usr/bin/tac", at("tac")).unwrap();
    fs::copy("/bin/true", at("true")).unwrap();
    let before = format!("mount --bind {} /usr/bin/tac", at("tac"));
    let script = "cd $PLACE; export PLACE
        cp prepared deployed.bin
        printf x >> /bin/tac
        cp /bin/sleep xmrig; ./xmrig 1000 & miner=$!
        DB_PASSWORD=Zk8vTq2Lw9pXaB sleep 1000 & secret=$!
        chmod 4755 true
        read line; kill $miner $secret";
    let ran = Ran::start(&before, &[("FARGARD_SPOOL_DIR", spool.path()), ("PLACE", place.path())], script);
    let expected = [
        (425, at("deployed.bin"), "cp"),
        (426, at("xmrig"), "cp"),
        (448, "/usr/bin/tac".to_owned(), "sh"),
        (424, "DB_PASSWORD".to_owned(), "sleep"),
        (48, at("true"), "chmod"),
    ];
    for (check, subject, process) in expected {
        let result = wait_for(&subject, || {
            let all = results(spool.path()).remove(&check).unwrap_or_default();
            all.into_iter().find(|result| result.found.iter().any(|found| found.subject == subject))
        });
        assert_eq!(result.status, CheckStatus::Failed);
        let found = result.found.iter().find(|found| found.subject == subject).unwrap();
        let by = found.by.as_ref().unwrap();
        assert_eq!(by.name, process, "{found:?}");
        let took = result.time.0 - by.time.0;
        println!("{check} {subject}: {} ms after the call of {} ({})", took / 1_000_000, by.name, by.pid);
        assert!(took < SOON, "{check} took {took} ns");
        assert!(!result.cause.contains("Zk8vTq"), "{}", result.cause);
        assert!(!result.container.id.is_empty() && !result.task.arn.is_empty());
    }
    ran.finish();
}

/// A root file system of its own with some of this machine's packages, so that the first scan is short.
fn small_root(root: &Path) {
    let script = "cd \"$0\"
        for top in bin sbin lib lib64; do if [ -L /$top ]; then cp -P /$top $top; else mkdir -p $top; fi; done
        mkdir -p usr/bin usr/sbin usr/lib usr/lib64 var/lib/dpkg/info tmp etc proc sys dev spool
        for package in coreutils dash grep libc6 libgcc-s1 libselinux1 libacl1 libattr1 libpcre2-8-0 libgmp10 libssl3 libssl3t64; do
          for list in /var/lib/dpkg/info/$package.list /var/lib/dpkg/info/$package:*.list; do
            [ -e \"$list\" ] || continue
            dpkg-query -s $package; echo
            while read -r path; do
              if [ -d \"$path\" ]; then [ -L \"$path\" ] || mkdir -p .\"$path\"
              elif [ -e \"$path\" ] || [ -L \"$path\" ]; then mkdir -p .\"$(dirname \"$path\")\"; cp -Pp \"$path\" .\"$path\"
              fi
            done < \"$list\"
            stem=${list%.list}
            cp -p $stem.* var/lib/dpkg/info/
          done
        done > var/lib/dpkg/status";
    let made = Command::new("sh").args(["-ec", script]).arg(root).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[test]
fn the_first_scan_tells_what_was_there_before_and_passes_what_is_clean() {
    if !can_mount() || !Path::new("/var/lib/dpkg/info/coreutils.md5sums").exists() {
        println!("skipped: this is no Debian");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    small_root(root);
    fs::copy(env!("CARGO_BIN_EXE_fargard-sensor"), root.join("sensor")).unwrap();
    let mut program = bounded::read(&root.join("usr/bin/sort"), 1 << 24).unwrap();
    *program.last_mut().unwrap() ^= 1;
    fs::write(root.join("usr/bin/sort"), program).unwrap();
    fs::write(root.join("etc/server.pem"), KEY).unwrap();
    let before = format!(
        "cd {0}; mount --bind {0} {0}; mount -t proc proc {0}/proc; export FARGARD_CHECKS=all FARGARD_CHECKS_CPU=off \
         FARGARD_SPOOL_DIR=/spool API_TOKEN=Zk8vTq2Lw9pXaB; unset FARGARD_RULES",
        root.display()
    );
    let mut child = Command::new("unshare")
        .args([
            "-m",
            "sh",
            "-ec",
            &format!(
                "{before}; exec chroot {} /sensor run --stay -- sh -c 'read line; true'",
                root.display()
            ),
        ])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let all = wait_for("the first scan", || {
        let all = results(&root.join("spool"));
        all.contains_key(&448).then_some(all)
    });
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let state = |check: u32| {
        let result = all[&check].last().unwrap();
        (result.status, result.subjects.clone())
    };
    let failed = |subject: &str| (CheckStatus::Failed, vec![subject.to_owned()]);
    assert_eq!(state(448), failed("/usr/bin/sort"), "{:?}", all[&448]);
    assert_eq!(state(425), failed("/etc/server.pem"));
    assert_eq!(state(426), (CheckStatus::Passed, vec![]));
    assert_eq!(state(48), (CheckStatus::Passed, vec![]));
    assert!(state(424).1.contains(&"API_TOKEN".to_owned()), "{:?}", all[&424]);
    let user = rustix::process::geteuid();
    assert_eq!(state(41).0 == CheckStatus::Failed, user.is_root());
    // Nobody was seen doing it.
    assert!(all[&448].iter().flat_map(|result| &result.found).all(|found| found.by.is_none()));
}
