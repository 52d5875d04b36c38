//! Feeds as files, directories, gzip and zips, also such as somebody made to do harm.
#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its files fails")]

use std::{fs, io::Write as _, path::Path};

use fargard_inventory::{
    Inventory, Piece,
    feed::{self, FeedError, Findings, Wanted},
    matching,
};
use flate2::{Compression, write::DeflateEncoder, write::GzEncoder};

fn inventory() -> Inventory {
    let text: &[u8] = b"Name: x\nVersion: 1.0\n";
    let packages = Piece::read(b"/x.dist-info/METADATA", false, &text).unwrap().packages;
    Inventory { packages, ..Inventory::default() }
}

fn advisory(id: &str, fixed: &str) -> String {
    format!(
        r#"{{"id":"{id}","modified":"2026-05-01T00:00:00Z","affected":[{{"package":{{"ecosystem":"PyPI","name":"X"}},
        "ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"{fixed}"}}]}}]}}]}}"#
    )
}

fn read(path: &Path) -> Result<(Vec<String>, Findings), FeedError> {
    let inventory = inventory();
    let mut findings = Findings::default();
    feed::read(path, &Wanted::of(&inventory), &mut findings)?;
    let ids = matching::judge(&inventory, &findings).into_iter().map(|found| found.id).collect();
    Ok((ids, findings))
}

/// A zip archive of deflated members, as the directory at its end describes them.
fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in members {
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
        packed.write_all(content).unwrap();
        let packed = packed.finish().unwrap();
        let at = u32::try_from(out.len()).unwrap();
        let mut header = Vec::new();
        header.extend_from_slice(&[20, 0, 0, 0, 8, 0, 0, 0, 0, 0]);
        for number in [0, u32::try_from(packed.len()).unwrap(), u32::try_from(content.len()).unwrap()] {
            header.extend_from_slice(&number.to_le_bytes());
        }
        header.extend_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
        header.extend_from_slice(&[0, 0]);
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&header);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&packed);
        directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        directory.extend_from_slice(&header);
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&at.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
    }
    let (at, count) = (u32::try_from(out.len()).unwrap(), u16::try_from(members.len()).unwrap());
    let length = u32::try_from(directory.len()).unwrap();
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&at.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    out
}

#[test]
fn directories_files_gzip_and_zips() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    fs::create_dir_all(place.join("2026/a")).unwrap();
    fs::create_dir_all(place.join(".git")).unwrap();
    fs::write(place.join("2026/a/1.json"), advisory("A-1", "2")).unwrap();
    fs::write(place.join("2026/old.json"), advisory("A-2", "0.9")).unwrap();
    fs::write(place.join(".git/x.json"), advisory("A-3", "2")).unwrap();
    fs::write(place.join("README.md"), "no advisory").unwrap();
    fs::write(place.join("bad.json"), "{").unwrap();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(advisory("A-4", "2").as_bytes()).unwrap();
    fs::write(place.join("more.json.gz"), packed.finish().unwrap()).unwrap();
    let (five, other) = (advisory("A-5", "2"), advisory("A-6", "0.1"));
    fs::write(
        place.join("all.zip"),
        zip(&[("A-5.json", five.as_bytes()), ("A-6.json", other.as_bytes()), ("x.txt", b"")]),
    )
    .unwrap();
    let (ids, findings) = read(place).unwrap();
    assert_eq!(ids, ["A-1", "A-4", "A-5"]);
    let feed = &findings.feeds[0];
    assert_eq!((feed.advisories, feed.unreadable, feed.form.as_str()), (5, 1, "OSV"));
    assert!(
        feed.troubles[0].starts_with("bad.json: ") || feed.troubles[0].contains("/bad.json: "),
        "{feed:?}"
    );
    assert_eq!(feed.modified, "2026-05-01T00:00:00Z");
    assert_eq!(read(&place.join("2026/a/1.json")).unwrap().0, ["A-1"]);
    assert_eq!(read(&place.join("all.zip")).unwrap().0, ["A-5"]);
}

#[test]
fn what_is_no_feed_is_refused_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    assert!(matches!(read(&place.join("none")), Err(FeedError::Io(..))));
    assert!(matches!(read(place), Err(FeedError::Empty(..))));
    fs::write(place.join("x.json"), "{\"a\":1}").unwrap();
    let error = read(&place.join("x.json")).unwrap_err().to_string();
    assert!(error.contains("no advisory of a known form") && error.contains("known are OSV"), "{error}");
}

#[test]
fn bombs_and_lies_are_passed_over_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("all.zip");
    // 65 MiB of blanks in 65 KB, beside an advisory that counts.
    let blanks = vec![b' '; 65 << 20];
    let good = advisory("A-1", "2");
    let whole = zip(&[("bomb.json", &blanks), ("A-1.json", good.as_bytes())]);
    fs::write(&path, &whole).unwrap();
    let (ids, findings) = read(&path).unwrap();
    assert_eq!((ids.as_slice(), findings.feeds[0].unreadable), (["A-1".to_owned()].as_slice(), 1));
    assert!(findings.feeds[0].troubles[0].contains("too long"), "{:?}", findings.feeds);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for bytes in [deep.as_bytes(), &whole[..whole.len() - 30], &whole[..200]] {
        fs::write(&path, bytes).unwrap();
        assert!(read(&path).is_err());
    }
    // A directory that says there are many more members than there are.
    let mut lies = zip(&[("A-1.json", good.as_bytes())]);
    let end = lies.len() - 22;
    lies[end + 8..end + 12].fill(0xff);
    fs::write(&path, &lies).unwrap();
    assert!(read(&path).is_err());
}
