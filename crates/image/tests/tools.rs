//! Images made, packed and served by other people's tools (umoci, skopeo, Docker's registry) are read as those tools
//! read them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking and say what they skip"
)]

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use fargard_image::{Image, Kind, Limits, Platform, Reference, Registry, RegistryOptions, Scanned, Source};
use serde_json::Value;

/// Runs a tool; `None` where it is not installed.
fn run(directory: &Path, program: &str, arguments: &[&str]) -> Option<String> {
    let output = match Command::new(program).args(arguments).current_dir(directory).output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("skipped: no {program}");
            return None;
        }
        Err(error) => panic!("{program}: {error}"),
    };
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {error}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// An OCI layout `lay` by umoci with one image for each of two architectures: three layers, one of them with a whiteout.
fn make(directory: &Path) -> Option<()> {
    let umoci = |arguments: &[&str]| run(directory, "umoci", arguments);
    fs::create_dir_all(directory.join("bin/sub")).unwrap();
    fs::write(directory.join("bin/app"), "#!/bin/sh\n".repeat(5000)).unwrap();
    fs::set_permissions(directory.join("bin/app"), std::os::unix::fs::PermissionsExt::from_mode(0o4755))
        .unwrap();
    fs::write(directory.join("bin/sub/key"), "secret").unwrap();
    std::os::unix::fs::symlink("app", directory.join("bin/sh")).unwrap();
    fs::hard_link(directory.join("bin/app"), directory.join("bin/hard")).unwrap();
    umoci(&["init", "--layout", "lay"])?;
    for architecture in ["amd64", "arm64"] {
        let image = format!("lay:{architecture}");
        umoci(&["new", "--image", &image])?;
        umoci(&[
            "config",
            "--image",
            &image,
            "--architecture",
            architecture,
            "--os",
            "linux",
            "--config.entrypoint",
            "/bin/app",
            "--config.cmd",
            "serve",
            "--config.user",
            "1000:1000",
            "--config.workingdir",
            "/srv",
            "--config.env",
            "A=b=c",
            "--config.label",
            "team=x",
            "--config.exposedports",
            "8080/tcp",
            "--config.stopsignal",
            "SIGQUIT",
        ])?;
        umoci(&["insert", "--image", &image, "bin", "/bin"])?;
        umoci(&["insert", "--image", &image, "--whiteout", "/bin/sub/key"])?;
        umoci(&["insert", "--image", &image, "--opaque", "bin/sub", "/opaque"])?;
    }
    Some(())
}

fn open(source: &str, reference: Option<&str>, platform: &Platform) -> Image {
    let reference = reference.map(|text| text.parse::<Reference>().unwrap());
    source.parse::<Source>().unwrap().open(reference.as_ref(), platform).unwrap()
}

fn scan(image: &Image) -> Scanned {
    let scanned = image.scan(&Limits::default(), &mut ()).unwrap();
    assert_eq!((scanned.report.incomplete(), scanned.report.anomalies.as_slice()), (None, &[][..]));
    scanned
}

/// The file system as lines, to be compared.
fn lines(scanned: &Scanned) -> Vec<String> {
    let mut lines: Vec<_> = scanned
        .tree
        .iter()
        .map(|entry| {
            let path = String::from_utf8(entry.path()).unwrap();
            let link = String::from_utf8_lossy(entry.link()).into_owned();
            format!("{path} {:?} {:o} {} {link}", entry.kind(), entry.mode(), entry.size())
        })
        .collect();
    lines.sort();
    lines
}

/// The configuration as skopeo shows it.
fn judge(directory: &Path, image: &Image, skopeo_name: &str) {
    let text = run(directory, "skopeo", &["inspect", "--config", "--tls-verify=false", skopeo_name]).unwrap();
    let theirs: Value = serde_json::from_str(&text).unwrap();
    let ours = &image.config;
    let list = |value: &Value| serde_json::from_value::<Vec<String>>(value.clone()).unwrap();
    let config = &theirs["config"];
    assert_eq!(ours.platform.architecture, theirs["architecture"].as_str().unwrap());
    assert_eq!(ours.config.entrypoint.as_ref().unwrap(), &list(&config["Entrypoint"]));
    assert_eq!(ours.config.cmd.as_ref().unwrap(), &list(&config["Cmd"]));
    assert_eq!(ours.config.env, list(&config["Env"]));
    assert_eq!(ours.config.user, config["User"].as_str().unwrap());
    assert_eq!(ours.config.working_dir, config["WorkingDir"].as_str().unwrap());
    assert_eq!(ours.config.stop_signal, config["StopSignal"].as_str().unwrap());
    assert_eq!(ours.config.labels["team"], config["Labels"]["team"].as_str().unwrap());
    assert_eq!(ours.config.exposed_ports, ["8080/tcp"]);
    let diff_ids: Vec<_> = ours.diff_ids().iter().map(ToString::to_string).collect();
    assert_eq!(diff_ids, list(&theirs["rootfs"]["diff_ids"]));
    assert_eq!(ours.history.len(), theirs["history"].as_array().unwrap().len());
}

#[test]
fn images_of_umoci_and_skopeo_are_read_as_skopeo_reads_them() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path();
    let skopeo = |arguments: &[&str]| run(directory, "skopeo", arguments);
    if make(directory).is_none() || skopeo(&["--version"]).is_none() {
        return;
    }
    let amd64 = Platform::linux_amd64();
    let at = |name: &str| directory.join(name).display().to_string();
    let layout = open(&format!("oci:{}:amd64", at("lay")), None, &amd64);
    judge(directory, &layout, "oci:lay:amd64");
    let expected = lines(&scan(&layout));
    assert!(expected.iter().any(|line| line.starts_with("/bin/app File 4755 50000")), "{expected:#?}");
    assert!(expected.iter().any(|line| line.starts_with("/bin/hard File 4755 50000")));
    assert!(expected.iter().any(|line| line.starts_with("/bin/sh Symlink") && line.ends_with(" app")));
    assert!(expected.iter().any(|line| line.starts_with("/bin/sub Directory")));
    assert!(expected.iter().any(|line| line.starts_with("/opaque/key File")));
    assert!(!expected.iter().any(|line| line.starts_with("/bin/sub/key")));

    // What umoci unpacks is what is listed.
    run(directory, "umoci", &["unpack", "--rootless", "--image", "lay:amd64", "bundle"]);
    for entry in scan(&layout).tree.iter() {
        let path = directory
            .join("bundle/rootfs")
            .join(String::from_utf8(entry.path()).unwrap().trim_start_matches('/'));
        let found = fs::symlink_metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(
            (found.is_file(), found.is_dir()),
            (entry.kind() == Kind::File, entry.kind() == Kind::Directory)
        );
        assert!(!found.is_file() || found.len() == entry.size(), "{}", path.display());
    }
    assert!(!directory.join("bundle/rootfs/bin/sub/key").exists());

    for (name, ours) in [
        ("docker-archive:saved.tar:team/app:1", format!("docker-archive:{}", at("saved.tar"))),
        ("oci-archive:layout.tar:1", format!("oci:{}", at("layout.tar"))),
    ] {
        skopeo(&["copy", "oci:lay:amd64", name]);
        let image = open(&ours, None, &amd64);
        judge(directory, &image, name);
        assert_eq!(lines(&scan(&image)), expected, "{name}");
    }
    let packed = Command::new("gzip").arg("-k").arg(at("saved.tar")).status().unwrap();
    assert!(packed.success());
    let image = open(&format!("docker-archive:{}", at("saved.tar.gz")), Some("docker.io/team/app:1"), &amd64);
    assert_eq!(lines(&scan(&image)), expected);
}

/// Docker's registry on loopback; ended with its test.
struct Served {
    process: Child,
    host: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn serve(directory: &Path) -> Option<Served> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let host = format!("127.0.0.1:{port}");
    let data = directory.join("registry").display().to_string();
    let config = format!(
        "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {data}}}}}\nhttp: {{addr: \"{host}\"}}\n"
    );
    let path: PathBuf = directory.join("registry.yml");
    fs::write(&path, config).unwrap();
    let process = Command::new("docker-registry")
        .arg("serve")
        .arg(&path)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut process) = process else {
        println!("skipped: no docker-registry");
        return None;
    };
    // It says where it listens; what follows must be read too, or it would stop.
    let mut log = BufReader::new(process.stderr.take().unwrap());
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut line = String::new();
    while TcpStream::connect(&host).is_err() {
        assert!(Instant::now() < deadline, "no registry: {line}");
        line.clear();
        log.read_line(&mut line).unwrap();
    }
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    Some(Served { process, host })
}

#[test]
fn dockers_registry_serves_an_image_for_two_platforms() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path();
    if make(directory).is_none() || run(directory, "skopeo", &["--version"]).is_none() {
        return;
    }
    let Some(served) = serve(directory) else { return };
    // One index over both images, as a build for two platforms makes it.
    let lay = directory.join("lay");
    let index_path = lay.join("index.json");
    let index: Value =
        serde_json::from_slice(&fargard_model::bounded::read(&index_path, 1 << 20).unwrap()).unwrap();
    let manifests: Vec<Value> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|manifest| {
            let mut manifest = manifest.clone();
            let name = manifest["annotations"]["org.opencontainers.image.ref.name"].take();
            manifest["annotations"] = Value::Null;
            manifest["platform"] = serde_json::json!({"os": "linux", "architecture": name});
            manifest
        })
        .collect();
    let both = serde_json::json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests});
    let bytes = serde_json::to_vec(&both).unwrap();
    let digest = fargard_image::Digest::of(&bytes);
    fs::write(lay.join("blobs/sha256").join(digest.hex()), &bytes).unwrap();
    let one = serde_json::json!({"mediaType": "application/vnd.oci.image.index.v1+json", "digest": digest, "size": bytes.len(),
        "annotations": {"org.opencontainers.image.ref.name": "both"}});
    fs::write(&index_path, serde_json::json!({"schemaVersion": 2, "manifests": [one]}).to_string()).unwrap();
    let name = format!("docker://{}/team/app:1", served.host);
    run(directory, "skopeo", &["copy", "--all", "--dest-tls-verify=false", "oci:lay:both", &name]);
    let old = format!("docker://{}/team/old:1", served.host);
    let arguments =
        ["copy", "--format", "v2s2", "--src-tls-verify=false", "--dest-tls-verify=false", &name, &old];
    run(directory, "skopeo", &arguments);

    let options = RegistryOptions { docker_config: None, ..RegistryOptions::default() };
    let registry = Registry::new(options).unwrap();
    let reference: Reference = format!("{}/team/app:1", served.host).parse().unwrap();
    for platform in [Platform::linux_amd64(), Platform::linux_arm64()] {
        let image = registry.open(&reference, &platform).unwrap();
        assert_eq!((&image.config.platform, image.digest.as_ref()), (&platform, Some(&digest)));
        assert_eq!(image.layers().len(), 3);
        assert!(scan(&image).tree.get(b"/bin/app").is_some());
    }
    let amd64 = registry.open(&reference, &Platform::linux_amd64()).unwrap();
    judge(directory, &amd64, &name);
    let reference: Reference = format!("{}/team/old:1", served.host).parse().unwrap();
    let schema2 = registry.open(&reference, &Platform::linux_amd64()).unwrap();
    assert_eq!(lines(&scan(&schema2)), lines(&scan(&amd64)));
    let missing: Reference = format!("{}/team/app:2", served.host).parse().unwrap();
    let error = registry.open(&missing, &Platform::linux_amd64()).unwrap_err().to_string();
    assert_eq!(error, format!("2 is not in {}/team/app", served.host));
}
