//! Services that code owns: changing them behind its back makes drift, which the next deployment takes back.

use fargard_aws::ecs::Tag;

/// A tag by which an owner is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerTag {
    /// The key; upper and lower case, `-` and `_` do not matter.
    pub key: String,
    /// The value, if only that one counts; case does not matter.
    pub value: Option<String>,
}

/// Keys that tools set or that their users commonly set, and the value that counts.
const KNOWN: [(&str, Option<&str>); 10] = [
    ("aws:cloudformation:stack-name", None),
    ("aws:servicecatalog:provisioningprincipalarn", None),
    ("managed-by", Some("terraform")),
    ("managedby", Some("terraform")),
    ("managed-by", Some("pulumi")),
    ("managedby", Some("pulumi")),
    ("terraform", Some("true")),
    ("provisioner", Some("terraform")),
    ("iac", None),
    ("copilot-application", None),
];

/// Who owns the service, by its tags, or `None`. `more` are tags beyond those known.
#[must_use]
pub fn owner(service: &[Tag], more: &[OwnerTag]) -> Option<String> {
    let plain = |text: &str| text.to_ascii_lowercase().replace('_', "-");
    let fits = |tag: &Tag, key: &str, value: Option<&str>| {
        plain(&tag.key) == plain(key) && value.is_none_or(|value| tag.value.eq_ignore_ascii_case(value))
    };
    let found = service.iter().find(|tag| {
        KNOWN.iter().any(|(key, value)| fits(tag, key, *value))
            || more.iter().any(|own| fits(tag, &own.key, own.value.as_deref()))
    })?;
    Some(match found.key.as_str() {
        "aws:cloudformation:stack-name" => format!("CloudFormation stack {}", found.value),
        _ => format!("tag {}={}", found.key, found.value),
    })
}

impl std::str::FromStr for OwnerTag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (text, None),
        };
        if key.is_empty() {
            Err("write KEY or KEY=VALUE".to_owned())
        } else {
            Ok(Self { key: key.to_owned(), value })
        }
    }
}

#[cfg(test)]
mod tests {
    use fargard_aws::ecs::Tag;

    use super::{OwnerTag, owner};

    #[test]
    fn owners_are_known_by_their_tags() {
        let tags = |key: &str, value: &str| [Tag { key: key.to_owned(), value: value.to_owned() }];
        let more: Vec<OwnerTag> = vec!["deployer=spinnaker".parse().unwrap()];
        for (key, value, owned) in [
            ("aws:cloudformation:stack-name", "web", true),
            ("ManagedBy", "Terraform", true),
            ("managed_by", "terraform", true),
            ("managed-by", "hand", false),
            ("Terraform", "false", false),
            ("deployer", "spinnaker", true),
            ("deployer", "me", false),
            ("team", "terraform", false),
        ] {
            assert_eq!(owner(&tags(key, value), &more).is_some(), owned, "{key}={value}");
        }
        let stack = owner(&tags("aws:cloudformation:stack-name", "web"), &[]);
        assert_eq!(stack.as_deref(), Some("CloudFormation stack web"));
    }
}
