//! Private keys that everybody has, because they are published as test material.

/// First eight bytes of the SHA-256 of a key's decoded bytes, sorted, and where it was published.
const KNOWN: &[([u8; 8], &str)] = &[];

/// Where a key with this fingerprint was published.
pub(super) fn source(fingerprint: &[u8; 8]) -> Option<&'static str> {
    let at = KNOWN.binary_search_by(|(known, _)| known.cmp(fingerprint)).ok()?;
    KNOWN.get(at).map(|(_, source)| *source)
}

#[cfg(test)]
mod tests {
    #[test]
    fn sorted_for_the_search() {
        assert!(super::KNOWN.is_sorted());
    }
}
