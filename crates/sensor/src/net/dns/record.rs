//! Records of an answer.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::name::Reader;

const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const PTR: u16 = 12;
const MX: u16 = 15;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const SVCB: u16 = 64;
const HTTPS: u16 = 65;
/// Parameters of `HTTPS` records (RFC 9460, 14.3.2).
const IPV4_HINT: u16 = 4;
const IPV6_HINT: u16 = 6;
/// Most bytes of text that are kept of a record.
const MAX_TEXT: usize = 512;
/// Most addresses that are taken from a record's hints.
const MAX_HINTS: usize = 8;

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose it is; as [`super::Question::name`].
    pub name: String,
    /// Type number.
    pub kind: u16,
    /// Seconds it may be kept.
    pub ttl: u32,
    /// What it says.
    pub data: Data,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// `A` and `AAAA`.
    Address(IpAddr),
    /// `CNAME`: the name is another name for this one.
    Alias(String),
    /// `SRV`: where a service is.
    Service {
        /// Host.
        target: String,
        /// Port.
        port: u16,
    },
    /// `TXT`: its strings joined, what is not UTF-8 replaced, cut to 512 bytes.
    Text(String),
    /// `HTTPS` and `SVCB`: host, and addresses to try.
    Binding {
        /// Host; `.` is the owner itself.
        target: String,
        /// Addresses.
        hints: Vec<IpAddr>,
    },
    /// `NS`, `PTR` and `MX`: a host.
    Host(String),
    /// Of a type that is not read.
    Other,
}

impl fmt::Display for Record {
    /// Type and content, as `A 192.0.2.1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", type_name(self.kind))?;
        match &self.data {
            Data::Address(address) => write!(f, "{address}"),
            Data::Alias(name) | Data::Host(name) => f.write_str(name),
            Data::Service { target, port } => write!(f, "{target}:{port}"),
            Data::Text(text) => write!(f, "{text:?}"),
            Data::Binding { target, .. } => f.write_str(target),
            Data::Other => f.write_str("-"),
        }
    }
}

/// Reads a record and leaves the reader behind it.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Record> {
    let name = reader.name()?;
    let kind = reader.word()?;
    reader.word()?;
    // A number with the highest bit is to be taken for 0 (RFC 2181, 8).
    let ttl = reader.double().map(|ttl| if ttl > i32::MAX.cast_unsigned() { 0 } else { ttl })?;
    let length = usize::from(reader.word()?);
    let mut inside = *reader;
    let bytes = reader.take(length)?;
    let data = data(kind, bytes, &mut inside, reader.at())?;
    Some(Record { name, kind, ttl, data })
}

/// `inside` stands at the data, which end at `end`; names in them may point elsewhere.
fn data(kind: u16, bytes: &[u8], inside: &mut Reader<'_>, end: usize) -> Option<Data> {
    let read = match kind {
        A => return Some(Data::Address(Ipv4Addr::from(*exact::<4>(bytes)?).into())),
        AAAA => return Some(Data::Address(Ipv6Addr::from(*exact::<16>(bytes)?).into())),
        TXT => return Some(Data::Text(text(bytes)?)),
        CNAME => Data::Alias(inside.name()?),
        NS | PTR => Data::Host(inside.name()?),
        MX => {
            inside.word()?;
            Data::Host(inside.name()?)
        }
        SRV => {
            inside.take(4)?;
            let port = inside.word()?;
            Data::Service { target: inside.name()?, port }
        }
        SVCB | HTTPS => {
            inside.word()?;
            let target = inside.name()?;
            Data::Binding { target, hints: hints(inside, end)? }
        }
        _ => return Some(Data::Other),
    };
    (inside.at() == end).then_some(read)
}

fn exact<const N: usize>(bytes: &[u8]) -> Option<&[u8; N]> {
    bytes.try_into().ok()
}

/// Strings with their length before each.
fn text(bytes: &[u8]) -> Option<String> {
    let mut joined = Vec::new();
    let mut reader = Reader::new(bytes, 0);
    while let Some(length) = reader.byte() {
        joined.extend_from_slice(reader.take(usize::from(length))?);
    }
    joined.truncate(MAX_TEXT);
    Some(String::from_utf8_lossy(&joined).into_owned())
}

/// Addresses among the parameters of a binding.
fn hints(reader: &mut Reader<'_>, end: usize) -> Option<Vec<IpAddr>> {
    let mut found: Vec<IpAddr> = Vec::new();
    while reader.at() < end {
        let key = reader.word()?;
        let length = usize::from(reader.word()?);
        let value = reader.take(length)?;
        match key {
            IPV4_HINT => found.extend(value.as_chunks::<4>().0.iter().map(|bytes| IpAddr::from(*bytes))),
            IPV6_HINT => found.extend(value.as_chunks::<16>().0.iter().map(|bytes| IpAddr::from(*bytes))),
            _ => {}
        }
    }
    found.truncate(MAX_HINTS);
    Some(found)
}

/// The name of a type of record (IANA's registry); a number as `TYPE65280` (RFC 3597) for others.
#[must_use]
pub fn type_name(kind: u16) -> std::borrow::Cow<'static, str> {
    match kind {
        A => "A",
        NS => "NS",
        CNAME => "CNAME",
        SOA => "SOA",
        10 => "NULL",
        PTR => "PTR",
        MX => "MX",
        TXT => "TXT",
        AAAA => "AAAA",
        SRV => "SRV",
        35 => "NAPTR",
        39 => "DNAME",
        43 => "DS",
        46 => "RRSIG",
        48 => "DNSKEY",
        SVCB => "SVCB",
        HTTPS => "HTTPS",
        251 => "IXFR",
        252 => "AXFR",
        255 => "ANY",
        257 => "CAA",
        other => return format!("TYPE{other}").into(),
    }
    .into()
}
