//! Gems as installed: what `RubyGems` writes into `specifications` is Ruby, but always of the same form.

use crate::{Kind, Package, package::field};

/// The gem that a specification describes.
#[must_use]
pub fn package(text: &[u8], place: &str) -> Option<Package> {
    let mut package = Package::new(Kind::Gem, b"", b"", place);
    for line in text.split(|byte| *byte == b'\n').take(500) {
        let line = line.trim_ascii();
        let Some(rest) = line.strip_prefix(b"s.") else { continue };
        let Some(equals) = rest.iter().position(|byte| *byte == b'=') else { continue };
        let (Some(name), Some(value)) = (rest.get(..equals), rest.get(equals + 1..)) else { continue };
        let Some(value) = quoted(value) else { continue };
        let place = match name.trim_ascii() {
            b"name" => &mut package.name,
            b"version" => &mut package.version,
            b"licenses" => &mut package.license,
            b"platform" => &mut package.architecture,
            _ => continue,
        };
        if place.is_empty() {
            *place = field(value);
        }
    }
    if package.architecture == "ruby" {
        package.architecture.clear();
    }
    (!package.name.is_empty() && !package.version.is_empty()).then_some(package)
}

/// The first text between quotes.
fn quoted(value: &[u8]) -> Option<&[u8]> {
    let start = value.iter().position(|byte| matches!(byte, b'"' | b'\''))?;
    let quote = value.get(start)?;
    let text = value.get(start + 1..)?;
    text.get(..text.iter().position(|byte| byte == quote)?)
}

#[cfg(test)]
mod tests {
    use super::package;

    #[test]
    fn specifications_name_gems() {
        let text = b"# -*- encoding: utf-8 -*-\n# stub: nokogiri 1.15.3 x86_64-linux lib\n\nGem::Specification.new do |s|\n  \
            s.name = \"nokogiri\".freeze\n  s.version = \"1.15.3\"\n  s.platform = \"x86_64-linux\".freeze\n\n  \
            s.licenses = [\"MIT\".freeze]\nend\n";
        let found = package(text, "/x").unwrap();
        assert_eq!(
            (
                found.name.as_str(),
                found.version.as_str(),
                found.architecture.as_str(),
                found.license.as_str()
            ),
            ("nokogiri", "1.15.3", "x86_64-linux", "MIT")
        );
        assert_eq!(package(b"s.name = x\ns.version = \"1", "/x"), None);
    }
}
