//! The files that say what is installed, each by a reader of its own.

pub mod apk;
mod control;
pub mod dpkg;
mod elf;
pub mod gem;
pub mod go;
pub mod jar;
pub mod npm;
pub mod python;
pub mod rpm;
pub mod rust;

pub(crate) use elf::Elf;

/// Longest file of a text database, and of rpm's.
pub(crate) const MAX_DATABASE: usize = 256 << 20;
/// Longest file that describes one package.
pub(crate) const MAX_METADATA: usize = 4 << 20;
/// Longest program and archive that is held in memory where it cannot be read at any place.
pub(crate) const MAX_HELD: usize = 128 << 20;

/// What a path says a file may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    Distribution,
    DpkgStatus,
    /// A package of a distroless image.
    DpkgPart,
    /// Paths of a package, or digests of them.
    DpkgFiles,
    Apk,
    Rpm,
    Python,
    Npm,
    Gem,
    Jar,
    /// Anything that may be a program, settled by its first bytes.
    Program,
}

impl Interest {
    /// By the path from the root, and whether the file may be executed.
    pub(crate) fn of(path: &[u8], executable: bool) -> Option<Self> {
        let (directory, name) = split(path);
        match path {
            b"/etc/os-release" | b"/usr/lib/os-release" => return Some(Self::Distribution),
            b"/var/lib/dpkg/status" => return Some(Self::DpkgStatus),
            b"/lib/apk/db/installed" | b"/usr/lib/apk/db/installed" => return Some(Self::Apk),
            _ => {}
        }
        let of_rpm: [&[u8]; 3] = [b"/usr/lib/sysimage/rpm", b"/usr/share/rpm", b"/var/lib/rpm"];
        let ends = |ending: &[u8]| name.ends_with(ending);
        if directory == b"/var/lib/dpkg/status.d" {
            return Some(if ends(b".md5sums") { Self::DpkgFiles } else { Self::DpkgPart });
        }
        if directory == b"/var/lib/dpkg/info" {
            return ends(b".list").then_some(Self::DpkgFiles);
        }
        if of_rpm.contains(&directory) {
            let known: [&[u8]; 3] = [b"rpmdb.sqlite", b"Packages.db", b"Packages"];
            return known.contains(&name).then_some(Self::Rpm);
        }
        if (name == b"METADATA" && directory.ends_with(b".dist-info"))
            || (name == b"PKG-INFO" && directory.ends_with(b".egg-info"))
            || ends(b".egg-info")
        {
            return Some(Self::Python);
        }
        if name == b"package.json" && npm::is_package_place(directory) {
            return Some(Self::Npm);
        }
        if ends(b".gemspec")
            && (directory.ends_with(b"/specifications") || directory.ends_with(b"/specifications/default"))
        {
            return Some(Self::Gem);
        }
        let of_java: [&[u8]; 6] = [b".jar", b".war", b".ear", b".par", b".jpi", b".hpi"];
        if of_java.iter().any(|ending| ends(ending)) {
            return Some(Self::Jar);
        }
        (executable || ends(b".so") || memchr_so(name)).then_some(Self::Program)
    }

    /// Most bytes that are read of it.
    pub(crate) fn limit(self) -> usize {
        match self {
            Self::DpkgStatus | Self::Apk | Self::Rpm => MAX_DATABASE,
            Self::Jar | Self::Program => MAX_HELD,
            Self::DpkgFiles => 64 << 20,
            _ => MAX_METADATA,
        }
    }
}

/// `libx.so.1`.
fn memchr_so(name: &[u8]) -> bool {
    name.windows(4).any(|window| window == b".so.")
}

/// A path's directory and its last part.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    let slash = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    (path.get(..slash).unwrap_or_default(), path.get(slash + 1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::Interest;

    #[test]
    fn paths_say_what_files_are() {
        for (path, expected) in [
            ("/var/lib/dpkg/status", Some(Interest::DpkgStatus)),
            ("/var/lib/dpkg/status-old", None),
            ("/var/lib/dpkg/status.d/base", Some(Interest::DpkgPart)),
            ("/var/lib/dpkg/status.d/base.md5sums", Some(Interest::DpkgFiles)),
            ("/var/lib/dpkg/info/base.list", Some(Interest::DpkgFiles)),
            ("/var/lib/dpkg/info/base.postinst", None),
            ("/usr/lib/sysimage/rpm/rpmdb.sqlite", Some(Interest::Rpm)),
            ("/usr/lib/python3/dist-packages/six-1.16.0.egg-info", Some(Interest::Python)),
            ("/app/venv/lib/python3.11/site-packages/flask-2.3.dist-info/METADATA", Some(Interest::Python)),
            ("/app/node_modules/@a/b/package.json", Some(Interest::Npm)),
            ("/app/node_modules/a/package.json", Some(Interest::Npm)),
            ("/app/node_modules/a/test/package.json", None),
            ("/app/package.json", None),
            ("/usr/share/gems/specifications/x-1.gemspec", Some(Interest::Gem)),
            ("/app/x.gemspec", None),
            ("/opt/app.jar", Some(Interest::Jar)),
            ("/usr/lib/libx.so.1", Some(Interest::Program)),
        ] {
            assert_eq!(Interest::of(path.as_bytes(), false), expected, "{path}");
        }
        assert_eq!(Interest::of(b"/usr/bin/x", true), Some(Interest::Program));
    }
}
