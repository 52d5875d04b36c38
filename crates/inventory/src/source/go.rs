//! Modules in programs made by Go: the section `.go.buildinfo` (Go's `debug/buildinfo`): since Go 1.18 with the texts in it,
//! before with pointers to them.

use fargard_scan::packages::rpm::ReadAt;

use super::Elf;
use crate::{Kind, Package, package::field};

const MAGIC: &[u8] = b"\xff Go buildinf:";
/// Longest section, and longest list of modules.
const MAX_SECTION: u64 = 16 << 20;
const MAX_TEXT: u64 = 16 << 20;
/// The list of modules is between two marks of this length.
const MARK: usize = 16;

/// The modules of a program; none when Go did not make it.
#[must_use]
pub fn packages(file: &dyn ReadAt, place: &str) -> Vec<Package> {
    Elf::open(file).and_then(|elf| of_elf(&elf, place)).unwrap_or_default()
}

pub(crate) fn of_elf(elf: &Elf<'_>, place: &str) -> Option<Vec<Package>> {
    let section = elf.section(b".go.buildinfo", MAX_SECTION)?;
    // The section is aligned to 16 bytes in memory; the magic is at its start or at a later multiple.
    let start = (0..section.len())
        .step_by(16)
        .find(|at| section.get(*at..).is_some_and(|rest| rest.starts_with(MAGIC)))?;
    let info = section.get(start..)?;
    let (version, modules) = if info.get(15)? & 2 != 0 {
        let (version, rest) = text(info.get(32..)?)?;
        (version.to_vec(), text(rest)?.0.to_vec())
    } else {
        by_pointers(elf, info)?
    };
    let mut found = Vec::new();
    let release = version.strip_prefix(b"go").unwrap_or(&version);
    // `go1.21.0 X:nocoverageredesign`
    let release = release.split(|byte| *byte == b' ').next().unwrap_or_default();
    if release.first().is_some_and(u8::is_ascii_digit) {
        found.push(Package::new(Kind::Go, b"stdlib", release, place));
    }
    let list = modules.get(MARK..modules.len().saturating_sub(MARK)).unwrap_or_default();
    list_modules(list, place, &mut found);
    Some(found)
}

/// A text with its length before it.
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(9) {
        length |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return bytes.get(index + 1..)?.split_at_checked(usize::try_from(length).ok()?);
        }
    }
    None
}

/// Two pointers to texts, each a pointer and a length.
fn by_pointers(elf: &Elf<'_>, info: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let width = usize::from(*info.get(14)?);
    if width != 4 && width != 8 {
        return None;
    }
    let text = |at: usize| {
        let header = elf.at_address(elf.number(info, at, width)?, width as u64 * 2)?;
        let length = elf.number(&header, width, width).filter(|length| *length <= MAX_TEXT)?;
        elf.at_address(elf.number(&header, 0, width)?, length)
    };
    Some((text(16)?, text(16 + width).unwrap_or_default()))
}

/// Lines of `path`, `mod`, `dep` and `=>`, with tabs between the parts. A replacement stands for what is before it.
fn list_modules(list: &[u8], place: &str, found: &mut Vec<Package>) {
    for line in list.split(|byte| *byte == b'\n') {
        let mut parts = line.split(|byte| *byte == b'\t');
        let (Some(word), Some(path), version) = (parts.next(), parts.next(), parts.next()) else { continue };
        let version = version.unwrap_or_default();
        match word {
            b"dep" | b"mod" => found.push(Package::new(Kind::Go, path, version, place)),
            b"=>" => {
                if let Some(last) = found.last_mut() {
                    (last.name, last.version) = (field(path), field(version));
                }
            }
            _ => {}
        }
    }
    // What is built from a working copy has no version, and what is replaced by a directory no name of its own.
    found.retain(|package| {
        !package.version.is_empty() && package.version != "(devel)" && !package.name.starts_with(['.', '/'])
    });
}

#[cfg(test)]
mod tests {
    use super::list_modules;

    #[test]
    fn replaced_modules_are_what_replaces_them() {
        let mut found = Vec::new();
        let list = b"path\texample.com/app\nmod\texample.com/app\t(devel)\t\ndep\tgithub.com/a/b\tv1.2.3\th1:x=\n\
            dep\tgithub.com/c/d\tv0.1.0\n=>\tgithub.com/e/d\tv0.2.0\th1:y=\ndep\tgithub.com/g/h\tv1.0.0\n=>\t./local\t\nbuild\t-compiler=gc\n";
        list_modules(list, "/app", &mut found);
        let shown: Vec<_> =
            found.iter().map(|module| (module.name.as_str(), module.version.as_str())).collect();
        assert_eq!(shown, [("github.com/a/b", "v1.2.3"), ("github.com/e/d", "v0.2.0")]);
    }
}
