//! Plain, gzip and zstd input, told apart by their first bytes.

use std::io::{self, BufRead, BufReader, Read};

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Window of zstd frames, as a power of two: 128 MiB, what `zstd` itself accepts without `--long`.
const MAX_WINDOW: u32 = 27;

/// Decompresses an input if it is compressed.
///
/// # Errors
/// The input cannot be read, or a decompressor cannot be set up.
pub fn decompressed<'r>(input: impl Read + Send + 'r) -> io::Result<Box<dyn Read + Send + 'r>> {
    let mut input = BufReader::with_capacity(64 << 10, input);
    let start = input.fill_buf()?;
    if start.starts_with(&GZIP) {
        Ok(Box::new(flate2::bufread::MultiGzDecoder::new(input)))
    } else if start.starts_with(&ZSTD) {
        let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
        decoder.window_log_max(MAX_WINDOW)?;
        Ok(Box::new(decoder))
    } else {
        Ok(Box::new(input))
    }
}
