//! Crates in programs made with `cargo auditable`: the section `.dep-v0`, JSON packed by zlib.

use std::io::Read as _;

use flate2::read::ZlibDecoder;
use serde::Deserialize;

use super::Elf;
use crate::{Kind, Package, json};

/// Longest section, and longest document in it; the format's own limits are 8 MiB.
const MAX_SECTION: u64 = 8 << 20;
const MAX_DOCUMENT: u64 = 16 << 20;

#[derive(Deserialize)]
struct Document {
    packages: Vec<Crate>,
}

#[derive(Deserialize)]
struct Crate {
    name: String,
    version: String,
    #[serde(default)]
    source: String,
    kind: Option<String>,
    #[serde(default)]
    root: bool,
}

pub(crate) fn of_elf(elf: &Elf<'_>, place: &str) -> Option<Vec<Package>> {
    from_section(&elf.section(b".dep-v0", MAX_SECTION)?, place)
}

/// The crates of a section's bytes; what was only needed to build is not in the program.
#[must_use]
pub fn from_section(section: &[u8], place: &str) -> Option<Vec<Package>> {
    let mut text = Vec::new();
    ZlibDecoder::new(section).take(MAX_DOCUMENT).read_to_end(&mut text).ok()?;
    let document: Document = json::read(&text)?;
    let of_program = |found: &&Crate| found.kind.as_deref() != Some("build") && !found.root;
    // A crate of a working copy or a private registry is none of crates.io's, whatever its name.
    let public = |found: &&Crate| {
        matches!(found.source.as_str(), "crates.io" | "registry+https://github.com/rust-lang/crates.io-index")
    };
    let packages = document.packages.iter().filter(of_program).filter(public);
    Some(
        packages
            .map(|found| Package::new(Kind::Cargo, found.name.as_bytes(), found.version.as_bytes(), place))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::from_section;

    #[test]
    fn crates_of_the_registry_are_listed() {
        let text = br#"{"packages":[{"name":"app","version":"0.1.0","source":"local","root":true},
            {"name":"rand","version":"0.7.2","source":"crates.io"},{"name":"cc","version":"1.0.0","source":"crates.io","kind":"build"}]}"#;
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(text).unwrap();
        let found = from_section(&packed.finish().unwrap(), "/app").unwrap();
        assert_eq!((found.len(), found[0].name.as_str(), found[0].version.as_str()), (1, "rand", "0.7.2"));
        assert_eq!(from_section(b"x", "/app"), None);
    }
}
