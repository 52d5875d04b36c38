//! OpenSSH's own key file (`PROTOCOL.key` of OpenSSH), and ssh.com's.

use super::Encoding;

const MAGIC: &[u8] = b"openssh-key-v1\0";
/// First bytes of ssh.com's format (`SSHCOM_MAGIC_NUMBER` of PuTTY's and OpenSSH's importers).
const SSHCOM: &[u8] = &[0x3f, 0x6f, 0xf9, 0xeb];

/// The private key that decoded bytes are.
pub(super) fn private_key(bytes: &[u8]) -> Option<Encoding> {
    if let Some(rest) = bytes.strip_prefix(SSHCOM) {
        let (_total, rest) = rest.split_at_checked(4)?;
        let (_kind, rest) = string(rest)?;
        let (cipher, _) = string(rest)?;
        return Some(Encoding { format: "ssh.com", encrypted: cipher != b"none" });
    }
    let (cipher, rest) = string(bytes.strip_prefix(MAGIC)?)?;
    let (_function, rest) = string(rest)?;
    let (_options, rest) = string(rest)?;
    let (count, rest) = rest.split_at_checked(4)?;
    let (_public, rest) = string(rest)?;
    let (private, _) = string(rest)?;
    let whole = count == [0, 0, 0, 1] && private.len() >= 32;
    whole.then_some(Encoding { format: "OpenSSH", encrypted: cipher != b"none" })
}

/// A string with its length in front, and what follows.
pub(super) fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(4)?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(length.try_into().ok()?)).ok()?)
}
