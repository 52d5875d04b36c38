//! npm packages as installed: `package.json` right below `node_modules/NAME`.

use serde::Deserialize;
use serde_json::Value;

use super::split;
use crate::{Kind, Package, json, package::field};

#[derive(Deserialize)]
struct Manifest {
    name: Option<String>,
    version: Option<String>,
    #[serde(default)]
    license: Value,
}

/// Whether a package lies in this directory: `.../node_modules/name` or `.../node_modules/@scope/name`.
pub(super) fn is_package_place(directory: &[u8]) -> bool {
    let (above, name) = split(directory);
    let (modules, scope) = split(above);
    let is_modules = |path: &[u8]| path.ends_with(b"/node_modules");
    !name.is_empty()
        && ((!name.starts_with(b"@") && is_modules(above))
            || (scope.starts_with(b"@") && is_modules(modules)))
}

/// The package that a manifest describes.
#[must_use]
pub fn package(text: &[u8], place: &str) -> Option<Package> {
    let manifest: Manifest = json::read(text)?;
    let (name, version) = (manifest.name?, manifest.version?);
    let (scope, name) = match name.split_once('/') {
        Some((scope, name)) if scope.starts_with('@') => (field(scope.as_bytes()), name.to_owned()),
        _ => (String::new(), name),
    };
    let mut package = Package::new(Kind::Npm, name.as_bytes(), version.as_bytes(), place);
    package.namespace = scope;
    // An object in old manifests.
    let license = manifest.license.as_str().or_else(|| manifest.license.get("type")?.as_str());
    package.license = license.map(|text| field(text.as_bytes())).unwrap_or_default();
    (!package.name.is_empty() && !package.version.is_empty()).then_some(package)
}

#[cfg(test)]
mod tests {
    use super::package;

    #[test]
    fn manifests_name_packages() {
        let found =
            package(br#"{"name":"@babel/core","version":"7.1.0","license":{"type":"MIT"}}"#, "/x").unwrap();
        assert_eq!((found.full_name().as_str(), found.license.as_str()), ("@babel/core", "MIT"));
        for none in [&b"{}"[..], b"{\"name\":\"a\"}", b"[", b"{\"name\":1,\"version\":\"1\"}"] {
            assert_eq!(package(none, "/x"), None);
        }
    }
}
