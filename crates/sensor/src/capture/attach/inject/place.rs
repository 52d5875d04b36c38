//! A place in a process for the code that installs a filter: the unused end of its vDSO, whose pages every process
//! has a private right to.

use std::{os::fd::OwnedFd, path::Path};

use fargard_model::bounded;
use rustix::{
    fs::{CWD, Mode, OFlags, openat},
    io::{pread, pwrite},
};

use super::Refused;

const MAX_MAPS: usize = 8 << 20;
/// More than any kernel's vDSO has.
const MAX_VDSO: u64 = 64 << 10;
/// Distance to the last byte in use.
const MARGIN: usize = 32;

/// A process's memory.
#[derive(Debug)]
pub(super) struct Memory(OwnedFd);

impl Memory {
    pub(super) fn open(pid: u32) -> Option<Self> {
        let path = format!("/proc/{pid}/mem");
        openat(CWD, path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).ok().map(Self)
    }

    pub(super) fn read(&self, address: u64, into: &mut [u8]) -> Option<()> {
        (pread(&self.0, &mut *into, address).ok()? == into.len()).then_some(())
    }

    pub(super) fn write(&self, address: u64, bytes: &[u8]) -> Option<()> {
        (pwrite(&self.0, bytes, address).ok()? == bytes.len()).then_some(())
    }
}

/// An address, a multiple of 16, from which on `length` bytes of the vDSO are executable and unused.
pub(super) fn find(pid: u32, memory: &Memory, length: usize) -> Result<u64, Refused> {
    let maps =
        bounded::read(Path::new(&format!("/proc/{pid}/maps")), MAX_MAPS).map_err(|_| Refused::NoPlace)?;
    let (start, end) = vdso(&maps).ok_or(Refused::NoPlace)?;
    let mut image = vec![0; (end - start) as usize];
    memory.read(start, &mut image).ok_or(Refused::NoPlace)?;
    let offset = unused_end(&image, length).ok_or(Refused::NoPlace)?;
    Ok(start + offset as u64)
}

/// Start and end of the executable mapping of the vDSO in `/proc/PID/maps`.
fn vdso(maps: &[u8]) -> Option<(u64, u64)> {
    let line = maps.split(|byte| *byte == b'\n').find(|line| line.ends_with(b" [vdso]"))?;
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split(' ');
    let (start, end) = words.next()?.split_once('-')?;
    words.next().filter(|rights| rights.starts_with("r-xp"))?;
    let start = u64::from_str_radix(start, 16).ok()?;
    let end = u64::from_str_radix(end, 16).ok()?;
    (start < end && end - start <= MAX_VDSO).then_some((start, end))
}

/// Offset of `length` bytes after the last byte that is not zero.
fn unused_end(image: &[u8], length: usize) -> Option<usize> {
    let used = image.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let offset = (used + MARGIN).next_multiple_of(16);
    (offset.checked_add(length)? <= image.len()).then_some(offset)
}

#[cfg(test)]
mod tests {
    use super::{Memory, find, unused_end, vdso};

    #[test]
    fn the_end_of_the_vdso_is_found() {
        let maps = b"55d0-55d1 r-xp 00000000 00:00 0 \n7ffe1000-7ffe3000 r-xp 00000000 00:00 0                          [vdso]\n";
        assert_eq!(vdso(maps), Some((0x7ffe_1000, 0x7ffe_3000)));
        assert_eq!(vdso(b"7ffe1000-7ffe3000 r--p 00000000 00:00 0 [vdso]\n"), None);
        assert_eq!(vdso(b"x-y r-xp 0 0 0 [vdso]\n"), None);
        assert_eq!(vdso(b""), None);
    }

    #[test]
    fn only_unused_bytes_are_taken() {
        let mut image = vec![0; 4096];
        image[1000] = 1;
        assert_eq!(unused_end(&image, 100), Some(1040));
        assert_eq!(unused_end(&image, 4096 - 1040), Some(1040));
        assert_eq!(unused_end(&image, 4096 - 1039), None);
        image[4095] = 1;
        assert_eq!(unused_end(&image, 1), None);
    }

    #[test]
    fn this_process_has_a_place() {
        let memory = Memory::open(std::process::id()).unwrap();
        let place = find(std::process::id(), &memory, super::super::stub::MAX_STUB).unwrap();
        assert_eq!(place % 16, 0);
    }
}
