//! Reading whole definitions: what is refused and how it is said, and a corpus of real ones.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests fail and report like tests")]

use std::path::{Path, PathBuf};

use fargard_taskdef::{IssueCode, Reading, Severity, read};
use proptest::prelude::*;

const MINIMAL: &str = r#"{"family":"f","containerDefinitions":[{"name":"a","image":"i"}]}"#;

fn problems(text: &str) -> String {
    read(text.as_bytes()).unwrap_err().to_string()
}

fn good(text: &str) -> Reading {
    read(text.as_bytes()).unwrap()
}

fn container(members: &str) -> String {
    format!(
        "{{\n \"family\": \"f\",\n \"volumes\": [{{\"name\": \"v\"}}],\n \"containerDefinitions\": [\n  {{\"name\": \"a\", \"image\": \"i\", {members}}},\n  {{\"name\": \"b\", \"image\": \"i\", \"essential\": false}}\n ]\n}}"
    )
}

#[test]
fn what_is_not_a_task_definition_says_where_and_why() {
    for (text, expected) in [
        ("", "1:1: not JSON: the document is empty"),
        ("[]", "1:1: a task definition is an object, found a list"),
        ("{\"family\":\n x}", "2:2: not JSON: expected a value, found 'x'"),
        ("{\"family\":\"f\"}", "1:1: required member \"containerDefinitions\" is missing"),
        (
            "{\"family\":\"f\",\"containerDefinitions\":[]}",
            "1:38: containerDefinitions: a task needs at least one container",
        ),
        (
            "{\"family\":\"f\",\"containerDefinitions\":[{\"image\":\"i\"}]}",
            "1:39: containerDefinitions[0]: required member \"name\" is missing",
        ),
        (
            "{\"family\":\"f\",\"containerDefinitions\":[{\"name\":\"a\"}]}",
            "1:39: containerDefinitions[0]: required member \"image\" is missing",
        ),
        (
            "{\"family\":\"f\",\"cpu\":256,\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"i\"}]}",
            "1:21: cpu: must be a string, found a number; write \"256\"",
        ),
        (
            "family: f",
            "1:1: not JSON: expected a value, found 'f'; a task definition is a JSON object, YAML is not read",
        ),
        (
            "{\"Resources\": {}}",
            "1:15: Resources: this is a CloudFormation template; give the task definition itself, as \
             `aws ecs describe-task-definition` prints it",
        ),
        ("{\"taskDefinition\":[]}", "1:19: must be an object, found a list"),
    ] {
        assert_eq!(problems(text), expected, "{text}");
    }
}

#[test]
fn members_are_named_with_their_path() {
    for (members, expected) in [
        (
            "\"comand\": []",
            "5:31: containerDefinitions[0].comand: ECS knows no such member; did you mean \"command\"?",
        ),
        (
            "\"command\": \"sleep 1\"",
            "5:42: containerDefinitions[0].command: must be a list, found a string; write [\"sleep 1\"]",
        ),
        (
            "\"dependsOn\": [{\"containerName\": \"c\", \"condition\": \"START\"}]",
            "5:63: containerDefinitions[0].dependsOn[0].containerName: no container \"c\" is defined; there are: a, b",
        ),
        (
            "\"dependsOn\": [{\"containerName\": \"b\", \"condition\": \"DONE\"}]",
            "5:81: containerDefinitions[0].dependsOn[0].condition: \"DONE\" is none of START, COMPLETE, SUCCESS, HEALTHY",
        ),
        (
            "\"dependsOn\": [{\"containerName\": \"b\", \"condition\": \"HEALTHY\"}]",
            "5:81: containerDefinitions[0].dependsOn[0].condition: container \"b\" has no healthCheck, so it never becomes HEALTHY",
        ),
        (
            "\"dependsOn\": [{\"containerName\": \"a\", \"condition\": \"START\"}]",
            "5:44: containerDefinitions[0].dependsOn: runs in a circle: a -> a",
        ),
        (
            "\"mountPoints\": [{\"sourceVolume\": \"w\", \"containerPath\": \"/w\"}]",
            "5:64: containerDefinitions[0].mountPoints[0].sourceVolume: no volume \"w\" is defined under \"volumes\"",
        ),
        (
            "\"mountPoints\": [{\"sourceVolume\": \"v\", \"containerPath\": \"w\"}]",
            "5:86: containerDefinitions[0].mountPoints[0].containerPath: must be an absolute path",
        ),
        (
            "\"healthCheck\": {\"command\": [\"true\"]}",
            "5:58: containerDefinitions[0].healthCheck.command: must be [\"CMD\", program, arguments...] or [\"CMD-SHELL\", command]",
        ),
        (
            "\"healthCheck\": {\"command\": [\"CMD\", \"x\"], \"interval\": 1}",
            "5:84: containerDefinitions[0].healthCheck.interval: 1 is not between 5 and 300",
        ),
        (
            "\"environment\": [null]",
            "5:47: containerDefinitions[0].environment[0]: must be an object, found null",
        ),
        ("\"essential\": false", "4:26: containerDefinitions: at least one container must be essential"),
    ] {
        assert_eq!(problems(&container(members)), expected, "{members}");
    }
}

#[test]
fn names_are_unique_and_circles_are_found_over_several_containers() {
    let twice = MINIMAL.replace("}]", "},{\"name\":\"a\",\"image\":\"i\"}]");
    assert!(problems(&twice).ends_with("container \"a\" is already defined at containerDefinitions[0]"));
    let ring = r#"{"family":"f","containerDefinitions":[
        {"name":"a","image":"i","dependsOn":[{"containerName":"b","condition":"START"}]},
        {"name":"b","image":"i","dependsOn":[{"containerName":"c","condition":"START"}]},
        {"name":"c","image":"i","dependsOn":[{"containerName":"a","condition":"START"}]}]}"#;
    assert!(problems(ring).ends_with("runs in a circle: a -> b -> c -> a"), "{}", problems(ring));
}

#[test]
fn every_problem_is_reported_at_once() {
    let error = read(br#"{"family":1,"containerDefinitions":[{"name":"a","img":"i"}]}"#).unwrap_err();
    let codes: Vec<IssueCode> = error.errors().map(|issue| issue.code).collect();
    assert_eq!(codes, [IssueCode::WrongType, IssueCode::Missing, IssueCode::UnknownMember]);
}

#[test]
fn absent_null_and_empty_mean_the_default() {
    let text = container("\"entryPoint\": [], \"command\": null, \"healthCheck\": {\"command\": [\"NONE\"]}");
    let definition = good(&text).definition;
    let first = &definition.containers[0];
    assert!(first.essential && first.entry_point.is_none() && first.command.is_none());
    assert!(first.health_check.is_none() && !definition.containers[1].essential);
}

#[test]
fn output_of_the_api_is_read() {
    let described = format!(
        r#"{{"taskDefinition": {}, "tags": []}}"#,
        MINIMAL.replace("\"family\"", "\"revision\":7,\"status\":\"ACTIVE\",\"family\"")
    );
    let reading = good(&described);
    assert_eq!(reading.definition.revision, Some(7));
    assert!(reading.issues.iter().all(|issue| issue.code == IssueCode::ReadOnlyMember));
    assert!(problems(&described.replace("\"tags\"", "\"other\"")).contains("only \"tags\" may stand beside"));
}

#[test]
fn fargate_is_judged_apart() {
    let text = r#"{"family":"f","networkMode":"host","pidMode":"host","ipcMode":"host","cpu":"256","memory":"4096",
        "requiresCompatibilities":["EC2"],"volumes":[{"name":"v","host":{"sourcePath":"/"}}],
        "containerDefinitions":[{"name":"a","image":"i","privileged":true,"links":["b"],
        "logConfiguration":{"logDriver":"json-file"},
        "linuxParameters":{"capabilities":{"add":["SYS_PTRACE","SYS_ADMIN"]},"sharedMemorySize":64}}]}"#;
    let listing: Vec<String> = good(text)
        .fargate_issues()
        .iter()
        .map(|issue| format!("{:?} {:?} {}: {}", issue.severity, issue.code, issue.path, issue.message))
        .collect();
    insta::assert_snapshot!(listing.join("\n"), @r#"
    Error NetworkMode networkMode: Fargate knows only "awsvpc"
    Error PidMode pidMode: Fargate knows only "task"
    Error NotOnFargate ipcMode: Fargate does not support this
    Warning TaskSize cpu: Fargate has no 4096 MiB with 256 CPU units; it has 0.5 GB, 1 to 2 GB by 1
    Error NotFargate requiresCompatibilities: does not contain "FARGATE"
    Error NotOnFargate volumes[0].host.sourcePath: Fargate does not support this
    Error Privileged containerDefinitions[0].privileged: Fargate has no privileged containers
    Error NotOnFargate containerDefinitions[0].links: Fargate does not support this
    Error LogDriver containerDefinitions[0].logConfiguration.logDriver: Fargate knows only awslogs, splunk, awsfirelens
    Error Capability containerDefinitions[0].linuxParameters.capabilities.add[1]: Fargate lets only SYS_PTRACE be added, not "SYS_ADMIN"
    Error NotOnFargate containerDefinitions[0].linuxParameters.sharedMemorySize: Fargate does not support this
    "#);
}

#[test]
fn hostile_sizes_are_refused() {
    assert!(problems(&" ".repeat((1 << 20) + 1)).contains("at most 1048576"));
    assert!(problems(&"[".repeat(100_000)).contains("nested deeper"));
    assert!(read(b"{\"family\":\"\xff\"}").unwrap_err().to_string().starts_with("1:12: not UTF-8"));
    let many = format!(r#"{{"family":"f","containerDefinitions":[{}]}}"#, vec!["1"; 50_000].join(","));
    assert!(read(many.as_bytes()).unwrap_err().issues.len() <= 100);
}

#[test]
fn the_example_reads_without_an_issue() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples/fargate-vulnerability-compliance-task.json");
    let reading = read(&bytes_of(&path)).unwrap();
    assert_eq!(reading.issues, []);
    assert_eq!(reading.fargate_issues(), []);
    let container = &reading.definition.containers[0];
    assert_eq!(container.entry_point.as_deref(), Some(&["sh".to_owned(), "-c".to_owned()][..]));
    assert_eq!(container.command.as_ref().map(Vec::len), Some(1));
}

#[expect(
    clippy::disallowed_methods,
    reason = "files of this repository and the test corpus, not unknown input"
)]
fn bytes_of(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

fn corpus() -> Option<PathBuf> {
    let shared = std::env::var_os("FARGARD_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let directory = shared.join("data/taskdefs");
    if directory.is_dir() {
        return Some(directory);
    }
    eprintln!("skipped: no corpus of task definitions at {}", directory.display());
    None
}

#[test]
fn real_definitions_are_read_as_an_oracle_reads_them() {
    let Some(directory) = corpus() else { return };
    let index = String::from_utf8(bytes_of(&directory.join("INDEX.tsv"))).unwrap();
    let (mut files, mut clean) = (0, 0);
    for line in index.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let (file, format) = (columns[0], columns[5]);
        let baseline = columns[columns.len() - 1];
        let outcome = read(&bytes_of(&directory.join(file)));
        files += 1;
        if format == "task-definition-json" && baseline == "ok" {
            clean += 1;
            let reading = outcome.unwrap_or_else(|error| panic!("{file}:\n{error}"));
            let _ = reading.fargate_issues();
        } else if format != "task-definition-json" {
            // Templates are not task definitions; the rest of the JSON is damaged in ways that may be tolerable.
            let error = outcome.err().unwrap_or_else(|| panic!("{file} was read"));
            assert!(error.errors().count() > 0, "{file}");
        }
    }
    assert!(files >= 72 && clean >= 25, "{files} files, {clean} clean");
}

proptest! {
    #[test]
    fn any_bytes_are_judged_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        let _ = read(&bytes);
    }

    #[test]
    fn damaged_definitions_are_judged_without_panic(at in 0_usize..400, with in "[\\[\\]{}\",:0-9a-z]{0,3}") {
        let mut text = container(r#""dependsOn": [{"containerName": "b", "condition": "START"}], "user": "1""#);
        let at = at.min(text.len());
        if text.is_char_boundary(at) {
            text.insert_str(at, &with);
        }
        if let Ok(reading) = read(text.as_bytes()) {
            prop_assert!(reading.issues.iter().all(|issue| issue.severity == Severity::Warning));
            let _ = reading.fargate_issues();
        }
    }
}
