//! Users of a container, looked up in its own `/etc/passwd` and `/etc/group`.

use std::path::Path;

use crate::{rootfs::read_inside, stage::spec::Identity};

const MAX_FILE: usize = 4 << 20;

/// A user and where it lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) identity: Identity,
    pub(crate) home: String,
}

/// Resolves `user`, `uid`, `user:group`, `uid:gid` in a root file system; absent means root.
///
/// # Errors
/// A name that the files do not know, for people.
pub(crate) fn resolve(root: &Path, written: Option<&str>) -> Result<User, String> {
    let passwd = database(root, "etc/passwd");
    let group = database(root, "etc/group");
    lookup(&passwd, &group, written.unwrap_or("0"))
}

/// A missing file knows nobody: images without users are normal.
fn database(root: &Path, path: &str) -> String {
    let bytes = read_inside(root, path, MAX_FILE).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn lookup(passwd: &str, group: &str, written: &str) -> Result<User, String> {
    let (user, chosen_group) = match written.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
        None => (written, None),
    };
    let user = if user.is_empty() { "0" } else { user };
    let number = user.parse::<u32>().ok();
    let entry = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| {
        let matches = |uid: &str| number.is_some() && uid.parse::<u32>().ok() == number;
        fields.first() == Some(&user) || fields.get(2).is_some_and(|uid| matches(uid))
    });
    let field = |index: usize| entry.as_ref().and_then(|fields| fields.get(index).copied());
    let uid = number
        .or_else(|| field(2)?.parse().ok())
        .ok_or_else(|| "no such user in the container's /etc/passwd".to_owned())?;
    let gid = match chosen_group {
        Some(name) => group_id(group, name).ok_or("no such group in the container's /etc/group")?,
        None => field(3).and_then(|gid| gid.parse().ok()).unwrap_or(0),
    };
    let groups = match (chosen_group, field(0)) {
        (None, Some(name)) => memberships(group, name),
        _ => Vec::new(),
    };
    let home = field(5).filter(|home| home.starts_with('/')).unwrap_or("/").to_owned();
    Ok(User { identity: Identity { uid, gid, groups }, home })
}

fn group_id(group: &str, name: &str) -> Option<u32> {
    if let Ok(number) = name.parse() {
        return Some(number);
    }
    let mut lines = group.lines().map(|line| line.split(':').collect::<Vec<_>>());
    lines.find(|fields| fields.first() == Some(&name))?.get(2)?.parse().ok()
}

fn memberships(group: &str, user: &str) -> Vec<u32> {
    group
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let members = fields.get(3)?;
            if members.split(',').any(|member| member == user) { fields.get(2)?.parse().ok() } else { None }
        })
        .take(1024)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::lookup;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\nbroken\n";
    const GROUP: &str = "root:x:0:\nweb:x:33:www,app\nlog:x:44:app\n";

    fn ids(written: &str) -> (u32, u32, Vec<u32>, String) {
        let user = lookup(PASSWD, GROUP, written).unwrap();
        (user.identity.uid, user.identity.gid, user.identity.groups, user.home)
    }

    #[test]
    fn every_spelling() {
        assert_eq!(ids("0"), (0, 0, vec![], "/root".into()));
        assert_eq!(ids("app"), (1000, 1001, vec![33, 44], "/home/app".into()));
        assert_eq!(ids("1000"), (1000, 1001, vec![33, 44], "/home/app".into()));
        assert_eq!(ids("app:web"), (1000, 33, vec![], "/home/app".into()));
        assert_eq!(ids("4242"), (4242, 0, vec![], "/".into()));
        assert_eq!(ids("4242:7"), (4242, 7, vec![], "/".into()));
        assert!(lookup(PASSWD, GROUP, "nobody").unwrap_err().contains("no such user"));
        assert!(lookup(PASSWD, GROUP, "app:x").unwrap_err().contains("no such group"));
        assert_eq!(lookup("", "", "0").unwrap().home, "/");
    }
}
