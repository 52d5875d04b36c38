//! Judging a file by its content, read once as a stream.

use std::{
    fs::File,
    io::{self, Read},
    sync::OnceLock,
};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind, packed};

use super::{
    hidden::Hidden,
    patterns::{ANCHORS, ENOUGH, PATTERNS, Weight},
};

/// Bytes read at a time.
pub(super) const CHUNK: usize = 128 << 10;

/// Bytes of a chunk looked at again with the next one, so that no pattern, with the byte before it and the two
/// after it, falls between two chunks.
pub(crate) const OVERLAP: usize = 64;

/// What a file is, as far as it matters for running it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// An ELF program or library.
    Elf,
    /// Starts with `#!`.
    Script,
    /// Anything else.
    Other,
}

/// Which patterns a file contains.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    /// By index of the pattern: 0 absent, 1 present, 2 a pool's domain with a port.
    found: [u8; PATTERNS.len()],
}

impl Evidence {
    pub(crate) const NONE: Self = Self { found: [0; PATTERNS.len()] };

    /// Points, every kind of sign counted once.
    fn points(&self) -> u32 {
        let mut points = 0;
        let mut pool_counted = false;
        let mut signs_counted = 0_u32;
        for (pattern, &found) in PATTERNS.iter().zip(&self.found) {
            let counts = match pattern.weight {
                _ if found == 0 => false,
                Weight::Alone => return ENOUGH,
                Weight::Setting => false,
                Weight::Pool if found > 1 => return ENOUGH,
                Weight::Pool => !std::mem::replace(&mut pool_counted, true),
                Weight::Sign(kind) => {
                    let fresh = signs_counted & (1 << kind) == 0;
                    signs_counted |= 1 << kind;
                    fresh
                }
            };
            if counts {
                points += pattern.weight.points();
            }
        }
        points
    }

    /// Whether it is enough.
    pub(crate) fn convinces(&self) -> bool {
        self.points() >= ENOUGH
    }

    /// Whether a text that is no program configures a miner: beside an address it has an option that only miners have,
    /// or the members of their configuration.
    pub(crate) fn configures(&self) -> bool {
        let has = |wanted: fn(Weight) -> bool| {
            PATTERNS.iter().zip(&self.found).any(|(pattern, found)| *found > 0 && wanted(pattern.weight))
        };
        has(|weight| matches!(weight, Weight::Sign(_) | Weight::Setting))
    }

    /// What convinces, for people (`contains a, b, c`); `None` when it is too little.
    pub(crate) fn reason(&self) -> Option<String> {
        if self.points() < ENOUGH {
            return None;
        }
        let present = || PATTERNS.iter().zip(&self.found).filter(|(_, found)| **found > 0);
        let alone = present()
            .find(|(pattern, found)| pattern.weight == Weight::Alone || **found > 1)
            .map(|(pattern, _)| pattern.literal.text());
        let named = alone.unwrap_or_else(|| {
            present().take(5).map(|(pattern, _)| pattern.literal.text()).collect::<Vec<_>>().join(", ")
        });
        Some(format!("contains {named}"))
    }
}

/// The format by the first bytes.
pub(crate) fn format_of(head: &[u8]) -> Format {
    if head.starts_with(b"\x7fELF") {
        Format::Elf
    } else if head.starts_with(b"#!") {
        Format::Script
    } else {
        Format::Other
    }
}

/// Whether the head of a program has UPX's mark (`UPX!`, as its own source and `file(1)` have it).
pub(crate) fn is_packed(head: &[u8]) -> bool {
    head.get(..head.len().min(1024)).is_some_and(|head| memchr::memmem::find(head, b"UPX!").is_some())
}

/// Reads a file up to `limit` bytes. Only programs and scripts are read beyond the first chunk and searched;
/// the search ends as soon as it is convinced. `buffer` is working memory to keep between calls.
///
/// # Errors
/// The file cannot be read.
pub(super) fn inspect(file: &File, limit: u64, buffer: &mut Vec<u8>) -> io::Result<(Format, Evidence)> {
    let mut evidence = Evidence::NONE;
    let mut stream = file.take(limit);
    buffer.resize(OVERLAP + CHUNK, 0);
    let mut kept = 0;
    let mut format = None;
    loop {
        let space = buffer.get_mut(kept..).unwrap_or_default();
        // A first read of a page settles the format of most files, which are neither program nor script.
        let wanted = if format.is_none() { space.len().min(4096) } else { space.len() };
        let read = stream.read(space.get_mut(..wanted).unwrap_or_default())?;
        let filled = kept + read;
        let window = buffer.get(..filled).unwrap_or_default();
        let format = *format.get_or_insert_with(|| format_of(window));
        if format == Format::Other || read == 0 {
            return Ok((format, evidence));
        }
        search(window, &mut evidence);
        if evidence.points() >= ENOUGH {
            return Ok((format, evidence));
        }
        let next = filled.min(OVERLAP);
        buffer.copy_within(filled - next..filled, 0);
        kept = next;
    }
}

/// Marks the patterns in a window of the file.
pub(crate) fn search(window: &[u8], evidence: &mut Evidence) {
    let Some(Searchers { automaton, anchors }) = searchers() else { return };
    if anchors.as_ref().is_some_and(|anchors| anchors.find(window).is_none()) {
        return;
    }
    for found in automaton.find_iter(window) {
        let index = found.pattern().as_usize();
        let (Some(pattern), Some(slot)) = (PATTERNS.get(index), evidence.found.get_mut(index)) else {
            continue;
        };
        let level =
            if pattern.weight == Weight::Pool { pool_level(window, found.start(), found.end()) } else { 1 };
        *slot = (*slot).max(level);
    }
}

/// 0 when the domain only ends in the pool's name (`notf2pool.com`), 2 with a port (`f2pool.com:3333`), else 1.
fn pool_level(window: &[u8], start: usize, end: usize) -> u8 {
    let before = start.checked_sub(1).and_then(|at| window.get(at));
    if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'-') {
        return 0;
    }
    match window.get(end..).unwrap_or_default() {
        [b':', digit, ..] if digit.is_ascii_digit() => 2,
        _ => 1,
    }
}

/// How a window is searched.
struct Searchers {
    /// Says which pattern is where.
    automaton: AhoCorasick,
    /// Says several times as fast that there is none at all; `None` on processors without the instructions.
    anchors: Option<packed::Searcher>,
}

/// The searchers, built at the first use (some 100 KB); `None` only if they cannot be built, which a test rules out
/// for the constant patterns.
fn searchers() -> Option<&'static Searchers> {
    static SEARCHERS: OnceLock<Option<Searchers>> = OnceLock::new();
    let build = || {
        let bytes = |literal: &Hidden| literal.bytes().collect::<Vec<_>>();
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .prefilter(false)
            .build(PATTERNS.iter().map(|pattern| bytes(&pattern.literal)))
            .ok()?;
        let anchors =
            packed::Config::new().only_teddy(true).builder().extend(ANCHORS.iter().map(bytes)).build();
        Some(Searchers { automaton, anchors })
    };
    SEARCHERS.get_or_init(build).as_ref()
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::{ANCHORS, CHUNK, Format, OVERLAP, PATTERNS, Weight, inspect, searchers};

    fn judge(content: &[u8]) -> (Format, Option<String>) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file.rewind().unwrap();
        let (format, evidence) = inspect(&file, u64::MAX, &mut Vec::new()).unwrap();
        (format, evidence.reason())
    }

    fn elf(text: &str) -> Vec<u8> {
        [b"\x7fELF\x02\x01\x01\x00".as_slice(), text.as_bytes()].concat()
    }

    #[test]
    fn the_searchers_are_built_and_patterns_have_anchors_and_fit_the_overlap() {
        assert!(searchers().is_some());
        for pattern in PATTERNS {
            let text = pattern.literal.text();
            assert!(text.len() + 3 <= OVERLAP);
            let has_anchor = ANCHORS.iter().any(|anchor| text.contains(&anchor.text()));
            assert!(has_anchor || pattern.weight == Weight::Setting, "{text}");
            if let Weight::Sign(kind) = pattern.weight {
                assert!(kind < 32);
            }
        }
    }

    #[test]
    fn miners_by_content() {
        for (text, reason) in [
            ("url stratum+tcp://h:1", "contains stratum+tcp://"),
            ("\0donate.v2.xmrig.com\0", "contains donate.v2.xmrig.com"),
            ("-o pool.minexmr.com:4444 -u W", "contains minexmr.com"),
            (
                "randomx CryptoNight donate-level mining.subscribe",
                "contains randomx, CryptoNight, donate-level, mining.subscribe",
            ),
            (
                "gulf.moneroocean.stream\0randomx\0cryptonight\0donate-level",
                "contains moneroocean.stream, randomx, cryptonight, donate-level",
            ),
        ] {
            assert_eq!(judge(&elf(text)).1.as_deref(), Some(reason), "{text}");
        }
        let script =
            b"#!/bin/sh\ncurl -L https://github.com/xmrig/xmrig/releases/download/v6/x.tgz | tar xz\n";
        assert_eq!(judge(script).1.as_deref(), Some("contains xmrig/xmrig/releases/download/"));
    }

    #[test]
    fn what_only_talks_of_mining_is_left_alone() {
        for text in [
            "",
            "stratum+tcp",
            "stratum+http://h",
            "randomx cryptonight RandomX Cryptonight",
            "randomx cryptonight xmrig",
            "a list: minexmr.com f2pool.com nanopool.org 2miners.com viabtc.com",
            "notf2pool.com:3333 my-f2pool.com:3333",
            "kawpow KawPow KAWPOW mining.subscribe mining.notify f2pool.com",
        ] {
            assert_eq!(judge(&elf(text)), (Format::Elf, None), "{text}");
        }
        assert_eq!(judge(b"Write stratum+tcp:// before the host."), (Format::Other, None));
        assert_eq!(judge(b""), (Format::Other, None));
    }

    #[test]
    fn nothing_falls_between_two_reads() {
        for offset in (4096 - 40..4096 + 4).chain(4096 + CHUNK - 40..4096 + CHUNK + 70) {
            let mut content = elf("");
            content.resize(offset, b'.');
            content.extend_from_slice(b"pool.supportxmr.com:443");
            content.resize(offset + 150_000, 0);
            assert_eq!(judge(&content).1.as_deref(), Some("contains supportxmr.com"), "at {offset}");
        }
    }

    #[test]
    fn reading_stops_at_the_limit() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&elf(&format!("{}stratum+tcp://", "x".repeat(10_000)))).unwrap();
        file.rewind().unwrap();
        let (_, evidence) = inspect(&file, 9_000, &mut Vec::new()).unwrap();
        assert_eq!(evidence.reason(), None);
    }
}
