//! Addresses with a password in them.

use super::values;

/// The password of `scheme://user:password@host`, of `Server=...;Password=...` and of `host=... password=...`, if it is one.
pub(super) fn password(value: &str) -> Option<&str> {
    in_userinfo(value).or_else(|| in_pairs(value)).filter(|password| values::can_be_password(password))
}

fn in_userinfo(value: &str) -> Option<&str> {
    value.match_indices("://").find_map(|(at, separator)| {
        let scheme = value.get(..at)?.rsplit(|letter: char| !is_of_scheme(letter)).next()?;
        let rest = value.get(at + separator.len()..)?;
        let end = rest.find(['/', '?', '#', ' ', '"', '\'', ',', '\n']);
        // A password may have a slash that nobody escaped: then the last sign before the host decides.
        let authority = rest.get(..end.unwrap_or(rest.len()))?;
        let userinfo = match authority.rfind('@') {
            Some(at) => authority.get(..at)?,
            None => {
                rest.get(..rest.find('@')?).filter(|text| text.contains(':') && !text.contains([' ', '?']))?
            }
        };
        let (_, password) = userinfo.split_once(':')?;
        // A port and a path before an @ are no password.
        let is_port =
            password.split('/').next().is_some_and(|port| port.len() <= 5 && port.parse::<u16>().is_ok());
        let is_path = is_port && password.contains('/');
        (!scheme.is_empty() && !password.is_empty() && !is_path).then_some(password)
    })
}

fn is_of_scheme(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '+' | '.' | '-')
}

/// `Password=` or `pwd=` among pairs of a connection string, or `AccountKey=`, `SharedAccessKey=`.
fn in_pairs(value: &str) -> Option<&str> {
    let by_semicolon = value.contains(';') && value.matches('=').count() >= 2;
    let by_space = value.contains(' ') && value.matches('=').count() >= 2;
    let separator = if by_semicolon {
        ';'
    } else if by_space {
        ' '
    } else {
        return None;
    };
    value.split(separator).find_map(|pair| {
        let (name, secret) = pair.trim().split_once('=')?;
        let name = name.trim().to_ascii_lowercase();
        matches!(name.as_str(), "password" | "pwd" | "accountkey" | "sharedaccesskey" | "-dpassword")
            .then_some(secret.trim().trim_matches(['"', '\'']))
    })
}

#[cfg(test)]
mod tests {
    use super::password;

    #[test]
    fn passwords_in_addresses() {
        for (value, expected) in [
            ("postgres://app:Zk8vTq2L@db:5432/app", Some("Zk8vTq2L")),
            ("redis://:h4Rd9xQe@cache:6379/0", Some("h4Rd9xQe")),
            ("amqp://guest:p@ssW0rd1@mq/", Some("p@ssW0rd1")),
            ("Server=db;Database=x;User Id=sa;Password=Yt7!kkQ2;", Some("Yt7!kkQ2")),
            ("host=db user=app password=wer98Kj2", Some("wer98Kj2")),
            ("postgres://app@db:5432/app", None),
            ("postgres://app:${DB_PASSWORD}@db/app", None),
            ("https://example.com:8443/a@b", None),
            ("https://example.com/a:b@c", None),
            ("mysql://user:password@localhost/db", None),
            ("a=b;c=d", None),
        ] {
            assert_eq!(password(value), expected, "{value}");
        }
    }
}
