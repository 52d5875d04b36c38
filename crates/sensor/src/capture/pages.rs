//! Pages of a process's memory, read once for all that lies in them: the strings of an execution mostly lie together,
//! and reading costs by the call, the same for a byte and for a page.

use super::record::{PAGE, Reader};
use crate::sys::memory;

/// Pages that are kept at a time.
const KEPT: usize = 4;
/// Most strings of argv, and of the environment.
const MAX_COUNT: usize = 256;

/// Pages of the process that is looked at.
#[derive(Debug)]
pub(super) struct Pages {
    reader: Reader,
    tid: u32,
    /// Addresses of the pages that were read; 0 for none.
    starts: [u64; KEPT],
    /// The place of the next.
    next: usize,
    bytes: [[u8; PAGE as usize]; KEPT],
}

impl Default for Pages {
    fn default() -> Self {
        Self { reader: Reader::Vm, tid: 0, starts: [0; KEPT], next: 0, bytes: [[0; PAGE as usize]; KEPT] }
    }
}

impl Pages {
    /// Begins with a waiting thread, and reads the pages of these addresses.
    pub(super) fn start(&mut self, reader: Reader, tid: u32, addresses: [u64; 2]) {
        self.forget();
        (self.reader, self.tid) = (reader, tid);
        let [one, other] = addresses.map(|address| address & !(PAGE - 1));
        let [first, second, ..] = &mut self.bytes;
        if reader == Reader::Vm && one != other && one != 0 && other != 0 {
            let read = memory::read_both(tid, [one, other], [first, second]).unwrap_or(0);
            for (place, start) in [one, other].into_iter().enumerate() {
                if read >= (place + 1) * PAGE as usize {
                    self.starts[place] = start;
                    self.next = place + 1;
                }
            }
        }
    }

    /// Nothing is known any more: what was read was one call's.
    pub(super) fn forget(&mut self) {
        self.starts = [0; KEPT];
        self.next = 0;
    }

    /// The page of that address was read.
    pub(super) fn has(&self, address: u64) -> bool {
        let start = address & !(PAGE - 1);
        start != 0 && self.starts.contains(&start)
    }

    /// The bytes from `address` on that are in the same page.
    fn at(&mut self, address: u64) -> Option<&[u8]> {
        let start = address & !(PAGE - 1);
        let known = self.starts.iter().position(|known| start != 0 && *known == start);
        let place = match known {
            Some(place) => place,
            None => {
                let place = self.next % KEPT;
                self.starts[place] = 0;
                let length = self.reader.read(self.tid, start, &mut self.bytes[place])?;
                if length < PAGE as usize {
                    return None;
                }
                self.starts[place] = start;
                self.next = place + 1;
                place
            }
        };
        self.bytes[place].get((address - start) as usize..)
    }

    fn pointer(&mut self, address: u64, width: usize) -> Option<u64> {
        match self.at(address)?.get(..width) {
            Some(found) => {
                let mut bytes = [0; 8];
                bytes[..width].copy_from_slice(found);
                Some(u64::from_le_bytes(bytes))
            }
            // It is not aligned and goes on in the next page.
            None => self.reader.pointer(self.tid, address, width),
        }
    }

    /// Text up to its NUL or the end of the room: length, and whether there was more.
    pub(super) fn text(&mut self, address: u64, room: &mut [u8]) -> Option<(usize, bool)> {
        let mut done = 0;
        while done < room.len() {
            let at = address.checked_add(done as u64)?;
            let Some(found) = self.at(at) else { return (done > 0).then_some((done, true)) };
            let found = &found[..found.len().min(room.len() - done)];
            let end = found.iter().position(|byte| *byte == 0);
            let length = end.unwrap_or(found.len());
            room[done..done + length].copy_from_slice(&found[..length]);
            done += length;
            if end.is_some() {
                return Some((done, false));
            }
        }
        Some((done, true))
    }

    /// The strings of a null-terminated array of pointers, each ended by a NUL: their length, and whether there was more.
    pub(super) fn strings(&mut self, array: u64, width: usize, room: &mut [u8]) -> Option<(usize, bool)> {
        let mut done = 0;
        for index in 0..MAX_COUNT {
            let slot = array.checked_add((index * width) as u64)?;
            let Some(pointer) = self.pointer(slot, width) else {
                return (index > 0).then_some((done, true));
            };
            if pointer == 0 {
                return Some((done, false));
            }
            let free = room.len().saturating_sub(done + 1);
            if free == 0 {
                return Some((done, true));
            }
            let Some((length, more)) = self.text(pointer, &mut room[done..done + free]) else {
                return (index > 0).then_some((done, true));
            };
            done += length;
            room[done] = 0;
            done += 1;
            if more {
                return Some((done, true));
            }
        }
        Some((done, true))
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use super::Pages;
    use crate::capture::record::Reader;

    fn address<T>(of: *const T) -> u64 {
        of.expose_provenance() as u64
    }

    #[test]
    fn strings_may_lie_anywhere_and_be_of_any_length() {
        // Far apart, across pages, out of order and unaligned.
        let long = CString::new("y".repeat(3000)).unwrap();
        let mut pages = vec![b'-'; 3 * 4096];
        let edge = 4096 - address(pages.as_ptr()) as usize % 4096;
        pages[edge - 3..edge + 4].copy_from_slice(b"abcdef\0");
        let text = address(pages[edge - 3..].as_ptr());
        let mut array = vec![0; 4096 * 2];
        let at = 4096 - address(array.as_ptr()) as usize % 4096 - 12;
        for (index, pointer) in [text, address(long.as_ptr()), text + 5, 0].into_iter().enumerate() {
            array[at + index * 8..at + index * 8 + 8].copy_from_slice(&pointer.to_le_bytes());
        }
        let mut room = [0; 4096];
        let tid = std::process::id();
        let mut pages = Pages::default();
        for reader in [Reader::Vm, Reader::ProcMem] {
            pages.start(reader, tid, [text, address(array[at..].as_ptr())]);
            let read = pages.strings(address(array[at..].as_ptr()), 8, &mut room);
            let expected = [&b"abcdef\0"[..], long.as_bytes_with_nul(), b"f\0"].concat();
            assert_eq!(read, Some((expected.len(), false)));
            assert_eq!(&room[..expected.len()], expected);
            let short = pages.strings(address(array[at..].as_ptr()), 8, &mut room[..100]);
            assert_eq!(short, Some((100, true)));
        }
    }

    #[test]
    fn a_string_that_ends_in_a_page_that_cannot_be_read_is_cut() {
        let mut pages = Pages::default();
        let tid = std::process::id();
        let text = CString::new("hello").unwrap();
        pages.start(Reader::Vm, tid, [address(text.as_ptr()), 8]);
        let mut room = [0; 64];
        assert_eq!(pages.text(address(text.as_ptr()), &mut room), Some((5, false)));
        assert_eq!(pages.text(8, &mut room), None, "nothing is there");
        assert_eq!(pages.strings(8, 8, &mut room), None);
        assert!(pages.has(address(text.as_ptr())));
        pages.forget();
        assert!(!pages.has(address(text.as_ptr())));
    }
}
