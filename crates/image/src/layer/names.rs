//! Names of members as paths inside the image.

use crate::Limits;

/// What a member's name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name<'a> {
    /// The root directory itself.
    Root,
    /// A file in a directory.
    File(&'a [u8]),
    /// The marker that nothing of lower layers is in this directory.
    Opaque,
    /// The marker that lower layers' file of this name is gone.
    Whiteout(&'a [u8]),
    /// A remark of aufs to itself.
    Metadata,
}

/// A name cannot be that of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// Longer than a path can be.
    LongPath,
    /// A part is longer than a name can be.
    LongName,
    /// A marker without a name, or one that would take away the directory it is in.
    Marker,
    /// A NUL in it.
    Nul,
}

impl Bad {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::LongPath => "longer than a path can be (4095 bytes); left out",
            Self::LongName => "a part of it is longer than a name can be (255 bytes); left out",
            Self::Marker => "a whiteout without a name of its own; left out",
            Self::Nul => "a NUL in it; left out",
        }
    }
}

/// Puts the name's parts, joined by `/`, into `path`: without empty ones and `.`, and with `..` taken back. Whether it
/// tried to leave the root.
pub(super) fn normalise(name: &[u8], path: &mut Vec<u8>) -> Result<bool, Bad> {
    path.clear();
    if name.len() > Limits::PATH {
        return Err(Bad::LongPath);
    }
    if name.contains(&0) {
        return Err(Bad::Nul);
    }
    let mut escapes = false;
    for part in name.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                escapes |= path.is_empty();
                path.truncate(path.iter().rposition(|byte| *byte == b'/').unwrap_or(0));
            }
            _ if part.len() > Limits::NAME => return Err(Bad::LongName),
            _ => {
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(part);
            }
        }
    }
    Ok(escapes)
}

/// The directory of a normalised path, and what is named in it.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (path.get(..slash).unwrap_or_default(), path.get(slash + 1..).unwrap_or_default()),
        None => (&[], path),
    }
}

/// What the last part of a path means (image-spec, `layer.md`, "Whiteouts").
pub(super) fn meaning(base: &[u8]) -> Result<Name<'_>, Bad> {
    let Some(hidden) = base.strip_prefix(b".wh.") else {
        return Ok(if base.is_empty() { Name::Root } else { Name::File(base) });
    };
    match hidden {
        b".wh..opq" => Ok(Name::Opaque),
        b"" | b"." | b".." => Err(Bad::Marker),
        _ if hidden.starts_with(b".wh.") => Ok(Name::Metadata),
        _ => Ok(Name::Whiteout(hidden)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Bad, Name, meaning, normalise, split};

    fn normal(name: &[u8]) -> Result<(String, bool), Bad> {
        let mut path = Vec::new();
        normalise(name, &mut path).map(|escapes| (String::from_utf8_lossy(&path).into_owned(), escapes))
    }

    #[test]
    fn names_stay_inside() {
        for (name, path, escapes) in [
            ("./usr/bin/", "usr/bin", false),
            ("/etc//passwd", "etc/passwd", false),
            ("a/../b", "b", false),
            ("../../etc/passwd", "etc/passwd", true),
            ("a/../../b/..", "", true),
            ("./", "", false),
        ] {
            assert_eq!(normal(name.as_bytes()), Ok((path.to_owned(), escapes)), "{name}");
        }
        assert_eq!(normal(&[b'a'; 256]), Err(Bad::LongName));
        assert_eq!(normal(&b"a/".repeat(2048)), Err(Bad::LongPath));
        assert_eq!(normal(b"a\0b"), Err(Bad::Nul));
        assert_eq!(split(b"a/b/c"), (&b"a/b"[..], &b"c"[..]));
        assert_eq!(split(b"a"), (&b""[..], &b"a"[..]));
    }

    #[test]
    fn markers_are_told_from_files() {
        assert_eq!(meaning(b".wh.x"), Ok(Name::Whiteout(b"x")));
        assert_eq!(meaning(b".wh..wh..opq"), Ok(Name::Opaque));
        assert_eq!(meaning(b".wh..wh.plnk"), Ok(Name::Metadata));
        for bad in [&b".wh."[..], b".wh..", b".wh..."] {
            assert_eq!(meaning(bad), Err(Bad::Marker));
        }
        assert_eq!(meaning(b".wh....x"), Ok(Name::Whiteout(b"...x")));
        assert_eq!((meaning(b""), meaning(b".whx")), (Ok(Name::Root), Ok(Name::File(b".whx"))));
    }

    proptest! {
        #[test]
        fn no_name_leaves_the_root(name in proptest::collection::vec(proptest::sample::select(&b"./ab"[..]), 0..40)) {
            let mut path = Vec::new();
            normalise(&name, &mut path).unwrap();
            prop_assert!(path.is_empty() || path.split(|b| *b == b'/').all(|part| ![&b""[..], b".", b".."].contains(&part)));
            let again = path.clone();
            prop_assert_eq!(normalise(&again, &mut path), Ok(false));
            prop_assert_eq!(again, path);
        }
    }
}
