//! apk's database, `lib/apk/db/installed`: one package after the other, a line a field.
//!
//! Format: `apk-v2` package index fields as Alpine documents them, and what `apk audit` reads: `P:` name, `F:` directory,
//! `M:` its owner and mode, `R:` file in it, `a:` owner and mode of the file, `Z:` checksum, `Q1` and base64 of SHA-1
//! (`Q2` and base64 of SHA-256). The checksum of a link is that of its target's text.

use super::{Expected, MAX_TEXT, Packages, Source, read_whole};
use crate::{digest::Digest, keys::base64};

const PLACES: [&[u8]; 2] = [b"/lib/apk/db/installed", b"/usr/lib/apk/db/installed"];

/// Permissions of a file whose line says none, as apk installs them.
const DEFAULT_MODE: u32 = 0o644;

/// Reads the database if there is one.
pub(super) fn read(source: &dyn Source, packages: &mut Packages) {
    for place in PLACES {
        if let Some(text) = read_whole(source, place, MAX_TEXT, &mut packages.troubles) {
            packages.kinds.push("apk");
            parse(&text, packages);
            return;
        }
    }
}

/// Takes the packages out of the text.
pub fn parse(text: &[u8], packages: &mut Packages) {
    let mut package = None;
    let mut directory: &[u8] = b"";
    let mut file: Option<(Vec<u8>, Expected)> = None;
    for line in text.split(|byte| *byte == b'\n') {
        let (field, value) = match line {
            [field, b':', value @ ..] => (*field, value),
            _ => (b' ', line),
        };
        if !matches!(field, b'a' | b'Z')
            && let Some((path, expected)) = file.take()
        {
            packages.expect(&path, expected);
        }
        match field {
            b' ' => (package, directory) = (None, b""),
            b'P' => package = Some(packages.begin(String::from_utf8_lossy(value).into_owned())),
            b'F' => directory = value,
            b'R' => {
                let separator: &[u8] = if directory.is_empty() { b"" } else { b"/" };
                let path = [b"/", directory, separator, value].concat();
                file = package.map(|package| (path, of(package, directory)));
            }
            b'a' => {
                if let Some((_, expected)) = &mut file {
                    expected.mode = mode(value).or(expected.mode);
                }
            }
            b'Z' => {
                if let Some((_, expected)) = &mut file {
                    expected.digest = checksum(value);
                }
            }
            _ => {}
        }
    }
    if let Some((path, expected)) = file {
        packages.expect(&path, expected);
    }
}

/// A file of a package before its own lines are read. What lies in `etc` is configuration: apk protects it on upgrades.
fn of(package: u32, directory: &[u8]) -> Expected {
    let mut expected = Expected::with_digest(None, package);
    expected.mode = Some(DEFAULT_MODE);
    expected.config = directory == b"etc" || directory.starts_with(b"etc/");
    expected
}

/// The mode of `uid:gid:mode`, in octal digits.
fn mode(value: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(value).ok()?;
    u32::from_str_radix(text.split(':').nth(2)?, 8).ok().map(|mode| mode & 0o7777)
}

/// `Q1` and base64 of a SHA-1, or `Q2` and base64 of a SHA-256.
fn checksum(value: &[u8]) -> Option<Digest> {
    let (kind, rest) = value.split_at_checked(2)?;
    let bytes = base64::decode(rest.iter().copied())?;
    match kind {
        b"Q1" => bytes.try_into().ok().map(Digest::Sha1),
        b"Q2" => bytes.try_into().ok().map(Digest::Sha256),
        _ => None,
    }
}
