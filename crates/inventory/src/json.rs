//! JSON out of foreign files.

use serde::de::DeserializeOwned;

/// Reads a document; `None` when it is none of that form. Depth is bounded by the reader.
pub(crate) fn read<T: DeserializeOwned>(text: &[u8]) -> Option<T> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    serde_json::from_slice(text).ok()
}
