//! What must hold of any bytes that are taken for a part of a container image: reading ends, and whatever layers hold,
//! their file system is one. The first byte says which part.

use std::{io::Read, ops::ControlFlow};

use fargard_image::{Document, FileEntry, Image, ImageConfig, Kind, Limits, Reference, TreeEntry, Visitor};

/// Between layers.
const NEXT_LAYER: &[u8] = b"~~~~NEXT~~~~";

/// Small, so that limits are met too.
const LIMITS: Limits = Limits {
    layers: 8,
    paths: 3000,
    name_bytes: 1 << 20,
    unpacked_bytes: 4 << 20,
    ratio: 200,
    ratio_from: 1 << 20,
    time: std::time::Duration::from_secs(10),
    anomalies: 50,
};

/// Panics when the bytes show a defect.
pub(crate) fn check(data: &[u8]) {
    let Some((part, data)) = data.split_first() else { return };
    match part {
        b'r' => reference(data),
        b'm' => drop(Document::parse("the manifest", "", data)),
        b'c' => config(data),
        _ => layers(data),
    }
}

fn reference(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(reference) = text.parse::<Reference>() {
        let again: Reference = reference.to_string().parse().expect("what was written is read");
        assert_eq!(again, reference);
        assert!(!reference.target().is_empty() && !reference.host().contains('/'));
    }
}

fn config(data: &[u8]) {
    if let Ok(config) = ImageConfig::parse(data) {
        let written = serde_json::to_vec(&config).expect("a configuration is JSON");
        assert_eq!(ImageConfig::parse(&written).expect("what was written is read"), config);
    }
}

/// Reads some of every content.
struct Reader(u64);

impl Visitor for Reader {
    fn file(&mut self, file: &FileEntry<'_>, content: &mut dyn Read) -> ControlFlow<()> {
        assert!(file.path.starts_with(b"/") && file.entry.kind == Kind::File);
        self.0 += std::io::copy(&mut content.take(file.entry.size / 2), &mut std::io::sink()).unwrap_or(0);
        ControlFlow::Continue(())
    }
}

fn layers(data: &[u8]) {
    let mut layers = Vec::new();
    let mut rest = data;
    while let Some(at) = rest.windows(NEXT_LAYER.len()).position(|window| window == NEXT_LAYER) {
        layers.push(rest[..at].to_vec());
        rest = &rest[at + NEXT_LAYER.len()..];
    }
    layers.push(rest.to_vec());
    let image = Image::in_memory(ImageConfig::default(), layers);
    let mut reader = Reader(0);
    let Ok(scanned) = image.scan(&LIMITS, &mut reader) else { return };
    assert!(reader.0 <= LIMITS.unpacked_bytes && scanned.report.anomalies.len() <= LIMITS.anomalies);
    let mut paths = 0;
    for entry in scanned.tree.iter() {
        paths += 1;
        let path = entry.path();
        let (parent, name) =
            path.split_at(path.iter().rposition(|byte| *byte == b'/').expect("a path has a slash"));
        assert!(name.len() <= 1 + Limits::NAME && ![&b"/"[..], b"/.", b"/.."].contains(&name));
        let above = scanned.tree.get(parent).map(|entry: TreeEntry<'_>| entry.kind());
        assert!(parent.is_empty() || above == Some(Kind::Directory), "{entry:?}");
        assert_eq!(scanned.tree.get(&path).map(|found| found.content()), Some(entry.content()));
        let _ = scanned.tree.resolve(&path);
    }
    assert!(paths <= LIMITS.paths);
}
