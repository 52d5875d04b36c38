//! From the bytes of a body to a batch, without trusting them.

use std::io;

use axum::http::{HeaderMap, StatusCode, header};
use fargard_model::{
    Batch,
    batch::{BatchError, MAX_BYTES},
    bounded,
};

use crate::error::ApiError;

/// Largest window a frame may ask for, as a power of two: as much as a whole batch may hold.
const MAX_WINDOW_LOG: u32 = MAX_BYTES.ilog2();

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Not at all.
    Identity,
    /// RFC 8878.
    Zstd,
}

impl Encoding {
    /// Reads `Content-Encoding`.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let Some(value) = headers.get(header::CONTENT_ENCODING) else { return Ok(Self::Identity) };
        let value = value.to_str().unwrap_or("(not ASCII)");
        if value.eq_ignore_ascii_case("zstd") {
            Ok(Self::Zstd)
        } else if value.eq_ignore_ascii_case("identity") {
            Ok(Self::Identity)
        } else {
            let value: String = value.chars().take(64).collect();
            Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_encoding",
                format!("content encoding {value:?} is not supported: use zstd or identity"),
            ))
        }
    }
}

/// Decompresses (stopping as soon as the limit is met) and reads a batch.
pub(super) fn decode(body: &[u8], encoding: Encoding) -> Result<Batch, ApiError> {
    match encoding {
        Encoding::Identity => read(body),
        Encoding::Zstd => read(&decompress(body)?),
    }
}

fn decompress(body: &[u8]) -> Result<Vec<u8>, ApiError> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(|error| not_zstd(&error))?;
    decoder.window_log_max(MAX_WINDOW_LOG).map_err(|error| not_zstd(&error))?;
    bounded::read_from(decoder, MAX_BYTES).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "batch_too_large",
            format!("the batch is larger than {MAX_BYTES} bytes when decompressed"),
        ),
        _ => not_zstd(&error),
    })
}

fn not_zstd(error: &io::Error) -> ApiError {
    ApiError::bad_request("not_zstd", format!("the body is not a zstd stream: {error}"))
}

fn read(lines: &[u8]) -> Result<Batch, ApiError> {
    Batch::from_lines(lines).map_err(|error| match error {
        BatchError::ForeignTask { .. } => ApiError::forbidden("foreign_task", error.to_string()),
        _ => ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "not_a_batch", error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::{Encoding, decode};

    #[test]
    fn a_gibibyte_of_zeros_is_refused_after_the_limit() {
        let mut bomb = zstd::stream::write::Encoder::new(Vec::new(), 19).unwrap();
        let zeros = vec![0_u8; 1 << 20];
        for _ in 0..1024 {
            std::io::Write::write_all(&mut bomb, &zeros).unwrap();
        }
        let bomb = bomb.finish().unwrap();
        assert!(bomb.len() < 1 << 20, "the bomb fits in a body: {} bytes", bomb.len());
        let error = decode(&bomb, Encoding::Zstd).unwrap_err();
        assert_eq!(error.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[test]
    fn a_frame_with_a_huge_window_is_refused() {
        let mut frame = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        frame.long_distance_matching(true).unwrap();
        frame.window_log(27).unwrap();
        std::io::Write::write_all(&mut frame, b"x").unwrap();
        std::io::Write::flush(&mut frame).unwrap();
        let frame = frame.finish().unwrap();
        assert_eq!(decode(&frame, Encoding::Zstd).unwrap_err().status(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn garbage_is_named_for_what_it_is_not() {
        assert_eq!(decode(b"garbage", Encoding::Zstd).unwrap_err().status(), StatusCode::BAD_REQUEST);
        let error = decode(b"garbage", Encoding::Identity).unwrap_err();
        assert_eq!(error.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(error.message().contains("line 1"), "{error:?}");
    }
}
