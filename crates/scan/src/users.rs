//! Check 41: whether a container runs as root.

use fargard_model::Priority;

use fargard_model::foreign::printable;

use crate::Finding;

/// Longest name shown.
const MAX_SHOWN: usize = 100;

/// The finding when the user of a container is root. `user` is the image's or, where it is set, the task definition's:
/// `name`, `uid`, `name:group` or empty. `passwd` is the image's `/etc/passwd`, which says who a name is.
#[must_use]
pub fn root(user: &str, passwd: Option<&[u8]>) -> Option<Finding> {
    let name = user.split(':').next().unwrap_or_default().trim();
    let reason = if name.is_empty() {
        "no user is set, so it runs as root".to_owned()
    } else if name.parse::<u64>().is_ok_and(|uid| uid == 0) {
        "the user is 0, which is root".to_owned()
    } else if name.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    } else {
        match passwd.map(|passwd| uid_of(name.as_bytes(), passwd)) {
            Some(Some(0)) => "the image's /etc/passwd maps the user to 0, which is root".to_owned(),
            Some(Some(_)) => return None,
            Some(None) | None if name == "root" => "the user is root".to_owned(),
            Some(None) | None => return None,
        }
    };
    let shown: String = user.chars().take(MAX_SHOWN).collect();
    Some(Finding {
        subject: format!("user {:?}", printable(shown.as_bytes())),
        class: "root",
        reason,
        severity: Priority::Error,
    })
}

/// The number of a user in a text as `passwd(5)` has it.
fn uid_of(name: &[u8], passwd: &[u8]) -> Option<u64> {
    passwd.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.split(|byte| *byte == b':');
        (fields.next()? == name).then_some(())?;
        std::str::from_utf8(fields.nth(1)?).ok()?.trim().parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::root;

    #[test]
    fn root_by_any_name() {
        let passwd: &[u8] = b"root:x:0:0::/:/bin/sh\ntoor:x:0:0::/:\napp:x:1000:1000::/:\n";
        for (user, is_root) in [
            ("", true),
            ("0", true),
            ("0:1000", true),
            ("00", true),
            ("root", true),
            ("root:app", true),
            ("toor", true),
            ("app", false),
            ("1000", false),
            ("1000:0", false),
            ("unknown", false),
        ] {
            assert_eq!(root(user, Some(passwd)).is_some(), is_root, "{user:?}");
        }
        assert!(root("root", None).is_some() && root("app", None).is_none());
    }
}
