//! Extended headers (POSIX pax): `LENGTH KEY=VALUE\n` records that replace fields of the next header.

use super::{
    Entry,
    fields::{decimal, seconds},
};

/// What extended headers say of a sparse file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sparse {
    /// Its size with holes.
    pub(super) real_size: Option<u64>,
    /// Whether the map is at the beginning of the content (version 1.0).
    pub(super) map_in_content: bool,
}

/// Puts the records of an extended header over an entry. `None` where they are malformed.
pub(super) fn apply(mut records: &[u8], entry: &mut Entry, sparse: &mut Sparse) -> Option<()> {
    let mut sparse_name = None;
    while !records.is_empty() {
        let (key, value, rest) = record(records)?;
        records = rest;
        match key {
            b"path" if !value.is_empty() => replace(&mut entry.path, value)?,
            b"linkpath" if !value.is_empty() => replace(&mut entry.link, value)?,
            b"size" => entry.size = size(value)?,
            b"uid" => entry.uid = decimal(value)?.cast_unsigned(),
            b"gid" => entry.gid = decimal(value)?.cast_unsigned(),
            b"mtime" => entry.mtime = seconds(value)?,
            b"SCHILY.xattr.security.capability" => entry.capabilities = !value.is_empty(),
            b"GNU.sparse.name" => sparse_name = Some(value),
            b"GNU.sparse.size" | b"GNU.sparse.realsize" => sparse.real_size = Some(size(value)?),
            b"GNU.sparse.major" => sparse.map_in_content = value == b"1",
            _ => {}
        }
    }
    if let Some(name) = sparse_name {
        replace(&mut entry.path, name)?;
    }
    Some(())
}

fn size(value: &[u8]) -> Option<u64> {
    decimal(value).and_then(|size| u64::try_from(size).ok())
}

fn replace(field: &mut Vec<u8>, value: &[u8]) -> Option<()> {
    if value.contains(&0) {
        return None;
    }
    field.clear();
    field.extend_from_slice(value);
    Some(())
}

/// One record: its key, its value, and what follows it. The length counts the whole record with its own digits and
/// the line's end, so a value may hold anything.
fn record(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = records.iter().take(8).position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(records.get(..blank)?)?).ok()?;
    let (whole, rest) = (records.get(..length)?, records.get(length..)?);
    let body = whole.get(blank + 1..)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|byte| *byte == b'=')?;
    Some((body.get(..equals)?, body.get(equals + 1..)?, rest))
}

#[cfg(test)]
mod tests {
    use super::{Entry, Sparse, apply};

    fn applied(records: &[u8]) -> Option<Entry> {
        let mut entry = Entry::default();
        apply(records, &mut entry, &mut Sparse::default()).map(|()| entry)
    }

    #[test]
    fn records_replace_fields() {
        let entry = applied(b"13 path=a/b\nc\n30 mtime=1350244992.023960108\n14 size=12345\n");
        assert!(entry.is_none(), "the first record is one byte longer than it says");
        let entry = applied(b"14 path=a/b\nc\n30 mtime=1350244992.023960108\n14 size=12345\n").unwrap();
        assert_eq!((entry.path.as_slice(), entry.mtime, entry.size), (&b"a/b\nc"[..], 1_350_244_992, 12_345));
    }

    #[test]
    fn malformed_records_are_no_records() {
        for records in [
            &b"x"[..],
            b"3 x\n",
            b"999999999 path=a\n",
            b"0 path=a\n",
            b"-5 path=a\n",
            b"12 path=a\n\n",
            b"9 size=-1\n",
            b"11 size=1x\n",
            b"10 path=a\0\n",
            b" 9 path=a\n",
            b"9 path=ab",
        ] {
            assert_eq!(applied(records), None, "{records:?}");
        }
    }
}
