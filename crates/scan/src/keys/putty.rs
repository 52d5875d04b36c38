//! PuTTY's key file, versions 1 to 3 (appendix C of PuTTY's manual).

use super::{Encoding, base64};

/// What a file begins with.
pub(super) const ANCHOR: &[u8] = b"PuTTY-User-Key-File-";

/// The key in a text that begins with [`ANCHOR`], and its private part.
pub(super) fn private_key(text: &[u8]) -> Option<(Encoding, Vec<u8>)> {
    let text = std::str::from_utf8(text.utf8_chunks().next()?.valid().as_bytes()).ok()?;
    let mut lines = text.lines().map(str::trim);
    let (version, _) = lines.next()?.strip_prefix("PuTTY-User-Key-File-")?.split_once(':')?;
    matches!(version, "1" | "2" | "3").then_some(())?;
    let encryption = lines.next()?.strip_prefix("Encryption:")?.trim();
    let count = lines.by_ref().take(200).find_map(|line| line.strip_prefix("Private-Lines:"))?;
    let count = count.trim().parse::<usize>().ok().filter(|count| (1..=200).contains(count))?;
    let body: Vec<&str> = lines.take(count).collect();
    (body.len() == count).then_some(())?;
    let private = base64::decode(body.iter().flat_map(|line| line.bytes()))?;
    let encoding = Encoding { format: "PuTTY", encrypted: encryption != "none" };
    (private.len() >= 32).then_some((encoding, private))
}
