//! Security checks of task definitions: each with what fails it, what does not, and what nearly does.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::collections::{BTreeMap, BTreeSet};

use fargard_taskdef::{
    checks::{Check, Knowledge, Report, SecretFinder, Suspect, Weight, check},
    embed::{ImageConfig, ImageLookup, ImageTable},
};
use serde_json::{Value, json};

/// Takes every value with "hunter" in it for a secret.
struct Hunter;

impl SecretFinder for Hunter {
    fn variable(&self, name: &str, value: &str) -> Option<Suspect> {
        (value.contains("hunter") && !name.ends_with("_FILE")).then(|| Suspect {
            class: "named",
            reason: "hun...".to_owned(),
            weight: Weight::Error,
        })
    }

    fn command(&self, words: &[&str]) -> Vec<Suspect> {
        words.iter().filter_map(|word| self.variable("", word)).collect()
    }
}

fn report_with(text: &str, parameters: &[(&str, &str)], images: &dyn ImageLookup) -> Report {
    let parameters =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    check(text, &Knowledge { parameters, images, secrets: &Hunter }).unwrap()
}

fn report(text: &str) -> Report {
    report_with(text, &[], &())
}

/// What fails, as `number class`.
fn failing(report: &Report) -> BTreeSet<String> {
    let failing = report.violations.iter().filter(|found| found.weight <= Weight::Warning);
    failing.map(|found| format!("{} {}", found.check.number(), found.class)).collect()
}

/// Passes every check.
fn good() -> Value {
    json!({
        "family": "web",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "taskRoleArn": "arn:aws:iam::012345678910:role/web",
        "executionRoleArn": "arn:aws:iam::012345678910:role/ecs",
        "volumes": [{"name": "data", "efsVolumeConfiguration": {
            "fileSystemId": "fs-1", "transitEncryption": "ENABLED", "authorizationConfig": {"iam": "ENABLED"},
        }}],
        "containerDefinitions": [{
            "name": "web",
            "image": "registry.example.net/web@sha256:4c4b8b1d2a3e4f5061728394a5b6c7d8e9f00112233445566778899aabbccddee",
            "essential": true,
            "user": "1000:1000",
            "readonlyRootFilesystem": true,
            "privileged": false,
            "portMappings": [{"containerPort": 8080}],
            "mountPoints": [{"sourceVolume": "data", "containerPath": "/data", "readOnly": true}],
            "environment": [{"name": "DB_PASSWORD_FILE", "value": "/run/hunter"}, {"name": "PORT", "value": "8080"}],
            "secrets": [{"name": "DB_PASSWORD", "valueFrom": "arn:aws:ssm:eu-west-1:012345678910:parameter/x"}],
            "linuxParameters": {"capabilities": {"drop": ["ALL"]}},
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/web", "mode": "non-blocking"}},
            "healthCheck": {"command": ["CMD", "/app", "health"]},
        }],
    })
}

/// The good definition with a value at a path; `null` takes the member away.
fn with(path: &str, value: Value) -> String {
    with_all(&[(path, value)])
}

fn with_all(changes: &[(&str, Value)]) -> String {
    let mut definition = good();
    for (path, value) in changes {
        let (parent, name) = path.rsplit_once('/').unwrap();
        let parent = definition.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if value.is_null() {
            parent.remove(name);
        } else {
            parent.insert(name.to_owned(), value.clone());
        }
    }
    serde_json::to_string_pretty(&definition).unwrap()
}

const C: &str = "/containerDefinitions/0/";

fn expect(text: &str, expected: &[&str]) {
    let report = report(text);
    assert_eq!(failing(&report), expected.iter().map(|&text| text.to_owned()).collect(), "{text}");
}

#[test]
fn what_asks_for_nothing_bad_passes_everything() {
    let report = report(&good().to_string());
    assert_eq!(report.violations, []);
    assert_eq!(report.undecided, []);
    assert_eq!((report.tasks, report.containers), (1, 1));
    // What Fargate has not is not called passed.
    assert!(
        !report.made.contains(&Check::Privileged) && report.not_applicable.contains_key(&Check::Privileged)
    );
    assert!(report.made.contains(&Check::WritableRoot) && report.made.contains(&Check::EfsTransit));
}

#[test]
fn settings_of_a_container() {
    let c = |name: &str| format!("{C}{name}");
    for (member, value, expected) in [
        ("privileged", json!(true), &["54 privileged"][..]),
        ("readonlyRootFilesystem", json!(false), &["512 writable"]),
        ("readonlyRootFilesystem", Value::Null, &["512 unset"]),
        ("user", json!("0"), &["599 root"]),
        ("user", json!("root:1000"), &["599 root"]),
        ("user", Value::Null, &["599 unset"]),
        ("user", json!("rooted"), &[]),
        ("user", json!("10"), &[]),
        ("logConfiguration", Value::Null, &["7001 no-log"]),
        ("logConfiguration", json!({"logDriver": "none"}), &["7001 no-log"]),
        ("logConfiguration", json!({"logDriver": "splunk"}), &[]),
        (
            "logConfiguration",
            json!({"logDriver": "awslogs", "options": {"mode": "blocking"}}),
            &["7002 blocking"],
        ),
        ("logConfiguration", json!({"logDriver": "awslogs"}), &[]),
        (
            "logConfiguration",
            json!({"logDriver": "splunk", "options": {"splunk-token": "hunter2"}}),
            &["424 named"],
        ),
        ("healthCheck", Value::Null, &["526 no-check"]),
        ("healthCheck", json!({"command": ["NONE"]}), &["526 no-check"]),
        ("healthCheck", json!({"command": ["CMD-SHELL", "curl -u a:hunter2 x"]}), &["424 named"]),
        ("image", json!("nginx"), &["7003 latest"]),
        ("image", json!("registry.example.net/web:latest"), &["7003 latest"]),
        ("image", json!("public.ecr.aws/nginx/nginx:1.27"), &["7003 public-tag"]),
        ("image", json!("registry.example.net:5000/web:1.27"), &[]),
        ("environment", json!([{"name": "A", "value": "hunter2"}]), &["424 named"]),
        ("environment", json!([{"name": "AWS_ACCESS_KEY_ID", "value": "x"}]), &["424 by-name"]),
        ("environment", json!([{"name": "AWS_ACCESS_KEY_ID", "value": ""}]), &[]),
        ("environment", json!([{"name": "MY_AWS_ACCESS_KEY_ID", "value": "x"}]), &[]),
        ("command", json!(["sh", "-c", "run --password hunter2"]), &["424 named"]),
        ("dockerLabels", json!({"token": "hunter2"}), &["424 named"]),
        ("portMappings", json!([{"containerPort": 22}]), &["56 port"]),
        ("portMappings", json!([{"containerPort": 2222, "hostPort": 80}]), &[]),
        ("linuxParameters", json!({"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}), &["53 host"]),
        (
            "linuxParameters",
            json!({"capabilities": {"drop": ["ALL"], "add": ["CAP_IPC_LOCK"]}}),
            &["53 unusual"],
        ),
        (
            "linuxParameters",
            json!({"capabilities": {"drop": ["NET_RAW"], "add": ["SYS_PTRACE", "CHOWN"]}}),
            &[],
        ),
        (
            "linuxParameters",
            json!({"capabilities": {"drop": ["ALL"]}, "devices": [{"hostPath": "/dev/kvm"}]}),
            &["517 device"],
        ),
        ("dockerSecurityOptions", json!(["apparmor:unconfined"]), &["51 unconfined"]),
        ("dockerSecurityOptions", json!(["apparmor:mine", "label:type:x"]), &[]),
    ] {
        expect(&with(&c(member), value), expected);
    }
}

#[test]
fn a_container_that_helps_needs_no_health_check() {
    expect(
        &with_all(&[
            ("/containerDefinitions/0/healthCheck", Value::Null),
            ("/containerDefinitions/0/essential", json!(false)),
        ]),
        &[],
    );
    expect(
        &with_all(&[
            ("/containerDefinitions/0/healthCheck", Value::Null),
            ("/containerDefinitions/0/portMappings", json!([])),
        ]),
        &[],
    );
}

#[test]
fn settings_of_the_task() {
    for (member, value, expected) in [
        ("networkMode", json!("host"), &["59 host"][..]),
        ("networkMode", json!("bridge"), &[]),
        ("pidMode", json!("host"), &["515 host"]),
        ("pidMode", json!("task"), &[]),
        ("ipcMode", json!("host"), &["516 host"]),
        ("ipcMode", json!("none"), &[]),
        ("taskRoleArn", json!("arn:aws:iam::012345678910:role/ecs"), &["7006 same"]),
        ("taskRoleArn", json!("arn:aws:iam::012345678910:role/ecs2"), &[]),
        ("enableFaultInjection", json!(true), &["7007 enabled"]),
        ("enableFaultInjection", json!(false), &[]),
    ] {
        expect(&with(&format!("/{member}"), value), expected);
    }
}

#[test]
fn volumes() {
    let efs = |more: Value| {
        let mut efs = json!({"fileSystemId": "fs-1"});
        efs.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([{"name": "data", "efsVolumeConfiguration": efs}])
    };
    let host = |path: &str| json!([{"name": "data", "host": {"sourcePath": path}}]);
    let on = json!({"iam": "ENABLED"});
    for (volumes, expected) in [
        (efs(json!({"authorizationConfig": on})), &["7004 clear"][..]),
        (efs(json!({"transitEncryption": "DISABLED", "authorizationConfig": on})), &["7004 clear"]),
        (efs(json!({"transitEncryption": "ENABLED"})), &["7005 anybody"]),
        (
            efs(json!({"transitEncryption": "ENABLED", "authorizationConfig": {"iam": "DISABLED"}})),
            &["7005 anybody"],
        ),
        (
            efs(json!({"transitEncryption": "ENABLED", "authorizationConfig": {"accessPointId": "fsap-1"}})),
            &[],
        ),
        (json!([{"name": "data"}]), &[]),
        (host("/var/run/docker.sock"), &["531 socket"]),
        (host("/run/../run//containerd/containerd.sock"), &["531 socket"]),
        (host("/var/run/docker.sock.d"), &[]),
        // Mounted read only.
        (host("/etc"), &["55 sensitive"]),
        (host("/srv/data"), &[]),
        (host("/etcetera"), &[]),
        (host("/"), &["531 socket", "55 sensitive"]),
    ] {
        expect(&with("/volumes", volumes), expected);
    }
    let options = json!([{"name": "data", "dockerVolumeConfiguration": {"driverOpts": {"o": "username=a,password=hunter2"}}}]);
    expect(&with("/volumes", options), &["424 named"]);
}

#[test]
fn a_sensitive_directory_that_can_be_written_is_worse() {
    let of = |read_only: bool| {
        let text = with_all(&[
            ("/volumes", json!([{"name": "data", "host": {"sourcePath": "/etc"}}])),
            (
                "/containerDefinitions/0/mountPoints",
                json!([{"sourceVolume": "data", "containerPath": "/e", "readOnly": read_only}]),
            ),
        ]);
        report(&text).violations[0].weight
    };
    assert_eq!((of(true), of(false)), (Weight::Warning, Weight::Error));
}

#[test]
fn on_instances_more_is_asked() {
    let ec2 = |more: &[(&str, Value)]| {
        let mut changes =
            vec![("/requiresCompatibilities", json!(["EC2"])), ("/networkMode", json!("bridge"))];
        changes.extend(more.iter().cloned());
        with_all(&changes)
    };
    let secure = ("/containerDefinitions/0/dockerSecurityOptions", json!(["no-new-privileges:true"]));
    expect(&ec2(std::slice::from_ref(&secure)), &[]);
    expect(&ec2(&[]), &["525 unset"]);
    expect(
        &ec2(&[("/containerDefinitions/0/dockerSecurityOptions", json!(["no-new-privileges:false"]))]),
        &["525 unset"],
    );
    expect(
        &ec2(&[secure.clone(), ("/cpu", Value::Null), ("/memory", Value::Null)]),
        &["510 unlimited", "511 unlimited"],
    );
    expect(
        &ec2(&[
            secure.clone(),
            ("/cpu", Value::Null),
            ("/memory", Value::Null),
            ("/containerDefinitions/0/cpu", json!(10)),
            ("/containerDefinitions/0/memory", json!(100)),
        ]),
        &[],
    );
    let ports = |port: u16| {
        ("/containerDefinitions/0/portMappings", json!([{"containerPort": 8080, "hostPort": port}]))
    };
    expect(&ec2(&[secure.clone(), ports(80)]), &["57 privileged-port"]);
    expect(&ec2(&[secure.clone(), ports(0)]), &[]);
    expect(&ec2(&[secure.clone(), ports(8080)]), &[]);
    let raw = ("/containerDefinitions/0/linuxParameters", json!({"capabilities": {"drop": ["CHOWN"]}}));
    expect(&ec2(&[secure, raw.clone()]), &["596 not-dropped"]);
    // Where nobody shares the network it is only noted.
    expect(&with_all(&[raw]), &[]);
}

#[test]
fn windows_is_asked_what_windows_has() {
    let windows = |user: Value| {
        with_all(&[
            ("/runtimePlatform", json!({"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"})),
            ("/containerDefinitions/0/user", user),
            ("/containerDefinitions/0/readonlyRootFilesystem", Value::Null),
            ("/containerDefinitions/0/linuxParameters", Value::Null),
        ])
    };
    expect(&windows(json!("ContainerUser")), &[]);
    expect(&windows(json!("ContainerAdministrator")), &["599 root"]);
    expect(&windows(Value::Null), &["599 unset"]);
    expect(&windows(json!("0")), &[]);
    assert!(report(&windows(json!("a"))).not_applicable.contains_key(&Check::WritableRoot));
}

#[test]
fn the_image_says_who_a_container_without_user_is() {
    let text = with("/containerDefinitions/0/user", Value::Null);
    let image = good()["containerDefinitions"][0]["image"].as_str().unwrap().to_owned();
    for (user, expected) in [(None, Some("599 root")), (Some("0"), Some("599 root")), (Some("app"), None)] {
        let config = ImageConfig { user: user.map(str::to_owned), ..ImageConfig::default() };
        let images = ImageTable(BTreeMap::from([(image.clone(), config)]));
        let found = failing(&report_with(&text, &[], &images));
        assert_eq!(found, expected.into_iter().map(str::to_owned).collect(), "{user:?}");
    }
}

#[test]
fn violations_name_the_place() {
    let text = "{\n \"family\": \"a\", \"containerDefinitions\": [\n  {\"name\": \"x\", \"image\": \"y@sha256:00\",\n   \"privileged\": true}]}";
    let report = report(text);
    let found = report.violations.iter().find(|found| found.check == Check::Privileged).unwrap();
    assert_eq!(
        (found.at.line, found.at.column, found.path.as_str()),
        (4, 18, "containerDefinitions[0].privileged")
    );
    assert_eq!((found.task.as_str(), found.container.as_deref()), ("a", Some("x")));
    let missing = report.violations.iter().find(|found| found.check == Check::WritableRoot).unwrap();
    assert_eq!((missing.at.line, missing.path.as_str()), (3, "containerDefinitions[0]"));
}

#[test]
fn described_definitions_and_lists_of_containers_are_read_alike() {
    let described = json!({"taskDefinition": good(), "tags": []}).to_string();
    assert_eq!(report(&described).violations, []);
    let list = good()["containerDefinitions"].to_string();
    assert_eq!(report(&list).violations, []);
    let list = list.replace("\"privileged\":false", "\"privileged\":true");
    assert_eq!(report(&list).violations[0].path, "[0].privileged");
}

const TEMPLATE: &str = r#"
Parameters:
  Tag: {Type: String}
  Open: {Type: String, Default: "false"}
  Secret: {Type: String, NoEcho: true}
  Level: {Type: String, Default: info}
Conditions:
  IsOpen: !Equals [!Ref Open, "true"]
  IsNew: !Equals [!Ref Tag, new]
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: web
      RequiresCompatibilities: [FARGATE]
      NetworkMode: awsvpc
      TaskRoleArn: !GetAtt Role.Arn
      ExecutionRoleArn: !GetAtt Role.Arn
      Volumes:
        - Name: data
          EFSVolumeConfiguration: {FilesystemId: !Ref Files, TransitEncryption: ENABLED, AuthorizationConfig: {IAM: ENABLED}}
      ContainerDefinitions:
        - Name: web
          Image: !Sub "${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com/web:${Tag}"
          User: "1000"
          ReadonlyRootFilesystem: !If [IsOpen, false, true]
          Privileged: !If [IsNew, true, false]
          LogConfiguration: !If [IsNew, !Ref AWS::NoValue, {LogDriver: splunk}]
          LinuxParameters: {Capabilities: {Drop: [ALL]}}
          Environment:
            - {Name: PASSWORD, Value: !Ref Secret}
            - {Name: LEVEL, Value: !Ref Level}
            - {Name: DB, Value: "{{resolve:secretsmanager:db:SecretString:password}}"}
            - {Name: HOST, Value: !GetAtt Db.Endpoint.Address}
"#;

#[test]
fn templates_are_judged_as_far_as_they_are_known() {
    let of = |parameters: &[(&str, &str)]| {
        let report = report_with(TEMPLATE, parameters, &());
        (failing(&report), report.undecided)
    };
    let texts = |all: &[&str]| -> BTreeSet<String> { all.iter().map(|&text| text.to_owned()).collect() };
    // Both branches of a condition that is not known.
    let always = ["424 parameter", "424 resolved", "7006 same"];
    let (found, open) = of(&[]);
    assert_eq!(found, texts(&[&always[..], &["54 privileged", "7001 no-log"]].concat()));
    assert_eq!(open, []);
    assert_eq!(of(&[("Tag", "old")]).0, texts(&always));
    assert_eq!(of(&[("Tag", "old"), ("Open", "true")]).0, texts(&[&always[..], &["512 writable"]].concat()));
    let places = report(TEMPLATE).violations;
    let privileged = places.iter().find(|found| found.check == Check::Privileged).unwrap();
    assert_eq!(privileged.path, "Resources.Task.Properties.ContainerDefinitions[0].Privileged.Fn::If[1]");
    assert!(privileged.reason.ends_with("(in a branch of a condition)"), "{}", privileged.reason);
}

#[test]
fn what_is_not_known_is_left_open() {
    let template = |value: &str| {
        format!(
            "Parameters: {{P: {{Type: String}}}}\nResources:\n  T:\n    Type: AWS::ECS::TaskDefinition\n    Properties:\n      \
             ContainerDefinitions:\n        - {{Name: a, Image: 'x@sha256:0', ReadonlyRootFilesystem: {value}}}\n"
        )
    };
    let report = report(&template("!Ref P"));
    assert!(!report.violations.iter().any(|found| found.check == Check::WritableRoot));
    let open = report.undecided.iter().find(|open| open.check == Check::WritableRoot).unwrap();
    assert_eq!((open.at.line, open.path.ends_with("[0].ReadonlyRootFilesystem")), (7, true));
    let known = report_with(&template("!Ref P"), &[("P", "true")], &());
    assert!(known.undecided.is_empty() && !failing(&known).contains("512 writable"));
    let merged = super_merge();
    assert!(report_with(&merged, &[], &()).undecided.iter().any(|open| open.check == Check::Root));
}

/// A container of which a part comes by a merge key.
fn super_merge() -> String {
    "containerDefinitions:\n- &a {name: a, image: x}\n- <<: *a\n  name: b\n".to_owned()
}

#[test]
fn services_clusters_and_providers() {
    let template = |body: &str| format!("Resources:\n{body}");
    for (body, expected) in [
        (
            "  S: {Type: AWS::ECS::Service, Properties: {NetworkConfiguration: {AwsvpcConfiguration: {AssignPublicIp: ENABLED}}}}\n",
            &["7010 public"][..],
        ),
        (
            "  S: {Type: AWS::ECS::TaskSet, Properties: {NetworkConfiguration: {AwsvpcConfiguration: {AssignPublicIp: ENABLED}}}}\n",
            &["7010 public"],
        ),
        (
            "  S: {Type: AWS::ECS::Service, Properties: {NetworkConfiguration: {AwsvpcConfiguration: {AssignPublicIp: DISABLED}}}}\n",
            &[],
        ),
        ("  S: {Type: AWS::ECS::Service, Properties: {PlatformVersion: 1.3.0}}\n", &["7011 old"]),
        ("  S: {Type: AWS::ECS::Service, Properties: {PlatformVersion: LATEST}}\n", &[]),
        ("  C: {Type: AWS::ECS::Cluster}\n", &["7012 off"]),
        (
            "  C: {Type: AWS::ECS::Cluster, Properties: {ClusterSettings: [{Name: containerInsights, Value: disabled}]}}\n",
            &["7012 off"],
        ),
        (
            "  C: {Type: AWS::ECS::Cluster, Properties: {ClusterSettings: [{Name: containerInsights, Value: enhanced}], Configuration: {ExecuteCommandConfiguration: {Logging: NONE, KmsKeyId: k}}}}\n",
            &["7013 none"],
        ),
        (
            "  C: {Type: AWS::ECS::Cluster, Properties: {ClusterSettings: [{Name: containerInsights, Value: enabled}], Configuration: {ExecuteCommandConfiguration: {Logging: OVERRIDE, KmsKeyId: k, LogConfiguration: {CloudWatchLogGroupName: g}}}}}\n",
            &["7014 log"],
        ),
        (
            "  C: {Type: AWS::ECS::Cluster, Properties: {ClusterSettings: [{Name: containerInsights, Value: enabled}], Configuration: {ExecuteCommandConfiguration: {Logging: OVERRIDE, KmsKeyId: k, LogConfiguration: {CloudWatchLogGroupName: g, CloudWatchEncryptionEnabled: true}}}}}\n",
            &[],
        ),
        (
            "  P: {Type: AWS::ECS::CapacityProvider, Properties: {AutoScalingGroupProvider: {AutoScalingGroupArn: a}}}\n",
            &["7015 off"],
        ),
        (
            "  P: {Type: AWS::ECS::CapacityProvider, Properties: {AutoScalingGroupProvider: {AutoScalingGroupArn: a, ManagedTerminationProtection: ENABLED}}}\n",
            &[],
        ),
        ("  P: {Type: AWS::EC2::Instance, Properties: {AssignPublicIp: ENABLED}}\n", &[]),
    ] {
        expect(&template(body), expected);
    }
}

#[test]
fn loops_are_looked_into_and_nested_stacks_are_told_of() {
    let text = "Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::All:\n  - Name\n  - [a, b]\n  - 'S${Name}':\n      \
                Type: AWS::ECS::Service\n      Properties: {NetworkConfiguration: {AwsvpcConfiguration: {AssignPublicIp: ENABLED}}}\n    \
                'T${Name}':\n      Type: AWS::ECS::TaskDefinition\n      Properties: {ContainerDefinitions: [{Name: x, Image: y, Privileged: true}]}\n  \
                Nested:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: https://example.net/t.yaml}\n";
    let report = report(text);
    let found = failing(&report);
    assert!(found.contains("7010 public") && found.contains("54 privileged"), "{found:?}");
    assert_eq!(report.unseen.iter().map(|unseen| unseen.name.as_str()).collect::<Vec<_>>(), ["Nested"]);
}

#[test]
fn what_is_none_is_refused_with_its_place() {
    let error = |text: &str| {
        check(text, &Knowledge { parameters: BTreeMap::new(), images: &(), secrets: &() })
            .unwrap_err()
            .to_string()
    };
    assert!(error("{\"a\": 1}").contains("no task definition"));
    assert!(error("{\n\"a\": }").starts_with("2:6: not JSON"));
}

proptest::proptest! {
    /// Pieces of a template in any order: no panic, and nothing is said twice.
    #[test]
    fn any_template_is_judged(cuts in proptest::collection::vec((0_usize..2000, 0_usize..200), 1..6)) {
        let mut text = TEMPLATE.to_owned();
        for (at, length) in cuts {
            let start = at % text.len();
            let end = (start + length).min(text.len());
            if text.is_char_boundary(start) && text.is_char_boundary(end) && end - start < text.len() {
                text.replace_range(start..end, "");
            }
        }
        if let Ok(report) = check(&text, &Knowledge { parameters: BTreeMap::new(), images: &(), secrets: &Hunter }) {
            for pair in report.violations.windows(2) {
                proptest::prop_assert_ne!(&pair[0], &pair[1]);
            }
        }
    }
}
