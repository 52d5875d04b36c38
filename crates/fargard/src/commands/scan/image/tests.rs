//! Images in memory, scanned.

use fargard_image::{Image, ImageConfig};
use fargard_model::CheckStatus;
use fargard_scan::{Limits, Selection, StreamScan, custom::CustomCheck};

use super::{
    super::{custom::Asked, known::Known, report::Scan},
    ImageLimits, LayerCache, More, Pass, Seen, assess, known_check,
};

/// Ed25519, PKCS#8.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIP9nHHOWd6PqwKeAscf0NsEYtEYhZrwzYGRW1FiD6NVe\n-----END PRIVATE KEY-----\n";

/// Path, mode, content; a path that ends with `=` is a hard link to the content.
fn layer(files: &[(&str, u32, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, mode, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(*mode);
        if let Some(path) = path.strip_suffix('=') {
            header.set_entry_type(tar::EntryType::Link);
            header.set_size(0);
            archive.append_link(&mut header, path, content).unwrap();
        } else {
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, path, content.as_bytes()).unwrap();
        }
    }
    archive.into_inner().unwrap()
}

fn scan(config: &str, layers: Vec<Vec<u8>>) -> Scan {
    scan_with(config, layers, false, None)
}

fn scan_with(config: &str, layers: Vec<Vec<u8>>, inventory: bool, cache: Option<LayerCache>) -> Scan {
    scan_custom(config, layers, inventory, cache, &[])
}

fn scan_custom(
    config: &str,
    layers: Vec<Vec<u8>>,
    inventory: bool,
    cache: Option<LayerCache>,
    checks: &[CustomCheck],
) -> Scan {
    let image = Image::in_memory(ImageConfig::parse(config.as_bytes()).unwrap(), layers);
    let limits = Limits::default();
    let more = More { packages: true, inventory, secrets: true, asked: Asked::of(checks) };
    let mut pass = Pass::new(StreamScan::new(&limits, Selection::ALL), more, cache);
    let scanned = image.scan(&ImageLimits::default(), &mut pass).unwrap();
    let report = pass.report.clone();
    let mut harvested = pass.harvested();
    assert_eq!(harvested.warnings, [""; 0]);
    let found = harvested.inventory(&scanned.tree);
    let seen = Seen { name: "memory", image: &image, report: &report, scanned: &scanned };
    let mut scan = assess(&seen, harvested, checks, |_| true);
    scan.known = inventory.then(|| Known::without_feeds(found));
    scan
}

fn of(scan: &Scan, check: u32) -> (CheckStatus, Vec<String>) {
    let checked = scan.results.iter().find(|checked| checked.result.check == check).unwrap();
    let lines = checked
        .findings
        .iter()
        .map(|found| format!("{} {}: {}", found.severity, found.subject, found.reason));
    (checked.result.status, lines.collect())
}

#[test]
fn what_layers_and_configuration_hold_is_found_with_its_layer() {
    let config = r#"{"architecture":"amd64","os":"linux","config":{"User":"app",
        "Env":["PATH=/bin","DB_PASSWORD=correct-horse-battery-9"]}}"#;
    let scan = scan(
        config,
        vec![
            layer(&[
                ("etc/passwd", 0o644, "root:x:0:0::/:\napp:x:0:0::/:\n"),
                ("bin/sleep", 0o755, "#!/bin/sh\nsleep 1\n"),
                ("tmp/xmrig=", 0o755, "bin/sleep"),
                ("opt/own", 0o4755, "#!/bin/sh\n"),
                ("root/deploy", 0o600, KEY),
                ("srv/deploy", 0o600, KEY),
            ]),
            layer(&[("root/.wh.deploy", 0o644, ""), ("opt/.wh.own", 0o644, "")]),
        ],
    );
    let (status, root) = of(&scan, 41);
    assert_eq!(status, CheckStatus::Failed);
    assert!(root[0].contains("maps the user to 0"), "{root:?}");
    let (status, miners) = of(&scan, 426);
    assert_eq!(
        (status, miners),
        (CheckStatus::Failed, vec!["Critical /tmp/xmrig: named as a miner (layer 1)".to_owned()])
    );
    let (status, keys) = of(&scan, 425);
    assert_eq!((status, keys.len()), (CheckStatus::Failed, 2));
    assert!(
        keys[0].contains("/root/deploy: ")
            && keys[0].ends_with("(layer 1, hidden by a layer above, but still shipped)"),
        "{keys:?}"
    );
    assert!(keys[1].contains("/srv/deploy: ") && keys[1].ends_with("(layer 1)"), "{keys:?}");
    let (status, setuid) = of(&scan, 48);
    assert_eq!(status, CheckStatus::Passed, "{setuid:?}");
    assert!(
        setuid[0].starts_with("Notice /opt/own") && setuid[0].contains("hidden by a layer above"),
        "{setuid:?}"
    );
    assert_eq!(of(&scan, 424).0, CheckStatus::Failed);
    assert_eq!(
        (scan.files, scan.not_assessed.keys().copied().collect::<Vec<_>>()),
        (5, vec![47, 49, 410, 411, 448, 7103])
    );
}

const CONFIG: &str = r#"{"os":"linux","architecture":"amd64","config":{"User":"1000"}}"#;

fn status(packages: &str) -> Vec<u8> {
    let text: String = packages
        .split(' ')
        .map(|name| format!("Package: {name}\nStatus: install ok installed\nVersion: 1\n\n"))
        .collect();
    layer(&[("var/lib/dpkg/status", 0o644, text.as_str())])
}

fn packages(scan: &Scan) -> Vec<(String, Option<u32>)> {
    let found = &scan.known.as_ref().unwrap().inventory.packages;
    found.iter().map(|package| (package.name.clone(), package.layer)).collect()
}

#[test]
fn what_is_installed_is_what_the_uppermost_layer_says() {
    let metadata = [("app/x.dist-info/METADATA", 0o644, "Name: x\nVersion: 2\n")];
    let gone = [("app/.wh.x.dist-info", 0o644, "")];
    let scan = scan_with(CONFIG, vec![status("a b"), layer(&metadata), status("a c")], true, None);
    let expected = [("a".to_owned(), Some(3)), ("c".to_owned(), Some(3)), ("x".to_owned(), Some(2))];
    assert_eq!(packages(&scan), expected);
    let scan = scan_with(CONFIG, vec![status("a"), layer(&metadata), layer(&gone)], true, None);
    assert_eq!(packages(&scan), [("a".to_owned(), Some(1))]);
    let deleted = layer(&[("var/lib/dpkg/.wh.status", 0o644, "")]);
    let scan = scan_with(CONFIG, vec![status("a"), deleted], true, None);
    assert_eq!(packages(&scan), [("a".to_owned(), None)]);
    assert!(scan.known.unwrap().inventory.troubles[0].contains("takes the package database away"));
}

#[test]
fn a_shared_layer_is_read_once_and_judged_in_each_image() {
    let directory = tempfile::tempdir().unwrap();
    let cache = |checks: &str| Some(LayerCache::open(directory.path(), checks).unwrap());
    let base = || {
        layer(&[
            ("etc/passwd", 0o644, "root:x:0:0::/:\napp:x:1000:0::/:\n"),
            ("tmp/xmrig", 0o755, "#!/bin/sh\n"),
            ("root/deploy", 0o600, KEY),
            ("var/lib/dpkg/status", 0o644, "Package: a\nStatus: install ok installed\nVersion: 1\n"),
        ])
    };
    let hides = || layer(&[("tmp/.wh.xmrig", 0o644, ""), ("etc/passwd", 0o644, "u:x:1000:0::/:\n")]);
    let adds = || layer(&[("opt/xmrig", 0o755, "#!/bin/sh\n")]);
    let read = |scan: &Scan| -> Vec<bool> {
        scan.image.as_ref().unwrap().layers.iter().map(|layer| layer.read > 0).collect()
    };
    let first = scan_with(CONFIG, vec![base(), hides()], true, cache("all"));
    assert_eq!(read(&first), [true, true]);
    for (layers, expected) in [
        (vec![base(), hides()], vec![false, false]),
        (vec![base(), adds()], vec![false, true]),
        (vec![base(), adds(), hides()], vec![false, false, false]),
    ] {
        let again = scan_with(CONFIG, layers.clone(), true, cache("all"));
        assert_eq!(read(&again), expected);
        let fresh = scan_with(CONFIG, layers, true, None);
        for check in [41, 48, 424, 425, 426, 448, 456, 7106, 7108] {
            assert_eq!(of(&again, check), of(&fresh, check), "{check}");
        }
        assert_eq!(packages(&again), packages(&fresh));
        assert_eq!((again.files, again.bytes), (fresh.files, fresh.bytes));
    }
    assert!(of(&first, 426).1[0].contains("hidden by a layer above"));
    // Other checks ask anew, and so do layers of which what was kept is damaged.
    assert_eq!(read(&scan_with(CONFIG, vec![base()], true, cache("some"))), [true]);
}

#[test]
fn programs_are_compared_with_the_databases_of_the_merged_layers() {
    // MD5 of "#!/bin/sh\n", which all programs of the package are.
    let sums = ["tool", "other", "gone", "linked"]
        .map(|name| format!("3e2b31c72181b87149ff995e7202c0e3  bin/{name}\n"))
        .concat();
    let status = "Package: tool\nStatus: install ok installed\nArchitecture: all\n\n";
    let script = "#!/bin/sh\n";
    let program = |name: &'static str, content| (name, 0o755, content);
    let lowest = layer(&[
        ("etc/debian_version", 0o644, "12\n"),
        program("usr/bin/tool", script),
        program("usr/bin/other", script),
        program("usr/bin/gone", script),
        program("usr/bin/linked", script),
        ("var/lib/dpkg/status", 0o644, status),
        ("var/lib/dpkg/info/tool.md5sums", 0o644, &sums),
        ("var/lib/dpkg/info/tool.list", 0o644, "/bin/tool\n"),
    ]);
    let link = |path: &str, target: &str| {
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        archive.append_link(&mut header, path, target).unwrap();
        archive.into_inner().unwrap()
    };
    let config = r#"{"os":"linux","architecture":"amd64","config":{"User":"1000"}}"#;
    let clean = scan(config, vec![link("bin", "usr/bin"), lowest.clone()]);
    assert_eq!((clean.packages, clean.compared, of(&clean, 448).0), (1, 4, CheckStatus::Passed));
    let changed = layer(&[
        program("usr/bin/tool", "#!/bin/sh\nevil\n"),
        program("usr/bin/own", "\x7fELF"),
        ("usr/bin/.wh.gone", 0o644, ""),
    ]);
    let altered =
        scan(config, vec![link("bin", "usr/bin"), lowest.clone(), changed, link("usr/bin/linked", "own")]);
    let (status, found) = of(&altered, 448);
    assert_eq!(status, CheckStatus::Failed);
    assert_eq!(
        found,
        [
            "Error /usr/bin/linked: a link to own in the place of the file of package tool",
            "Error /usr/bin/tool: not as package tool brought it",
            "Notice /usr/bin/own: a program of no package, where packages' programs are",
            "Informational /usr/bin/gone: missing of package tool",
        ]
    );
    // The database of the uppermost layer counts: who writes it anew with the program is found by its time only.
    let evil = "c1a1c9a1f3fd7d4c6a2e8ad0d3d3e0b0  bin/tool\n";
    let rewritten = layer(&[("var/lib/dpkg/info/tool.md5sums", 0o644, evil)]);
    let (status, found) = of(&scan(config, vec![link("bin", "usr/bin"), lowest.clone(), rewritten]), 448);
    assert_eq!((status, found.len()), (CheckStatus::Failed, 1), "{found:?}");
    // No database, no verdict; one that a layer above removed is none.
    let removed = layer(&[("var/lib/.wh.dpkg", 0o644, "")]);
    let without = scan(config, vec![lowest, removed]);
    assert!(without.not_assessed.contains_key(&448));
}

#[test]
fn how_it_was_made_and_what_it_should_not_hold() {
    let config = r#"{"architecture":"amd64","os":"linux",
        "config":{"User":"app","ExposedPorts":{"22/tcp":{}},"Volumes":{"/etc":{}}},
        "history":[{"created_by":"/bin/sh -c #(nop) ADD file:0123 in / "},{"created_by":"RUN /bin/sh -c apt-get update # buildkit"},
            {"created_by":"ADD app.py /srv/ # buildkit"}]}"#;
    let variables = format!("DB_PASSWORD={}\n", "Zk8vTq2Lx1");
    let scan = scan(
        config,
        vec![
            layer(&[
                ("etc/passwd", 0o644, "root:x:0:0::/:\napp:x:7:7::/:\n"),
                ("etc/shadow", 0o644, "root::1::::::\n"),
                ("etc/sudoers.d/app", 0o440, "app ALL=(ALL) NOPASSWD: ALL\n"),
                ("srv/.env", 0o644, &variables),
                ("srv/.git/HEAD", 0o644, "ref\n"),
                ("usr/sbin/sshd", 0o755, "#!/bin/sh\n"),
            ]),
            layer(&[("srv/.wh..env", 0o644, "")]),
        ],
    );
    for (check, subject) in [
        (43, "/usr/sbin/sshd"),
        (47, "history step 2"),
        (49, "history step 3"),
        (56, "22/tcp"),
        (406, "the configuration"),
        (456, "/srv/.env"),
        (7003, "memory"),
        (7101, "/etc"),
        (7102, "/etc/sudoers.d/app"),
        (7106, "/etc/shadow: root"),
        (7108, "/srv/.env"),
        (7109, "/etc/shadow"),
    ] {
        let (status, found) = of(&scan, check);
        assert_eq!(status, CheckStatus::Failed, "{check}");
        assert!(found.iter().any(|line| line.contains(subject)), "{check}: {found:?}");
    }
    for check in [41, 410, 411, 7103, 7104, 7107] {
        assert_eq!(of(&scan, check).0, CheckStatus::Passed, "{check}");
    }
    let (_, secrets) = of(&scan, 456);
    assert!(secrets[0].contains("line 1") && secrets[0].contains("hidden by a layer above"), "{secrets:?}");
}

#[test]
fn checks_of_users_are_made_of_images() {
    let checks = fargard_scan::custom::read(
        "checks:\n- {id: 9001, title: a, severity: high, all: [{file: /bin/app, mode: 0755, owner: app, contains: hello}]}\n\
         - {id: 9002, title: b, severity: high, all: [{file: /bin/app, lacks: hello}, {environment: A}]}\n\
         - {id: 9003, title: c, severity: high, all: [{process: app}]}\n\
         - {id: 9004, title: d, severity: high, script: exit 0}\n",
    )
    .unwrap();
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    let mut links = tar::Builder::new(Vec::new());
    links.append_link(&mut link, "bin", "usr/bin").unwrap();
    let scan = scan_custom(
        r#"{"os":"linux","architecture":"amd64","config":{"Env":["A=1"]}}"#,
        vec![
            layer(&[("etc/passwd", 0o644, "app:x:0:0::/:\n"), ("usr/bin/app", 0o755, "hello")]),
            links.into_inner().unwrap(),
        ],
        false,
        None,
        &checks,
    );
    assert_eq!(of(&scan, 9001).0, CheckStatus::Passed, "{:?}", of(&scan, 9001));
    assert_eq!(of(&scan, 9002).0, CheckStatus::Failed);
    assert!(scan.not_assessed[&9003].contains("not run: there are no processes here"));
    assert!(scan.not_assessed[&9004].contains("nothing of an image is run"));
}

#[test]
fn what_cannot_be_read_is_no_pass() {
    let mut cut = layer(&[("bin/a", 0o755, "#!/bin/sh\n"), ("bin/b", 0o755, "#!/bin/sh\n")]);
    cut.truncate(1030);
    let scan = scan(r#"{"os":"linux","architecture":"amd64","config":{"User":"1000"}}"#, vec![cut]);
    for check in [41, 48, 425, 426] {
        assert_eq!(of(&scan, check).0, CheckStatus::Error, "{check}");
    }
    assert_eq!(of(&scan, 424).0, CheckStatus::Passed);
    assert!(scan.image.unwrap().layers[0].problem.as_ref().unwrap().contains("it ends within a header"));
}

#[test]
fn unknown_checks_are_refused_with_the_known_ones() {
    assert_eq!(known_check("426"), Ok(426));
    assert!(known_check("449").unwrap_err().contains("use one of 41, 48, 56, 424, 425, 426, 448, 7003, 47"));
}
