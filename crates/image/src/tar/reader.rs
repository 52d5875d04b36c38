//! The members of an archive, one after another.

use std::io::{self, Read};

use super::{
    Entry, Kind, TarError,
    header::{self, BLOCK, Header},
    pax::{self, Sparse},
    sparse::{skip_gnu_map, skip_pax_map},
};

/// Bytes of one extended header or long name (as Go's reader).
const MAX_SPECIAL: u64 = 1 << 20;
/// Extended headers and long names before one member.
const MAX_SPECIALS: u32 = 16;

/// Reads an archive. Whatever of a member's content was not read is read past.
#[derive(Debug)]
pub struct TarReader<R> {
    inner: R,
    /// Bytes read of the stream.
    at: u64,
    /// Bytes left of the member's content, and of the padding behind it.
    left: u64,
    padding: u64,
    entries: u64,
    entry: Entry,
    ended: bool,
}

/// The content of one member.
#[derive(Debug)]
pub struct Content<'a, R>(&'a mut TarReader<R>);

/// What came before a header and changes it.
#[derive(Debug, Default)]
struct Overrides {
    pax: Option<Vec<u8>>,
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

impl<R: Read> TarReader<R> {
    /// Reads the archive in `inner`, which is best buffered.
    pub fn new(inner: R) -> Self {
        Self { inner, at: 0, left: 0, padding: 0, entries: 0, entry: Entry::default(), ended: false }
    }

    /// The stream, wherever it is.
    pub fn into_inner(self) -> R {
        self.inner
    }

    /// Bytes read of the stream.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.at
    }

    /// The next member, `None` behind the last.
    ///
    /// # Errors
    /// The stream fails or ends within a member, or a header is malformed: nothing behind it can be found.
    pub fn next_entry(&mut self) -> Result<Option<&Entry>, TarError> {
        if self.ended {
            return Ok(None);
        }
        let found = self.advance();
        if !matches!(found, Ok(true)) {
            self.ended = true;
        }
        found.map(|found| found.then_some(&self.entry))
    }

    /// The member that [`TarReader::next_entry`] gave last.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// The member and its content.
    pub fn parts(&mut self) -> (Entry, Content<'_, R>) {
        (self.entry.clone(), Content(self))
    }

    /// The content of the member.
    pub fn content(&mut self) -> Content<'_, R> {
        Content(self)
    }

    fn advance(&mut self) -> Result<bool, TarError> {
        let mut overrides = Overrides::default();
        let mut specials = 0;
        loop {
            self.skip_content()?;
            let Some(block) = self.header()? else { return Ok(false) };
            let header = Header(&block);
            if !header.checks() {
                return Err(self.malformed("a header's checksum is wrong"));
            }
            match header.flag() {
                // Go's reader applies no global header, so unpacked files do not have what it says.
                b'g' => drop(self.special(header)?),
                b'x' => overrides.pax = Some(self.special(header)?),
                b'L' => overrides.path = Some(self.special(header)?),
                b'K' => overrides.link = Some(self.special(header)?),
                _ => {
                    self.entries += 1;
                    if self.member(header, &overrides)? {
                        return Ok(true);
                    }
                    overrides = Overrides::default();
                    specials = 0;
                    continue;
                }
            }
            specials += 1;
            if specials > MAX_SPECIALS {
                return Err(self.malformed("more than 16 extended headers for one entry"));
            }
        }
    }

    /// Takes a member's header; `false` for what is no file.
    fn member(&mut self, header: Header<'_>, overrides: &Overrides) -> Result<bool, TarError> {
        self.entry.clear();
        let mut sparse = Sparse::default();
        let read = header.read_into(&mut self.entry).and_then(|()| match &overrides.pax {
            Some(records) => pax::apply(records, &mut self.entry, &mut sparse),
            None => Some(()),
        });
        if read.is_none() {
            return Err(
                self.malformed("a header or an extended header has a field that is no number or no record")
            );
        }
        for (long, field) in
            [(&overrides.path, &mut self.entry.path), (&overrides.link, &mut self.entry.link)]
        {
            if let Some(long) = long {
                field.clear();
                field.extend_from_slice(super::fields::text(long));
            }
        }
        let kind = header::kind(header.flag(), &self.entry.path);
        self.entry.kind = kind.unwrap_or_default();
        if kind.is_some_and(|kind| kind != Kind::File) {
            // As Go's reader: such members have no content, whatever their size says.
            self.entry.size = 0;
        }
        self.left = self.entry.size;
        self.padding = self.left.next_multiple_of(BLOCK as u64).wrapping_sub(self.left);
        if self.left > i64::MAX.cast_unsigned() - BLOCK as u64 {
            return Err(self.malformed("an entry's size is beyond all measure"));
        }
        self.entry.real_size = self.entry.size;
        if self.entry.kind == Kind::File {
            self.take_map(header, &sparse)?;
        }
        Ok(kind.is_some())
    }

    /// Reads past a sparse file's map.
    fn take_map(&mut self, header: Header<'_>, sparse: &Sparse) -> Result<(), TarError> {
        const WRONG: &str = "a sparse file's map is malformed";
        if header.flag() == b'S' && header.is_gnu() {
            let Some(real) = header.real_size() else { return Err(self.malformed(WRONG)) };
            match skip_gnu_map(header, &mut self.inner)? {
                Some(read) => self.at += read,
                None => return Err(self.malformed(WRONG)),
            }
            self.entry.real_size = real;
        } else if let Some(real) = sparse.real_size {
            if sparse.map_in_content {
                match skip_pax_map(self.left, &mut self.inner)? {
                    Some(read) => {
                        self.at += read;
                        self.left -= read;
                        self.entry.size = self.left;
                    }
                    None => return Err(self.malformed(WRONG)),
                }
            }
            self.entry.real_size = real;
        }
        Ok(())
    }

    /// The next header; `None` where the archive ends: at two empty blocks, or at one and the stream's end, or at the
    /// stream's end between members.
    fn header(&mut self) -> Result<Option<[u8; BLOCK]>, TarError> {
        let mut block = [0; BLOCK];
        if !self.block(&mut block)? {
            return Ok(None);
        }
        if !Header(&block).is_empty() {
            return Ok(Some(block));
        }
        if self.block(&mut block)? && !Header(&block).is_empty() {
            return Err(self.malformed("one empty block before a header"));
        }
        Ok(None)
    }

    /// Reads a block; `false` at the stream's end.
    fn block(&mut self, block: &mut [u8; BLOCK]) -> Result<bool, TarError> {
        let mut filled = 0;
        while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.inner.read(rest) {
                Ok(0) if filled == 0 => return Ok(false),
                Ok(0) => return Err(self.malformed("it ends within a header")),
                Ok(got) => filled += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.at += BLOCK as u64;
        Ok(true)
    }

    /// Reads an extended header or a long name.
    fn special(&mut self, header: Header<'_>) -> Result<Vec<u8>, TarError> {
        let Some(size) = header.size().filter(|size| *size <= MAX_SPECIAL) else {
            return Err(self.malformed("an extended header or a long name is longer than 1 MiB"));
        };
        self.left = size;
        self.padding = size.next_multiple_of(BLOCK as u64) - size;
        let mut bytes = Vec::new();
        Content(self).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn skip_content(&mut self) -> Result<(), TarError> {
        let skip = self.left + self.padding;
        if skip > 0 {
            let skipped = io::copy(&mut (&mut self.inner).take(skip), &mut io::sink())?;
            self.at += skipped;
            // The last member's padding may be missing.
            if skipped < self.left {
                return Err(self.malformed("it ends within the content of an entry"));
            }
        }
        (self.left, self.padding) = (0, 0);
        Ok(())
    }

    fn malformed(&self, reason: &'static str) -> TarError {
        TarError::Malformed { at: self.at.saturating_sub(BLOCK as u64), entry: self.entries, reason }
    }
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.0.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(part) = buffer.get_mut(..most).filter(|part| !part.is_empty()) else { return Ok(0) };
        let got = self.0.inner.read(part)?;
        if got == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the archive ends within the content of an entry",
            ));
        }
        self.0.at += got as u64;
        self.0.left -= got as u64;
        Ok(got)
    }
}

impl<R: Read> TarReader<R> {
    /// Goes behind the member's content by `skip`, which says whether it could jump over so many bytes of the stream;
    /// where it could not, they are read past with the next member.
    pub(crate) fn jump(&mut self, skip: impl Fn(&mut R, i64) -> io::Result<bool>) -> Result<(), TarError> {
        if self.left == 0 {
            return Ok(());
        }
        // The last byte is read, so that an archive that ends too early is found out.
        let bytes = self.left + self.padding - 1;
        let distance =
            i64::try_from(bytes).map_err(|_| self.malformed("an entry's size is beyond all measure"))?;
        if skip(&mut self.inner, distance)? {
            self.at += bytes;
            (self.left, self.padding) = if self.padding > 0 { (0, 1) } else { (1, 0) };
        }
        Ok(())
    }
}
