//! By which name a container's image is fetched.

use super::{catalogue::Check, reader::Place, report::Weight, task::Subject};

/// Registries where everybody, or everybody with an account, may push.
const PUBLIC: &[&str] = &[
    "docker.io",
    "index.docker.io",
    "registry-1.docker.io",
    "public.ecr.aws",
    "quay.io",
    "ghcr.io",
    "gcr.io",
    "registry.gitlab.com",
    "registry.k8s.io",
    "mcr.microsoft.com",
];

/// How an image is named.
#[derive(Debug, PartialEq, Eq)]
struct Named<'t> {
    registry: &'t str,
    tag: Option<&'t str>,
    digest: bool,
}

pub(super) fn check<'d>(subject: &mut Subject<'_, 'd>, container: &Place<'d>) {
    subject.makes(Check::MovingImage);
    for place in subject.reader.present(container, "image") {
        let Some(text) = subject.reader.pattern(&place) else {
            subject.open(Check::MovingImage, &place);
            continue;
        };
        let name = parse(&text);
        let public = PUBLIC.contains(&name.registry);
        let (weight, class, reason) = match (name.digest, name.tag) {
            (true, _) => continue,
            (false, None | Some("latest")) => {
                (Weight::Warning, "latest", format!("{text} is whatever was pushed last"))
            }
            // A registry that is not known may be anybody's.
            (false, Some(_)) if public => (
                Weight::Warning,
                "public-tag",
                format!("{text} is by tag, from a public registry: it can change"),
            ),
            (false, Some(_)) => (
                Weight::Notice,
                "tag",
                format!("{text} is by tag, which can be moved unless the registry makes tags immutable"),
            ),
        };
        subject.found(Check::MovingImage, weight, class, &place, reason);
    }
}

/// The parts of a reference as Docker takes it. What is not known (`${...}`) is text like any other.
fn parse(reference: &str) -> Named<'_> {
    let (name, digest) = match reference.split_once('@') {
        Some((name, digest)) => (name, digest.contains("sha256:") || digest.contains("sha512:")),
        None => (reference, false),
    };
    let registry = match name.split_once('/') {
        Some((first, _)) if first.contains(['.', ':', '$']) || first == "localhost" => first,
        _ => "docker.io",
    };
    let registry = if name.starts_with('$') && !name.contains('/') { "${...}" } else { registry };
    let tag = outside_braces(name);
    Named { registry, tag, digest }
}

/// What follows the last colon after the last slash, both outside of `${...}`.
fn outside_braces(name: &str) -> Option<&str> {
    let (mut depth, mut colon) = (0_usize, None);
    for (at, letter) in name.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '/' if depth == 0 => colon = None,
            ':' if depth == 0 => colon = Some(at),
            _ => {}
        }
    }
    name.get(colon? + 1..)
}

#[cfg(test)]
mod tests {
    use super::{Named, parse};

    #[test]
    fn references() {
        for (text, registry, tag, digest) in [
            ("nginx", "docker.io", None, false),
            ("nginx:1.27", "docker.io", Some("1.27"), false),
            ("library/nginx:latest", "docker.io", Some("latest"), false),
            ("public.ecr.aws/nginx/nginx:1", "public.ecr.aws", Some("1"), false),
            ("localhost:5000/a", "localhost:5000", None, false),
            ("quay.io/a/b@sha256:00", "quay.io", None, true),
            ("a:1@sha256:00", "docker.io", Some("1"), true),
            (
                "${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com/app:${Tag}",
                "${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com",
                Some("${Tag}"),
                false,
            ),
            ("${AWS::AccountId}.dkr.ecr.x/app", "${AWS::AccountId}.dkr.ecr.x", None, false),
        ] {
            assert_eq!(parse(text), Named { registry, tag, digest }, "{text}");
        }
    }
}
