//! ELF programs as far as what was built into them is concerned: sections, and memory by address (System V ABI, chapters 4
//! and 5). 32 and 64 bits, either order of bytes.

use fargard_scan::packages::rpm::ReadAt;

/// Most sections and segments that are looked at; longest table of names.
const MAX_SECTIONS: u64 = 4096;
const MAX_NAMES: u64 = 1 << 20;

/// A program file.
pub(crate) struct Elf<'a> {
    file: &'a dyn ReadAt,
    wide: bool,
    big: bool,
    sections: Vec<Section>,
}

#[derive(Clone, Debug)]
struct Section {
    name: Vec<u8>,
    address: u64,
    offset: u64,
    size: u64,
}

impl<'a> Elf<'a> {
    /// Reads the table of sections; `None` when it is no ELF file or has none.
    pub(crate) fn open(file: &'a dyn ReadAt) -> Option<Self> {
        let mut head = [0; 64];
        file.fill_at(head.get_mut(..52)?, 0).ok()?;
        if !head.starts_with(b"\x7fELF") {
            return None;
        }
        let (wide, big) = (head[4] == 2, head[5] == 2);
        if wide {
            file.fill_at(&mut head, 0).ok()?;
        }
        let mut elf = Self { file, wide, big, sections: Vec::new() };
        let (table, entry, count, names) = if wide {
            (
                elf.number(&head, 40, 8)?,
                elf.number(&head, 58, 2)?,
                elf.number(&head, 60, 2)?,
                elf.number(&head, 62, 2)?,
            )
        } else {
            (
                elf.number(&head, 32, 4)?,
                elf.number(&head, 46, 2)?,
                elf.number(&head, 48, 2)?,
                elf.number(&head, 50, 2)?,
            )
        };
        if entry < if wide { 64 } else { 40 } || count > MAX_SECTIONS {
            return None;
        }
        let table = elf.read(table, entry * count)?;
        let headers: Vec<&[u8]> = table.chunks_exact(usize::try_from(entry).ok()?).collect();
        let name_section = elf.section_of(headers.get(usize::try_from(names).ok()?)?)?.1;
        let text = elf.read(name_section.offset, name_section.size.min(MAX_NAMES))?;
        let sections = headers.iter().filter_map(|header| {
            let (name_at, mut section) = elf.section_of(header)?;
            let name = text.get(usize::try_from(name_at).ok()?..)?;
            section.name = name.split(|byte| *byte == 0).next()?.to_vec();
            Some(section)
        });
        elf.sections = sections.collect();
        Some(elf)
    }

    /// Whether the file has a section of that name.
    pub(crate) fn has(&self, name: &[u8]) -> bool {
        self.sections.iter().any(|section| section.name == name)
    }

    /// A section's bytes, if they are at most so many.
    pub(crate) fn section(&self, name: &[u8], limit: u64) -> Option<Vec<u8>> {
        let section = self.sections.iter().find(|section| section.name == name && section.size <= limit)?;
        self.read(section.offset, section.size)
    }

    /// Bytes at an address of the running program.
    pub(crate) fn at_address(&self, address: u64, length: u64) -> Option<Vec<u8>> {
        let section = self.sections.iter().find(|section| {
            section.address != 0 && address.checked_sub(section.address).is_some_and(|at| at < section.size)
        })?;
        self.read(section.offset.checked_add(address - section.address)?, length)
    }

    /// A number of the file's order of bytes.
    pub(crate) fn number(&self, bytes: &[u8], at: usize, width: usize) -> Option<u64> {
        let bytes = bytes.get(at..at.checked_add(width)?)?;
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
    }

    fn section_of(&self, header: &[u8]) -> Option<(u64, Section)> {
        let (address, offset, size, width) = if self.wide { (16, 24, 32, 8) } else { (12, 16, 20, 4) };
        let section = Section {
            name: Vec::new(),
            address: self.number(header, address, width)?,
            offset: self.number(header, offset, width)?,
            size: self.number(header, size, width)?,
        };
        Some((self.number(header, 0, 4)?, section))
    }

    fn read(&self, offset: u64, length: u64) -> Option<Vec<u8>> {
        if offset.checked_add(length)? > self.file.length() {
            return None;
        }
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        self.file.fill_at(&mut bytes, offset).ok()?;
        Some(bytes)
    }
}
