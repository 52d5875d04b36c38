//! `fargard scan image`: checks of an image before it is deployed.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode, time::Duration};

use fargard_image::{
    Image, LayerState, Limits as ImageLimits, Platform, Reference, ScanReport, Scanned, Source,
};
use fargard_model::{Container, Task, Timestamp};
use fargard_scan::{
    CHECK_41, CHECK_48, CHECK_424, CHECK_425, CHECK_426, CHECK_448, CheckInfo, Finding, ImageOutcome, Limits,
    Selection, StreamScan, Target, WalkReport, secrets, users,
};

use super::{
    give_out::{OutputArgs, give_out},
    image_pass::{Harvested, Pass},
    known::KnownArgs,
    layer_cache::{self, LayerCache},
    report::{Checked, OfImage, OfLayer, Scan},
};
use crate::{commands::registry::RegistryArgs, failure::BadInput};

/// Checks of an image.
const OF_IMAGE: [&CheckInfo; 6] = [&CHECK_41, &CHECK_48, &CHECK_424, &CHECK_425, &CHECK_426, &CHECK_448];

/// Arguments of `fargard scan image`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Nothing is unpacked to disk: layers are read as a stream, once.\n\n\
    Examples:\n  fargard scan image nginx:1.27\n  fargard scan image docker-archive:app.tar --fail-on critical\n  \
    fargard scan image oci:layout:latest --platform linux/arm64 --format json\n\n\
    Exit codes: 0 passed, 1 failed, 2 usage or bad input, 3 not everything could be checked.")]
pub(super) struct ImageArgs {
    /// A reference, or docker-archive:FILE[:NAME] or oci:DIR[:NAME]
    image: String,
    /// Which of the image's platforms
    #[arg(long, value_name = "OS/ARCHITECTURE", default_value = "linux/amd64")]
    platform: Platform,
    /// Only these checks, by number
    #[arg(long, value_name = "NUMBER", value_parser = known_check)]
    check: Vec<u32>,
    /// Stop after this many seconds; what was not seen then counts as not checked
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
    /// Where to keep what layers gave, so that a layer is read once (default: fargard/layers in the user's cache directory)
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Keep nothing, and read every layer
    #[arg(long, conflicts_with = "cache")]
    no_cache: bool,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    known: KnownArgs,
}

fn known_check(text: &str) -> Result<u32, String> {
    let known = |number: &u32| OF_IMAGE.iter().any(|check| check.number == *number);
    text.parse().ok().filter(known).ok_or_else(|| {
        let numbers: Vec<String> = OF_IMAGE.iter().map(|check| check.number.to_string()).collect();
        format!("there is no check {text:?} for images; use one of {}", numbers.join(", "))
    })
}

pub(super) fn run(args: &ImageArgs) -> anyhow::Result<ExitCode> {
    let image = open(args)?;
    let is_wanted = |check: &CheckInfo| args.check.is_empty() || args.check.contains(&check.number);
    let time = Duration::from_secs(args.timeout);
    let limits = Limits { time, ..Limits::default() };
    let selection = Selection {
        setuid: is_wanted(&CHECK_48),
        keys: is_wanted(&CHECK_425),
        miners: is_wanted(&CHECK_426),
        packages: false,
    };
    let inventory = args.known.is_wanted() || args.output.format.is_bill();
    let packages = is_wanted(&CHECK_448);
    let cache = cache(args, &format!("{selection:?} {packages} {inventory} {limits:?}"))?;
    let mut pass = Pass::new(StreamScan::new(&limits, selection), packages, inventory, cache);
    let scanned = image
        .scan(&ImageLimits { time, ..ImageLimits::default() }, &mut pass)
        .map_err(|error| BadInput::because(error.to_string()))?;
    let report = pass.report.clone();
    let mut harvested = pass.harvested();
    warn(&harvested.warnings);
    let known = if inventory {
        let mut found = harvested.inventory(&scanned.tree);
        found.troubles.extend(scanned.report.incomplete());
        Some(args.known.judge(found)?)
    } else {
        None
    };
    let mut scan = assess(&args.image, &image, &report, harvested, &scanned, is_wanted);
    scan.known = known;
    give_out(&scan, &args.output)
}

/// The cache of layers, unless it is not wanted or has no place.
fn cache(args: &ImageArgs, context: &str) -> anyhow::Result<Option<LayerCache>> {
    let named = args.cache.clone();
    let Some(directory) = named.or_else(layer_cache::default_directory).filter(|_| !args.no_cache) else {
        return Ok(None);
    };
    match LayerCache::open(&directory, context) {
        Ok(cache) => Ok(Some(cache)),
        // The default place is a convenience: a user without a home has none.
        Err(_) if args.cache.is_none() => Ok(None),
        Err(error) => Err(BadInput::because(format!(
            "cannot use the cache {}: {error}; name a directory you can write, or give --no-cache",
            directory.display()
        ))
        .into()),
    }
}

/// Says what of the cache could not be used.
#[expect(clippy::print_stderr, reason = "results go to standard output")]
fn warn(warnings: &[String]) {
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
}

/// What begins as a source is one, everything else a reference.
fn open(args: &ImageArgs) -> Result<Image, BadInput> {
    let bad = |error: &dyn ToString| BadInput::because(error.to_string());
    let found = match args.image.parse::<Source>() {
        Ok(source) => source.open(None, &args.platform),
        Err(_) => {
            let reference: Reference = args.image.parse().map_err(|error| bad(&error))?;
            let registry = args.registry.open().map_err(|error| bad(&error))?;
            registry.open(&reference, &args.platform)
        }
    };
    found.map_err(|error| bad(&error))
}

/// Results out of what was found.
fn assess(
    name: &str,
    image: &Image,
    report: &WalkReport,
    harvested: Harvested,
    scanned: &Scanned,
    is_wanted: impl Fn(&CheckInfo) -> bool,
) -> Scan {
    let (files, bytes) = (report.files, report.bytes);
    let incomplete = scanned.report.incomplete().or(harvested.overflow());
    let run = &image.config.config;
    let root = users::root(&run.user, harvested.passwd(&scanned.tree));
    let mut packages = if is_wanted(&CHECK_448) {
        harvested.compare(&scanned.tree, incomplete.is_none())
    } else {
        ImageOutcome::default()
    };
    let has_packages = !packages.databases.is_empty();
    let troubles = packages.troubles.first().cloned();
    let mut findings = harvested.findings(&scanned.tree);
    findings.insert(CHECK_448.number, std::mem::take(&mut packages.findings));
    findings.insert(CHECK_41.number, root.into_iter().collect());
    findings.insert(CHECK_424.number, secrets::environment(run.env.iter().map(String::as_str)));
    let is_made = |check: &CheckInfo| is_wanted(check) && (check.number != CHECK_448.number || has_packages);
    let results = OF_IMAGE.into_iter().filter(|check| is_made(check)).map(|check| {
        let found: Vec<Finding> = findings.remove(&check.number).unwrap_or_default();
        let target = Target {
            id: format!("scan-check-{}", check.number),
            time: Timestamp::now(),
            task: &Task::default(),
            container: &Container::default(),
        };
        // Variables are in the configuration, which was read whole.
        let incomplete = incomplete.as_deref().filter(|_| check.number != CHECK_424.number);
        let incomplete = incomplete.or(troubles.as_deref().filter(|_| check.number == CHECK_448.number));
        Checked { result: check.result(&found, incomplete, target), findings: found }
    });
    let mut not_assessed = BTreeMap::new();
    if is_wanted(&CHECK_448) && !has_packages {
        let reason = "there is no package database (dpkg, rpm, apk)";
        not_assessed.insert(CHECK_448.number, reason.to_owned());
    }
    Scan {
        rootfs: name.to_owned(),
        files,
        bytes,
        unreadable: 0,
        mounts_skipped: Vec::new(),
        databases: packages.databases,
        packages: packages.packages,
        compared: packages.compared,
        results: results.collect(),
        not_assessed,
        image: Some(of_image(image, &scanned.report)),
        known: None,
    }
}

fn of_image(image: &Image, report: &ScanReport) -> OfImage {
    let layers = report.layers.iter().map(|layer| OfLayer {
        digest: layer.descriptor.digest.to_string(),
        entries: layer.entries,
        unpacked: layer.unpacked,
        read: layer.read,
        problem: match &layer.state {
            LayerState::Read => None,
            LayerState::Foreign => Some("kept elsewhere, not read".to_owned()),
            LayerState::Failed(reason) => Some(reason.clone()),
        },
    });
    OfImage {
        digest: image.digest.as_ref().or(image.config_digest.as_ref()).map(ToString::to_string),
        platform: image.config.platform.to_string(),
        layers: layers.collect(),
        anomalies: report.anomalies.iter().map(ToString::to_string).collect(),
        anomalies_left_out: report.anomalies_left_out,
    }
}

#[cfg(test)]
mod tests {
    use fargard_image::{Image, ImageConfig};
    use fargard_model::CheckStatus;
    use fargard_scan::{Limits, Selection, StreamScan};

    use super::{ImageLimits, LayerCache, Pass, Scan, assess, known_check};
    use crate::commands::scan::known::Known;

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
        let image = Image::in_memory(ImageConfig::parse(config.as_bytes()).unwrap(), layers);
        let limits = Limits::default();
        let mut pass = Pass::new(StreamScan::new(&limits, Selection::ALL), true, inventory, cache);
        let scanned = image.scan(&ImageLimits::default(), &mut pass).unwrap();
        let report = pass.report.clone();
        let mut harvested = pass.harvested();
        assert_eq!(harvested.warnings, [""; 0]);
        let found = harvested.inventory(&scanned.tree);
        let mut scan = assess("memory", &image, &report, harvested, &scanned, |_| true);
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
        assert_eq!((scan.files, scan.not_assessed.keys().copied().collect::<Vec<_>>()), (5, vec![448]));
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
            for check in [41, 48, 424, 425, 426, 448] {
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
        let altered = scan(
            config,
            vec![link("bin", "usr/bin"), lowest.clone(), changed, link("usr/bin/linked", "own")],
        );
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
        assert!(known_check("449").unwrap_err().contains("use one of 41, 48, 424, 425, 426, 448"));
    }
}
