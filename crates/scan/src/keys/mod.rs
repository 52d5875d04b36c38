//! Check 425: private keys, found by their structure in files of any name.
//!
//! A header is no key: programs that read keys contain it. What is reported decodes, and its structure is that of a
//! private key from the first byte to the last. Public keys, certificates, parameters and placeholders are none.

mod age;
pub(crate) mod base64;
mod der;
mod java;
mod jwk;
mod known;
mod openssh;
mod pem;
mod pgp;
mod putty;

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind, packed};
use sha2::{Digest as _, Sha256};

use self::pem::Block;

/// Base64 of `-----BEGIN`, as keys stand in Kubernetes secrets and environment variables.
const ENCODED: &[u8] = b"LS0tLS1CRUdJTi";

/// Most text kept for the next window while a key is not yet whole.
pub(crate) const CARRY: usize = pem::LONGEST + BEFORE;

/// Text before an anchor that may belong to the key.
const BEFORE: usize = 4 << 10;

/// Largest file that may be one binary key or key store.
pub(crate) const LARGEST_BINARY: usize = 256 << 10;

/// Most keys reported of one file.
const MAX_KEYS: usize = 64;

/// Most hits of the anchors that are looked into in one file; a file of nothing else would take long otherwise.
const MAX_LOOKS: u32 = 20_000;

/// How a key is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding {
    /// Its format, for people: `PKCS#8`, `OpenSSH`.
    pub format: &'static str,
    /// Whether a passphrase is needed to use it.
    pub encrypted: bool,
}

impl Encoding {
    fn plain(format: &'static str) -> Self {
        Self { format, encrypted: false }
    }

    fn encrypted(format: &'static str) -> Self {
        Self { format, encrypted: true }
    }
}

/// A private key that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// How it is written.
    pub encoding: Encoding,
    /// First bytes of the SHA-256 of its decoded bytes: tells keys apart and gives nothing away.
    pub fingerprint: [u8; 8],
    /// Where it was published, when it is known to be test material.
    pub published: Option<&'static str>,
}

impl Key {
    fn new(encoding: Encoding, bytes: &[u8]) -> Self {
        let digest = Sha256::digest(bytes);
        let mut fingerprint = [0; 8];
        for (place, byte) in fingerprint.iter_mut().zip(digest) {
            *place = byte;
        }
        Self { encoding, fingerprint, published: known::source(&fingerprint) }
    }

    /// For people: `PKCS#8, encrypted, SHA-256 0123456789abcdef`.
    #[must_use]
    pub fn describe(&self) -> String {
        let encrypted = if self.encoding.encrypted { ", encrypted" } else { "" };
        let fingerprint = u64::from_be_bytes(self.fingerprint);
        format!("{}{encrypted}, SHA-256 {fingerprint:016x}", self.encoding.format)
    }
}

/// The search for keys in one file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hunt {
    keys: Vec<Key>,
    looks: u32,
    /// End of the last key, counted from the window's start.
    passed: usize,
}

impl Hunt {
    /// Looks at a window of the file. With `last` the file ends here. Gives the offset from which on the window is to be
    /// seen again with what follows.
    pub(crate) fn window(&mut self, window: &[u8], last: bool) -> usize {
        let plain = window.len().saturating_sub(64);
        let Some(searchers) = searchers() else { return plain };
        if searchers.fast.as_ref().is_some_and(|fast| fast.find(window).is_none()) {
            return self.leave(plain);
        }
        for found in searchers.automaton.find_iter(window) {
            if found.start() < self.passed {
                continue;
            }
            self.looks += 1;
            if self.looks > MAX_LOOKS || self.keys.len() >= MAX_KEYS {
                return self.leave(plain);
            }
            let unfinished = self.look(window, found.pattern().as_usize(), found.start());
            // What cannot become whole any more is given up.
            if unfinished && !last && window.len() - found.start() < pem::LONGEST {
                return self.leave(found.start().saturating_sub(BEFORE));
            }
        }
        self.leave(plain)
    }

    /// Notes where the next window begins.
    fn leave(&mut self, from: usize) -> usize {
        self.passed = self.passed.saturating_sub(from);
        from
    }

    /// Looks at one anchor; whether more text is needed.
    fn look(&mut self, window: &[u8], anchor: usize, at: usize) -> bool {
        let rest = window.get(at..).unwrap_or_default();
        let near_end = rest.len() < 8 << 10;
        let found = match ANCHORS.get(anchor) {
            Some(&pem::ANCHOR) => match pem::block(window, at) {
                Block::Key(encoding, bytes, end) => {
                    self.passed = end;
                    Some((encoding, bytes))
                }
                Block::Nothing => return false,
                Block::Unfinished => return true,
            },
            Some(&putty::ANCHOR) => putty::private_key(rest),
            Some(&jwk::ANCHOR) => jwk::private_key(window, at),
            Some(&age::ANCHOR) => age::private_key(rest),
            _ => {
                let length = rest.iter().position(|byte| !base64::is_letter(*byte) && *byte != b'=');
                let Some(run) = length.and_then(|length| rest.get(..length)) else {
                    return rest.len() < CARRY;
                };
                self.passed = at + run.len();
                encoded(run)
            }
        };
        match found {
            Some((encoding, bytes)) => {
                self.add(Key::new(encoding, &bytes));
                false
            }
            None => near_end,
        }
    }

    /// Judges a whole file as one binary key.
    pub(crate) fn binary(&mut self, content: &[u8]) {
        let encoding = if der::begins_pkcs12(content) {
            der::pkcs12_key(content)
        } else if java::begins(content) {
            java::private_key(content)
        } else if content.starts_with(&[0x30]) {
            der::private_key(content)
        } else {
            pgp_file(content)
        };
        if let Some(encoding) = encoding {
            self.add(Key::new(encoding, content));
        }
    }

    fn add(&mut self, key: Key) {
        if self.keys.len() < MAX_KEYS && !self.keys.contains(&key) {
            self.keys.push(key);
        }
    }

    /// The keys found, in order.
    pub(crate) fn finish(self) -> Vec<Key> {
        self.keys
    }
}

/// Whether a file that begins like this may be one binary key.
pub(crate) fn may_be_binary(head: &[u8]) -> bool {
    head.starts_with(&[0x30, 0x82])
        || head.starts_with(&[0x30, 0x81])
        || head.starts_with(&[0x30, 0x80])
        || java::begins(head)
        || matches!(head, [0x30, length, 0x02, 1, 0 | 1, ..] if *length >= 0x20)
        || matches!(head, [0x94..=0x97 | 0xc5, ..])
}

/// A binary OpenPGP key, which must be followed by a user id or a signature.
fn pgp_file(content: &[u8]) -> Option<Encoding> {
    let has_more = content.len() > 100;
    pgp::private_key(content).filter(|_| has_more)
}

/// A key in a text that was encoded once more.
fn encoded(run: &[u8]) -> Option<(Encoding, Vec<u8>)> {
    let text = base64::decode(run.iter().copied())?;
    let at = memchr::memmem::find(&text, pem::ANCHOR)?;
    match pem::block(&text, at) {
        Block::Key(encoding, bytes, _) => Some((encoding, bytes)),
        Block::Nothing | Block::Unfinished => None,
    }
}

/// What is searched for in every file.
const ANCHORS: [&[u8]; 5] = [pem::ANCHOR, putty::ANCHOR, jwk::ANCHOR, age::ANCHOR, ENCODED];

/// How a window is searched.
struct Searchers {
    automaton: AhoCorasick,
    /// Says several times as fast that there is nothing; `None` on processors without the instructions.
    fast: Option<packed::Searcher>,
}

fn searchers() -> Option<&'static Searchers> {
    static SEARCHERS: OnceLock<Option<Searchers>> = OnceLock::new();
    let build = || {
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .kind(Some(AhoCorasickKind::DFA))
            .build(ANCHORS)
            .ok()?;
        let fast = packed::Config::new().only_teddy(true).builder().extend(ANCHORS).build();
        Some(Searchers { automaton, fast })
    };
    SEARCHERS.get_or_init(build).as_ref()
}

/// The keys in a text or a file at hand.
#[must_use]
pub fn find(content: &[u8]) -> Vec<Key> {
    let mut hunt = Hunt::default();
    if may_be_binary(content) && content.len() <= LARGEST_BINARY {
        hunt.binary(content);
    }
    hunt.window(content, true);
    hunt.finish()
}
