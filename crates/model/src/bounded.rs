//! Reading files of unknown size. Everything this product reads may be written by an attacker, so every read
//! has a limit and says so when it is met.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// Bytes asked for at first.
const FIRST_READ: usize = 4096;

/// Reads a whole file of at most `limit` bytes.
///
/// # Errors
/// The file cannot be read, or it is longer than `limit` ([`io::ErrorKind::FileTooLarge`]).
pub fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    read_from(File::open(path)?, limit)
}

/// Reads a whole file of at most `limit` bytes as UTF-8.
///
/// # Errors
/// As [`read`]; also when the content is not UTF-8 ([`io::ErrorKind::InvalidData`]).
pub fn read_to_string(path: &Path, limit: usize) -> io::Result<String> {
    String::from_utf8(read(path, limit)?).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count();
        let message = format!("not UTF-8 in line {line}: {}", error.utf8_error());
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

/// Reads a stream to its end, at most `limit` bytes.
///
/// # Errors
/// The stream fails, or holds more than `limit` bytes ([`io::ErrorKind::FileTooLarge`]).
pub fn read_from(stream: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    // Most of what is read is small: one read gets it, and another its end.
    let mut bytes = Vec::with_capacity(FIRST_READ.min(limit + 1));
    let mut capped = stream.take(limit as u64 + 1);
    capped.read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("longer than the limit of {limit} bytes"),
        ));
    }
    bytes.shrink_to_fit();
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::read_from;

    #[test]
    fn the_limit_itself_is_allowed_and_one_more_is_not() {
        assert_eq!(read_from(&b"abcd"[..], 4).unwrap(), b"abcd");
        assert_eq!(read_from(&b"abcde"[..], 4).unwrap_err().kind(), std::io::ErrorKind::FileTooLarge);
    }
}
