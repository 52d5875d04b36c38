use std::{
    io::Read as _,
    process::{Command, Stdio},
};

use proptest::prelude::*;

use super::{Kind, TarReader};
use crate::made::{self, Member, archive, directory, file, members, pax, raw};

/// Names with kind and content, or the error that ends them.
fn read(bytes: &[u8]) -> (Vec<(String, Kind, String)>, Option<String>) {
    let mut tar = TarReader::new(bytes);
    let mut found = Vec::new();
    loop {
        match tar.next_entry() {
            Ok(Some(_)) => {}
            Ok(None) => return (found, None),
            Err(error) => return (found, Some(error.to_string())),
        }
        let (entry, mut content) = tar.parts();
        let mut text = Vec::new();
        if let Err(error) = content.read_to_end(&mut text) {
            return (found, Some(error.to_string()));
        }
        found.push((
            String::from_utf8_lossy(&entry.path).into_owned(),
            entry.kind,
            String::from_utf8_lossy(&text).into_owned(),
        ));
    }
}

fn names(bytes: &[u8]) -> Vec<String> {
    read(bytes).0.into_iter().map(|(name, ..)| name).collect()
}

fn error(bytes: &[u8]) -> String {
    read(bytes).1.expect("an error")
}

#[test]
fn an_archive_ends_at_two_empty_blocks_or_with_the_stream() {
    let list = [file("a", "1"), directory("d/"), file("b", "22")];
    let expected = ["a", "d/", "b"];
    assert_eq!(names(&archive(&list)), expected);
    assert_eq!(names(&members(&list)), expected);
    let smuggled = [archive(&list), archive(&[file("behind", "x")])].concat();
    assert_eq!(names(&smuggled), expected);
    let mut lone = members(&list);
    lone.extend([0; 512]);
    lone.extend(members(&[file("behind", "x")]));
    assert!(error(&lone).contains("one empty block before a header"));
    assert_eq!(names(b""), [""; 0]);
}

#[test]
fn the_extended_size_counts_and_not_the_header() {
    // A reader that took the header's size would see the second file's header as content, or content as a header.
    let inner = members(&[file("smuggled", "x")]);
    let list =
        [pax("size", inner.len().to_string()), file("a", &inner).size_field("00000000000\0"), file("b", "2")];
    assert_eq!(names(&archive(&list)), ["a", "b"]);
    let list = [pax("size", "0"), file("a", "").size_field("00000001000\0"), file("b", "2")];
    assert_eq!(names(&archive(&list)), ["a", "b"]);
    // It counts for one entry alone, and not for those that have no content.
    let list = [pax("size", "512"), directory("d/"), file("b", "2")];
    assert_eq!(names(&archive(&list)), ["d/", "b"]);
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    for size in [&b"-0000000001\0"[..], b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", b"9999999999 \0"]
    {
        assert!(error(&archive(&[file("a", "").size_field(size)])).contains("no number"), "{size:?}");
    }
    let huge = b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff";
    assert!(error(&archive(&[file("a", "").size_field(huge)])).contains("beyond all measure"));
    let tera = b"\x80\0\0\0\0\0\x10\0\0\0\0\0";
    assert!(error(&archive(&[file("a", "").size_field(tera)])).contains("ends within the content"));
    let special = archive(&[raw(b'x', "p", "").size_field("00010000000\0")]);
    assert!(error(&special).contains("longer than 1 MiB"));
    assert!(error(&members(&vec![raw(b'L', "x", "y"); 20])).contains("more than 16"));
}

#[test]
fn a_damaged_header_ends_the_reading() {
    let mut bytes = archive(&[file("a", "1"), file("b", "2")]);
    bytes[1024] ^= 1;
    assert_eq!(names(&bytes), ["a"]);
    let text = error(&bytes);
    assert!(text.contains("byte 1024") && text.contains("checksum"), "{text}");
    let whole = archive(&[file("a", "1")]);
    assert!(error(&whole[..500]).contains("ends within a header"));
    assert!(error(&whole[..512]).contains("ends within the content"));
}

#[test]
fn long_names_come_from_either_extension() {
    let long = "n".repeat(300);
    let gnu = [raw(b'L', "././@LongLink", format!("{long}\0")), file("short", "x")];
    assert_eq!(names(&archive(&gnu)), std::slice::from_ref(&long));
    assert_eq!(names(&archive(&[file(&long, "x")])), [long]);
    let bytes = [pax("path", b"\xff\xfe"), file("x", "")];
    let mut tar = TarReader::new(&archive(&bytes)[..])
        .next_entry()
        .map(|entry| entry.map(|entry| entry.path.clone()))
        .unwrap();
    assert_eq!(tar.take().unwrap(), b"\xff\xfe");
    assert!(error(&archive(&[pax("path", "a\0b"), file("x", "")])).contains("no record"));
}

#[test]
fn global_headers_and_unknown_members_are_passed_over() {
    let list =
        [raw(b'g', "pax_global_header", "18 comment=123456\n"), raw(b'V', "volume", ""), file("a", "1")];
    assert_eq!(names(&archive(&list)), ["a"]);
}

/// A tool's archive of a directory tree must hold what a second tool lists.
#[test]
fn archives_of_gnu_tar_and_python_are_read_as_python_lists_them() {
    const MAKE: &str = r#"
import os, sys, tarfile
os.chdir(sys.argv[1])
os.makedirs("t/d/" + "x" * 120 + "/" + "y" * 120)
open("t/d/" + "x" * 120 + "/" + "y" * 120 + "/" + "z" * 200, "w").write("deep")
open("t/file", "w").write("content"); os.chmod("t/file", 0o4755)
os.symlink("a" * 150, "t/link"); os.link("t/file", "t/hard"); os.mkfifo("t/pipe"); os.mkdir("t/empty")
open(b"t/n\xffme", "w").write("odd")
with open("t/holes", "wb") as f:
    for at in range(40): f.seek(at * 200000); f.write(b"data%02d" % at)
for name, form in ("ustar", tarfile.USTAR_FORMAT), ("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT):
    try:
        with tarfile.open("py-" + name, "w", format=form) as tar: tar.add("t")
    except ValueError: os.remove("py-" + name)
"#;
    const LIST: &str = r#"
import sys, tarfile
kinds = {b"0": "File", b"\0": "File", b"7": "File", b"S": "File", b"1": "Hardlink", b"2": "Symlink", b"5": "Directory", b"6": "Fifo"}
with tarfile.open(sys.argv[1], errors="surrogateescape") as tar:
    for m in tar:
        print(m.name.rstrip("/").encode("utf8", "surrogateescape").hex(), kinds[m.type], oct(m.mode), m.size, m.linkname)
"#;
    if Command::new("python3").arg("--version").output().is_err()
        || Command::new("tar").arg("--version").output().is_err()
    {
        println!("skipped: no python3 or tar");
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let python = |code: &str, argument: &std::path::Path| {
        let out = Command::new("python3")
            .arg("-c")
            .arg(code)
            .arg(argument)
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(out.status.success());
        String::from_utf8(out.stdout).unwrap()
    };
    python(MAKE, scratch.path());
    for (name, format) in [("tar-gnu", "gnu"), ("tar-pax", "posix"), ("tar-old", "oldgnu")] {
        let status = Command::new("tar")
            .current_dir(scratch.path())
            .args(["--sparse", "-cf", name, "--format", format, "t"])
            .status();
        assert!(status.unwrap().success());
    }
    let mut compared = 0;
    for entry in std::fs::read_dir(scratch.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let bytes = fargard_model::bounded::read(&path, 64 << 20).unwrap();
        let mut tar = TarReader::new(&bytes[..]);
        let mut ours = String::new();
        while let Some(entry) = tar.next_entry().unwrap() {
            let name = entry.path.strip_suffix(b"/").unwrap_or(&entry.path);
            let hex: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
            let link = String::from_utf8_lossy(&entry.link);
            ours += &format!("{hex} {:?} 0o{:o} {} {link}\n", entry.kind, entry.mode, entry.real_size);
            if name.ends_with(b"holes") && entry.is_sparse() {
                assert!(entry.size < entry.real_size);
            }
        }
        assert_eq!(ours, python(LIST, &path), "{}", path.display());
        compared += 1;
    }
    assert!(compared >= 5, "{compared} archives");
}

/// The crate that most Rust programs read archives with sees the same.
fn by_crate(bytes: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut archive = tar::Archive::new(bytes);
    let mut found = Vec::new();
    for entry in archive.entries().ok()? {
        let mut entry = entry.ok()?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content).ok()?;
        found.push((entry.path_bytes().into_owned(), content));
    }
    Some(found)
}

fn a_member() -> impl Strategy<Value = Member> {
    let name = "[a-z]{1,20}(/[a-z.]{1,30}){0,8}";
    prop_oneof![
        (name, "[a-z]{0,700}").prop_map(|(name, content)| file(name, content)),
        name.prop_map(directory),
        (name, name).prop_map(|(name, target)| made::symlink(name, &target)),
    ]
}

proptest! {
    #[test]
    fn what_was_put_in_comes_out(list in proptest::collection::vec(a_member(), 0..12)) {
        let bytes = archive(&list);
        let ours: Vec<_> = read(&bytes).0.into_iter().map(|(name, _, text)| (name.into_bytes(), text.into_bytes())).collect();
        prop_assert_eq!(ours.len(), list.len());
        prop_assert_eq!(Some(ours), by_crate(&bytes));
    }

    #[test]
    fn damage_never_panics_and_reading_ends(
        list in proptest::collection::vec(a_member(), 1..6),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<proptest::sample::Index>(),
    ) {
        let mut bytes = archive(&list);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read(&bytes);
        read(&bytes[..cut.index(bytes.len())]);
    }
}
