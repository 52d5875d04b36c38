//! What must hold of any bytes that are taken for a key, for a package database or for a variable: no panic, bounded
//! results, and nothing of a secret in what is said of it.

use fargard_scan::{
    keys,
    packages::{Packages, apk, dpkg, rpm},
    secrets,
};

/// Panics when the bytes show a defect.
pub(crate) fn check(data: &[u8]) {
    for key in keys::find(data) {
        assert!(key.describe().len() < 100, "{key:?}");
    }
    if let Ok(packages) = rpm::list(data) {
        for (name, files) in packages {
            assert!(name.len() <= data.len() * 3 && files <= data.len(), "{name}: {files}");
        }
    }
    let [packages, digests, diversions] = dpkg::counts(data);
    assert!(packages <= data.len() && digests * 33 <= data.len() + 1 && diversions * 4 <= data.len());
    let mut packages = Packages::default();
    apk::parse(data, &mut packages);
    assert!(packages.count() <= data.len());
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (name, value) = text.split_once('=').unwrap_or(("PASSWORD", text));
    if let Some(secret) = secrets::variable(name, value) {
        // The dots that stand for the rest are none of the value's own.
        let said = secret.reason.replace("...", "\u{e000}");
        let shown: String = value.trim().chars().take(11).collect();
        assert!(shown.chars().count() < 11 || !said.contains(&shown), "{}", secret.reason);
    }
    let words: Vec<&str> = text.split(' ').collect();
    assert!(secrets::command(&words).len() <= words.len());
}
