//! rpm's own database, `Packages.db` (`lib/backend/ndb/rpmpkg.c` of rpm defines it): a table of slots in front, each with
//! the place of a package's header in units of 16 bytes. Numbers are little-endian.

use super::{Damage, MAX_HEADER, ReadAt, Visitor, little_endian};

pub(super) const MAGIC: &[u8] = b"RpmP";
const SLOT: &[u8] = b"Slot";
const BLOB: &[u8] = b"BlbS";

const PAGE: u32 = 4096;
/// Most pages of slots: a million packages.
const MAX_SLOT_PAGES: u32 = 4096;

/// Gives every package's header to the visitor.
pub(super) fn each(file: &dyn ReadAt, visit: &mut Visitor<'_>) -> Result<(), Damage> {
    let mut head = [0; 32];
    file.fill_at(&mut head, 0)?;
    if !head.starts_with(MAGIC) {
        return Err(Damage::Form("no ndb file"));
    }
    let pages =
        little_endian(&head, 12).filter(|pages| *pages <= MAX_SLOT_PAGES).ok_or(Damage::Form("slots"))?;
    let mut slots = vec![0; usize::try_from(pages * PAGE).unwrap_or(0).saturating_sub(32)];
    file.fill_at(&mut slots, 32)?;
    // Packages cannot take more room than the file has, however often a slot names one.
    let mut left = file.length();
    for slot in slots.chunks_exact(16) {
        let (Some(package), Some(block)) = (little_endian(slot, 4), little_endian(slot, 8)) else { continue };
        if !slot.starts_with(SLOT) || package == 0 || block == 0 {
            continue;
        }
        let header = blob(file, package, u64::from(block) * 16)?;
        left = left.checked_sub(header.len() as u64).ok_or(Damage::Form("packages twice"))?;
        visit(&header);
    }
    Ok(())
}

fn blob(file: &dyn ReadAt, package: u32, at: u64) -> Result<Vec<u8>, Damage> {
    let mut head = [0; 16];
    file.fill_at(&mut head, at)?;
    if !head.starts_with(BLOB) || little_endian(&head, 4) != Some(package) {
        return Err(Damage::Form("package"));
    }
    let length = little_endian(&head, 12).and_then(|length| usize::try_from(length).ok());
    let length = length.filter(|length| *length <= MAX_HEADER && *length as u64 <= file.length());
    let mut bytes = vec![0; length.ok_or(Damage::Form("length of a package"))?];
    file.fill_at(&mut bytes, at + 16)?;
    Ok(bytes)
}
