//! Judging a file by its name.

use super::hidden::{Hidden, hidden};

/// Programs that mine, and malware families named after their mining process. Sources in `docs/scan.md`. Names
/// that are ordinary words too (`miner`, `rigel`, `phoenix`) are left to the content rules.
const NAMES: &[Hidden] = hidden![
    // CPU miners
    "xmrig",
    "xmrigcc",
    "xmrigdaemon",
    "xmrigminer",
    "xmrig-mo",
    "xmr-stak",
    "xmrstak",
    "xmr-stak-cpu",
    "xmr-stak-rx",
    "minerd",
    "cpuminer",
    "cpuminer-opt",
    "cpuminer-multi",
    "cpuminer-gr",
    "nheqminer",
    "hellminer",
    "verusminer",
    "randomxminer",
    "xmrigvertar",
    "ccminer-verus",
    "minergate",
    "minergate-cli",
    // GPU and many-algorithm miners
    "ethminer",
    "ethdcrminer64",
    "nsgpucnminer",
    "nbminer",
    "t-rex",
    "lolminer",
    "phoenixminer",
    "gminer",
    "teamredminer",
    "nanominer",
    "srbminer",
    "srbminer-multi",
    "ccminer",
    "cryptodredge",
    "z-enemy",
    "ewbf-miner",
    "bminer",
    "claymore-miner",
    "wildrig",
    "wildrig-multi",
    "bzminer",
    "onezerominer",
    "miniz-miner",
    "kawpowminer",
    "progpowminer",
    "mkxminer",
    "castxmr",
    "cast_xmr",
    "jce_cn_cpu_miner",
    "jce_cn_gpu_miner",
    "excavator-nicehash",
    // miners for special hardware
    "cgminer",
    "bfgminer",
    "sgminer",
    "bosminer",
    // malware
    "kinsing",
    "kdevtmpfsi",
    "kthreaddk",
    "kworkerds",
    "khugepageds",
    "kerberods",
    "watchdogs-miner",
    "sysrv",
    "sysrv-hello",
    "dbused",
    "ddgs",
    "qw3xt",
    "sustse",
    "watchbog",
    "xmrigmoner",
    "trumpminer",
    "xmr-miner",
    "xmrminer",
    "monero-miner",
    "cryptominer",
    "coinminer"
];

/// Names that the rules for variants would take, of programs that do not mine: Cisco's TRex traffic generator.
const LOOKALIKES: &[Hidden] = hidden!["t-rex-64", "t-rex-64-o", "t-rex-64-debug", "t-rex-64-debug-o"];

/// Words after a name that leave it the same program: platform, build, kind of file.
const VARIANT_WORDS: &[&str] = &[
    "aarch64", "aes", "alpine", "amd", "amd64", "arm", "arm64", "armhf", "armv7", "avx", "avx2", "avx512",
    "bak", "bin", "bionic", "centos", "cli", "cpu", "cuda", "cuda10", "cuda11", "cuda12", "daemon", "debian",
    "elf", "exe", "focal", "glibc", "gnu", "gpu", "i386", "i686", "intel", "jammy", "linux", "linux32",
    "linux64", "mo", "musl", "noavx", "nossl", "notls", "nvidia", "old", "opencl", "orig", "pl", "proxy",
    "py", "rc", "release", "run", "sh", "sse2", "sse42", "ssl", "static", "tls", "ubuntu", "x32", "x64",
    "x86", "zen", "zen2", "zen3", "zen4",
];

/// Longest name considered; no variant is longer.
const LONGEST: usize = 64;

/// Whether a file of this name (or path) is named as a miner: a known name in any letter case, optionally hidden
/// by leading dots, and followed only by versions and words such as `linux` or `static`
/// (`.XMRig-6.21.0-linux-static`). It says nothing of the file's content.
#[must_use]
pub fn candidate_name(name: &str) -> bool {
    candidate(name.as_bytes())
}

/// [`candidate_name`] for names that need not be UTF-8.
pub(crate) fn candidate(path: &[u8]) -> bool {
    let base = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let visible = base.iter().position(|&byte| byte != b'.').and_then(|start| base.get(start..));
    let Some(visible) = visible.filter(|name| name.len() <= LONGEST) else { return false };
    let mut buffer = [0; LONGEST];
    let Some(lower) = buffer.get_mut(..visible.len()) else { return false };
    lower.copy_from_slice(visible);
    lower.make_ascii_lowercase();
    NAMES.iter().any(|name| name.prefix_of(lower).is_some_and(is_variant))
        && !LOOKALIKES.iter().any(|name| name.prefix_of(lower).is_some_and(<[u8]>::is_empty))
}

/// Whether what follows a name leaves it the same program.
fn is_variant(rest: &[u8]) -> bool {
    let Some((first, after)) = rest.split_first() else { return true };
    let separator = |byte: &u8| matches!(byte, b'-' | b'_' | b'.' | b'+');
    // `xmrig6.21` needs no separator before the number; anything else does.
    let words = if separator(first) {
        after
    } else if first.is_ascii_digit() {
        rest
    } else {
        return false;
    };
    words.split(|byte| separator(byte)).all(|word| is_version(word) || is_variant_word(word))
}

/// `6`, `v21`, `0a`: a part of a version.
fn is_version(word: &[u8]) -> bool {
    let digits = word.strip_prefix(b"v").unwrap_or(word);
    let digits = match digits.split_last() {
        Some((last, before)) if last.is_ascii_lowercase() => before,
        _ => digits,
    };
    !digits.is_empty() && digits.len() <= 8 && digits.iter().all(u8::is_ascii_digit)
}

fn is_variant_word(word: &[u8]) -> bool {
    VARIANT_WORDS.binary_search_by(|known| known.as_bytes().cmp(word)).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{VARIANT_WORDS, candidate_name};

    #[test]
    fn words_are_sorted_for_the_search() {
        assert!(VARIANT_WORDS.is_sorted());
    }

    #[test]
    fn miners_and_their_variants() {
        for name in [
            "xmrig",
            "/tmp/xmrig",
            "XMRig",
            ".xmrig",
            "...xmrig",
            "xmrig-6.21",
            "xmrig-v6.21.0-linux-static-x64",
            "xmrig6.21",
            "xmrig_x86_64",
            "xmrig.bin",
            "xmrig-proxy",
            "lolMiner",
            "t-rex",
            "T-Rex-0.26.8",
            "xmr-stak-rx",
            "cpuminer-avx2",
            "ethdcrminer64",
            "kdevtmpfsi",
            "kinsing",
            "SRBMiner-MULTI",
            "minerd.sh",
            "xmrig-notls",
        ] {
            assert!(candidate_name(name), "{name}");
        }
    }

    #[test]
    fn names_that_only_look_like_miners() {
        for name in [
            "",
            ".",
            "..",
            "/",
            "/opt/xmrig/",
            "minerd-docs.txt",
            "xmrig.json",
            "xmrig.1.gz",
            "xmrig-6.21.0.tar.gz",
            "xmrig.service",
            "xmrigger",
            "not-xmrig",
            "libxmrig.so",
            "t-rex-64",
            "trex",
            "miner",
            "minerdata",
            "examiner",
            "determinerd",
            "gminers",
            "bminer.conf",
            "kinsing_removal_tool",
            "cgminer-api.h",
            "xmrig-",
            "xmrig--",
            "ddgs-results",
            "xmrig\u{0}",
        ] {
            assert!(!candidate_name(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            super::candidate(&bytes);
        }

        #[test]
        fn versions_never_hide_a_miner(major in 0_u32..10_000, minor in 0_u32..10_000, dots in 0_usize..4) {
            let name = format!("{}xmrig-{major}.{minor}", ".".repeat(dots));
            prop_assert!(candidate_name(&name));
        }

        #[test]
        fn a_word_in_front_or_behind_is_another_program(word in "[a-z]{6,12}") {
            let behind = format!("minerd-{}", word);
            prop_assume!(!VARIANT_WORDS.contains(&word.as_str()));
            prop_assert!(!candidate_name(&behind));
            let glued = format!("{}minerd", word);
            prop_assert!(!candidate_name(&glued));
        }
    }
}
