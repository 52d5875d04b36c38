//! Packed streams, told by how they begin: as container runtimes do, the media type is not asked.

use std::{
    fmt,
    io::{self, BufReader, Read},
};

use flate2::bufread::MultiGzDecoder;

/// How a stream is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// A packed stream's first bytes.
const HEAD: usize = 6;
/// Read at once of what is packed.
const BUFFER: usize = 64 << 10;
/// Largest window of zstd: its own default limit, 128 MiB.
const MAX_WINDOW_LOG: u32 = 27;

/// A stream with its first bytes put back.
type Restored<R> = io::Chain<io::Cursor<Vec<u8>>, R>;

/// What is in a packed stream.
pub(crate) enum Unpacked<R: Read> {
    Plain(Restored<R>),
    Gzip(Box<MultiGzDecoder<BufReader<Restored<R>>>>),
    Zstd(Box<zstd::Decoder<'static, BufReader<Restored<R>>>>),
}

impl Packing {
    fn of(head: &[u8]) -> io::Result<Self> {
        let known = match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            // A frame, or a frame to skip, which chunked zstd begins with.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0] => return unsupported("xz"),
            [b'B', b'Z', b'h', ..] => return unsupported("bzip2"),
            _ => Self::Plain,
        };
        Ok(known)
    }
}

fn unsupported<T>(name: &str) -> io::Result<T> {
    let text = format!("it is packed with {name}, which is not supported; gzip, zstd and plain tar are");
    Err(io::Error::new(io::ErrorKind::Unsupported, text))
}

impl<R: Read> Unpacked<R> {
    /// Looks at how the stream begins, and unpacks it.
    pub(crate) fn new(mut stream: R) -> io::Result<Self> {
        let mut head = Vec::new();
        (&mut stream).take(HEAD as u64).read_to_end(&mut head)?;
        let packing = Packing::of(&head)?;
        let restored = io::Cursor::new(head).chain(stream);
        Ok(match packing {
            Packing::Plain => Self::Plain(restored),
            Packing::Gzip => {
                Self::Gzip(Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, restored))))
            }
            Packing::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(BufReader::with_capacity(BUFFER, restored))?;
                decoder.window_log_max(MAX_WINDOW_LOG)?;
                Self::Zstd(Box::new(decoder))
            }
        })
    }

    /// How it is packed.
    pub(crate) fn packing(&self) -> Packing {
        match self {
            Self::Plain(_) => Packing::Plain,
            Self::Gzip(_) => Packing::Gzip,
            Self::Zstd(_) => Packing::Zstd,
        }
    }

    /// The packed stream, wherever the unpacker left it.
    pub(crate) fn into_packed<'a>(self) -> Box<dyn Read + 'a>
    where
        R: 'a,
    {
        match self {
            Self::Plain(stream) => Box::new(stream),
            Self::Gzip(decoder) => Box::new(decoder.into_inner()),
            Self::Zstd(decoder) => Box::new(decoder.finish()),
        }
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
        }
    }
}

impl<R: Read> fmt::Debug for Unpacked<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Unpacked").field(&self.packing()).finish()
    }
}
