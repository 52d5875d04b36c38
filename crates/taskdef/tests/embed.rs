//! Embedding and undoing, judged by the text that comes out.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::collections::BTreeMap;

use fargard_taskdef::{
    ImageProcess, TaskDefinition,
    embed::{self, Choice, Embedding, ImageConfig, ImageTable, Outcome, Settings, SkipCode},
};
use proptest::prelude::*;

const PROGRAM: &str = "/fargard/fargard-sensor";

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn settings() -> Settings {
    Settings { sensor_image: "registry.example/fargard-sensor:1".to_owned(), ..Settings::default() }
}

fn images(entrypoint: &str, cmd: &str) -> ImageTable {
    let config = ImageConfig { entrypoint: words(entrypoint), cmd: words(cmd), ..ImageConfig::default() };
    ImageTable(BTreeMap::from([("app:1".to_owned(), config)]))
}

fn embedded(text: &str, settings: &Settings) -> Embedding {
    embed::embed(text, settings, &images("/entry", "serve --now")).unwrap()
}

/// Embeds; embedding again must change nothing, undoing give the text back.
fn there_and_back(text: &str, settings: &Settings) -> Embedding {
    let done = embedded(text, settings);
    assert_eq!(embedded(&done.text, settings).text, done.text, "embedding twice");
    assert_eq!(embed::undo(&done.text).unwrap(), text, "undoing");
    done
}

fn skips(done: &Embedding) -> Vec<(&str, SkipCode)> {
    let containers = done.tasks.iter().flat_map(|task| &task.containers);
    containers
        .filter_map(|container| match &container.outcome {
            Outcome::Skip(skip) => Some((&*container.name, skip.code)),
            _ => None,
        })
        .collect()
}

/// A Fargate task with these containers.
fn task(containers: &str) -> String {
    format!(
        "{{\n  \"family\": \"web\",\n  \"requiresCompatibilities\": [\"FARGATE\"],\n  \"networkMode\": \"awsvpc\",\n  \
         \"cpu\": \"256\",\n  \"memory\": \"512\",\n  \"containerDefinitions\": [{containers}]\n}}\n"
    )
}

const APP: &str = r#"{
    "name": "app",
    "image": "app:1"
  }"#;

#[test]
fn a_json_definition_in_both_modes() {
    let app = r#"
    {
      "name": "app",
      "image": "app:1",
      "x-unknown": { "kept" : [1,2] },
      "environment": [{"name": "A", "value": "1"}],
      "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/g", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "app"}}
    }
  "#;
    let text = task(app);
    insta::assert_snapshot!("wrap_json", there_and_back(&text, &settings()).text);
    let attach = Settings {
        mode: Choice::Attach,
        server: Some("https://fargard.example:8440".to_owned()),
        token: Some("arn:aws:secretsmanager:eu-west-1:123456789012:secret:fargard".to_owned()),
        ..settings()
    };
    let text = text
        .replace("\"family\"", "\"executionRoleArn\": \"arn:aws:iam::123456789012:role/x\",\n  \"family\"");
    insta::assert_snapshot!("attach_json", there_and_back(&text, &attach).text);
}

#[test]
fn a_template_keeps_tags_comments_and_anchors() {
    let text = include_str!("embed/template.yaml");
    let parameters = BTreeMap::from([("AWS::Region".to_owned(), "eu-west-1".to_owned())]);
    let done = there_and_back(text, &Settings { parameters, ..settings() });
    insta::assert_snapshot!("template", done.text);
    insta::assert_debug_snapshot!("template_skips", skips(&done));
    // With other line ends, too.
    there_and_back(&text.replace('\n', "\r\n"), &settings());
}

/// What Docker runs: ENTRYPOINT and CMD of the image, replaced by the definition's, CMD dropped with ENTRYPOINT,
/// and RunTask's override in the place of the command.
fn docker(image: (&str, &str), entry_point: &str, command: &str, run_task: &str) -> Vec<String> {
    let own = [run_task, command].into_iter().find(|text| !text.is_empty());
    let (first, default) = if entry_point.is_empty() { image } else { (entry_point, "") };
    [words(first), words(own.unwrap_or(default))].concat()
}

fn container(definition: &TaskDefinition) -> &fargard_taskdef::ContainerDefinition {
    definition.container("app").unwrap()
}

#[test]
fn what_runs_behind_the_sensor_is_what_docker_runs() {
    let mut seen = 0;
    for image in [("/entry", "serve now"), ("/entry", ""), ("", "serve now"), ("", "")] {
        for entry_point in ["", "/own -x"] {
            for command in ["", "do this"] {
                for absent in ["", "null", "[]"] {
                    for run_task in ["", "once"] {
                        seen += usize::from(semantics(image, entry_point, command, absent, run_task));
                    }
                }
            }
        }
    }
    assert_eq!(seen, 4 * 2 * 2 * 3 * 2 - 6, "only nothing at all cannot be wrapped");
}

fn semantics(image: (&str, &str), entry_point: &str, command: &str, absent: &str, run_task: &str) -> bool {
    let list = |text: &str| format!("{:?}", words(text));
    let member = |name: &str, text: &str| match (text, absent) {
        ("", "") => String::new(),
        ("", absent) => format!(", \"{name}\": {absent}"),
        (text, _) => format!(", \"{name}\": {}", list(text)),
    };
    let app = format!(
        "{{\"name\": \"app\", \"image\": \"app:1\"{}{}}}",
        member("entryPoint", entry_point),
        member("command", command)
    );
    let text = task(&app);
    let case = format!("{image:?} {entry_point:?} {command:?} {absent:?} {run_task:?}");
    let wrap = Settings { mode: Choice::Wrap, ..settings() };
    let done = embed::embed(&text, &wrap, &images(image.0, image.1)).unwrap();
    assert_eq!(embed::undo(&done.text).unwrap(), text, "{case}");
    // A command given to RunTask makes up for nothing: it is not known when the definition is written.
    if docker(image, entry_point, command, "").is_empty() {
        assert_eq!(skips(&done), [("app", SkipCode::NothingToRun)], "{case}");
        return false;
    }
    let definition = fargard_taskdef::read(done.text.as_bytes()).unwrap().definition;
    let mut app = container(&definition).clone();
    if !run_task.is_empty() {
        app.command = Some(words(run_task));
    }
    let process = ImageProcess { entry_point: words(image.0), command: words(image.1) };
    let runs = app.arguments(Some(&process)).unwrap();
    assert_eq!(runs[..3], [PROGRAM, "run", "--"], "{case}");
    assert_eq!(runs[3..], docker(image, entry_point, command, run_task), "{case}");
    true
}

#[test]
fn what_is_left_alone_has_a_code() {
    let container =
        |members: &str| task(&format!("{{\"name\": \"x\", \"image\": \"app:1\"{members}}}, {APP}"));
    let other = |from: &str, to: &str| task(APP).replace(from, to);
    let label = |value: &str| container(&format!(", \"dockerLabels\": {{\"fargard.mode\": \"{value}\"}}"));
    let image = |image: &str| task(&format!("{{\"name\": \"x\", \"image\": \"{image}\"}}, {APP}"));
    let token = Settings { server: Some("https://s".into()), token: Some("arn".into()), ..settings() };
    let eleven: Vec<String> = (0..10).map(|n| APP.replace("\"app\"", &format!("\"a{n}\""))).collect();
    let long = format!(", \"command\": [\"{}\"]", "x".repeat(65_000));
    use SkipCode as Code;
    for (text, settings, code) in [
        (label("off"), settings(), Code::Excluded),
        (task(APP), Settings { exclude: vec!["app".into()], ..settings() }, Code::Excluded),
        (task(APP), Settings { include: vec!["web".into()], ..settings() }, Code::NotIncluded),
        (task(APP), Settings { only_labelled: true, ..settings() }, Code::NotIncluded),
        (other("FARGATE", "EC2"), settings(), Code::NotFargate),
        (
            other(
                "\"family\"",
                "\"runtimePlatform\": {\"operatingSystemFamily\": \"WINDOWS_SERVER_2022_CORE\"}, \"family\"",
            ),
            settings(),
            Code::Windows,
        ),
        (container(", \"firelensConfiguration\": {\"type\": \"fluentbit\"}"), settings(), Code::LogRouter),
        (image("public.ecr.aws/appmesh/aws-appmesh-envoy:v1"), settings(), Code::Proxy),
        (image("amazon/aws-xray-daemon"), settings(), Code::Agent),
        (
            other("\"requiresCompatibilities\": [\"FARGATE\"],", "").replace("awsvpc", "bridge"),
            settings(),
            Code::LaunchTypeUnknown,
        ),
        (image("other:1"), Settings { mode: Choice::Wrap, ..settings() }, Code::ImageUnknown),
        (label("perhaps"), settings(), Code::NotUnderstood),
        (image("falcosecurity/falco"), settings(), Code::OtherTracer),
        (other("\"app\"", "\"fargard-sensor\""), settings(), Code::NameTaken),
        (task(APP), token, Code::NoExecutionRole),
        (container(&long), settings(), Code::TooLarge),
        (task(&eleven.join(",")), settings(), Code::TooManyContainers),
        (other("\"image\": \"app:1\"", "\"image\": 7"), settings(), Code::InvalidInput),
        (
            other(
                "\"app:1\"",
                "\"app:1\", \"dependsOn\": [{\"containerName\": \"app\", \"condition\": \"START\"}]",
            ),
            settings(),
            Code::InvalidInput,
        ),
    ] {
        let done = there_and_back(&text, &settings);
        assert!(skips(&done).iter().any(|(_, found)| *found == code), "{code}: {:?}\n{text}", done.tasks);
        let whole_task = done.tasks.iter().any(|task| task.skip.is_some());
        assert!(!whole_task || done.text == text, "{code}");
    }
}

#[test]
fn tags_beside_a_described_definition_count() {
    let inner = task(APP);
    let text = format!(
        "{{\"taskDefinition\": {}, \"tags\": [{{\"key\": \"fargard.mode\", \"value\": \"off\"}}]}}",
        inner.trim()
    );
    assert_eq!(skips(&there_and_back(&text, &settings())), [("app", SkipCode::Excluded)]);
    let done = there_and_back(&text.replace("\"off\"", "\"attach\""), &settings());
    assert_eq!(done.tasks[0].mode, Some(Choice::Attach));
    assert!(done.text.contains("\"pidMode\": \"task\""));
}

#[test]
fn pid_1_programs_are_never_attached_to() {
    let text = task(&format!("{APP}, {{\"name\": \"x\", \"image\": \"unknown\"}}"));
    let done = embed::embed(&text, &settings(), &images("/init", "")).unwrap();
    assert_eq!(skips(&done), [("x", SkipCode::ImageUnknown)]);
    assert_eq!(done.tasks[0].mode, Some(Choice::Wrap));
}

#[test]
fn own_settings_of_a_container_stay() {
    let app =
        r#"{"name": "app", "image": "app:1", "environment": [{"name": "FARGARD_PRINT", "value": "text"}]}"#;
    let done = there_and_back(&task(app), &settings());
    assert_eq!(done.text.matches("FARGARD_PRINT").count(), 1);
    let fim = Settings { variables: vec![("FARGARD_FIM".into(), "on".into())], ..settings() };
    assert!(there_and_back(&task(app), &fim).text.contains("\"FARGARD_FIM\""));
}

/// What ECS prints of a registered definition (other order, defaults written out) and what a user edits later.
#[test]
fn undoing_finds_its_own_in_a_changed_file() {
    let done = embedded(&task(APP), &settings());
    let mut value: serde_json::Value = serde_json::from_str(&done.text).unwrap();
    let app = &mut value["containerDefinitions"][0];
    app["environment"].as_array_mut().unwrap().insert(0, serde_json::json!({"name": "LATER", "value": "1"}));
    app["portMappings"] = serde_json::json!([]);
    let back: serde_json::Value = serde_json::from_str(&embed::undo(&value.to_string()).unwrap()).unwrap();
    let app = &back["containerDefinitions"][0];
    assert_eq!(app["environment"], serde_json::json!([{"name": "LATER", "value": "1"}]));
    assert!(
        app.get("entryPoint").is_none() && app.get("command").is_none() && app.get("volumesFrom").is_none()
    );
    assert_eq!(back["containerDefinitions"].as_array().unwrap().len(), 1);
}

#[test]
fn functions_that_make_the_entry_point_get_the_prefix() {
    let template = |entry_point: &str| {
        format!(
            "Parameters:\n  Words: {{Type: CommaDelimitedList}}\nResources:\n  T:\n    Type: AWS::ECS::TaskDefinition\n    \
             Properties:\n      RequiresCompatibilities: [FARGATE]\n      ContainerDefinitions:\n      - Name: app\n        \
             EntryPoint: {entry_point}\n        Image: x\n"
        )
    };
    for (written, expected) in [
        (
            "!Ref Words",
            r#"{"Fn::Split": [",", {"Fn::Join": [",", ["/fargard/fargard-sensor", "run", "--", {"Fn::Join": [",", {"Ref": "Words"}]}]]}]}"#,
        ),
        (
            "\n          Fn::Split: # by\n          - ' '\n          - !Sub 'a ${B}'",
            r#"{"Fn::Split": [" ", {"Fn::Join": [" ", ["/fargard/fargard-sensor", "run", "--", {"Fn::Sub": "a ${B}"}]]}]}"#,
        ),
    ] {
        let done = there_and_back(&template(written), &settings());
        assert_eq!(done.tasks[0].mode, Some(Choice::Wrap), "{:?}", done.tasks);
        assert!(done.text.contains(expected), "{}", done.text);
    }
    for refused in ["!Split ['-', a-b]", "!Ref Other", "!If [C, [a], [b]]"] {
        let wrap = Settings { mode: Choice::Wrap, ..settings() };
        let done = there_and_back(&template(refused), &wrap);
        assert_eq!(skips(&done), [("app", SkipCode::EntryPointFunction)], "{refused}");
    }
}

#[test]
fn images_are_pinned_when_wanted() {
    let mut images = images("/entry", "");
    let config = images.0.get_mut("app:1").unwrap();
    config.digest = Some("sha256:0123".to_owned());
    let text = task(APP);
    let pinned = embed::embed(&text, &Settings { pin: true, ..settings() }, &images).unwrap().text;
    assert!(pinned.contains("\"image\": \"app@sha256:0123\""), "{pinned}");
    assert_eq!(embed::undo(&pinned).unwrap(), text);
    assert!(!embed::embed(&text, &settings(), &images).unwrap().text.contains("sha256"));
}

#[test]
fn a_list_of_containers_alone_is_wrapped() {
    let text = format!("[{APP}]");
    assert_eq!(skips(&there_and_back(&text, &settings())), [("app", SkipCode::LaunchTypeUnknown)]);
    let done = there_and_back(&text, &Settings { assume_fargate: true, ..settings() });
    assert_eq!(done.tasks[0].mode, Some(Choice::Wrap));
    let attach = Settings { assume_fargate: true, mode: Choice::Attach, ..settings() };
    assert_eq!(skips(&there_and_back(&text, &attach)), [("app", SkipCode::NotUnderstood)]);
}

#[test]
fn checking_tells_the_protected_from_the_others() {
    let text = task(APP);
    let unprotected = |text: &str| {
        let done = embed::embed(text, &Settings::default(), &()).unwrap();
        done.tasks.iter().flat_map(|task| task.unprotected()).count()
    };
    assert_eq!(unprotected(&text), 1);
    assert_eq!(unprotected(&embedded(&text, &settings()).text), 0);
    assert_eq!(unprotected(&text.replace("FARGATE", "EC2")), 0);
}

#[test]
fn what_is_not_to_be_seen_in_a_template_is_told_of() {
    let text = include_str!("embed/unseen.yaml");
    let done = there_and_back(text, &settings());
    let told = |done: &Embedding| -> Vec<String> {
        let codes = done.tasks.iter().map(|task| {
            let skip = task.skip.as_ref().map_or("", |skip| skip.code.name());
            let containers = task.containers.iter().map(|container| match &container.outcome {
                Outcome::Skip(skip) => format!(" {}:{}", container.name, skip.code),
                Outcome::Wrap { .. } => format!(" {}:wrap", container.name),
                Outcome::Attach { .. } => format!(" {}:attach", container.name),
            });
            let containers: String = containers.collect();
            format!(
                "{}: {} {skip}{containers}{}",
                task.line,
                task.name,
                if task.is_unprotected() { "" } else { " (ok)" }
            )
        });
        codes.collect()
    };
    insta::assert_snapshot!(told(&done).join("\n"), @r"
    36: Fn::ForEach::Loop/Task${Name}  #0:wrap other:wrap
    52: Fn::ForEach::Loop/Fn::ForEach::Inner/Inner${Name}${Size}  inner:attach
    60: Part transform app:transform
    67: Whole transform
    1: Mine transform
    6: Network nested-stack
    9: Remote nested-stack
    12: Known excluded (ok)
    16: Set nested-stack
    18: Module module
    20: Job other-resource
    26: Express other-resource
    28: Included transform
    56: Fn::ForEach::Odd for-each
    ");
    let fixed = Settings {
        nested: vec!["Network".to_owned()],
        exclude: ["Remote", "Mine", "Included", "AWS::Include"].map(str::to_owned).into(),
        ..settings()
    };
    let codes = told(&there_and_back(text, &fixed)).join("\n");
    assert!(!codes.contains("Network") && codes.contains("Remote excluded (ok)"), "{codes}");
    assert!(codes.contains("Mine excluded (ok)") && codes.contains("Included excluded (ok)"), "{codes}");
    let nested = embed::nested_templates(text).unwrap();
    assert_eq!(
        (nested.len(), nested[0].name.as_str(), nested[0].path.as_str()),
        (1, "Network", "./network.yaml")
    );
    assert_eq!(done.text.matches("fargard.embed").count(), 2, "both loops");
}

#[test]
fn bad_input_is_refused_with_its_place() {
    let mut bomb = String::from("Resources: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 9].join(", ")));
    }
    for (text, at, part) in [
        (bomb.as_str(), "6:", "nodes"),
        (&"[".repeat(100_000), "1:66", "deeper"),
        (&format!("a: {}", "[".repeat(100_000)), "1:", ""),
        (&format!("{{\"a\": \"{}\"}}", "x".repeat(10 << 20)), "1:1", "bytes"),
        ("{\"family\": 1,\n \"family\": 2}", "2:2", "given twice"),
        ("Resources:\n  A: 1\n  A: 2\n", "3:3", "given twice"),
        ("{\"a\": 1}", "1:1", "no task definition"),
        ("just text", "1:1", "no task definition"),
        ("", "1:1", ""),
        ("a: b: c", "1:", ""),
    ] {
        let error = embed::embed(text, &settings(), &()).unwrap_err().to_string();
        assert!(error.starts_with(at) && error.contains(part), "{at} {part}: {error}");
    }
}

/// Files of the largest size that are made to take long.
#[test]
fn large_files_take_no_longer_than_their_size() {
    let one = r#"{"name":"a","image":"b"}"#;
    let containers = vec![one; 40_000].join(",");
    let definition = format!(
        r#"{{"family":"é","requiresCompatibilities":["FARGATE"],"containerDefinitions":[{containers}]}}"#
    );
    let done = there_and_back(&definition, &settings());
    assert_eq!(done.tasks[0].skip.as_ref().map(|skip| skip.code), Some(SkipCode::TooManyContainers));
    let tasks: Vec<String> = (0..3000)
        .map(|n| format!(r#""T{n}":{{"Type":"AWS::ECS::TaskDefinition","Properties":{{"RequiresCompatibilities":["FARGATE"],"ContainerDefinitions":[{{"Name":"a","Image":"app:1","EntryPoint":["x"]}}]}}}}"#))
        .collect();
    let template = |count: usize| format!(r#"{{"Resources":{{{}}}}}"#, tasks[..count].join(","));
    let error = embed::embed(&template(3000), &settings(), &()).unwrap_err().to_string();
    assert!(error.starts_with("1:1: with the sensor it would have"), "{error}");
    let done = there_and_back(&template(1000), &settings());
    assert_eq!(done.tasks.iter().filter(|task| task.mode == Some(Choice::Wrap)).count(), 1000);
}

/// JSON objects in any layout, with members nobody knows.
fn extra() -> impl Strategy<Value = String> {
    let space = prop_oneof![Just(""), Just(" "), Just("\n    "), Just("\t")];
    let value = prop_oneof![
        Just("null".to_owned()),
        Just("[]".to_owned()),
        "-?[0-9]{1,3}(\\.[0-9])?".prop_filter("no leading zero", |text| text.parse::<f64>().is_ok()
            && !text.trim_start_matches('-').starts_with('0')),
        "[a-zé ]{0,6}".prop_map(|text| format!("\"{text}\"")),
        Just("{ \"b\" :[ 1,2 ] }".to_owned()),
    ];
    proptest::collection::vec((space.clone(), space, value), 0..5).prop_map(|members| {
        let member = |(index, (before, after, value)): (usize, (&str, &str, String))| {
            format!(",{before}\"x{index}\"{after}:{value}")
        };
        members.into_iter().enumerate().map(member).collect()
    })
}

fn list_member() -> impl Strategy<Value = (String, String)> {
    let name = prop_oneof![
        Just("entryPoint"),
        Just("command"),
        Just("environment"),
        Just("volumesFrom"),
        Just("secrets")
    ];
    let empty = prop_oneof![Just("null"), Just("[]"), Just("[ ]"), Just("[\n]")];
    (name, empty).prop_map(|(name, value)| (name.to_owned(), format!(",\n \"{name}\": {value}")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_else_is_touched(
        extras in (extra(), extra(), extra()),
        lists in proptest::collection::btree_map("[a-z]", list_member(), 0..3),
        attach in any::<bool>(),
        compact in any::<bool>(),
    ) {
        let mut seen = Vec::new();
        let mut members = String::new();
        for (name, member) in lists.into_values() {
            if !seen.contains(&name) {
                members.push_str(&member);
                seen.push(name);
            }
        }
        let app = format!("{{\"name\": \"app\", \"image\": \"app:1\"{members}{}}}", extras.0);
        let side = format!("{{\"name\": \"side\", \"image\": \"app:1\"{}}}", extras.1);
        let mut text = task(&format!("{app},\n{side}")).replacen("\"web\"", &format!("\"web\"{}", extras.2), 1);
        if compact {
            text = text.replace(['\n', '\t'], "").replace(": ", ":").replace(", ", ",");
        }
        let mode = if attach { Choice::Attach } else { Choice::Wrap };
        let done = there_and_back(&text, &Settings { mode, ..settings() });
        prop_assert!(done.tasks[0].skip.is_none(), "{:?}", done.tasks[0].skip);
        // What was there is there in the same order.
        let mut rest = done.text.as_str();
        for line in text.lines().filter(|line| line.contains("\"x")) {
            let found = line.find("\"x").and_then(|at| line.get(at..at + 4)).unwrap();
            let at = rest.find(found);
            prop_assert!(at.is_some());
            rest = &rest[at.unwrap()..];
        }
    }

    #[test]
    fn any_text_is_refused_or_embedded(text in "[-:>|{}\\[\\]&*!#'\", \\na-zA-Z0-9]{0,120}") {
        let _ = embed::embed(&text, &settings(), &());
        let _ = embed::undo(&text);
    }

    /// A valid template or definition with a piece cut out or doubled.
    #[test]
    fn broken_files_are_refused_or_embedded(at in 0_usize..4000, length in 0_usize..200, doubled in any::<bool>(), yaml in any::<bool>()) {
        let whole = if yaml { include_str!("embed/template.yaml").to_owned() } else { embedded(&task(APP), &settings()).text };
        let cut = |at: usize| (0..=at.min(whole.len())).rev().find(|at| whole.is_char_boundary(*at)).unwrap_or(0);
        let (start, end) = (cut(at % whole.len()), cut(at % whole.len() + length));
        let text = if doubled {
            format!("{}{}", &whole[..end], &whole[start..])
        } else {
            format!("{}{}", &whole[..start], &whole[end..])
        };
        if let Ok(done) = embed::embed(&text, &settings(), &images("/entry", "")) {
            prop_assert!(embed::undo(&done.text).is_ok());
        }
        let _ = embed::undo(&text);
    }
}
