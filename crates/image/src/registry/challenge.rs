//! `WWW-Authenticate`: how a registry wants to be asked (RFC 9110, section 11.6.1).

/// What a registry wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A token from another place.
    Bearer { realm: String, service: Option<String>, scope: Option<String> },
    /// Name and password.
    Basic,
}

/// Longest header looked at.
const MAX_HEADER: usize = 8 << 10;

/// The first challenge that is understood; a token before a password.
pub(super) fn parse<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<Challenge> {
    let mut basic = None;
    for header in headers {
        let header = header.get(..MAX_HEADER).unwrap_or(header).trim();
        let (scheme, rest) = header.split_once(' ').unwrap_or((header, ""));
        if scheme.eq_ignore_ascii_case("bearer") {
            let parameter = |name: &str| parameters(rest).find(|(key, _)| key.eq_ignore_ascii_case(name));
            if let Some((_, realm)) = parameter("realm") {
                let value = |name| parameter(name).map(|(_, value)| value).filter(|value| !value.is_empty());
                return Some(Challenge::Bearer { realm, service: value("service"), scope: value("scope") });
            }
        } else if scheme.eq_ignore_ascii_case("basic") {
            basic = Some(Challenge::Basic);
        }
    }
    basic
}

/// `key="value"` or `key=value`, parted by commas; a backslash takes the next character as it is.
fn parameters(text: &str) -> impl Iterator<Item = (String, String)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (key, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let end = after.find([',', ' ']).unwrap_or(after.len());
                let (value, after) = after.split_at(end);
                (value.to_owned(), after)
            }
        };
        rest = after;
        Some((key.trim().to_owned(), value))
    })
}

fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, text.get(at + 1..).unwrap_or_default()),
            '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
            letter => value.push(letter),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Challenge, parse};

    #[test]
    fn tokens_are_asked_for_where_the_registry_says() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull,push""#;
        let expected = Challenge::Bearer {
            realm: "https://auth.docker.io/token".to_owned(),
            service: Some("registry.docker.io".to_owned()),
            scope: Some("repository:library/alpine:pull,push".to_owned()),
        };
        assert_eq!(parse([hub]), Some(expected.clone()));
        assert_eq!(parse([r#"Basic realm="x""#, hub]), Some(expected));
        assert_eq!(parse([r#"basic realm="x",charset="UTF-8""#]), Some(Challenge::Basic));
        let odd = parse([r#"bearer  Realm=https://a/t, service="q\"uote" , x="#]);
        assert_eq!(
            odd,
            Some(Challenge::Bearer {
                realm: "https://a/t".to_owned(),
                service: Some("q\"uote".to_owned()),
                scope: None
            })
        );
        for other in ["", "Negotiate", "Bearer", "Bearer service=x", "Digest realm=x"] {
            assert_eq!(parse([other]), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read(text in "(Bearer |Basic )?\\PC{0,60}") {
            parse([text.as_str()]);
        }
    }
}
