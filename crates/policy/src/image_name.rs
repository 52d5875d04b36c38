//! Short image names as Docker Hub expands them.

/// `alpine` is `docker.io/library/alpine:latest`; a digest stays as it is. `None` for what is expanded already or no
/// reference.
pub(crate) fn expanded(reference: &str) -> Option<String> {
    if reference.is_empty() || reference.contains(['*', ' ']) {
        return None;
    }
    let (name, digest) = reference.split_once('@').map_or((reference, ""), |(name, digest)| (name, digest));
    let (first, has_host) = match name.split_once('/') {
        Some((first, _)) => (first, first.contains(['.', ':']) || first == "localhost"),
        None => ("", false),
    };
    let name = match (has_host, first.is_empty()) {
        (true, _) => name.to_owned(),
        (false, true) => format!("docker.io/library/{name}"),
        (false, false) => format!("docker.io/{name}"),
    };
    let last = name.rsplit('/').next().unwrap_or_default();
    let full = match (digest.is_empty(), last.contains(':')) {
        (true, false) => format!("{name}:latest"),
        (true, true) => name,
        (false, _) => format!("{name}@{digest}"),
    };
    (full != reference).then_some(full)
}

#[cfg(test)]
mod tests {
    use super::expanded;

    #[test]
    fn short_names_are_docker_hubs() {
        for (short, full) in [
            ("alpine", "docker.io/library/alpine:latest"),
            ("ubuntu:18.04", "docker.io/library/ubuntu:18.04"),
            ("team/app", "docker.io/team/app:latest"),
            ("localhost/app", "localhost/app:latest"),
            ("localhost:5000/app", "localhost:5000/app:latest"),
            ("1.dkr.ecr.eu-west-1.amazonaws.com/app:3", "1.dkr.ecr.eu-west-1.amazonaws.com/app:3"),
            ("alpine@sha256:00", "docker.io/library/alpine@sha256:00"),
        ] {
            assert_eq!(expanded(short).unwrap_or_else(|| short.to_owned()), full);
        }
        assert_eq!(expanded(""), None);
    }
}
