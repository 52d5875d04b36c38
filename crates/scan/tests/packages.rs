//! Check 448 on package databases that the real tools wrote, against everything that was done to their files.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot prepare its files fails")]

use std::{
    fs,
    ops::ControlFlow,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::{Command, Stdio},
};

use fargard_model::Priority;
use fargard_scan::{CHECK_48, CHECK_448, Finding, Limits, Outcome, Selection, scan};

fn works(program: &str) -> bool {
    Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn run(directory: &Path, command: &str) {
    let output = Command::new("sh").args(["-ec", command]).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

fn scanned(root: &Path) -> Outcome {
    scan(root, &Limits::default(), Selection::ALL, |_| ControlFlow::Continue(())).unwrap()
}

/// Class and subject of the findings of check 448 at least that urgent.
fn found(outcome: &Outcome, severity: Priority) -> Vec<(&'static str, &str)> {
    let mut found: Vec<_> = outcome
        .of(CHECK_448.number)
        .iter()
        .filter(|found| found.severity <= severity)
        .map(|found| (found.class, found.subject.as_str()))
        .collect();
    found.sort_unstable();
    found
}

fn edit(path: &Path) {
    let mut content = fargard_model::bounded::read(path, 1 << 26).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(path, content).unwrap();
}

/// Copies the files of some of this machine's packages, with their part of dpkg's database.
fn of_this_machine(root: &Path) -> bool {
    if !works("dpkg-query") || !Path::new("/var/lib/dpkg/info/coreutils.md5sums").exists() {
        println!("skipped: this is no Debian");
        return false;
    }
    run(
        root,
        "for top in bin sbin lib lib64; do if [ -L /$top ]; then cp -P /$top $top; fi; done
         mkdir -p usr/bin usr/sbin usr/lib usr/lib64 var/lib/dpkg/info tmp etc
         for package in coreutils dash grep sed perl-base python3-minimal login debianutils; do
           [ -e /var/lib/dpkg/info/$package.list ] || continue
           dpkg-query -s $package; echo
           while read -r path; do
             if [ -d \"$path\" ]; then [ -L \"$path\" ] || mkdir -p .\"$path\"
             elif [ -e \"$path\" ] || [ -L \"$path\" ]; then mkdir -p .\"$(dirname \"$path\")\"; cp -Pp \"$path\" .\"$path\"
             fi
           done < /var/lib/dpkg/info/$package.list
           cp -p /var/lib/dpkg/info/$package.* var/lib/dpkg/info/
         done > var/lib/dpkg/status
         cp -p /var/lib/dpkg/diversions var/lib/dpkg/diversions
         sed -n 'N;N;/dash/p' /var/lib/dpkg/diversions | grep -A1 -x /bin/sh | tail -1 > /dev/null || true",
    );
    true
}

#[test]
fn every_row_of_the_tamper_matrix_is_found_and_an_untouched_copy_is_clean() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    if !of_this_machine(root) {
        return;
    }
    let clean = scanned(root);
    assert!(clean.compared > 100 && clean.databases == ["dpkg"], "{clean:?}");
    assert_eq!(found(&clean, Priority::Warning), []);
    assert!(clean.of(CHECK_48.number).iter().all(|found| !found.fails()));

    let bin = root.join("usr/bin");
    // 1: a byte changed. 2: a file deleted. 3: replaced by a link. 4: the file behind an alternative replaced.
    edit(&bin.join("sort"));
    fs::remove_file(bin.join("tac")).unwrap();
    fs::remove_file(bin.join("nl")).unwrap();
    symlink("sort", bin.join("nl")).unwrap();
    fs::create_dir_all(root.join("etc/alternatives")).unwrap();
    symlink("/usr/bin/cut", root.join("etc/alternatives/cutter")).unwrap();
    symlink("/etc/alternatives/cutter", bin.join("cutter")).unwrap();
    fs::copy("/bin/true", bin.join("cut")).unwrap();
    // 5: a library of an interpreter edited. 6: a configuration file edited.
    let library =
        walkdir(&root.join("usr/lib"), ".pm").or_else(|| walkdir(&root.join("usr/share"), ".pm")).unwrap();
    edit(&library);
    let configuration = root.join("etc/login.defs");
    let has_configuration = configuration.exists();
    if has_configuration {
        edit(&configuration);
    }
    // 7: a setuid bit added.
    fs::set_permissions(bin.join("head"), fs::Permissions::from_mode(0o4755)).unwrap();
    // 8: the list of digests rewritten with the program.
    edit(&bin.join("grep"));
    run(
        root,
        "sum=$(md5sum < usr/bin/grep | cut -c1-32); sed -i \"s#^[0-9a-f]*  \\(usr/\\)\\?bin/grep\\$#$sum  bin/grep#\" var/lib/dpkg/info/grep.md5sums",
    );
    // 9: a local diversion, a fake, and the original changed.
    fs::rename(bin.join("wc"), bin.join("wc.distrib")).unwrap();
    edit(&bin.join("wc.distrib"));
    fs::copy("/bin/true", bin.join("wc")).unwrap();
    let diversions = root.join("var/lib/dpkg/diversions");
    let mut text = fargard_model::bounded::read_to_string(&diversions, 1 << 20).unwrap();
    text.push_str("/usr/bin/wc\n/usr/bin/wc.distrib\n:\n");
    fs::write(&diversions, text).unwrap();
    // 10: the list of digests of a package removed.
    fs::remove_file(root.join("var/lib/dpkg/info/sed.md5sums")).unwrap();
    // 11: programs of no package.
    fs::copy("/bin/sleep", bin.join("sleeper")).unwrap();
    fs::copy("/bin/sleep", root.join("tmp/xmrig")).unwrap();

    let outcome = scanned(root);
    let all = found(&outcome, Priority::Informational);
    let library = format!("/{}", library.strip_prefix(root).unwrap().display());
    let expected = [
        ("altered", "/usr/bin/sort"),
        ("missing", "/usr/bin/tac"),
        ("replaced", "/usr/bin/nl"),
        ("altered", "/usr/bin/cut"),
        ("altered", library.as_str()),
        ("mode", "/usr/bin/head"),
        ("database-changed", "grep"),
        ("altered", "/usr/bin/wc.distrib"),
        ("diverted", "/usr/bin/wc"),
        ("no-digests", "sed"),
        ("unowned", "/usr/bin/sleeper"),
        ("unowned", "/tmp/xmrig"),
    ];
    for row in expected {
        assert!(all.contains(&row), "{row:?} is not among {all:?}");
    }
    if has_configuration {
        assert!(all.contains(&("changed-configuration", "/etc/login.defs")), "{all:?}");
    }
    let altered: Vec<&str> =
        all.iter().filter(|(class, _)| *class == "altered").map(|(_, path)| *path).collect();
    assert_eq!(altered.len(), 4, "what is missing or diverted is not altered: {altered:?}");
}

/// The first file with that ending.
fn walkdir(directory: &Path, ending: &str) -> Option<std::path::PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(directory).ok()?.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries.iter().find_map(|path| {
        if path.is_symlink() {
            None
        } else if path.is_dir() {
            walkdir(path, ending)
        } else {
            path.to_string_lossy().ends_with(ending).then(|| path.clone())
        }
    })
}

#[test]
fn distroless_images_have_their_packages_in_parts() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    run(
        root,
        "mkdir -p usr/bin var/lib/dpkg/status.d; cp /bin/true usr/bin/a; cp /bin/false usr/bin/b
         printf 'Package: parts\\nVersion: 1\\nArchitecture: amd64\\n' > var/lib/dpkg/status.d/parts
         md5sum usr/bin/a usr/bin/b > var/lib/dpkg/status.d/parts.md5sums",
    );
    let clean = scanned(root);
    assert_eq!((clean.packages, clean.compared, found(&clean, Priority::Notice).len()), (1, 2, 0));
    edit(&root.join("usr/bin/b"));
    assert_eq!(found(&scanned(root), Priority::Warning), [("altered", "/usr/bin/b")]);
}

/// The database is written by hand after Alpine's documentation of the package index and `apk audit`.
#[test]
fn apk_says_digests_modes_and_links() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    run(
        root,
        "mkdir -p bin usr/bin lib/apk/db etc; cp /bin/true usr/bin/tool; ln -s tool usr/bin/alias; echo a > etc/tool.conf
         chmod 755 usr/bin/tool; cp /bin/false usr/bin/other; chmod 755 usr/bin/other
         sum() { python3 -c 'import sys,hashlib,base64; print(\"Q1\" + base64.b64encode(hashlib.sha1(sys.stdin.buffer.read()).digest()).decode())'; }
         { printf 'C:Q1x\\nP:tool\\nV:1.0-r0\\nA:x86_64\\nF:usr/bin\\nR:tool\\na:0:0:755\\nZ:'; sum < usr/bin/tool
           printf 'R:alias\\na:0:0:777\\nZ:'; printf tool | sum
           printf 'R:other\\na:0:0:755\\nZ:'; sum < usr/bin/other
           printf 'F:etc\\nR:tool.conf\\nZ:'; sum < etc/tool.conf; echo; } > lib/apk/db/installed",
    );
    let clean = scanned(root);
    assert_eq!((clean.databases.as_slice(), clean.packages, clean.compared), (["apk"].as_slice(), 1, 3));
    assert_eq!(found(&clean, Priority::Informational), []);
    edit(&root.join("usr/bin/tool"));
    edit(&root.join("etc/tool.conf"));
    fs::remove_file(root.join("usr/bin/alias")).unwrap();
    symlink("other", root.join("usr/bin/alias")).unwrap();
    fs::set_permissions(root.join("usr/bin/other"), fs::Permissions::from_mode(0o4755)).unwrap();
    let outcome = scanned(root);
    let expected = [("altered", "/usr/bin/tool"), ("mode", "/usr/bin/other"), ("replaced", "/usr/bin/alias")];
    assert_eq!(found(&outcome, Priority::Warning), expected);
    assert!(outcome.of(CHECK_48.number).iter().any(Finding::fails));
}

/// A package built and installed by rpm itself, which writes `SQLite`; its header is then put into the two other forms as
/// their sources define them, since this rpm writes neither.
#[test]
fn rpm_databases_with_a_header_that_rpm_wrote() {
    if !works("rpmbuild") || !works("rpm") || !works("python3") {
        println!("skipped: rpm or python3 is not installed");
        return;
    }
    for form in ["sqlite", "ndb", "bdb", "bdb-swapped"] {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        fs::create_dir(&root).unwrap();
        fs::write(directory.path().join("a.spec"), SPEC).unwrap();
        fs::write(directory.path().join("convert.py"), CONVERT).unwrap();
        run(
            directory.path(),
            "D=$PWD
             rpmbuild -bb --define \"_topdir $D\" --define '__os_install_post %nil' --define '__strip /bin/true' \
               --define '_binaries_in_noarch_packages_terminate_build 0' a.spec > build.log 2>&1 || { cat build.log >&2; exit 1; }
             rpm --root $D/root --define '_dbpath /usr/lib/sysimage/rpm' --initdb
             rpm --root $D/root --define '_dbpath /usr/lib/sysimage/rpm' -i --nodeps --noscripts RPMS/noarch/*.rpm 2>&1",
        );
        if form != "sqlite" {
            run(directory.path(), &format!("python3 convert.py root/usr/lib/sysimage/rpm {form}"));
        }
        let clean = scanned(&root);
        assert_eq!(
            (clean.databases.as_slice(), clean.packages),
            (["rpm"].as_slice(), 1),
            "{form}: {clean:?}"
        );
        assert_eq!((clean.compared, clean.troubles.len()), (5, 0), "{form}: {clean:?}");
        assert_eq!(found(&clean, Priority::Informational), [], "{form}");
        edit(&root.join("usr/bin/tool"));
        edit(&root.join("etc/tool.conf"));
        fs::remove_file(root.join("usr/share/doc/tool/README")).unwrap();
        fs::set_permissions(root.join("usr/bin/other"), fs::Permissions::from_mode(0o4755)).unwrap();
        let expected = [("altered", "/usr/bin/tool"), ("mode", "/usr/bin/other")];
        assert_eq!(found(&scanned(&root), Priority::Warning), expected, "{form}");
    }
}

const SPEC: &str = "Name: tool
Version: 1
Release: 1
Summary: a
License: a
BuildArch: noarch
%description
a
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc %{buildroot}/usr/share/doc/tool
cp /bin/true %{buildroot}/usr/bin/tool
cp /bin/false %{buildroot}/usr/bin/other
cp /bin/echo %{buildroot}/usr/bin/special
echo a > %{buildroot}/etc/tool.conf
echo a > %{buildroot}/usr/share/doc/tool/README
ln -s tool %{buildroot}/usr/bin/alias
%files
/usr/bin/tool
/usr/bin/other
%attr(4755, root, root) /usr/bin/special
/usr/bin/alias
%config /etc/tool.conf
%doc /usr/share/doc/tool/README
";

/// Takes the header out of rpm's own database and writes it as ndb (rpm's `rpmpkg.c`) or as a Berkeley DB hash
/// (`db_page.h`), where it lies on overflow pages.
const CONVERT: &str = r#"
import os, sqlite3, struct, sys
place, form = sys.argv[1:]
rows = sqlite3.connect(place + '/rpmdb.sqlite').execute('SELECT hnum, blob FROM Packages').fetchall()
for name in os.listdir(place):
    os.remove(place + '/' + name)
if form == 'ndb':
    slots, blobs = b'', b''
    for number, blob in rows:
        at = (4096 + len(blobs)) // 16
        data = struct.pack('<4sIII', b'BlbS', number, 1, len(blob)) + blob
        data += bytes(-len(data) % 16)
        slots += struct.pack('<4sIII', b'Slot', number, at, len(data) // 16)
        blobs += data
    head = struct.pack('<4sIIIIIII', b'RpmP', 0, 1, 1, len(rows) + 1, 0, 0, 0)
    open(place + '/Packages.db', 'wb').write((head + slots).ljust(4096, b'\0') + blobs)
else:
    order = '>' if form == 'bdb-swapped' else '<'
    size, pages = 4096, [None, None]
    items, index, end = b'', [], size
    for number, blob in rows:
        first = len(pages)
        parts = [blob[at:at + size - 26] for at in range(0, len(blob), size - 26)]
        for at, part in enumerate(parts):
            after = first + at + 1 if at + 1 < len(parts) else 0
            head = struct.pack(order + '8sIIIHHBB', bytes(8), first + at, 0, after, 1, len(part), 0, 7)
            pages.append((head + part).ljust(size, b'\0'))
        for item in [b'\1' + struct.pack(order + 'I', number), struct.pack(order + 'BxxxII', 3, first, len(blob))]:
            end -= len(item)
            index.append(end)
            items = item + items
    head = struct.pack(order + '8sIIIHHBB', bytes(8), 1, 0, 0, len(index), end, 0, 13)
    head += b''.join(struct.pack(order + 'H', at) for at in index)
    pages[1] = head.ljust(end, b'\0') + items
    meta = struct.pack(order + '8sIIII', bytes(8), 0, 0x061561, 9, size) + bytes([0, 8])
    pages[0] = meta.ljust(size, b'\0')
    open(place + '/Packages', 'wb').write(b''.join(pages))
"#;
