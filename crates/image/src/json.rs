//! JSON documents of images.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::ImageError;

/// Reads a document; nesting is limited by the parser (128 levels), the size by whoever read the bytes.
pub(crate) fn parse<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, ImageError> {
    serde_json::from_slice(bytes).map_err(|error| ImageError::malformed(what, &error))
}

/// `null` where a value is missing, as Go's encoder writes empty lists and maps.
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A list of words, or one word for a list of one: both are found in old configurations.
#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    List(Vec<String>),
    One(String),
}

/// Reads [`Words`]; no value where it is `null`.
pub(crate) fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    Ok(Option::<Words>::deserialize(deserializer)?.map(|words| match words {
        Words::List(list) => list,
        Words::One(word) => vec![word],
    }))
}
