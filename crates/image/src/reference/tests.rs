use proptest::prelude::*;

use super::{Reference, RegistryKind};

fn normal(text: &str) -> String {
    text.parse::<Reference>().map_or_else(|error| error.reason.to_owned(), |found| found.to_string())
}

#[test]
fn short_names_become_what_docker_pulls() {
    let hex = "0123456789abcdef".repeat(4);
    let table = [
        ("alpine", "docker.io/library/alpine:latest".to_owned()),
        ("alpine:3.20", "docker.io/library/alpine:3.20".to_owned()),
        ("grafana/grafana", "docker.io/grafana/grafana:latest".to_owned()),
        ("docker.io/alpine", "docker.io/library/alpine:latest".to_owned()),
        ("index.docker.io/library/alpine", "docker.io/library/alpine:latest".to_owned()),
        ("localhost/x", "localhost/x:latest".to_owned()),
        ("localhost:5000/x/y:1", "localhost:5000/x/y:1".to_owned()),
        ("Localhost/x", "Localhost/x:latest".to_owned()),
        ("[::1]:5000/x", "[::1]:5000/x:latest".to_owned()),
        ("127.0.0.1:5000/x", "127.0.0.1:5000/x:latest".to_owned()),
        ("ghcr.io/a/b/c/d:v1.0-rc_1", "ghcr.io/a/b/c/d:v1.0-rc_1".to_owned()),
        ("foo:5000", "docker.io/library/foo:5000".to_owned()),
        ("a__b-----c.d", "docker.io/library/a__b-----c.d:latest".to_owned()),
    ];
    for (text, expected) in table {
        assert_eq!(normal(text), expected, "{text}");
    }
    let pinned = format!("alpine:3@sha256:{hex}");
    assert_eq!(normal(&pinned), format!("docker.io/library/alpine:3@sha256:{hex}"));
    assert_eq!(normal(&format!("alpine@sha256:{hex}")), format!("docker.io/library/alpine@sha256:{hex}"));
    assert_eq!(pinned.parse::<Reference>().unwrap().target(), format!("sha256:{hex}"));
    assert_eq!("alpine".parse::<Reference>().unwrap().target(), "latest");
}

#[test]
fn what_docker_refuses_is_refused() {
    let long = "a".repeat(256);
    let id = "a".repeat(64);
    for text in [
        "",
        "/",
        "alpine:",
        "alpine@",
        "Alpine",
        "a//b",
        "a/",
        "a___b",
        "a..b",
        "-a",
        "a-",
        "a_.b",
        "é",
        "a b",
        "alpine:-x",
        "alpine:.x",
        "alpine:a/b",
        "alpine:a:b",
        "alpine@sha256:00",
        "alpine@md5:00",
        "host.com:x/a",
        "host.com:/a",
        "-h.com/a",
        "h..com/a",
        "[::g]/a",
        "h.com/A",
        "h.com/",
        &long,
        &id,
    ] {
        assert!(text.parse::<Reference>().is_err(), "{text}: {}", normal(text));
    }
    let tag = format!("a:{}", "x".repeat(128));
    assert!(tag.parse::<Reference>().is_ok() && format!("{tag}x").parse::<Reference>().is_err());
}

#[test]
fn registries_are_told_apart_by_host() {
    let kind = |text: &str| text.parse::<Reference>().unwrap().registry();
    let ecr =
        |region: &str| RegistryKind::Ecr { account: "123456789012".to_owned(), region: region.to_owned() };
    assert_eq!(kind("123456789012.dkr.ecr.eu-central-1.amazonaws.com/app:1"), ecr("eu-central-1"));
    assert_eq!(kind("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/a"), ecr("us-gov-west-1"));
    assert_eq!(kind("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/a"), ecr("cn-north-1"));
    assert_eq!(kind("123456789012.dkr-ecr.us-west-2.on.aws/a"), ecr("us-west-2"));
    assert_eq!(kind("public.ecr.aws/nginx/nginx"), RegistryKind::EcrPublic);
    assert_eq!(kind("ghcr.io/a/b"), RegistryKind::Ghcr);
    assert_eq!(kind("nginx"), RegistryKind::DockerHub);
    for other in [
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.org/a",
        "12345.dkr.ecr.eu-central-1.amazonaws.com/a",
        "123456789012.dkr.ecr.x.y.amazonaws.com/a",
        "quay.io/a/b",
    ] {
        assert_eq!(kind(other), RegistryKind::Other, "{other}");
    }
}

proptest! {
    #[test]
    fn any_text_is_refused_or_stays_the_same_when_read_again(text in "\\PC{0,40}|[a-z./:@_A-Z0-9-]{0,40}") {
        if let Ok(reference) = text.parse::<Reference>() {
            let again: Reference = reference.to_string().parse().unwrap();
            prop_assert_eq!(again, reference);
        }
    }

    #[test]
    fn parts_put_together_come_apart_again(
        host in "([a-z0-9]{1,8}\\.){1,3}[a-z]{2,5}(:[0-9]{1,5})?",
        path in "[a-z0-9]{1,8}((_|__|\\.|-{1,3})[a-z0-9]{1,5}){0,2}(/[a-z0-9]{1,8}){0,3}",
        tag in proptest::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}"),
        digest in proptest::option::of("[0-9a-f]{64}"),
    ) {
        let mut text = format!("{host}/{path}");
        if let Some(tag) = &tag { text += &format!(":{tag}"); }
        if let Some(digest) = &digest { text += &format!("@sha256:{digest}"); }
        let reference: Reference = text.parse().unwrap();
        prop_assert_eq!(reference.host(), if host == "index.docker.io" { "docker.io" } else { &host });
        if reference.host() != "docker.io" {
            prop_assert_eq!(reference.repository(), path);
        }
        prop_assert_eq!(reference.tag().map(str::to_owned), tag.or(digest.is_none().then(|| "latest".to_owned())));
        prop_assert_eq!(reference.digest().is_some(), digest.is_some());
    }
}
