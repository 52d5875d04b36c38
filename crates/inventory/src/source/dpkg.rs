//! dpkg's packages: `status`, and `status.d` of distroless images (`deb-control(5)`).

use super::control::{fields, paragraphs};
use crate::{Kind, Package, Source, package::field};

/// The packages of a control file that are installed.
#[must_use]
pub fn packages(text: &[u8], place: &str) -> Vec<Package> {
    paragraphs(text).filter_map(|paragraph| package(paragraph, place)).collect()
}

fn package(paragraph: &[u8], place: &str) -> Option<Package> {
    let mut package = Package::new(Kind::Deb, b"", b"", place);
    let mut source: &[u8] = b"";
    for (name, value) in fields(paragraph) {
        match name {
            b"Package" => package.name = field(value),
            b"Version" => package.version = field(value),
            b"Architecture" => package.architecture = field(value),
            b"Source" => source = value,
            // What is only unpacked or half configured has its files too.
            b"Status"
                if [&b" not-installed"[..], b" config-files", b" half-installed"]
                    .iter()
                    .any(|state| value.ends_with(state)) =>
            {
                return None;
            }
            _ => {}
        }
    }
    // `name` or `name (version)`, the version only where it is another.
    let (name, version) = match source.iter().position(|byte| *byte == b'(') {
        Some(at) => (source.get(..at)?, source.get(at + 1..)?.strip_suffix(b")")?),
        None => (source, b"".as_slice()),
    };
    let (name, version) = (field(name), field(version));
    if !name.is_empty() {
        let version = if version.is_empty() { package.version.clone() } else { version };
        package.source = Some(Source { name, version });
    }
    (!package.name.is_empty() && !package.version.is_empty()).then_some(package)
}

/// The paths of a `.list`, or of a list of digests (whose paths have no leading slash).
pub fn paths(text: &[u8], digests: bool) -> impl Iterator<Item = Vec<u8>> {
    text.split(|byte| *byte == b'\n').filter_map(move |line| {
        let path = if digests { line.get(34..)? } else { line };
        let path = path.strip_prefix(b"./").unwrap_or(path);
        let path = path.strip_prefix(b"/").unwrap_or(path);
        (!path.is_empty()).then(|| [b"/", path].concat())
    })
}

#[cfg(test)]
mod tests {
    use super::{packages, paths};

    #[test]
    fn installed_packages_with_their_sources() {
        let text = b"Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl (3.0.9-1)\n\
            Version: 3.0.9-1+b1\nDescription: x\n Version: 9\n\nPackage: gone\nStatus: deinstall ok config-files\n\
            Version: 1\n\n\nPackage: bash\nStatus: install ok installed\nVersion: 5.2\n\nPackage: bad\n";
        let found = packages(text, "/var/lib/dpkg/status");
        let shown: Vec<_> = found.iter().map(|package| (package.name.as_str(), package.source())).collect();
        assert_eq!(shown, [("libssl3", ("openssl", "3.0.9-1")), ("bash", ("bash", "5.2"))]);
        assert_eq!(found[0].version, "3.0.9-1+b1");
    }

    #[test]
    fn lists_and_digests_name_paths() {
        let list: Vec<_> = paths(b"/.\n/usr\n/usr/bin/x\n", false).collect();
        assert_eq!(list, [b"/.".to_vec(), b"/usr".to_vec(), b"/usr/bin/x".to_vec()]);
        let digests: Vec<_> = paths(b"900150983cd24fb0d6963f7d28e17f72  usr/bin/x\nshort\n", true).collect();
        assert_eq!(digests, [b"/usr/bin/x".to_vec()]);
    }
}
