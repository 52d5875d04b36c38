//! Who a container runs as.

use super::{catalogue::Check, reader::Place, report::Weight, task::Subject};
use crate::embed::sidecar;

pub(super) fn check<'d>(subject: &mut Subject<'_, 'd>, container: &Place<'d>) {
    subject.makes(Check::Root);
    for value in subject.reader.member(container, "user") {
        match value {
            None => unset(subject, container),
            Some(place) => match subject.reader.text(&place) {
                Some(user) => named(subject, container, &place, &user),
                None => subject.open(Check::Root, &place),
            },
        }
    }
}

fn named<'d>(subject: &mut Subject<'_, 'd>, container: &Place<'d>, place: &Place<'d>, user: &str) {
    if user.is_empty() {
        return unset(subject, container);
    }
    let reason = match (subject.windows, is_root(user)) {
        (false, true) => format!("its user is {user:?}, which is root"),
        (true, _) if is_administrator(user) => format!("its user is {user:?}, an administrator"),
        _ => return,
    };
    let name = subject.reader.text_of(container, "name");
    let is_sensor = name.as_deref() == Some(sidecar::NAME) && sidecar::is_labelled(container.node);
    let (weight, class) = if is_sensor { (Weight::Notice, "sensor") } else { (Weight::Error, "root") };
    subject.found(Check::Root, weight, class, place, reason);
}

/// Then it is the image's user.
fn unset<'d>(subject: &mut Subject<'_, 'd>, container: &Place<'d>) {
    if subject.windows {
        let reason = "no user is set: the image's counts, which can be an administrator";
        return subject.found(Check::Root, Weight::Warning, "unset", container, reason);
    }
    let image = subject.reader.text_of(container, "image").unwrap_or_default();
    let known = subject.knowledge.images.config(&image, &subject.platform);
    match known.map(|config| config.user.unwrap_or_default()) {
        Ok(user) if user.is_empty() => subject.found(
            Check::Root,
            Weight::Error,
            "root",
            container,
            "neither it nor its image sets a user: it runs as root",
        ),
        Ok(user) if is_root(&user) => {
            let reason = format!("no user is set, and its image's is {user:?}, which is root");
            subject.found(Check::Root, Weight::Error, "root", container, reason);
        }
        Ok(_) => {}
        Err(_) => subject.found(
            Check::Root,
            Weight::Warning,
            "unset",
            container,
            "no user is set: its image's counts, which is root where that sets none",
        ),
    }
}

/// Root by name or number, with or without a group.
fn is_root(user: &str) -> bool {
    let name = user.split(':').next().unwrap_or_default().trim();
    name.is_empty() || name == "root" || (name.bytes().all(|byte| byte == b'0'))
}

fn is_administrator(user: &str) -> bool {
    let name = user.rsplit('\\').next().unwrap_or_default();
    ["containeradministrator", "administrator", "system", "localsystem"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::{is_administrator, is_root};

    #[test]
    fn root_and_administrators_by_any_spelling() {
        for (user, expected) in [
            ("0", true),
            ("00:5", true),
            ("root", true),
            ("root:app", true),
            (":1", true),
            ("1000", false),
            ("rooted", false),
        ] {
            assert_eq!(is_root(user), expected, "{user}");
        }
        assert!(is_administrator("ContainerAdministrator") && is_administrator("NT AUTHORITY\\SYSTEM"));
        assert!(!is_administrator("ContainerUser"));
    }
}
