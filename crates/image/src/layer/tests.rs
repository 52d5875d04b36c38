use std::{io::Read, ops::ControlFlow};

use super::{ContentId, FileEntry, LayerState, ScanReport, Scanned, Visitor};
use crate::{
    Kind, Limits, Platform, Source,
    made::{self, Member, archive, directory, file, gzip, hardlink, raw, symlink},
};

/// Notes what it is given.
#[derive(Default)]
struct Seen(Vec<(ContentId, String, String)>);

impl Visitor for Seen {
    fn file(&mut self, file: &FileEntry<'_>, content: &mut dyn Read) -> ControlFlow<()> {
        let mut text = Vec::new();
        let _ = content.read_to_end(&mut text);
        let path = String::from_utf8_lossy(file.path).into_owned();
        self.0.push((file.content, path, String::from_utf8_lossy(&text).into_owned()));
        ControlFlow::Continue(())
    }
}

fn scan_stored(stored: &[Vec<u8>], unpacked: &[Vec<u8>], limits: &Limits) -> (Scanned, Seen) {
    let scratch = tempfile::tempdir().unwrap();
    let root = made::layout(scratch.path(), stored, unpacked);
    let image = Source::OciLayout { path: root, name: None }.open(None, &Platform::linux_amd64()).unwrap();
    let mut seen = Seen::default();
    let scanned = image.scan(limits, &mut seen).unwrap();
    (scanned, seen)
}

fn scan(layers: &[&[Member]]) -> (Scanned, Seen) {
    let unpacked: Vec<_> = layers.iter().map(|layer| archive(layer)).collect();
    let stored: Vec<_> = unpacked.iter().map(|layer| gzip(layer)).collect();
    scan_stored(&stored, &unpacked, &Limits::default())
}

/// All paths with where they come from: `/etc/passwd@1`, `/bin -> usr/bin`, `/etc/`.
fn listing(scanned: &Scanned) -> Vec<String> {
    let mut lines: Vec<_> = scanned
        .tree
        .iter()
        .map(|entry| {
            let path = String::from_utf8_lossy(&entry.path()).into_owned();
            match entry.kind() {
                Kind::Directory => format!("{path}/"),
                Kind::Symlink => format!("{path} -> {}", String::from_utf8_lossy(entry.link())),
                Kind::File => format!("{path}@{}", entry.content().layer),
                kind => format!("{path} {kind:?}"),
            }
        })
        .collect();
    lines.sort();
    lines
}

fn reasons(report: &ScanReport) -> Vec<String> {
    report.anomalies.iter().map(ToString::to_string).collect()
}

#[test]
fn layers_are_laid_over_each_other() {
    let (scanned, seen) = scan(&[
        &[
            directory("etc/"),
            file("etc/passwd", "root"),
            file("etc/old", "x"),
            file("a/b/c", "deep"),
            symlink("bin", "usr/bin"),
        ],
        &[
            file("etc/passwd", "app"),
            file("etc/.wh.old", ""),
            directory("a/"),
            file("a/.wh..wh..opq", ""),
            file("a/new", "n"),
        ],
    ]);
    assert_eq!(listing(&scanned), ["/a/", "/a/new@1", "/bin -> usr/bin", "/etc/", "/etc/passwd@1"]);
    assert_eq!((scanned.report.incomplete(), scanned.report.anomalies.len()), (None, 0));
    let texts: Vec<_> = seen.0.iter().map(|(_, path, text)| format!("{path}={text}")).collect();
    assert_eq!(texts[..3], ["/etc/passwd=root", "/etc/old=x", "/a/b/c=deep"]);
    assert!(texts.contains(&"/etc/passwd=app".to_owned()));
    let passwd = scanned.tree.get(b"/etc/passwd").unwrap();
    assert_eq!((passwd.uid(), passwd.gid(), passwd.mode(), passwd.size()), (0o1750, 0o1751, 0o644, 3));
}

#[test]
fn whiteouts_hide_lower_layers_only_whatever_their_order() {
    let (scanned, _) = scan(&[
        &[file("d/low", "1"), file("d/both", "1")],
        &[
            file("d/.wh.both", ""),
            file("d/both", "2"),
            file("d/new", "2"),
            file("d/.wh..wh..opq", ""),
            file("d/.wh.new", ""),
        ],
    ]);
    assert_eq!(listing(&scanned), ["/d/", "/d/both@1", "/d/new@1"]);
}

#[test]
fn a_secret_deleted_above_is_still_given_and_known_to_be_hidden() {
    let (scanned, seen) = scan(&[&[file("key", "secret"), hardlink("copy", "key")], &[file(".wh.key", "")]]);
    let (content, ..) = seen.0[0].clone();
    let paths = &scanned.tree.paths_of([content])[&content];
    assert_eq!(paths, &[b"/copy".to_vec()]);
    let (scanned, seen) = scan(&[&[file("key", "secret")], &[file(".wh.key", "")]]);
    assert_eq!(seen.0[0].2, "secret");
    assert!(scanned.tree.paths_of([seen.0[0].0])[&seen.0[0].0].is_empty());
}

#[test]
fn an_opaque_directory_in_the_place_of_a_link_clears_no_other() {
    let (scanned, _) = scan(&[
        &[file("real/kept", "1"), symlink("link", "real")],
        &[directory("link/"), file("link/.wh..wh..opq", ""), file("link/new", "2")],
    ]);
    assert_eq!(listing(&scanned), ["/link/", "/link/new@1", "/real/", "/real/kept@0"]);
}

#[test]
fn what_is_no_directory_hides_one_and_all_in_it() {
    let (scanned, _) =
        scan(&[&[file("d/x/y", "1"), file("e", "1")], &[symlink("d", "/tmp"), file("e/f", "2")]]);
    assert_eq!(listing(&scanned), ["/d -> /tmp", "/e/", "/e/f@1"]);
    let (scanned, _) = scan(&[&[file("d/x", "1"), symlink("d", "elsewhere"), file("d/z", "3")]]);
    assert_eq!(listing(&scanned), ["/d -> elsewhere", "/elsewhere/", "/elsewhere/z@0"]);
    assert_eq!(reasons(&scanned.report), ["layer 1: d: named twice in its layer; the last one counts"]);
}

#[test]
fn links_are_followed_inside_the_image_alone() {
    let (scanned, _) = scan(&[&[
        file("usr/bin/sh", "x"),
        symlink("bin", "usr/bin"),
        symlink("up", "../../../usr/../bin/sh"),
        symlink("host", "/proc/self/root/etc"),
        symlink("loop", "pool"),
        symlink("pool", "loop"),
    ]]);
    let resolved =
        |path: &str| scanned.tree.resolve(path.as_bytes()).map(|e| String::from_utf8(e.path()).unwrap());
    assert_eq!(resolved("/bin/sh").as_deref(), Some("/usr/bin/sh"));
    assert_eq!(resolved("up").as_deref(), Some("/usr/bin/sh"));
    assert_eq!((resolved("host"), resolved("loop"), resolved("/usr/bin/sh/x")), (None, None, None));
    assert_eq!(resolved("/"), Some("/".to_owned()));
}

#[test]
fn names_that_attack_are_taken_inside_and_told_of() {
    let long = "x".repeat(256);
    let deep = "p/".repeat(2500);
    let far = "n".repeat(65_536);
    let (scanned, seen) = scan(&[&[
        file("../../etc/cron.d/evil", "1"),
        file("/abs", "2"),
        file(".wh..", "3"),
        file(".wh...", "4"),
        file("a/.wh.", "5"),
        file(&long, "6"),
        file(&deep, "7"),
        file(&far, "7"),
        file("twice", "8"),
        file("twice", "9"),
        file("file", "10"),
        file("file/below", "11"),
        symlink("round", "round"),
        file("round/x", "12"),
        file(".", "13"),
        file(b"n\xff\x1b[31m", "14"),
        raw(b'3', "null", ""),
        raw(b'6', "pipe", ""),
    ]]);
    assert_eq!(
        listing(&scanned),
        [
            "/abs@0",
            "/etc/",
            "/etc/cron.d/",
            "/etc/cron.d/evil@0",
            "/file/",
            "/file/below@0",
            "/null CharDevice",
            "/n\u{fffd}\u{1b}[31m@0",
            "/pipe Fifo",
            "/round -> round",
            "/twice@0",
        ]
    );
    let reasons = reasons(&scanned.report);
    for (name, reason) in [
        ("../../etc/cron.d/evil", "leaves the image's root"),
        ("/abs", "an absolute name"),
        (".wh..:", "a whiteout without a name of its own"),
        (".wh...:", "a whiteout without a name of its own"),
        ("a/.wh.:", "a whiteout without a name of its own"),
        ("xxx", "255 bytes"),
        ("p/p/", "4095 bytes"),
        ("nnn", "4095 bytes"),
        ("twice", "named twice"),
        ("file/below", "named before as something else"),
        ("round/x", "a loop or a maze of symbolic links"),
        (".:", "names the image's root, but is no directory"),
    ] {
        assert!(
            reasons.iter().any(|line| line.contains(name) && line.contains(reason)),
            "{name}: {reasons:#?}"
        );
    }
    assert_eq!(reasons.len(), 12);
    assert!(reasons.iter().all(|line| line.len() < 700));
    // Whatever could be unpacked was looked at, and what a loop hides too.
    assert_eq!(
        seen.0.iter().map(|(_, _, text)| text.as_str()).collect::<Vec<_>>(),
        ["1", "2", "8", "9", "10", "11", "12", "14"]
    );
}

#[test]
fn a_chain_of_links_is_followed_as_far_as_linux_does() {
    let chain = |length: usize| {
        let mut list: Vec<_> =
            (0..length).map(|n| symlink(format!("l{n}"), &format!("l{}", n + 1))).collect();
        list.push(file(format!("l{length}"), "end"));
        scan(&[&list]).0.tree.resolve(b"l0").is_some()
    };
    assert!(chain(40) && !chain(41));
    let bomb: Vec<_> = (0..60).map(|n| symlink(format!("b{n}"), &format!("b{0}/b{0}/b{0}", n + 1))).collect();
    assert!(scan(&[&bomb]).0.tree.resolve(b"b0/x").is_none());
}

#[test]
fn hard_links_name_files_of_their_own_and_lower_layers() {
    let (scanned, _) = scan(&[
        &[
            file("a", "1").mode(0o4755),
            hardlink("b", "a"),
            hardlink("c", "./b"),
            hardlink("later", "z"),
            file("z", "2"),
        ],
        &[
            hardlink("up", "/a"),
            hardlink("self", "self"),
            hardlink("out", "../../etc/shadow"),
            hardlink("dir", "d"),
            directory("d"),
        ],
    ]);
    let mode = |path: &[u8]| scanned.tree.get(path).map(|e| (e.kind(), e.mode(), e.content()));
    assert_eq!(mode(b"a"), mode(b"b"));
    assert_eq!((mode(b"a"), mode(b"a")), (mode(b"c"), mode(b"up")));
    assert_eq!(mode(b"later"), mode(b"z"));
    assert_eq!(
        reasons(&scanned.report),
        [
            "layer 1: /later: a hard link to what comes only after it; taken as one",
            "layer 2: /self: a hard link to nothing that comes before it",
            "layer 2: /out: a hard link to nothing that comes before it",
            "layer 2: /dir: a hard link to nothing that comes before it",
        ]
    );
}

#[test]
fn a_replaced_name_does_not_take_its_other_name_along() {
    let (scanned, _) = scan(&[&[file("a", "one"), hardlink("b", "a")], &[file("a", "three")]]);
    let size = |path: &[u8]| scanned.tree.get(path).unwrap().size();
    assert_eq!((size(b"a"), size(b"b")), (5, 3));
}

#[test]
fn damaged_layers_are_named_and_the_rest_is_read() {
    let layers = [archive(&[file("a", "1")]), archive(&[file("b", "2")])];
    let good: Vec<_> = layers.iter().map(|layer| gzip(layer)).collect();
    let fails = |stored: &[Vec<u8>], reason: &str| {
        let (scanned, _) = scan_stored(stored, &layers, &Limits::default());
        let text = scanned.report.incomplete().unwrap_or_default();
        assert!(text.contains(reason), "{reason}: {text}");
        listing(&scanned)
    };
    let cut = good[0][..good[0].len() - 20].to_vec();
    assert_eq!(fails(&[cut, good[1].clone()], "layer 1: "), ["/a@0", "/b@1"]);
    let garbage = b"not an archive at all".repeat(100);
    assert_eq!(fails(&[garbage, good[1].clone()], "checksum is wrong"), ["/b@1"]);
    assert_eq!(fails(&[good[1].clone(), good[0].clone()], "its digest is sha256:").len(), 2);
    fails(&[b"\xfd7zXZ\0rest".to_vec(), good[1].clone()], "packed with xz, which is not supported");
    fails(&[Vec::new(), good[1].clone()], "its digest is");
}

#[test]
fn packed_members_of_all_kinds_are_unpacked() {
    let plain = archive(&[file("a", "1"), file("b", "x".repeat(5000))]);
    let (left, right) = plain.split_at(1300);
    let concatenated = [gzip(left), gzip(right)].concat();
    let skippable =
        [&b"\x50\x2a\x4d\x18\x04\0\0\0meta"[..], &zstd::encode_all(&plain[..], 3).unwrap()].concat();
    for stored in
        [plain.clone(), gzip(&plain), concatenated, zstd::encode_all(&plain[..], 3).unwrap(), skippable]
    {
        let (scanned, seen) = scan_stored(&[stored], std::slice::from_ref(&plain), &Limits::default());
        assert_eq!((scanned.report.incomplete(), seen.0.len()), (None, 2));
        assert_eq!(scanned.report.totals(), (2, plain.len() as u64));
    }
}

/// So many zeros.
fn zeros(bytes: u64) -> impl Read {
    std::io::repeat(0).take(bytes)
}

#[test]
fn bombs_are_refused_by_size_and_ratio() {
    let bomb = |bytes: u64| {
        let mut head = file("zeros", "").size_field(format!("{bytes:011o}\0")).header().to_vec();
        head.truncate(512);
        let mut packed = zstd::Encoder::new(Vec::new(), 1).unwrap();
        std::io::copy(&mut (&head[..]).chain(zeros(bytes)), &mut packed).unwrap();
        packed.finish().unwrap()
    };
    let limits = Limits { ratio_from: 4 << 20, ..Limits::default() };
    let (scanned, _) = scan_stored(&[bomb(64 << 20)], &[vec![]], &limits);
    let text = scanned.report.incomplete().unwrap();
    assert!(text.contains("more than 500 times its size: a bomb"), "{text}");
    assert!(scanned.report.totals().1 < 16 << 20);
    let limits = Limits { unpacked_bytes: 1 << 20, ..Limits::default() };
    let (scanned, _) = scan_stored(&[bomb(4 << 20)], &[vec![]], &limits);
    assert!(matches!(&scanned.report.cut_short, Some(text) if text.contains("more than 1048576 bytes")));
}

#[test]
fn too_many_paths_end_the_scan_with_what_was_seen() {
    let list: Vec<_> = (0..500).map(|n| file(format!("f{n}"), "")).collect();
    let layer = archive(&list);
    let limits = Limits { paths: 100, ..Limits::default() };
    let (scanned, _) = scan_stored(&[layer.clone(), layer.clone()], &[layer.clone(), layer.clone()], &limits);
    assert_eq!(scanned.report.cut_short.as_deref(), Some("the layers have more than 100 paths"));
    assert_eq!(scanned.tree.iter().count(), 99);
    let deep = archive(&[file("d/".repeat(1000) + "x", "")]);
    let (scanned, _) = scan_stored(std::slice::from_ref(&deep), std::slice::from_ref(&deep), &limits);
    assert!(scanned.report.cut_short.is_some());
    let limits = Limits { time: std::time::Duration::ZERO, ..Limits::default() };
    let (scanned, _) = scan_stored(std::slice::from_ref(&layer), std::slice::from_ref(&layer), &limits);
    assert_eq!(scanned.report.cut_short.as_deref(), Some("not read within 0 s"));
}

#[test]
fn foreign_layers_are_named_and_the_rest_is_read() {
    let scratch = tempfile::tempdir().unwrap();
    let layers = [archive(&[file("windows", "1")]), archive(&[file("b", "2")])];
    let root = made::layout(scratch.path(), &layers, &layers);
    let foreign = crate::Digest::of(&layers[0]);
    std::fs::remove_file(root.join("blobs/sha256").join(foreign.hex())).unwrap();
    let source = Source::OciLayout { path: root, name: None };
    let open = || source.open(None, &Platform::linux_amd64()).unwrap();
    let missing = open().scan(&Limits::default(), &mut ()).unwrap().report.incomplete();
    assert!(missing.unwrap().starts_with(&format!("layer 1: {foreign} is not in oci:")));
    let mut image = open();
    image.layers[0].descriptor.media_type =
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip".to_owned();
    let scanned = image.scan(&Limits::default(), &mut ()).unwrap();
    assert!(matches!(scanned.report.layers[0].state, LayerState::Foreign));
    assert_eq!(scanned.report.incomplete().as_deref(), Some("layer 1 is kept elsewhere and was not read"));
    assert_eq!(listing(&scanned), ["/b@1"]);
}

#[test]
fn anomalies_are_bounded() {
    let list: Vec<_> = (0..300).map(|n| file(format!("/abs{n}"), "")).collect();
    let layer = archive(&list);
    let limits = Limits { anomalies: 10, ..Limits::default() };
    let (scanned, _) = scan_stored(std::slice::from_ref(&layer), std::slice::from_ref(&layer), &limits);
    assert_eq!((scanned.report.anomalies.len(), scanned.report.anomalies_left_out), (10, 290));
    assert!(matches!(scanned.report.layers[0].state, LayerState::Read));
}

/// Keeps what layers say, and knows it the next time.
#[derive(Default)]
struct Keeper {
    kept: std::collections::HashMap<crate::Digest, (Vec<u8>, u64)>,
    members: super::Members,
    seen: Seen,
}

impl Visitor for Keeper {
    fn known(&mut self, _: usize, content: &crate::Digest) -> Option<super::Known> {
        self.members = super::Members::default();
        let (members, unpacked) = self.kept.get(content)?.clone();
        Some(super::Known { members: Box::new(std::io::Cursor::new(members)), unpacked })
    }

    fn member(&mut self, entry: &crate::Entry) {
        self.members.push(entry);
    }

    fn file(&mut self, file: &FileEntry<'_>, content: &mut dyn Read) -> ControlFlow<()> {
        self.seen.file(file, content)
    }

    fn complete(&mut self, _: usize, content: &crate::Digest, unpacked: u64) {
        let members = std::mem::take(&mut self.members).finish();
        self.kept.insert(content.clone(), (members, unpacked));
    }
}

#[test]
fn known_layers_are_not_read_and_give_the_same_files() {
    let base = [
        directory("etc"),
        file("etc/a", "1"),
        file("etc/b", "1"),
        symlink("lib", "usr/lib"),
        hardlink("c", "etc/a"),
    ];
    let upper =
        [file("etc/.wh.b", ""), file("../x", "2"), file("etc/a", "2"), directory("lib"), file("lib/y", "2")];
    let other = [file("etc/.wh..wh..opq", ""), file("etc/z", "3")];
    let mut keeper = Keeper::default();
    let mut go = |layers: &[&[Member]]| {
        let unpacked: Vec<_> = layers.iter().map(|layer| archive(layer)).collect();
        let stored: Vec<_> = unpacked.iter().map(|layer| gzip(layer)).collect();
        let scratch = tempfile::tempdir().unwrap();
        let root = made::layout(scratch.path(), &stored, &unpacked);
        let image =
            Source::OciLayout { path: root, name: None }.open(None, &Platform::linux_amd64()).unwrap();
        let again = image.scan(&Limits::default(), &mut keeper).unwrap();
        let (fresh, _) = scan_stored(&stored, &unpacked, &Limits::default());
        assert_eq!(listing(&again), listing(&fresh));
        assert_eq!(reasons(&again.report), reasons(&fresh.report));
        assert_eq!(again.report.totals(), fresh.report.totals());
        again.report.layers.iter().map(|layer| layer.read > 0).collect::<Vec<_>>()
    };
    assert_eq!(go(&[&base, &upper]), [true, true]);
    assert_eq!(go(&[&base, &upper]), [false, false]);
    // What is above or below does not count: the layers are the same.
    assert_eq!(go(&[&base, &other]), [false, true]);
    assert_eq!(go(&[&upper, &other, &base]), [false, false, false]);
}
