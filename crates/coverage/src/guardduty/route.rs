//! From method and path to an operation. The path comes undecoded: an ARN is one segment of it, its slashes escaped.

use super::AwsError;
use crate::sigv4::canonical::decode;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `ListCoverage`.
    ListCoverage,
    /// `GetCoverageStatistics`.
    GetCoverageStatistics,
    /// `CreateDetector`.
    CreateDetector,
    /// `ListDetectors`.
    ListDetectors,
    /// `GetDetector`.
    GetDetector,
    /// `UpdateDetector`.
    UpdateDetector,
    /// `DeleteDetector`.
    DeleteDetector,
    /// `ListTagsForResource`.
    ListTagsForResource,
    /// `TagResource`.
    TagResource,
    /// `UntagResource`.
    UntagResource,
    /// `GetAdministratorAccount`.
    GetAdministratorAccount,
    /// `GetMasterAccount`.
    GetMasterAccount,
    /// `ListInvitations`.
    ListInvitations,
    /// `GetInvitationsCount`.
    GetInvitationsCount,
}

impl Operation {
    /// Its name, as in IAM's actions.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ListCoverage => "ListCoverage",
            Self::GetCoverageStatistics => "GetCoverageStatistics",
            Self::CreateDetector => "CreateDetector",
            Self::ListDetectors => "ListDetectors",
            Self::GetDetector => "GetDetector",
            Self::UpdateDetector => "UpdateDetector",
            Self::DeleteDetector => "DeleteDetector",
            Self::ListTagsForResource => "ListTagsForResource",
            Self::TagResource => "TagResource",
            Self::UntagResource => "UntagResource",
            Self::GetAdministratorAccount => "GetAdministratorAccount",
            Self::GetMasterAccount => "GetMasterAccount",
            Self::ListInvitations => "ListInvitations",
            Self::GetInvitationsCount => "GetInvitationsCount",
        }
    }

    /// Whether it changes anything.
    #[must_use]
    pub fn writes(self) -> bool {
        matches!(
            self,
            Self::CreateDetector
                | Self::UpdateDetector
                | Self::DeleteDetector
                | Self::TagResource
                | Self::UntagResource
        )
    }
}

/// An operation and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// The operation.
    pub operation: Operation,
    /// Id of a detector, or a resource's ARN; empty for operations of an account.
    pub subject: String,
}

/// Longest id or ARN in a path.
const MAX_SUBJECT: usize = 300;

/// The operation of a request; `path` is undecoded and begins with a slash.
///
/// # Errors
/// What GuardDuty has and this server does not, and what nobody has.
pub fn route(method: &str, path: &str) -> Result<Routed, AwsError> {
    use Operation as O;
    let segments: Vec<&str> = path.trim_start_matches('/').trim_end_matches('/').split('/').collect();
    let (operation, subject) = match (method, segments.as_slice()) {
        ("POST", ["detector", id, "coverage"]) => (O::ListCoverage, *id),
        ("POST", ["detector", id, "coverage", "statistics"]) => (O::GetCoverageStatistics, *id),
        ("POST", ["detector"]) => (O::CreateDetector, ""),
        ("GET", ["detector"]) => (O::ListDetectors, ""),
        ("GET", ["detector", id]) => (O::GetDetector, *id),
        ("POST", ["detector", id]) => (O::UpdateDetector, *id),
        ("DELETE", ["detector", id]) => (O::DeleteDetector, *id),
        ("GET", ["detector", id, "administrator"]) => (O::GetAdministratorAccount, *id),
        ("GET", ["detector", id, "master"]) => (O::GetMasterAccount, *id),
        ("GET", ["tags", arn]) => (O::ListTagsForResource, *arn),
        ("POST", ["tags", arn]) => (O::TagResource, *arn),
        ("DELETE", ["tags", arn]) => (O::UntagResource, *arn),
        ("GET", ["invitation"]) => (O::ListInvitations, ""),
        ("GET", ["invitation", "count"]) => (O::GetInvitationsCount, ""),
        _ => return Err(AwsError::unsupported()),
    };
    let subject = String::from_utf8(decode(subject)).ok().filter(|subject| subject.len() <= MAX_SUBJECT);
    let subject = subject.ok_or_else(|| AwsError::invalid("The resource in the path cannot be read."))?;
    Ok(Routed { operation, subject })
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
    fn what_is_not_supported_is_a_bad_request() {
        for (method, path) in
            [("GET", "/"), ("PUT", "/detector"), ("GET", "/detector/a/b/c"), ("POST", "/malware-scan")]
        {
            let error = route(method, path).unwrap_err();
            assert_eq!((error.status, error.code), (400, "BadRequestException"), "{method} {path}");
        }
        assert_eq!(route("GET", "/tags/%ff").unwrap_err().status, 400);
    }
}
