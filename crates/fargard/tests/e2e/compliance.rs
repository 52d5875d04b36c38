//! The way of Prisma's documentation: a collection with a wildcard on the task's name, a rule for it, the example task,
//! and its image among the deployed ones with an alerted check.

use std::{fs, path::Path, process::Output};

use serde_json::{Value, json};

use crate::{
    server::{Place, Tokens, agent, get, get_until},
    support::{Running, fargard, is_root, repository},
};

const POLICY: &str = "\
collections:
  - name: Fargate example
    hosts: [fargate-vulnerability-*]
rules:
  - name: Fargate tasks
    collections: [Fargate example]
    checks: {424: alert, 425: alert, 426: alert, 448: alert}
  - name: nothing else
default: ignore
";

struct Stage {
    place: Place,
    tokens: Tokens,
    _server: Running,
    files: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let place = Place::new();
        let (server, tokens) = place.first_start();
        Self { place, tokens, _server: server, files: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.files.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn fargard(&self, args: &[&str]) -> Output {
        fargard()
            .args(args)
            .env("FARGARD_SERVER", self.place.url())
            .env("FARGARD_TOKEN", &self.tokens.admin)
            .output()
            .unwrap()
    }

    #[track_caller]
    fn run(&self, code: i32, args: &[&str]) -> String {
        let output = self.fargard(args);
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        said
    }

    fn images(&self, query: &str) -> Vec<Value> {
        let path = format!("/api/v1/compliance/images?{query}");
        get(&agent(), &self.place.url(), &self.tokens.admin, &path)["images"].as_array().unwrap().clone()
    }
}

#[test]
fn the_example_task_is_a_deployed_image_with_an_alerted_check_on_its_host() {
    if !is_root() {
        eprintln!("skipped: without root the example's task is not isolated from this machine");
        return;
    }
    let stage = Stage::new();
    let policy = stage.file("policy.yaml", POLICY);
    let blocking = stage.file("blocking.yaml", &POLICY.replace("426: alert", "426: block"));
    for args in [["policy", "check"], ["rules", "apply"], ["policy", "apply"]] {
        let said = stage.run(2, &["compliance", args[0], args[1], &blocking]);
        assert!(said.contains(&format!("{blocking}:7:43: rules[0].checks.426: block is refused")), "{said}");
        assert!(said.contains("the block action doesn't apply to Fargate tasks"), "{said}");
    }
    let applied = stage.run(0, &["compliance", "policy", "apply", &policy]);
    assert!(applied.contains("revision 1: 1 collections, 2 rules"), "{applied}");

    let example = repository().join("examples/fargate-vulnerability-compliance-task.json");
    let mut task = Running::start(
        fargard()
            .args(["task", "run", "--server", &stage.place.url(), "--token", &stage.tokens.enrolment])
            .arg(&example),
    );
    let line = task.wait_for(&["fargard: task arn:aws:ecs:"]);
    let arn = line.rsplit(' ').next().unwrap().to_owned();
    let id = arn.rsplit('/').next().unwrap().to_owned();
    let alerted = "/api/v1/compliance/images?app_embedded=true&status=alerted&check=426";
    let found = get_until(&agent(), &stage.place.url(), &stage.tokens.admin, alerted, |page| {
        page["images"].as_array().is_some_and(|images| !images.is_empty())
    });
    let image = &found["images"][0];
    assert_eq!(image["host"], json!(id), "{found:#}");
    assert_eq!((&image["image"], &image["task_arn"]), (&json!("ubuntu:18.04"), &json!(arn)));
    assert!(image["alerted"].as_array().unwrap().contains(&json!(426)), "{image:#}");
    assert_eq!(image["rules"], json!(["Fargate tasks"]));
    let detail = format!("/api/v1/compliance/images/{}", image["id"].as_str().unwrap());
    let detail = get(&agent(), &stage.place.url(), &stage.tokens.admin, &detail);
    let check = detail["checks"].as_array().unwrap().iter().find(|check| check["check"] == 426).unwrap();
    assert_eq!((&check["effect"], &check["rule"]), (&json!("alert"), &json!("Fargate tasks")));
    assert!(check["cause"].as_str().unwrap().contains("/tmp/xmrig"), "{check:#}");

    // Filtered as the documentation says, by others too, and by those it is not of.
    for query in [format!("host={id}"), "collection=Fargate%20example".into(), "rule=Fargate%20tasks".into()]
    {
        assert_eq!(stage.images(&query).len(), 1, "{query}");
    }
    for query in ["host=other", "rule=nothing%20else", "status=clean", "check=425", "stage=ci"] {
        assert_eq!(stage.images(query).len(), 0, "{query}");
    }
    let table = stage.run(1, &["compliance", "images", "--check", "426", "--app-embedded"]);
    assert!(table.contains("alerted") && table.contains(&id) && table.contains("ubuntu:18.04"), "{table}");
    let standards = stage.run(1, &["compliance", "standards", "--standard", "pci_dss"]);
    assert!(standards.lines().any(|line| line.starts_with("5.2 ") && line.contains("failed")), "{standards}");

    // A change of the policy counts for the result that is stored: the task is not looked at again.
    let quiet = stage.file("quiet.yaml", &POLICY.replace("426: alert", "426: ignore"));
    stage.run(0, &["compliance", "rules", "apply", &quiet]);
    assert_eq!(stage.images("status=alerted").len(), 0);
    assert_eq!(stage.images("status=ignored")[0]["host"], json!(id));
    stage.run(0, &["compliance", "images", "--check", "426"]);
    stage.run(0, &["compliance", "policy", "apply", &policy]);
    let exception = "exceptions:\n  - name: a bench\n    check: 426\n    subjects: [/tmp/xmrig]\n    owner: ada\n    \
                     expires: 2999-12-31\n";
    stage.run(0, &["compliance", "exceptions", "apply", &stage.file("exception.yaml", exception)]);
    assert_eq!(stage.images("status=ignored").len(), 1);
    let listed = stage.run(0, &["compliance", "exceptions", "list"]);
    assert!(listed.contains("expires: \"2999-12-31\""), "{listed}");
    task.signal(rustix::process::Signal::TERM);
    task.finish();
}

/// A root file system with a program that is named as a miner.
fn rootfs(at: &Path) -> String {
    fs::create_dir_all(at.join("opt")).unwrap();
    fs::write(at.join("opt/xmrig"), b"\x7fELF, as a name is enough").unwrap();
    at.to_str().unwrap().to_owned()
}

#[test]
fn a_policy_decides_what_fails_a_scan_and_the_server_shows_it() {
    let stage = Stage::new();
    let root = rootfs(&stage.files.path().join("root"));
    let with = |text: &str| stage.file("ci.yaml", text);
    let rule = |effect: &str| {
        with(&format!("rules:\n  - name: miners\n    stage: ci\n    checks: {{426: {effect}}}\n"))
    };
    let scan = |policy: &str, more: &[&str]| -> Vec<String> {
        let args = ["scan", "rootfs", &root, "--check", "426", "--policy", policy];
        args.iter().chain(more).map(|&arg| arg.to_owned()).collect()
    };
    let run = |code: i32, args: Vec<String>| {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        stage.run(code, &args)
    };
    run(1, vec!["scan".into(), "rootfs".into(), root.clone(), "--check".into(), "426".into()]);
    assert!(run(1, scan(&rule("fail"), &[])).contains("426   fail   by rule \"miners\""));
    assert!(run(1, scan(&rule("block"), &[])).contains("426   fail"));
    assert!(run(0, scan(&rule("alert"), &[])).contains("426   alert  by rule \"miners\""));
    run(0, scan(&rule("ignore"), &[]));
    let sarif: Value = serde_json::from_str(&run(0, scan(&rule("ignore"), &["--format", "sarif"]))).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["suppressions"][0]["kind"], "external");
    let json: Value = serde_json::from_str(&run(1, scan(&rule("fail"), &["--format", "json"]))).unwrap();
    assert_eq!(json["policy"], json!([{"check": 426, "effect": "fail", "by": "rule \"miners\""}]));
    let bad = run(2, scan(&rule("explode"), &[]));
    assert!(bad.contains("ci.yaml:4:19: rules[0].checks.426: \"explode\" is none of"), "{bad}");

    let url = stage.place.url();
    let unnamed = run(2, scan(&rule("alert"), &["--upload", &url]));
    assert!(unnamed.contains("--image-name"), "{unnamed}");
    let told = run(0, scan(&rule("alert"), &["--upload", &url, "--image-name", "shop/app:1"]));
    assert!(told.contains("1 results kept"), "{told}");
    let kept = stage.images("stage=ci");
    assert_eq!((&kept[0]["image"], &kept[0]["alerted"]), (&json!("shop/app:1"), &json!([426])));
    assert_eq!(stage.images("stage=deployed").len(), 0);

    let prisma =
        json!([{"name": "shop", "images": ["shop/*"], "hosts": ["*"], "color": "#AD3C21"}]).to_string();
    stage.run(0, &["compliance", "import", &stage.file("collections.json", &prisma)]);
    assert_eq!(stage.images("stage=ci&collection=shop").len(), 1);
    let exported: Value =
        serde_json::from_str(&stage.run(0, &["compliance", "export", "collections"])).unwrap();
    assert_eq!((&exported[0]["name"], &exported[0]["images"]), (&json!("shop"), &json!(["shop/*"])));
}
