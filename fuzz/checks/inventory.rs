//! What must hold of any bytes that are taken for a package's metadata, for a program or archive that says what is in it, for
//! advisories, and for versions: no panic, bounded results, and orders that do not depend on the side.

use fargard_inventory::{
    Distribution, Inventory, Kind, Order, Piece,
    feed::{self, Findings, Wanted},
    matching, sbom,
};
use fargard_model::Timestamp;

/// A path for each reader.
const PATHS: [&[u8]; 11] = [
    b"/etc/os-release",
    b"/var/lib/dpkg/status",
    b"/var/lib/dpkg/info/x.list",
    b"/var/lib/dpkg/status.d/x.md5sums",
    b"/lib/apk/db/installed",
    b"/var/lib/rpm/rpmdb.sqlite",
    b"/x.dist-info/METADATA",
    b"/node_modules/x/package.json",
    b"/specifications/x.gemspec",
    b"/x.jar",
    b"/bin/x",
];

const ORDERS: [Order; 7] =
    [Order::Dpkg, Order::Rpm, Order::Apk, Order::Semver, Order::Pep440, Order::Maven, Order::Gem];

/// Panics when the bytes show a defect.
pub(crate) fn check(data: &[u8]) {
    let mut inventory = some();
    for path in PATHS {
        let Some(piece) = Piece::read(path, true, &data) else { continue };
        // A jar's bytes can be more than its own.
        assert!(piece.packages.len() <= data.len().max(1) * 64, "{}", piece.packages.len());
        for package in piece.packages.into_iter().take(100) {
            let purl = package.purl(None);
            assert!(purl.starts_with("pkg:") && purl.is_ascii() && !purl.contains(' '), "{purl}");
            assert!(package.name.len() < 5000 && package.version.len() < 5000);
            inventory.packages.push(package);
        }
    }
    let mut findings = Findings::default();
    feed::any(data, &Wanted::of(&inventory), &mut findings);
    let vulnerabilities = matching::judge(&inventory, &findings);
    let subject = sbom::Subject {
        name: "any",
        digest: None,
        time: Timestamp(0),
        tool_version: "0",
        inventory: &inventory,
        vulnerabilities: &vulnerabilities,
    };
    assert!(sbom::cyclonedx(&subject).is_object() && sbom::spdx(&subject).is_object());
    let text = String::from_utf8_lossy(data);
    let (left, right) = text.split_once(' ').unwrap_or((&text, ""));
    for order in ORDERS {
        assert_eq!(order.compare(left, right), order.compare(right, left).reverse(), "{order:?}");
    }
}

/// Packages that seeds speak of, so that advisories meet some.
fn some() -> Inventory {
    let mut inventory = Inventory {
        distribution: Distribution::parse(b"ID=debian\nVERSION_ID=12\n"),
        ..Inventory::default()
    };
    let pieces: [(&[u8], &[u8]); 3] = [
        (b"/var/lib/dpkg/status", b"Package: openssl\nVersion: 3.0.9-1\n"),
        (b"/x.dist-info/METADATA", b"Name: pyyaml\nVersion: 5.3\n"),
        (b"/node_modules/x/package.json", b"{\"name\":\"x\",\"version\":\"1.0.0\"}"),
    ];
    for (path, text) in pieces {
        inventory
            .packages
            .extend(Piece::read(path, false, &text).map(|piece| piece.packages).unwrap_or_default());
    }
    assert!(inventory.packages.iter().any(|package| package.kind == Kind::Deb));
    inventory
}
