//! Showing a secret without giving it away.

/// Letters shown of a value shorter than [`SHORT`].
const SHOWN: usize = 3;
const SHORT: usize = 30;
/// Most letters shown of a longer one, which is at most a tenth.
const MOST: usize = 10;

/// The first letters of a secret and its length: `AKI... (20 characters)`. At most three letters of one shorter than 30, else at
/// most a tenth of it.
#[must_use]
pub fn mask(secret: &str) -> String {
    let length = secret.chars().count();
    let shown = if length < SHORT { SHOWN.min(length / 4) } else { (length / 10).min(MOST) };
    let start: String = secret.chars().take(shown).filter(|letter| letter.is_ascii_graphic()).collect();
    format!("{start}... ({length} characters)")
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn little_is_shown() {
        assert_eq!(mask("abc"), "... (3 characters)");
        assert_eq!(mask("hunter2pass!"), "hun... (12 characters)");
        assert_eq!(mask(&"x".repeat(40)), "xxxx... (40 characters)");
        assert_eq!(mask(&"y".repeat(400)), "yyyyyyyyyy... (400 characters)");
    }
}
