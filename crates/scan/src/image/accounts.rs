//! The users and groups that an image brings.

use std::collections::BTreeMap;

use fargard_model::{Priority, foreign::printable};

use super::{Numbered, numbered};
use crate::{CHECK_7102, CHECK_7106, CHECK_7107};

/// Lines of an account file that are looked at, and findings of each kind.
const MAX_LINES: usize = 100_000;
const MAX_FOUND: usize = 100;
/// Longest name that is shown.
const MAX_NAME: usize = 100;

/// The account files of a root file system, as far as there are any.
#[derive(Clone, Copy, Debug, Default)]
pub struct Accounts<'a> {
    /// `/etc/passwd`.
    pub passwd: Option<&'a [u8]>,
    /// `/etc/shadow`.
    pub shadow: Option<&'a [u8]>,
    /// `/etc/group`.
    pub group: Option<&'a [u8]>,
}

/// A line's fields.
type Fields<'a> = Vec<&'a [u8]>;

impl Accounts<'_> {
    /// Checks 7106 and 7107.
    #[must_use]
    pub fn findings(&self) -> Vec<Numbered> {
        let (passwd, shadow, group) = (lines(self.passwd), lines(self.shadow), lines(self.group));
        let mut found = Vec::new();
        passwords(&passwd, &shadow, &mut found);
        let user = |fields: &Fields<'_>| number(fields, 2);
        duplicates("/etc/passwd", "user", &passwd, user, &mut found);
        duplicates("/etc/group", "group", &group, user, &mut found);
        found
    }
}

/// The lines that name somebody: no comments, no lines for NIS.
fn lines(text: Option<&[u8]>) -> Vec<Fields<'_>> {
    let lines = text.unwrap_or_default().split(|byte| *byte == b'\n').take(MAX_LINES);
    lines
        .filter(|line| {
            !line.is_empty() && !line.starts_with(b"#") && !line.starts_with(b"+") && !line.starts_with(b"-")
        })
        .map(|line| line.split(|byte| *byte == b':').collect())
        .filter(|fields: &Fields<'_>| fields.len() > 1)
        .collect()
}

fn field<'a>(fields: &Fields<'a>, at: usize) -> &'a [u8] {
    fields.get(at).copied().unwrap_or_default()
}

fn number(fields: &Fields<'_>, at: usize) -> Option<u64> {
    std::str::from_utf8(field(fields, at)).ok()?.trim().parse().ok()
}

fn name(fields: &Fields<'_>) -> String {
    printable(field(fields, 0).get(..MAX_NAME).unwrap_or(field(fields, 0)))
}

/// Accounts that anybody can be, and passwords that are known to who has the image.
fn passwords(passwd: &[Fields<'_>], shadow: &[Fields<'_>], found: &mut Vec<Numbered>) {
    let mut add = |file: &str, fields: &Fields<'_>, class, severity, reason: &str| {
        let subject = format!("{file}: {}", name(fields));
        found.push(numbered(CHECK_7106.number, subject, class, severity, reason));
    };
    for (file, lines) in [("/etc/passwd", passwd), ("/etc/shadow", shadow)] {
        for fields in lines.iter().take(MAX_LINES) {
            let password = field(fields, 1);
            if password.is_empty() {
                let reason = "the password is empty: who may log in as this user needs none";
                add(file, fields, "empty", Priority::Error, reason);
            } else if is_hash(password) {
                let reason =
                    "the hash of a password is in the image: everybody who has the image can try words on it";
                add(file, fields, "hash", Priority::Warning, reason);
            }
        }
    }
    found.truncate(MAX_FOUND);
}

/// A hash as crypt(5) writes it; locked accounts have `*`, `!`, `x` or something in front.
fn is_hash(password: &[u8]) -> bool {
    let traditional = password.len() == 13
        && password.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/'));
    (password.starts_with(b"$") && password.iter().filter(|byte| **byte == b'$').count() >= 3) || traditional
}

/// Names and numbers that more than one has.
fn duplicates(
    file: &str,
    what: &str,
    lines: &[Fields<'_>],
    number: impl Fn(&Fields<'_>) -> Option<u64>,
    found: &mut Vec<Numbered>,
) {
    let mut by_number: BTreeMap<u64, Vec<&Fields<'_>>> = BTreeMap::new();
    let mut by_name: BTreeMap<&[u8], usize> = BTreeMap::new();
    for fields in lines {
        if let Some(number) = number(fields) {
            by_number.entry(number).or_default().push(fields);
        }
        *by_name.entry(field(fields, 0)).or_default() += 1;
    }
    for (number, of) in by_number.iter().filter(|(_, of)| of.len() > 1).take(MAX_FOUND) {
        let mut names: Vec<String> = of.iter().map(|fields| name(fields)).collect();
        names.dedup();
        if names.len() < 2 {
            continue;
        }
        let names = names.into_iter().take(10).collect::<Vec<_>>().join(", ");
        let (class, severity) = if *number == 0 && what == "user" {
            ("root", Priority::Error)
        } else {
            ("number", Priority::Warning)
        };
        let reason = format!("{names} have the same number {number}: the files of one are the other's");
        found.push(numbered(CHECK_7107.number, format!("{file}: {number}"), class, severity, reason));
    }
    for (name, times) in by_name.into_iter().filter(|(_, times)| *times > 1).take(MAX_FOUND) {
        let name = printable(name.get(..MAX_NAME).unwrap_or(name));
        let reason = format!("the {what} stands there {times} times; the first counts");
        found.push(numbered(CHECK_7107.number, format!("{file}: {name}"), "name", Priority::Warning, reason));
    }
}

/// Check 7102 for a file of sudo's configuration: who needs no password.
#[must_use]
pub fn sudoers(path: &str, text: &[u8]) -> Vec<Numbered> {
    let mut found = Vec::new();
    for line in text.split(|byte| *byte == b'\n').take(MAX_LINES) {
        let line = String::from_utf8_lossy(line);
        let line = line.trim();
        let who = line.split_whitespace().next().unwrap_or_default();
        if !line.starts_with('#') && line.contains("NOPASSWD") && who != "root" && found.len() < MAX_FOUND {
            let who: String = who.chars().take(MAX_NAME).collect();
            let reason = format!("{} becomes another user without a password", printable(who.as_bytes()));
            found.push(numbered(CHECK_7102.number, path, "no-password", Priority::Error, reason));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Accounts, sudoers};

    fn of(passwd: &str, shadow: &str, group: &str) -> Vec<(u32, &'static str, String)> {
        let accounts = Accounts {
            passwd: Some(passwd.as_bytes()),
            shadow: Some(shadow.as_bytes()),
            group: Some(group.as_bytes()),
        };
        accounts.findings().into_iter().map(|(check, found)| (check, found.class, found.subject)).collect()
    }

    #[test]
    fn accounts_of_distributions_are_in_order() {
        let passwd = "root:x:0:0:root:/root:/bin/ash\nbin:x:1:1:bin:/bin:/sbin/nologin\nsync:x:5:0:sync:/sbin:/bin/sync\n+::::::\n";
        let shadow = "root:*::0:::::\nbin:!::0:::::\napp:!!:19000::::::\nlocked:!$6$salt$hash:::\n";
        let group = "root:x:0:root\nbin:x:1:root,bin\n";
        assert_eq!(of(passwd, shadow, group), []);
    }

    #[test]
    fn empty_passwords_hashes_and_doubles() {
        let found = of(
            "root:x:0:0::/:\ntoor::0:0::/:\na:x:7:7::/:\nb:x:7:7::/:\n",
            "root::1::::::\nb:$6$abcdefgh$ijklmnop:1::::::\n",
            "a:x:7:\na:x:8:\n",
        );
        assert_eq!(
            found,
            [
                (7106, "empty", "/etc/passwd: toor".to_owned()),
                (7106, "empty", "/etc/shadow: root".to_owned()),
                (7106, "hash", "/etc/shadow: b".to_owned()),
                (7107, "root", "/etc/passwd: 0".to_owned()),
                (7107, "number", "/etc/passwd: 7".to_owned()),
                (7107, "name", "/etc/group: a".to_owned()),
            ]
        );
    }

    #[test]
    fn sudo_without_a_password() {
        let text = b"# %sudo ALL=(ALL) NOPASSWD: ALL\nroot ALL=(ALL) NOPASSWD: ALL\n%wheel ALL=(ALL) ALL\nDefaults env_reset\n";
        assert_eq!(sudoers("/etc/sudoers", text).len(), 0);
        assert_eq!(sudoers("/etc/sudoers", b"app ALL=(ALL) NOPASSWD: ALL\n").len(), 1);
    }
}
