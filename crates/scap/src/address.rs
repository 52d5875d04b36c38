//! Socket addresses: one byte of family, then one address or two.

use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use crate::bytes::{Bytes, text};

const AF_UNIX: u8 = 1;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// Both ends of a connection as the event tells them: the one that asked, the one that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tuple {
    Ip(SocketAddr, SocketAddr),
    Unix(String),
}

impl Tuple {
    /// `None` for an empty parameter, another family and damaged bytes.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        match bytes.u8()? {
            AF_UNIX => {
                bytes.take(16)?; // kernel addresses of both sockets
                Some(Self::Unix(text(bytes.0).into_owned()))
            }
            family => Some(Self::Ip(end(&mut bytes, family)?, end(&mut bytes, family)?)),
        }
    }

    /// As Falco prints it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Ip(source, destination) => {
                let mut text = String::with_capacity(48);
                push(&mut text, *source);
                text.push_str("->");
                push(&mut text, *destination);
                text
            }
            Self::Unix(path) => path.clone(),
        }
    }
}

/// One address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Ip(SocketAddr),
    Unix(String),
}

impl Address {
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        match bytes.u8()? {
            AF_UNIX => Some(Self::Unix(text(bytes.0).into_owned())),
            family => Some(Self::Ip(end(&mut bytes, family)?)),
        }
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::Ip(end) => address(*end),
            Self::Unix(path) => path.clone(),
        }
    }
}

fn end(bytes: &mut Bytes<'_>, family: u8) -> Option<SocketAddr> {
    let ip = match family {
        AF_INET => v4(bytes)?,
        AF_INET6 => v6(bytes)?,
        _ => return None,
    };
    Some(SocketAddr::new(ip, bytes.u16()?))
}

pub(crate) fn v4(bytes: &mut Bytes<'_>) -> Option<IpAddr> {
    // Kept in network order.
    bytes.u32().map(|address| Ipv4Addr::from(address.to_le_bytes()).into())
}

pub(crate) fn v6(bytes: &mut Bytes<'_>) -> Option<IpAddr> {
    let octets: [u8; 16] = bytes.take(16)?.try_into().ok()?;
    Some(Ipv6Addr::from(octets).into())
}

/// Falco puts no brackets around IPv6 addresses.
pub(crate) fn address(end: SocketAddr) -> String {
    let mut text = String::with_capacity(48);
    push(&mut text, end);
    text
}

/// Connections are frequent: the formatting of the standard library costs several times this.
fn push(text: &mut String, end: SocketAddr) {
    match end.ip() {
        IpAddr::V4(ip) => {
            for (index, octet) in ip.octets().into_iter().enumerate() {
                if index > 0 {
                    text.push('.');
                }
                push_number(text, u16::from(octet));
            }
        }
        IpAddr::V6(ip) => {
            let _ = write!(text, "{ip}");
        }
    }
    text.push(':');
    push_number(text, end.port());
}

fn push_number(text: &mut String, number: u16) {
    let mut power = 10_000;
    while power > 1 && number < power {
        power /= 10;
    }
    while power > 0 {
        text.push(char::from(b'0' + u8::try_from(number / power % 10).unwrap_or(0)));
        power /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, Tuple};

    #[test]
    fn tuples_of_every_family_are_read() {
        let v4 = [2, 127, 0, 0, 1, 0x58, 0xb8, 127, 0, 0, 1, 0x50, 0];
        assert_eq!(Tuple::read(&v4).unwrap().name(), "127.0.0.1:47192->127.0.0.1:80");
        let mut v6 = vec![10];
        for port in [0x1f90u16, 443] {
            v6.extend([0; 15]);
            v6.push(1);
            v6.extend(port.to_le_bytes());
        }
        assert_eq!(Tuple::read(&v6).unwrap().name(), "::1:8080->::1:443");
        let mut unix = vec![1];
        unix.extend([0; 16]);
        unix.extend(b"/run/x.sock\0");
        assert_eq!(Tuple::read(&unix).unwrap().name(), "/run/x.sock");
        assert_eq!(Address::read(&[2, 10, 200, 0, 255, 0, 0]).unwrap().name(), "10.200.0.255:0");
        assert_eq!(Address::read(&[2, 10, 0, 0, 7, 53, 0]).unwrap().name(), "10.0.0.7:53");
        for damaged in [&[][..], &[2, 1, 2], &[17, 1, 2, 3, 4, 5, 6], &[1, 0]] {
            assert_eq!(Tuple::read(damaged), None);
        }
    }
}
