//! Socket addresses as the kernel lays them out.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

const AF_UNIX: u16 = 1;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// A decoded socket address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// IPv4 or IPv6; an IPv4 address mapped into IPv6 is given as IPv4.
    Ip(SocketAddr),
    /// A unix socket's path; abstract names begin with `@`; empty for unnamed.
    Unix(String),
    /// Another family, by its number.
    Other(u16),
}

/// Reads a `sockaddr`; `None` when it is too short for its family.
pub(crate) fn parse(bytes: &[u8]) -> Option<Address> {
    let (family, rest) = bytes.split_first_chunk::<2>()?;
    match u16::from_ne_bytes(*family) {
        AF_INET => {
            let (port, rest) = rest.split_first_chunk::<2>()?;
            let address = Ipv4Addr::from(*rest.first_chunk::<4>()?);
            Some(Address::Ip(SocketAddr::from((address, u16::from_be_bytes(*port)))))
        }
        AF_INET6 => {
            let (port, rest) = rest.split_first_chunk::<2>()?;
            let address = Ipv6Addr::from(*rest.get(4..)?.first_chunk::<16>()?);
            let port = u16::from_be_bytes(*port);
            Some(Address::Ip(match address.to_ipv4_mapped() {
                Some(mapped) => SocketAddr::from((mapped, port)),
                None => SocketAddr::from((address, port)),
            }))
        }
        AF_UNIX => Some(Address::Unix(unix_name(rest))),
        other => Some(Address::Other(other)),
    }
}

fn unix_name(bytes: &[u8]) -> String {
    let limit = bytes.len().min(108);
    match bytes.get(..limit) {
        Some([0, name @ ..]) if name.iter().any(|byte| *byte != 0) => {
            let end = name.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
            format!("@{}", String::from_utf8_lossy(&name[..end]))
        }
        Some(path) => {
            let end = path.iter().position(|byte| *byte == 0).unwrap_or(path.len());
            String::from_utf8_lossy(&path[..end]).into_owned()
        }
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Address, parse};

    fn with_family(family: u16, rest: &[u8]) -> Vec<u8> {
        [&family.to_ne_bytes()[..], rest].concat()
    }

    #[test]
    fn families_are_read() {
        let v4 = with_family(2, &[0x11, 0x5c, 93, 184, 216, 34, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(parse(&v4), Some(Address::Ip("93.184.216.34:4444".parse().unwrap())));
        let mut v6 = vec![0, 53, 0, 0, 0, 0];
        v6.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(parse(&with_family(10, &v6)), Some(Address::Ip("[2001:db8::1]:53".parse().unwrap())));
        let mut mapped = vec![0, 80, 0, 0, 0, 0];
        mapped.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1]);
        assert_eq!(parse(&with_family(10, &mapped)), Some(Address::Ip("10.0.0.1:80".parse().unwrap())));
        assert_eq!(parse(&with_family(1, b"/run/x.sock\0")), Some(Address::Unix("/run/x.sock".into())));
        assert_eq!(parse(&with_family(1, b"\0hidden")), Some(Address::Unix("@hidden".into())));
        assert_eq!(parse(&with_family(16, &[])), Some(Address::Other(16)));
        assert_eq!(parse(&with_family(2, &[0])), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..140)) {
            let _ = parse(&bytes);
        }
    }
}
