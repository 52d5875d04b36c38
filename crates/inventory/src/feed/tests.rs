use super::{Event, Findings, Range, Wanted, any};
use crate::{Collector, Inventory, Order, Piece, Severity, Status, Vulnerability, matching};

fn inventory(pieces: &[(&str, &str)]) -> Inventory {
    let mut collector = Collector::default();
    for (path, text) in pieces {
        collector.add(Piece::read(path.as_bytes(), false, &text.as_bytes()).unwrap(), None);
    }
    collector.finish()
}

fn judge(inventory: &Inventory, feeds: &[&str]) -> (Vec<Vulnerability>, Findings) {
    let wanted = Wanted::of(inventory);
    let mut findings = Findings::default();
    for feed in feeds {
        any(feed.as_bytes(), &wanted, &mut findings);
    }
    (matching::judge(inventory, &findings), findings)
}

fn shown(found: &[Vulnerability]) -> Vec<String> {
    found
        .iter()
        .map(|it| {
            let fixed = it.fixed.as_deref().unwrap_or("-");
            format!("{} {} {} {} {fixed}", it.id, it.name, it.severity.name(), it.status.name())
        })
        .collect()
}

fn debian() -> Inventory {
    inventory(&[
        ("/etc/os-release", "ID=debian\nVERSION_ID=12\nVERSION_CODENAME=bookworm\n"),
        (
            "/var/lib/dpkg/status",
            "Package: libssl3\nStatus: install ok installed\nSource: openssl\nVersion: 3.0.9-1\n\n\
             Package: bash\nStatus: install ok installed\nVersion: 5.2.15-2+b7\nSource: bash (5.2.15-2)\n",
        ),
    ])
}

#[test]
fn the_tracker_says_what_of_a_release_is_fixed_or_not() {
    let tracker = r#"{
      "openssl": {
        "CVE-2023-1": {"description": "one", "releases": {"bookworm": {"status": "resolved", "fixed_version": "3.0.11-1~deb12u2", "urgency": "not yet assigned"}}},
        "CVE-2023-2": {"releases": {"bookworm": {"status": "resolved", "fixed_version": "3.0.9-1", "urgency": "high"}}},
        "CVE-2023-3": {"releases": {"bookworm": {"status": "resolved", "fixed_version": "0", "urgency": "high"}}},
        "CVE-2023-4": {"releases": {"bookworm": {"status": "open", "urgency": "low", "nodsa_reason": "ignored"}, "trixie": {"status": "resolved", "fixed_version": "3.1-1", "urgency": "low"}}},
        "CVE-2023-5": {"releases": {"trixie": {"status": "open", "urgency": "high"}}},
        "CVE-2023-6": {"releases": {"bookworm": {"status": "undetermined", "urgency": "high"}}}
      },
      "bash": {"CVE-2022-3715": {"releases": {"bookworm": {"status": "open", "urgency": "unimportant"}}}},
      "zsh": {"CVE-2021-45444": {"releases": {"bookworm": {"status": "open", "urgency": "high"}}}}
    }"#;
    let (found, findings) = judge(&debian(), &[tracker]);
    assert_eq!(
        shown(&found),
        [
            "CVE-2023-4 libssl3 low won't fix -",
            "CVE-2022-3715 bash negligible unfixed -",
            "CVE-2023-1 libssl3 unknown fixed 3.0.11-1~deb12u2",
        ]
    );
    assert_eq!(findings.feeds[0].advisories, 8);
    assert_eq!(findings.feeds[0].form, "Debian security tracker");
    assert_eq!(findings.uncovered(&debian()), [""; 0]);
}

#[test]
fn a_release_without_data_is_said() {
    let (found, findings) = judge(
        &debian(),
        &[r#"{"id":"OSV-1","affected":[{"package":{"ecosystem":"PyPI","name":"x"},"versions":["1"]}]}"#],
    );
    assert_eq!((found.len(), findings.uncovered(&debian())), (0, vec!["debian:12".to_owned()]));
}

#[test]
fn secdb_fixes_by_origin() {
    let alpine = inventory(&[
        ("/etc/os-release", "ID=alpine\nVERSION_ID=3.18.4\n"),
        ("/lib/apk/db/installed", "P:libcrypto3\nV:3.1.3-r0\no:openssl\n\nP:musl\nV:1.2.4-r1\no:musl\n"),
    ]);
    let secdb = r#"{"distroversion":"v3.18","reponame":"main","packages":[
      {"pkg":{"name":"openssl","secfixes":{"3.1.4-r0":["CVE-2023-5363 GHSA-x"],"3.1.2-r0":["CVE-2023-3446"],"0":["CVE-2022-1292"]}}},
      {"pkg":{"name":"musl","secfixes":{"1.2.2_pre2-r0":["CVE-2020-28928"],"2":null}}}]}"#;
    let (found, _) = judge(&alpine, &[secdb]);
    assert_eq!(shown(&found), ["CVE-2023-5363 libcrypto3 unknown fixed 3.1.4-r0"]);
    assert_eq!(found[0].aliases, ["GHSA-x"]);
    let other = secdb.replace("v3.18", "v3.19");
    let (found, findings) = judge(&alpine, &[&other]);
    assert_eq!((found.len(), findings.uncovered(&alpine)), (0, vec!["alpine:3.18".to_owned()]));
}

#[test]
fn osv_for_languages() {
    let found = inventory(&[
        ("/app/pyyaml.dist-info/METADATA", "Name: PyYAML\nVersion: 5.3\n"),
        ("/app/node_modules/@babel/core/package.json", r#"{"name":"@babel/core","version":"7.1.0-beta.2"}"#),
        ("/app/node_modules/evil/package.json", r#"{"name":"evil","version":"1.0.0"}"#),
    ]);
    let feeds = [
        r#"{"id":"GHSA-1","modified":"2026-01-02T00:00:00Z","aliases":["CVE-2020-14343","PYSEC-1"],"summary":"code execution",
            "severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"},{"type":"CVSS_V4","score":"CVSS:4.0/AV:N"}],
            "affected":[{"package":{"ecosystem":"PyPI","name":"pyyaml"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"5.4"}]}]}]}"#,
        r#"{"id":"PYSEC-1","aliases":["CVE-2020-14343"],"affected":[{"package":{"ecosystem":"PyPI","name":"pyyaml"},"versions":["5.3"]}]}"#,
        r#"{"id":"GHSA-2","database_specific":{"severity":"MODERATE"},"affected":[{"package":{"ecosystem":"npm","name":"@babel/core"},
            "ranges":[{"type":"SEMVER","events":[{"introduced":"7.0.0"},{"last_affected":"7.1.0"}]},{"type":"GIT","events":[{"introduced":"0"}]}]}]}"#,
        r#"{"id":"GHSA-3","withdrawn":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"evil"},"versions":["1.0.0"]}]}"#,
        r#"{"id":"MAL-2024-1","affected":[{"package":{"ecosystem":"npm","name":"evil"},"versions":["1.0.0"]}]}"#,
    ];
    let (all, findings) = judge(&found, &feeds);
    assert_eq!(
        shown(&all),
        [
            "CVE-2020-14343 PyYAML critical fixed 5.4",
            "MAL-2024-1 evil critical unfixed -",
            "GHSA-2 @babel/core medium unfixed -"
        ]
    );
    assert_eq!((all[0].score, all[0].advisory.as_str()), (Some(9.8), "GHSA-1"));
    assert_eq!(findings.feeds[0].modified, "2026-01-02T00:00:00Z");
    // The same as lines, and as a list.
    let lines = feeds.map(|text| text.replace('\n', " ")).join("\n");
    assert_eq!(shown(&judge(&found, &[&lines]).0), shown(&all));
    let list = format!("[{}]", feeds.join(","));
    assert_eq!(shown(&judge(&found, &[&list]).0), shown(&all));
}

fn rhel() -> Inventory {
    use crate::{Distribution, Kind, Package};
    let package = |name: &str, version: &str, modular| Package {
        modular,
        ..Package::new(Kind::Rpm, name.as_bytes(), version.as_bytes(), "/var/lib/rpm/rpmdb.sqlite")
    };
    Inventory {
        distribution: Distribution::parse(b"ID=rhel\nVERSION_ID=9.2\n"),
        packages: vec![
            package("nodejs", "1:18.0-1.el9", false),
            package("nodejs", "1:18.0-1.module+el9.1", true),
            package("openssl-libs", "1:3.0.7-5.el9", false),
            package("zlib", "1.2.11-40.el9", false),
        ],
        ..Inventory::default()
    }
}

#[test]
fn module_streams_are_kept_apart_and_epochs_count() {
    let osv = r#"{"id":"RHSA-2026:1","upstream":["CVE-2026-1","CVE-2026-2"],"affected":[
      {"package":{"ecosystem":"Red Hat:enterprise_linux:9::appstream","name":"nodejs"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1:22.1-1.module+el9.8"}]}]},
      {"package":{"ecosystem":"Red Hat:rhel_eus:9.2::baseos","name":"zlib"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.2.11-99.el9"}]}]},
      {"package":{"ecosystem":"Red Hat:enterprise_linux:9::baseos","name":"openssl-libs"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1:3.0.7-6.el9_2"}]}]}]}"#;
    let (found, _) = judge(&rhel(), &[osv]);
    let versions: Vec<_> = found.iter().map(|it| format!("{} {} {}", it.id, it.name, it.installed)).collect();
    assert_eq!(
        versions,
        [
            "CVE-2026-1 nodejs 1:18.0-1.module+el9.1",
            "CVE-2026-2 nodejs 1:18.0-1.module+el9.1",
            "CVE-2026-1 openssl-libs 1:3.0.7-5.el9",
            "CVE-2026-2 openssl-libs 1:3.0.7-5.el9",
        ]
    );
    assert_eq!(found[0].advisory, "RHSA-2026:1");
}

#[test]
fn csaf_products_are_packages_of_a_release() {
    let csaf = r#"{"document":{"category":"csaf_vex","aggregate_severity":{"text":"Moderate"},"tracking":{"id":"CVE-2026-7","current_release_date":"2026-03-01T00:00:00+00:00"}},
      "product_tree":{"branches":[{"category":"vendor","name":"Red Hat","branches":[
        {"category":"product_name","product":{"product_id":"BaseOS-9","name":"x","product_identification_helper":{"cpe":"cpe:/o:redhat:enterprise_linux:9::baseos"}}},
        {"category":"product_name","product":{"product_id":"red_hat_enterprise_linux_9","product_identification_helper":{"cpe":"cpe:/o:redhat:enterprise_linux:9"}}},
        {"category":"product_version","product":{"product_id":"openssl-libs-1:3.0.7-6.el9_2.x86_64","product_identification_helper":{"purl":"pkg:rpm/redhat/openssl-libs@3.0.7-6.el9_2?arch=x86_64&epoch=1"}}},
        {"category":"product_version","product":{"product_id":"zlib","product_identification_helper":{"purl":"pkg:rpm/redhat/zlib"}}}]}],
       "relationships":[
        {"category":"default_component_of","full_product_name":{"product_id":"BaseOS-9:openssl-libs-1:3.0.7-6.el9_2.x86_64"},"product_reference":"openssl-libs-1:3.0.7-6.el9_2.x86_64","relates_to_product_reference":"BaseOS-9"},
        {"category":"default_component_of","full_product_name":{"product_id":"red_hat_enterprise_linux_9:zlib"},"product_reference":"zlib","relates_to_product_reference":"red_hat_enterprise_linux_9"}]},
      "vulnerabilities":[{"cve":"CVE-2026-7","title":"a flaw","product_status":{"fixed":["BaseOS-9:openssl-libs-1:3.0.7-6.el9_2.x86_64"],"known_affected":["red_hat_enterprise_linux_9:zlib"]},
        "scores":[{"cvss_v3":{"vectorString":"CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H"}}],
        "threats":[{"category":"impact","details":"Important"}],
        "remediations":[{"category":"no_fix_planned","product_ids":["red_hat_enterprise_linux_9:zlib"]}]}]}"#;
    let (found, findings) = judge(&rhel(), &[csaf]);
    assert_eq!(
        shown(&found),
        ["CVE-2026-7 openssl-libs high fixed 1:3.0.7-6.el9_2", "CVE-2026-7 zlib high won't fix -"]
    );
    assert_eq!((found[0].score, findings.feeds[0].form.as_str()), (Some(7.8), "CSAF"));
    assert_eq!(found[0].severity, Severity::High);
    assert_eq!(found[1].status, Status::WontFix);
}

#[test]
fn ranges_are_evaluated_as_osv_says() {
    let events = vec![
        Event::Fixed("2.5".to_owned()),
        Event::Introduced("2".to_owned()),
        Event::Introduced("0".to_owned()),
        Event::Fixed("1.5".to_owned()),
    ];
    let range = Range { events };
    for (version, expected) in [
        ("0.1", Some(Some("1.5"))),
        ("1.4.9", Some(Some("1.5"))),
        ("1.5", None),
        ("1.9", None),
        ("2", Some(Some("2.5"))),
        ("2.5", None),
    ] {
        let found = range.judge(Order::Semver, version);
        assert_eq!(found, expected.map(|fixed| fixed.map(str::to_owned)), "{version}");
    }
    let limited = Range { events: vec![Event::Introduced("0".to_owned()), Event::Limit("2".to_owned())] };
    assert_eq!(
        (limited.judge(Order::Semver, "1").is_some(), limited.judge(Order::Semver, "2")),
        (true, None)
    );
}

#[test]
fn nonsense_is_no_feed_and_said() {
    for text in [
        "",
        "{}",
        "[]",
        "[1]",
        "{\"id\":\"x\"",
        "\u{0}",
        "{\"packages\":1,\"distroversion\":\"v1\"}",
        "{\"bash\":{\"CVE-1\":5}}",
    ] {
        let (found, findings) = judge(&debian(), &[text]);
        assert!(found.is_empty() && findings.feeds[0].unreadable > 0, "{text}: {:?}", findings.feeds);
    }
}
