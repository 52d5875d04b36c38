//! `fargard scan image`: checks of an image before it is deployed.

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use fargard_image::{
    Image, LayerState, Limits as ImageLimits, Platform, Reference, ScanReport, Scanned, Source,
};
use fargard_model::{Container, Priority, Task, Timestamp};
use fargard_scan::{
    CHECK_41, CHECK_48, CHECK_424, CHECK_425, CHECK_426, CHECK_448, CheckInfo, Finding, Limits, Selection,
    StreamScan, Target, secrets, users,
};

use super::{
    Format, give_out,
    image_pass::Pass,
    report::{Checked, OfImage, OfLayer, Scan},
};
use crate::{commands::registry::RegistryArgs, failure::BadInput};

/// Checks of an image.
const OF_IMAGE: [&CheckInfo; 5] = [&CHECK_41, &CHECK_48, &CHECK_424, &CHECK_425, &CHECK_426];

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
    /// How to print the results
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Only these checks, by number
    #[arg(long, value_name = "NUMBER", value_parser = known_check)]
    check: Vec<u32>,
    /// Exit with 1 only for findings of at least this severity (critical, error, warning)
    #[arg(long, value_name = "SEVERITY", default_value = "warning")]
    fail_on: Priority,
    /// List also findings that fail nothing
    #[arg(long)]
    all: bool,
    /// Stop after this many seconds; what was not seen then counts as not checked
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
    #[command(flatten)]
    registry: RegistryArgs,
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
    let mut pass = Pass::new(StreamScan::new(&limits, selection));
    let scanned = image
        .scan(&ImageLimits { time, ..ImageLimits::default() }, &mut pass)
        .map_err(|error| BadInput::because(error.to_string()))?;
    let scan = assess(&args.image, &image, pass, &scanned, is_wanted);
    give_out(&scan, args.format, args.all, args.fail_on)
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
    pass: Pass<'_>,
    scanned: &Scanned,
    is_wanted: impl Fn(&CheckInfo) -> bool,
) -> Scan {
    let (files, bytes) = (pass.report.files, pass.report.bytes);
    let incomplete = scanned.report.incomplete().or(pass.overflow());
    let run = &image.config.config;
    let root = users::root(&run.user, pass.passwd(&scanned.tree));
    let mut findings = pass.finish(&scanned.tree);
    findings.insert(CHECK_41.number, root.into_iter().collect());
    findings.insert(CHECK_424.number, secrets::environment(run.env.iter().map(String::as_str)));
    let results = OF_IMAGE.into_iter().filter(|check| is_wanted(check)).map(|check| {
        let found: Vec<Finding> = findings.remove(&check.number).unwrap_or_default();
        let target = Target {
            id: format!("scan-check-{}", check.number),
            time: Timestamp::now(),
            task: &Task::default(),
            container: &Container::default(),
        };
        // Variables are in the configuration, which was read whole.
        let incomplete = incomplete.as_deref().filter(|_| check.number != CHECK_424.number);
        Checked { result: check.result(&found, incomplete, target), findings: found }
    });
    let mut not_assessed = BTreeMap::new();
    if is_wanted(&CHECK_448) {
        let reason = "images are not yet compared with their package database; use fargard scan rootfs";
        not_assessed.insert(CHECK_448.number, reason.to_owned());
    }
    Scan {
        rootfs: name.to_owned(),
        files,
        bytes,
        unreadable: 0,
        mounts_skipped: Vec::new(),
        databases: Vec::new(),
        packages: 0,
        compared: 0,
        results: results.collect(),
        not_assessed,
        image: Some(of_image(image, &scanned.report)),
    }
}

fn of_image(image: &Image, report: &ScanReport) -> OfImage {
    let layers = report.layers.iter().map(|layer| OfLayer {
        digest: layer.descriptor.digest.to_string(),
        entries: layer.entries,
        unpacked: layer.unpacked,
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

    use super::{ImageLimits, Pass, Scan, assess, known_check};

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
        let image = Image::in_memory(ImageConfig::parse(config.as_bytes()).unwrap(), layers);
        let limits = Limits::default();
        let mut pass = Pass::new(StreamScan::new(&limits, Selection::ALL));
        let scanned = image.scan(&ImageLimits::default(), &mut pass).unwrap();
        assess("memory", &image, pass, &scanned, |_| true)
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
        assert!(known_check("448").unwrap_err().contains("use one of 41, 48, 424, 425, 426"));
    }
}
