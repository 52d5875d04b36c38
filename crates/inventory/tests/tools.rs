//! The inventory against what the tools say that installed the packages, on this machine's own files.
#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its files fails")]

use std::{
    collections::BTreeSet,
    fs,
    ops::ControlFlow,
    path::Path,
    process::{Command, Stdio},
};

use fargard_inventory::{Inventory, Kind, of_rootfs, sbom};
use fargard_model::Timestamp;
use fargard_scan::Limits;

fn run(program: &str, arguments: &[&str], directory: &Path) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory).stderr(Stdio::null());
    command.env("GOFLAGS", "-mod=mod").env("GOPROXY", "off").env("GOCACHE", directory.join(".gocache"));
    let output = command.output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn inventory(root: &Path) -> Inventory {
    let found = of_rootfs(root, &Limits::default(), |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(found.troubles, [""; 0]);
    found
}

fn lines(text: &str) -> BTreeSet<String> {
    text.lines().map(str::to_owned).collect()
}

fn shown(
    inventory: &Inventory,
    kind: Kind,
    form: impl Fn(&fargard_inventory::Package) -> String,
) -> BTreeSet<String> {
    inventory.packages.iter().filter(|package| package.kind == kind).map(form).collect()
}

#[test]
fn dpkg_says_the_same_of_its_packages_and_their_sources() {
    let form =
        "-f=${db:Status-Abbrev}|${Package}|${Version}|${Architecture}|${source:Package}|${source:Version}\n";
    let Some(said) = run("dpkg-query", &["-W", form], Path::new("/")) else {
        return println!("skipped: this is no Debian");
    };
    let installed = said.lines().filter_map(|line| line.strip_prefix("ii |")).collect::<Vec<_>>().join("\n");
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("var/lib/dpkg")).unwrap();
    fs::create_dir_all(root.path().join("etc")).unwrap();
    fs::copy("/var/lib/dpkg/status", root.path().join("var/lib/dpkg/status")).unwrap();
    fs::copy("/etc/os-release", root.path().join("etc/os-release")).unwrap();
    let found = inventory(root.path());
    let ours = shown(&found, Kind::Deb, |package| {
        let (source, version) = package.source();
        format!("{}|{}|{}|{source}|{version}", package.name, package.version, package.architecture)
    });
    assert!(ours.len() > 100);
    assert_eq!(ours, lines(&installed));
}

#[test]
fn go_says_the_same_of_its_programs() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path();
    for (name, text) in [
        (
            "go.mod",
            "module example.com/app\n\ngo 1.18\n\nrequire (\n\texample.com/dep v1.2.3\n\texample.com/other v0.1.0\n)\n\nreplace example.com/dep => ./dep\n\nreplace example.com/other v0.1.0 => ./other\n",
        ),
        (
            "main.go",
            "package main\n\nimport (\"example.com/dep\"; \"example.com/other\")\n\nfunc main() { println(dep.X, other.X) }\n",
        ),
        ("dep/go.mod", "module example.com/dep\n"),
        ("dep/dep.go", "package dep\n\nvar X = 1\n"),
        ("other/go.mod", "module example.com/other\n"),
        ("other/other.go", "package other\n\nvar X = 2\n"),
    ] {
        let path = place.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    if run("go", &["build", "-o", "app", "."], place).is_none() {
        return println!("skipped: go is not installed");
    }
    let version = run("go", &["env", "GOVERSION"], place).unwrap();
    let found = shown(&inventory(place), Kind::Go, |package| format!("{} {}", package.name, package.version));
    // What is replaced by directories has no version that anybody could know.
    assert_eq!(found, lines(&format!("stdlib {}", version.trim().trim_start_matches("go"))));
    let found =
        of_rootfs(Path::new("/usr/lib/go-1.19/bin"), &Limits::default(), |_| ControlFlow::Continue(()));
    if let Ok(found) = found {
        assert!(found.packages.iter().any(|package| package.name == "stdlib"), "{found:?}");
    }
}

#[test]
fn python_says_the_same_of_what_is_installed() {
    let program = "import importlib.metadata as m, sys
for d in m.distributions(path=[sys.argv[1]]): print(d.metadata['Name'] + ' ' + d.version)";
    let Some(place) =
        run("python3", &["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], Path::new("/"))
    else {
        return println!("skipped: there is no python3");
    };
    let place = place.trim();
    let said = run("python3", &["-c", program, place], Path::new("/")).unwrap();
    let found = shown(&inventory(Path::new(place)), Kind::Python, |package| {
        format!("{} {}", package.name, package.version)
    });
    assert!(!found.is_empty());
    assert_eq!(found, lines(&said));
}

#[test]
fn npm_packages_are_those_below_node_modules() {
    let program = "const fs=require('fs'),p=require('path');
const walk=(d)=>{for(const m of fs.readdirSync(d)){const x=p.join(d,m);
 if(m.startsWith('@')){walk(x);continue}
 const f=p.join(x,'package.json');if(fs.existsSync(f)){const j=JSON.parse(fs.readFileSync(f));if(j.name&&j.version)console.log(j.name+' '+j.version)}
 const n=p.join(x,'node_modules');if(fs.existsSync(n))walk(n)}};
walk(process.argv[1])";
    let place = Path::new("/usr/lib/node_modules");
    let Some(said) = run("node", &["-e", program, "/usr/lib/node_modules"], Path::new("/")) else {
        return println!("skipped: there is no node");
    };
    if said.is_empty() {
        return println!("skipped: node has no packages");
    }
    // The path has to say what it is, so the root is above it.
    let root = tempfile::tempdir().unwrap();
    assert!(
        run("cp", &["-a", place.to_str().unwrap(), root.path().to_str().unwrap()], Path::new("/")).is_some()
    );
    let found = shown(&inventory(root.path()), Kind::Npm, |package| {
        format!("{} {}", package.full_name(), package.version)
    });
    let missing: Vec<_> = lines(&said).difference(&found).cloned().collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn jars_say_their_coordinates_also_inside_of_others() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path();
    let properties = |artifact: &str| format!("groupId=org.example\nartifactId={artifact}\nversion=1.2\n");
    let make = "set -e
mkdir -p in/META-INF/maven/org.example/inner out/META-INF/maven/org.example/outer out/BOOT-INF/lib
cp inner.properties in/META-INF/maven/org.example/inner/pom.properties
cp outer.properties out/META-INF/maven/org.example/outer/pom.properties
(cd in && jar cf ../out/BOOT-INF/lib/inner.jar .)
jar cf0 out/BOOT-INF/lib/none.jar -C in .. 2>/dev/null || true
(cd out && jar cf ../app.jar .)
rm -r in out";
    fs::write(place.join("inner.properties"), properties("inner")).unwrap();
    fs::write(place.join("outer.properties"), properties("outer")).unwrap();
    if run("sh", &["-c", make], place).is_none() {
        return println!("skipped: there is no jar");
    }
    let found =
        shown(&inventory(place), Kind::Java, |package| format!("{} {}", package.full_name(), package.place));
    let expected = ["org.example:inner /app.jar!BOOT-INF/lib/inner.jar", "org.example:outer /app.jar"];
    assert!(expected.iter().all(|line| found.contains(*line)), "{found:?}");
}

/// A package built and installed by rpm itself.
#[test]
fn rpm_says_the_same_of_its_packages() {
    let scratch = tempfile::tempdir().unwrap();
    let spec = "Name: tool\nEpoch: 2\nVersion: 1.5~rc1\nRelease: 3.el9\nSummary: x\nLicense: MIT\nBuildArch: noarch\n\
        %description\nx\n%package libs\nSummary: y\n%description libs\ny\n\
        %install\nmkdir -p %{buildroot}/usr/lib/python3/site-packages/six.egg-info\n\
        printf 'Name: six\\nVersion: 1\\n' > %{buildroot}/usr/lib/python3/site-packages/six.egg-info/PKG-INFO\n\
        echo x > %{buildroot}/usr/lib/x\n%files\n/usr/lib/python3/site-packages/six.egg-info\n%files libs\n/usr/lib/x\n";
    fs::write(scratch.path().join("tool.spec"), spec).unwrap();
    let make = "set -e
D=$PWD
rpmbuild -bb --define \"_topdir $D\" --define '__os_install_post %nil' --define '__strip /bin/true' tool.spec >/dev/null 2>&1
mkdir root
rpm --root $D/root --define '_dbpath /usr/lib/sysimage/rpm' --initdb
rpm --root $D/root --define '_dbpath /usr/lib/sysimage/rpm' -i --nodeps --noscripts RPMS/noarch/*.rpm 2>/dev/null
rpm --root $D/root --define '_dbpath /usr/lib/sysimage/rpm' -qa --qf '%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE} %{ARCH} %{SOURCERPM}\\n'";
    let Some(said) = run("sh", &["-c", make], scratch.path()) else {
        return println!("skipped: rpmbuild is not installed");
    };
    let found = inventory(&scratch.path().join("root"));
    let ours = shown(&found, Kind::Rpm, |package| {
        let (source, version) = package.source();
        let version = version.split_once(':').unwrap().1;
        format!("{} {} {} {source}-{version}.src.rpm", package.name, package.version, package.architecture)
    });
    assert_eq!(ours, lines(&said));
    let python: Vec<_> = found.packages.iter().filter(|package| package.kind == Kind::Python).collect();
    assert_eq!((python.len(), python[0].owned), (1, true), "{python:?}");
}

/// Where the programs that judge bills of materials are: `target/judges` of the setup, or whatever `python3` finds.
fn judge(program: &str, document: &str) -> Option<String> {
    use std::io::Write as _;
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/judges/bin/python3");
    let python = if own.exists() { own } else { "python3".into() };
    let mut child = Command::new(python)
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take()?;
    let document = document.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(document.as_bytes()));
    let output = child.wait_with_output().ok()?;
    let _ = writer.join();
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()).filter(|_| output.status.success())
}

#[test]
fn bills_of_materials_are_valid_and_their_urls_canonical() {
    let mut found = Inventory::default();
    for root in ["/var/lib/dpkg", "/usr/lib/python3", "/usr/share/java"] {
        let Ok(part) = of_rootfs(Path::new(root), &Limits::default(), |_| ControlFlow::Continue(())) else {
            continue;
        };
        found.packages.extend(part.packages);
    }
    let status =
        fargard_model::bounded::read(Path::new("/var/lib/dpkg/status"), 64 << 20).unwrap_or_default();
    found.packages.extend(fargard_inventory::source::dpkg::packages(&status, "/var/lib/dpkg/status"));
    found.distribution = fargard_inventory::Distribution::parse(b"ID=debian\nVERSION_ID=12\n");
    let flaw = fargard_inventory::Vulnerability {
        id: "CVE-2026-1".to_owned(),
        advisory: "DSA-1".to_owned(),
        aliases: Vec::new(),
        package: 0,
        name: "x".to_owned(),
        installed: "1".to_owned(),
        status: fargard_inventory::Status::Fixed,
        fixed: Some("2".to_owned()),
        severity: fargard_inventory::Severity::High,
        score: Some(7.8),
        vector: Some("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H".to_owned()),
        summary: "s".to_owned(),
        purl: found
            .packages
            .first()
            .map(|package| package.purl(found.distribution.as_ref()))
            .unwrap_or_default(),
        place: "/x".to_owned(),
        layer: None,
    };
    let flaws = [flaw];
    let subject = sbom::Subject {
        name: "registry.example/app:1",
        digest: Some("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        time: Timestamp(1_790_000_000_000_000_000),
        tool_version: "0.1.0",
        inventory: &found,
        vulnerabilities: &flaws,
    };
    let cyclonedx = sbom::cyclonedx(&subject);
    let components = cyclonedx["components"].as_array().unwrap();
    let unique: BTreeSet<_> =
        components.iter().map(|component| component["bom-ref"].as_str().unwrap()).collect();
    assert_eq!(unique.len(), components.len());
    let of_cyclonedx = "import sys
from cyclonedx.validation.json import JsonStrictValidator
from cyclonedx.schema import SchemaVersion
from packageurl import PackageURL
import json
text = sys.stdin.read()
print(JsonStrictValidator(SchemaVersion.V1_6).validate_str(text))
for c in json.loads(text)['components']:
    if 'purl' in c and PackageURL.from_string(c['purl']).to_string() != c['purl']:
        print('not canonical', c['purl'])";
    match judge(of_cyclonedx, &cyclonedx.to_string()) {
        Some(said) => assert_eq!(said, "None"),
        None => println!("skipped: cyclonedx-python-lib and packageurl-python are not installed"),
    }
    let of_spdx = "import sys, json
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
document = JsonLikeDictParser().parse(json.load(sys.stdin))
faults = validate_full_spdx_document(document)
print([f.validation_message for f in faults][:5])";
    match judge(of_spdx, &sbom::spdx(&subject).to_string()) {
        Some(said) => assert_eq!(said, "[]"),
        None => println!("skipped: spdx-tools is not installed"),
    }
}
