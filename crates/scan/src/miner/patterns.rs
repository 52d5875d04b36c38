//! What miners contain. Sources in `docs/scan.md`.

use super::hidden::{Hidden, hidden, hide};

/// How much a pattern says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// Enough alone: only miners, and what fetches or starts them, contain it.
    Alone,
    /// A mining pool's domain: enough with a port after it, as in an address to connect to. Without one it may
    /// be a block list, and all of these together count as one sign and a half.
    Pool,
    /// A sign of the numbered kind: an algorithm, a protocol call, an option. Wallets and nodes have a few, a
    /// miner has many. Spellings of the same thing share a number. Names of programs are no signs: rules and
    /// tools that look for miners list them.
    Sign(u8),
    /// A member of a miner's configuration: nothing by itself, tells a configuration from a text.
    Setting,
}

/// A literal with its weight.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) literal: Hidden,
    pub(super) weight: Weight,
}

macro_rules! patterns {
    ($($weight:expr => [$($text:literal),* $(,)?]),* $(,)?) => {
        &[$($(Pattern { literal: hide!($text), weight: $weight }),*),*]
    };
}

/// Every pattern; matching is by exact letter case, spellings in use are listed.
pub(super) const PATTERNS: &[Pattern] = patterns![
    Weight::Alone => [
        "stratum+tcp://", "stratum+ssl://", "stratum+tls://", "stratum+tcps://", "stratum2+tcp://",
        "stratum2+ssl://", "stratum1+tcp://", "stratum1+ssl://", "ethproxy+tcp://", "ethproxy+ssl://",
        "donate.v2.xmrig.com", "donate.ssl.xmrig.com", "xmrig/xmrig/releases/download/",
    ],
    Weight::Pool => [
        "minexmr.com", "nanopool.org", "supportxmr.com", "hashvault.pro", "moneroocean.stream", "c3pool.com",
        "c3pool.org", "herominers.com", "2miners.com", "unmineable.com", "nicehash.com", "ethermine.org",
        "ethpool.org", "f2pool.com", "antpool.com", "slushpool.com", "dwarfpool.com", "minergate.com",
        "crypto-pool.fr", "xmrpool.net", "xmrpool.eu", "moneropool.com", "flypool.org", "woolypooly.com",
        "viabtc.com", "poolin.com", "zpool.ca", "mining-dutch.nl", "zergpool.com", "prohashing.com",
        "miningpoolhub.com", "kryptex.network", "flexpool.io", "hiveon.net", "luckpool.net", "rplant.xyz",
        "skypool.org", "monerohash.com", "ppxxmr.com", "monero.org.cn",
    ],
    Weight::Sign(0) => ["randomx", "RandomX"],
    Weight::Sign(1) => ["cryptonight", "CryptoNight", "Cryptonight"],
    Weight::Sign(2) => ["donate-level"],
    Weight::Sign(3) => ["mining.subscribe", "mining.authorize", "mining.notify", "eth_submitHashrate"],
    Weight::Sign(4) => ["kawpow", "KawPow", "KAWPOW"],
    Weight::Sign(5) => ["argon2/chukwa", "autolykos2", "ghostrider", "GhostRider"],
    Weight::Sign(6) => ["yescrypt"],
    Weight::Setting => ["\"pools\"", "\"wallet", "\"rig-id\"", "\"coin\"", "\"algo\"", "--user"],
    Weight::Sign(7) => ["--nicehash", "use_nicehash", "\"nicehash\""],
];

/// Every pattern contains one of these. Few enough (64) to be searched for with vector instructions.
#[rustfmt::skip]
pub(super) const ANCHORS: &[Hidden] = hidden![
    "stratum", "ethproxy+", "xmrig", "minexmr", "nanopool", "supportxmr", "hashvault", "moneroocean",
    "c3pool", "herominers", "2miners.c", "unmineable", "nicehash", "ethermine", "ethpool", "f2pool", "antpool.",
    "slushpool", "dwarfpool", "minergate", "crypto-pool", "xmrpool", "moneropool", "flypool", "woolypooly",
    "viabtc", "poolin.com", "zpool.ca", "mining-dutch", "zergpool", "prohashing", "miningpoolhub", "kryptex",
    "flexpool", "hiveon", "luckpool", "rplant.", "skypool", "monerohash", "ppxxmr", "monero.org", "randomx",
    "RandomX", "ryptonight", "ryptoNight", "donate-level", "mining.subscribe", "mining.authorize",
    "mining.notify", "submitHashrate", "kawpow", "KawPow", "KAWPOW", "argon2/chukwa", "autolykos2", "ghostrider",
    "GhostRider", "yescrypt",
];

/// Points from which a file is taken for a miner.
pub(super) const ENOUGH: u32 = 8;

impl Weight {
    /// Points of one pattern of this weight.
    pub(super) fn points(self) -> u32 {
        match self {
            Self::Alone => ENOUGH,
            Self::Setting => 0,
            Self::Pool => 3,
            Self::Sign(_) => 2,
        }
    }
}
