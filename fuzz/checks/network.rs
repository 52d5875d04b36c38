//! What must hold of any bytes that are taken for a packet or a message of the domain name system: reading ends, and
//! what is read is within its bounds.

use crate::parsers::{
    dns::{self, Data, MAX_RECORDS, Message},
    packet::{self, Body},
};

/// Longest text of a name: four characters for a byte.
const MAX_NAME: usize = 4 * 255;

/// Panics when the bytes show a defect.
pub(crate) fn check(data: &[u8]) {
    if let Some(packet) = packet::parse(data)
        && let Body::Udp(bytes) | Body::Tcp(bytes) = packet.body
    {
        assert!(bytes.len() < data.len());
        message(bytes);
    }
    message(data);
}

fn message(bytes: &[u8]) {
    let Some(message) = dns::parse(bytes) else { return };
    assert!(message.answers.len() <= MAX_RECORDS && message.names().len() <= MAX_RECORDS + 1);
    assert!(message.names().iter().all(|name| is_name(name)));
    for record in &message.answers {
        assert!(is_name(&record.name) && record.ttl <= i32::MAX.cast_unsigned());
        match &record.data {
            Data::Alias(name) | Data::Host(name) | Data::Service { target: name, .. } => {
                assert!(is_name(name));
            }
            Data::Text(text) => assert!(text.len() <= 3 * 512),
            Data::Binding { target, hints } => assert!(is_name(target) && hints.len() <= 8),
            Data::Address(_) | Data::Other => {}
        }
        assert!(!record.to_string().is_empty());
    }
    // What comes before a cut is read as without the cut.
    let half = dns::parse(bytes.get(..bytes.len() / 2).unwrap_or_default());
    if let Some(Message { answers, question, .. }) = half {
        assert_eq!(question, message.question);
        assert_eq!(Some(&answers[..]), message.answers.get(..answers.len()));
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(|byte| byte.is_ascii_graphic())
}
