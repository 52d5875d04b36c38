//! The hash of Berkeley DB that rpm used before, `Packages` (`dbinc/db_page.h` and `dbinc/hash.h` of Berkeley DB define it):
//! pages of pairs of key and value, where a value that does not fit is a chain of overflow pages. Numbers are in the
//! order of the machine that wrote it.

use super::{Damage, MAX_HEADER, ReadAt, Visitor, little_endian};

/// `DB_HASHMAGIC`.
const MAGIC: u32 = 0x0006_1561;
/// Bytes of a page's own header.
const HEAD: usize = 26;
const HASH_UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;
const HASH: u8 = 13;
/// Kinds of items: in place; on other pages.
const IN_PLACE: u8 = 1;
const ON_PAGES: u8 = 3;
/// Shortest value that can be a header.
const MIN_HEADER: usize = 24;

/// Gives every package's header to the visitor.
pub(super) fn each(file: &dyn ReadAt, visit: &mut Visitor<'_>) -> Result<(), Damage> {
    let database = Database::open(file)?;
    // Overflow pages cannot be more than the file has.
    let mut left = database.pages;
    for number in 1..database.pages {
        let page = database.page(number)?;
        if !matches!(page.get(25), Some(&(HASH | HASH_UNSORTED))) {
            continue;
        }
        let entries = database.short(&page, 20).ok_or(Damage::Form("page"))?;
        // Keys are at even places, their values follow.
        for index in (1..entries).step_by(2) {
            let offset = |index: usize| database.short(&page, HEAD + 2 * index).map(usize::from);
            let start = offset(usize::from(index)).ok_or(Damage::Form("item"))?;
            let end = offset(usize::from(index - 1)).unwrap_or(page.len());
            let item = page.get(start..).ok_or(Damage::Form("item"))?;
            match item.first() {
                Some(&IN_PLACE) => {
                    let value = page.get(start + 1..end).unwrap_or_default();
                    if value.len() >= MIN_HEADER {
                        visit(value);
                    }
                }
                Some(&ON_PAGES) => visit(&database.overflow(item, &mut left)?),
                _ => {}
            }
        }
    }
    Ok(())
}

struct Database<'file> {
    file: &'file dyn ReadAt,
    page_size: usize,
    pages: u32,
    /// Whether it was written by a machine of the other order.
    swapped: bool,
}

impl<'file> Database<'file> {
    fn open(file: &'file dyn ReadAt) -> Result<Self, Damage> {
        let mut head = [0; 72];
        file.fill_at(&mut head, 0)?;
        let swapped = match little_endian(&head, 12) {
            Some(MAGIC) => false,
            Some(magic) if magic.swap_bytes() == MAGIC => true,
            _ => return Err(Damage::Form("no Berkeley DB hash")),
        };
        let mut database = Self { file, page_size: 0, pages: 0, swapped };
        let size =
            database.number(&head, 20).filter(|size| (512..=65_536).contains(size) && size.is_power_of_two());
        let size = size.ok_or(Damage::Form("page size"))?;
        database.page_size = usize::try_from(size).map_err(|_| Damage::Form("page size"))?;
        database.pages =
            u32::try_from(file.length() / u64::from(size)).map_err(|_| Damage::Form("length"))?;
        Ok(database)
    }

    fn page(&self, number: u32) -> Result<Vec<u8>, Damage> {
        if number >= self.pages {
            return Err(Damage::Form("page number"));
        }
        let mut page = vec![0; self.page_size];
        self.file.fill_at(&mut page, u64::from(number) * self.page_size as u64)?;
        Ok(page)
    }

    /// A value in a chain of pages.
    fn overflow(&self, item: &[u8], left: &mut u32) -> Result<Vec<u8>, Damage> {
        let damage = || Damage::Form("overflow");
        let mut next = self.number(item, 4).ok_or_else(damage)?;
        let length = self.number(item, 8).and_then(|length| usize::try_from(length).ok());
        let length = length.filter(|length| *length <= MAX_HEADER).ok_or_else(damage)?;
        let mut value = Vec::new();
        while value.len() < length {
            *left = left.checked_sub(1).ok_or_else(damage)?;
            let page = self.page(next)?;
            let used = usize::from(self.short(&page, 22).ok_or_else(damage)?).min(length - value.len());
            if page.get(25) != Some(&OVERFLOW) || used == 0 {
                return Err(damage());
            }
            value.extend_from_slice(page.get(HEAD..HEAD + used).ok_or_else(damage)?);
            next = self.number(&page, 16).ok_or_else(damage)?;
        }
        Ok(value)
    }

    fn number(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let number = little_endian(bytes, at)?;
        Some(if self.swapped { number.swap_bytes() } else { number })
    }

    fn short(&self, bytes: &[u8], at: usize) -> Option<u16> {
        let number = u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?);
        Some(if self.swapped { number.swap_bytes() } else { number })
    }
}
