//! From method and path to an operation. The path comes undecoded: an ARN is one segment of it, its slashes escaped.

use super::{AwsError, Operation};
use crate::sigv4::canonical::decode;

/// An operation and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// The operation.
    pub operation: Operation,
    /// Id of a detector, or a resource's ARN; empty for operations of an account.
    pub subject: String,
    /// Name or id of something of the detector's; empty where the path names nothing.
    pub item: String,
}

/// Longest id or ARN in a path.
const MAX_SUBJECT: usize = 300;

/// The operation of a request; `path` is undecoded and begins with a slash.
///
/// # Errors
/// What GuardDuty has and this server does not, and what nobody has.
pub fn route(method: &str, path: &str) -> Result<Routed, AwsError> {
    let segments: Vec<&str> = path.trim_start_matches('/').trim_end_matches('/').split('/').collect();
    let found = Operation::ALL.iter().find_map(|operation| {
        let (its_method, its_path) = operation.address();
        (its_method == method)
            .then(|| matched(its_path, &segments))
            .flatten()
            .map(|named| (*operation, named))
    });
    let (operation, named) = found.ok_or_else(AwsError::unsupported)?;
    let mut named = named.into_iter().map(|segment| {
        let text = String::from_utf8(decode(segment)).ok();
        text.filter(|text| text.len() <= MAX_SUBJECT && !text.contains('\0'))
            .ok_or_else(|| AwsError::invalid("The resource in the path cannot be read."))
    });
    let subject = named.next().transpose()?.unwrap_or_default();
    let item = named.next().transpose()?.unwrap_or_default();
    Ok(Routed { operation, subject, item })
}

/// The segments at the pattern's stars, if all others are the same.
fn matched<'p>(pattern: &str, segments: &[&'p str]) -> Option<Vec<&'p str>> {
    let mut named = Vec::new();
    let mut parts = pattern.split('/');
    for segment in segments {
        match parts.next()? {
            "*" if !segment.is_empty() => named.push(*segment),
            part if part == *segment => {}
            _ => return None,
        }
    }
    parts.next().is_none().then_some(named)
}

#[cfg(test)]
mod tests {
    use super::{Operation, route};

    #[test]
    fn an_arn_is_one_segment() {
        let routed =
            route("GET", "/tags/arn%3Aaws%3Aguardduty%3Aus-east-1%3A111122223333%3Adetector%2F12ab").unwrap();
        assert_eq!(routed.operation, Operation::ListTagsForResource);
        assert_eq!(routed.subject, "arn:aws:guardduty:us-east-1:111122223333:detector/12ab");
    }

    #[test]
    fn every_operation_is_found_by_its_own_path() {
        for operation in Operation::ALL {
            let (method, path) = operation.address();
            let routed = route(method, &format!("/{}", path.replace('*', "it"))).unwrap();
            assert_eq!(routed.operation, *operation);
            assert_eq!(routed.subject.is_empty(), !path.contains('*'), "{path}");
            assert_eq!(routed.item.is_empty(), path.matches('*').count() < 2, "{path}");
        }
    }

    #[test]
    fn what_is_not_supported_is_a_bad_request() {
        for (method, path) in [
            ("GET", "/"),
            ("PUT", "/detector"),
            ("GET", "/detector/a/b/c"),
            ("GET", "/detector//filter/x"),
            ("POST", "/malware-scan"),
        ] {
            let error = route(method, path).unwrap_err();
            assert_eq!((error.status, error.code), (400, "BadRequestException"), "{method} {path}");
        }
        assert_eq!(route("GET", "/tags/%ff").unwrap_err().status, 400);
    }
}
