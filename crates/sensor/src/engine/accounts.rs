//! Names of users and groups from the container's `/etc/passwd` and `/etc/group`.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use fargard_model::bounded;

const MAX_FILE: usize = 1 << 20;
const MAX_NAMES: usize = 4096;
/// How long a file is taken as unchanged without looking.
const FRESH: Duration = Duration::from_secs(2);

/// Names by id, read again when a file changed.
#[derive(Debug)]
pub(crate) struct Accounts {
    users: Names,
    groups: Names,
}

#[derive(Debug)]
struct Names {
    file: PathBuf,
    modified: Option<SystemTime>,
    looked: Option<Instant>,
    names: HashMap<u32, Account>,
}

/// What a line says of a user, or the name of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Account {
    name: String,
    home: String,
    shell: String,
}

impl Accounts {
    /// Accounts of the root file system at `root`.
    pub(crate) fn of_root(root: &Path) -> Self {
        Self { users: Names::new(root.join("etc/passwd")), groups: Names::new(root.join("etc/group")) }
    }

    /// The user's name; empty when unknown.
    pub(crate) fn user(&mut self, uid: u32) -> String {
        self.users.get(uid).name
    }

    /// The user's home directory and login shell; empty when unknown.
    pub(crate) fn home_and_shell(&mut self, uid: u32) -> (String, String) {
        let account = self.users.get(uid);
        (account.home, account.shell)
    }

    /// The group's name; empty when unknown.
    pub(crate) fn group(&mut self, gid: u32) -> String {
        self.groups.get(gid).name
    }
}

impl Names {
    fn new(file: PathBuf) -> Self {
        Self { file, modified: None, looked: None, names: HashMap::new() }
    }

    fn get(&mut self, id: u32) -> Account {
        if self.looked.is_none_or(|at| at.elapsed() > FRESH) {
            self.looked = Some(Instant::now());
            let modified = std::fs::metadata(&self.file).and_then(|data| data.modified()).ok();
            if modified != self.modified {
                self.modified = modified;
                let bytes = bounded::read(&self.file, MAX_FILE).unwrap_or_default();
                self.names = parse(&String::from_utf8_lossy(&bytes));
            }
        }
        self.names.get(&id).cloned().unwrap_or_default()
    }
}

/// `name:password:id:...`, the form of both files, and of users `...:group:full name:home:shell`; the first line of an
/// id wins.
fn parse(text: &str) -> HashMap<u32, Account> {
    let mut names = HashMap::new();
    for line in text.lines() {
        let mut fields = line.split(':');
        let (Some(name), _, Some(id)) = (fields.next(), fields.next(), fields.next()) else { continue };
        let Ok(id) = id.parse() else { continue };
        if names.len() == MAX_NAMES {
            break;
        }
        let mut path = |skipped: usize| fields.nth(skipped).unwrap_or_default().chars().take(256).collect();
        let account = Account { name: name.chars().take(64).collect(), home: path(2), shell: path(0) };
        names.entry(id).or_insert(account);
    }
    names
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Accounts;

    #[test]
    fn names_come_from_the_root_given() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("etc")).unwrap();
        fs::write(
            root.path().join("etc/passwd"),
            "root:x:0:0::/:/bin/sh\nbroken\napp:x:1000:1000::/:\nb:x:x:\n",
        )
        .unwrap();
        let mut accounts = Accounts::of_root(root.path());
        assert_eq!(accounts.user(0), "root");
        assert_eq!(accounts.user(1000), "app");
        assert_eq!(accounts.user(7), "");
        assert_eq!(accounts.home_and_shell(0), ("/".to_owned(), "/bin/sh".to_owned()));
        assert_eq!(accounts.home_and_shell(1000), ("/".to_owned(), String::new()));
        assert_eq!(accounts.group(0), "", "no group file");
    }
}
