//! Any bytes as a packet, and as a message of the domain name system.
#![no_main]

/// The parsers by themselves: the rest of the sensor would be built for nothing.
#[path = "."]
mod parsers {
    #[path = "../../crates/sensor/src/net/dns/mod.rs"]
    pub(crate) mod dns;
    #[path = "../../crates/sensor/src/net/packet/mod.rs"]
    pub(crate) mod packet;
}

#[path = "../checks/network.rs"]
mod network;

libfuzzer_sys::fuzz_target!(|data: &[u8]| network::check(data));
