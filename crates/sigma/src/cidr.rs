//! Networks as prefixes of addresses' text: CloudTrail's addresses are text.

use std::net::{IpAddr, Ipv4Addr};

/// A network of either version.
///
/// # Errors
/// It is none.
pub(crate) fn network(text: &str) -> Result<String, String> {
    let (address, length) = text.split_once('/').ok_or_else(|| format!("'{text}' has no prefix length"))?;
    let address: IpAddr = address.parse().map_err(|_| format!("'{text}' is no network"))?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    match length.parse::<u8>() {
        Ok(length) if length <= most => Ok(format!("{address}/{length}")),
        _ => Err(format!("'{text}' has no prefix length up to {most}")),
    }
}

/// The texts that addresses of an IPv4 network begin with (ending in a dot), or the addresses themselves.
///
/// # Errors
/// It is not an IPv4 network, or has bits behind its prefix.
pub(crate) fn prefixes(network: &str) -> Result<(Vec<String>, bool), String> {
    let (address, length) = network.split_once('/').unwrap_or((network, "32"));
    if address.contains(':') {
        return Err(format!("'{network}': the text of an IPv6 address has no fixed form to compare with"));
    }
    let address: Ipv4Addr = address.parse().map_err(|_| format!("'{network}' is no network"))?;
    let length: u32 = length
        .parse()
        .ok()
        .filter(|length| (1..=32).contains(length))
        .ok_or_else(|| format!("'{network}' has no prefix length from 1 to 32"))?;
    let bits = u32::from(address);
    if length < 32 && bits.wrapping_shl(length) != 0 {
        return Err(format!("'{network}' has bits set behind its prefix"));
    }
    // Up to the next whole octet there are at most 128 prefixes.
    let octets = length.div_ceil(8);
    let step = 1_u32 << (32 - octets * 8);
    let count = 1_u32 << (octets * 8 - length);
    let texts = (0..count).map(|index| {
        let address = Ipv4Addr::from(bits + index * step).to_string();
        if octets == 4 {
            return address;
        }
        let kept: Vec<&str> = address.split('.').take(octets as usize).collect();
        kept.join(".") + "."
    });
    Ok((texts.collect(), octets == 4))
}

#[cfg(test)]
mod tests {
    use super::{network, prefixes};

    #[test]
    fn networks_are_checked() {
        assert_eq!(network("fd00::/8").as_deref(), Ok("fd00::/8"));
        for text in ["10.0.0.0", "10.0.0.0/33", "10in (.0.0.0/8", "::/129", "10.0.0.0/-1", "/8"] {
            assert!(network(text).is_err(), "{text}");
        }
    }

    #[test]
    fn networks_become_texts() {
        for (network, first, last, count, exact) in [
            ("10.0.0.0/8", "10.", "10.", 1, false),
            ("172.16.0.0/12", "172.16.", "172.31.", 16, false),
            ("192.168.4.0/22", "192.168.4.", "192.168.7.", 4, false),
            ("1.2.3.128/25", "1.2.3.128", "1.2.3.255", 128, true),
            ("1.2.3.4/32", "1.2.3.4", "1.2.3.4", 1, true),
            ("1.2.3.4", "1.2.3.4", "1.2.3.4", 1, true),
            ("128.0.0.0/1", "128.", "255.", 128, false),
        ] {
            let (texts, whole) = prefixes(network).unwrap();
            let ends = (texts.first().map(String::as_str), texts.last().map(String::as_str));
            assert_eq!((ends, texts.len(), whole), ((Some(first), Some(last)), count, exact), "{network}");
        }
        for network in ["10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/0", "::1/128", "host/8", ""] {
            assert!(prefixes(network).is_err(), "{network}");
        }
    }
}
