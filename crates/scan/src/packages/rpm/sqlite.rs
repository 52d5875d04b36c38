//! The table `Packages` of an `SQLite` database (the file format as sqlite.org/fileformat2.html defines it): tables are
//! trees of pages, a row is a record in a leaf, what does not fit goes on in a chain of overflow pages.

use super::{Damage, MAX_HEADER, ReadAt, Visitor, big_endian};

pub(super) const MAGIC: &[u8] = b"SQLite format 3\0";

/// Deepest tree; SQLite's own limit is 20.
const MAX_DEPTH: usize = 20;

/// Longest row of the schema.
const MAX_SCHEMA_ROW: usize = 1 << 20;

/// Gives every package's header to the visitor.
pub(super) fn each(file: &dyn ReadAt, visit: &mut Visitor<'_>) -> Result<(), Damage> {
    let database = Database::open(file)?;
    let mut root = None;
    database.rows(1, MAX_SCHEMA_ROW, &mut |record| {
        let columns = columns(record)?;
        if columns.first() == Some(&b"table".as_slice()) && columns.get(1) == Some(&b"Packages".as_slice()) {
            let page = columns.get(3).and_then(|bytes| number(bytes));
            root = page.and_then(|page| u32::try_from(page).ok());
        }
        Some(())
    })?;
    let root = root.ok_or(Damage::Form("no table Packages"))?;
    database.rows(root, MAX_HEADER, &mut |record| {
        visit(columns(record)?.get(1)?);
        Some(())
    })
}

struct Database<'file> {
    file: &'file dyn ReadAt,
    page_size: usize,
    /// Bytes of a page without what is reserved at its end.
    usable: usize,
    pages: u32,
}

impl<'file> Database<'file> {
    fn open(file: &'file dyn ReadAt) -> Result<Self, Damage> {
        let mut head = [0; 100];
        file.fill_at(&mut head, 0)?;
        if !head.starts_with(MAGIC) {
            return Err(Damage::Form("no SQLite file"));
        }
        let page_size = match u16::from_be_bytes([head[16], head[17]]) {
            1 => 65_536,
            size if size >= 512 && size.is_power_of_two() => usize::from(size),
            _ => return Err(Damage::Form("page size")),
        };
        let usable = page_size - usize::from(head[20]);
        if usable < 480 {
            return Err(Damage::Form("reserved space"));
        }
        let pages = u32::try_from(file.length() / page_size as u64).map_err(|_| Damage::Form("length"))?;
        Ok(Self { file, page_size, usable, pages })
    }

    fn page(&self, number: u32) -> Result<Vec<u8>, Damage> {
        if number == 0 || number > self.pages {
            return Err(Damage::Form("page number"));
        }
        let mut page = vec![0; self.page_size];
        self.file.fill_at(&mut page, u64::from(number - 1) * self.page_size as u64)?;
        Ok(page)
    }

    /// Gives every record of the tree at `root` to `visit`, which says whether it was sound. A page that hangs in the
    /// tree twice cannot make the walk longer than the file has pages.
    fn rows(
        &self,
        root: u32,
        longest: usize,
        visit: &mut dyn FnMut(&[u8]) -> Option<()>,
    ) -> Result<(), Damage> {
        let mut left = self.pages;
        let mut bytes_left = self.file.length();
        let mut stack = vec![(root, 0)];
        while let Some((number, depth)) = stack.pop() {
            left = left.checked_sub(1).ok_or(Damage::Form("pages in a circle"))?;
            let page = self.page(number)?;
            let start = if number == 1 { 100 } else { 0 };
            let kind = page.get(start).copied();
            let cells = usize::from(short(&page, start + 3).ok_or(Damage::Form("page"))?);
            let pointers = if kind == Some(5) { start + 12 } else { start + 8 };
            let cell = |index: usize| {
                let at = usize::from(short(&page, pointers + 2 * index)?);
                page.get(at..)
            };
            match kind {
                Some(13) => {
                    for index in 0..cells {
                        let cell = cell(index).ok_or(Damage::Form("cell"))?;
                        let record = self.payload(cell, longest)?;
                        bytes_left = bytes_left
                            .checked_sub(record.len() as u64)
                            .ok_or(Damage::Form("more rows than the file has room for"))?;
                        visit(&record).ok_or(Damage::Form("record"))?;
                    }
                }
                Some(5) if depth < MAX_DEPTH => {
                    let right = big_endian(&page, start + 8).ok_or(Damage::Form("page"))?;
                    stack.push((right, depth + 1));
                    for index in (0..cells).rev() {
                        let below =
                            cell(index).and_then(|cell| big_endian(cell, 0)).ok_or(Damage::Form("cell"))?;
                        stack.push((below, depth + 1));
                    }
                }
                _ => return Err(Damage::Form("kind of page")),
            }
        }
        Ok(())
    }

    /// The record of a leaf's cell, with what lies in overflow pages.
    fn payload(&self, cell: &[u8], longest: usize) -> Result<Vec<u8>, Damage> {
        let (length, rest) = varint(cell).ok_or(Damage::Form("cell"))?;
        let (_row, rest) = varint(rest).ok_or(Damage::Form("cell"))?;
        let length = usize::try_from(length).ok().filter(|length| *length <= longest);
        let length = length.filter(|length| *length as u64 <= self.file.length());
        let length = length.ok_or(Damage::Form("a row longer than allowed"))?;
        let local = self.local(length);
        let mut record = rest.get(..local).ok_or(Damage::Form("cell"))?.to_vec();
        let mut next = if local < length { big_endian(rest, local) } else { None };
        while record.len() < length {
            let number = next.filter(|number| *number != 0).ok_or(Damage::Form("overflow"))?;
            let page = self.page(number)?;
            let wanted = (length - record.len()).min(self.usable - 4);
            record.extend_from_slice(page.get(4..4 + wanted).ok_or(Damage::Form("overflow"))?);
            next = big_endian(&page, 0);
        }
        Ok(record)
    }

    /// How much of a record lies in the leaf itself.
    fn local(&self, length: usize) -> usize {
        let most = self.usable - 35;
        if length <= most {
            return length;
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let fitting = least + (length - least) % (self.usable - 4);
        if fitting <= most { fitting } else { least }
    }
}

/// The values of a record as bytes.
fn columns(record: &[u8]) -> Option<Vec<&[u8]>> {
    let (header_length, rest) = varint(record)?;
    let header_length = usize::try_from(header_length).ok()?;
    let mut types = rest.get(..header_length.checked_sub(record.len() - rest.len())?)?;
    let mut data = record.get(header_length..)?;
    let mut columns = Vec::new();
    while !types.is_empty() && columns.len() < 64 {
        let (kind, after) = varint(types)?;
        types = after;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            _ => (kind - 12) / 2,
        };
        let (value, after) = data.split_at_checked(usize::try_from(length).ok()?)?;
        data = after;
        columns.push(value);
    }
    Some(columns)
}

/// A whole number as SQLite stores it.
fn number(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= 8).then(|| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// A number of one to nine bytes, seven bits each but the last's eight; and what follows it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for index in 0..8 {
        let byte = *bytes.get(index)?;
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    Some((value << 8 | u64::from(*bytes.get(8)?), bytes.get(9..)?))
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}
