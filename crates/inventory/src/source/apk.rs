//! apk's packages: `P:` name, `V:` version, `A:` architecture, `o:` origin (what it was built of), `L:` licence; `F:` directory
//! and `R:` file (`apk-v2(5)`).

use crate::{Kind, Package, Source, package::field};

/// The packages of the database, and the paths of their files.
#[must_use]
pub fn packages(text: &[u8], place: &str) -> (Vec<Package>, Vec<Vec<u8>>) {
    let (mut packages, mut paths) = (Vec::new(), Vec::new());
    let mut package = Package::new(Kind::Apk, b"", b"", place);
    let mut directory: &[u8] = b"";
    for line in text.split(|byte| *byte == b'\n').chain([b"".as_slice()]) {
        let (letter, value) = match line {
            [letter, b':', value @ ..] => (*letter, value),
            _ => {
                let done = std::mem::replace(&mut package, Package::new(Kind::Apk, b"", b"", place));
                directory = b"";
                if !done.name.is_empty() && !done.version.is_empty() {
                    packages.push(done);
                }
                continue;
            }
        };
        match letter {
            b'P' => package.name = field(value),
            b'V' => package.version = field(value),
            b'A' => package.architecture = field(value),
            b'L' => package.license = field(value),
            b'F' => directory = value,
            b'R' => {
                let separator: &[u8] = if directory.is_empty() { b"" } else { b"/" };
                paths.push([b"/", directory, separator, value].concat());
            }
            _ => {}
        }
        if letter == b'o' || letter == b'V' {
            let name = match (&package.source, letter) {
                (_, b'o') => Some(field(value)),
                (source, _) => source.as_ref().map(|source| source.name.clone()),
            };
            package.source = name
                .filter(|name| !name.is_empty())
                .map(|name| Source { name, version: package.version.clone() });
        }
    }
    (packages, paths)
}

#[cfg(test)]
mod tests {
    use super::packages;

    #[test]
    fn packages_with_their_origin_and_files() {
        let text = b"C:Q1x\nP:libcrypto3\nV:3.1.4-r0\nA:x86_64\nL:Apache-2.0\no:openssl\nF:lib\nR:libcrypto.so.3\na:0:0:755\n\n\
            P:musl\nV:1.2.4-r2\nA:x86_64\n";
        let (found, paths) = packages(text, "/lib/apk/db/installed");
        let shown: Vec<_> = found.iter().map(|package| (package.name.as_str(), package.source())).collect();
        assert_eq!(shown, [("libcrypto3", ("openssl", "3.1.4-r0")), ("musl", ("musl", "1.2.4-r2"))]);
        assert_eq!(paths, [b"/lib/libcrypto.so.3".to_vec()]);
    }
}
