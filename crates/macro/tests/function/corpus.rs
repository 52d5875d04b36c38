//! Real templates, as CloudFormation gives them to a macro: what comes back is what `fargard embed` makes of them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Map, Value, json};

use crate::{lambda::Lambda, registry};

const SENSOR: &str = "registry.example/fargard-sensor:1";
/// Turns templates into the JSON that CloudFormation makes of them.
const TO_JSON: &str = "
import json, pathlib, sys
import cfnlint.decode
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    if path.suffix not in ('.json', '.yaml', '.yml') or 'AWS::' not in path.read_text():
        continue
    template, problems = cfnlint.decode.decode(str(path))
    if template and 'Resources' in template and not problems:
        pathlib.Path(sys.argv[2], path.stem + '.json').write_text(json.dumps(template, default=str))
";

#[test]
fn the_same_comes_out_as_of_the_command() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared =
        std::env::var_os("FARGARD_SHARED").map_or_else(|| repository.join("../shared"), PathBuf::from);
    let corpus = shared.join("data/taskdefs");
    let program = Path::new(env!("CARGO_BIN_EXE_fargard-macro")).with_file_name("fargard");
    if !corpus.is_dir() || !program.is_file() {
        eprintln!("skipped: {} and {} are needed", corpus.display(), program.display());
        return;
    }
    let templates = tempfile::tempdir().unwrap();
    let own = repository.join("target/judges/bin/python3");
    let python = if own.exists() { own } else { "python3".into() };
    let made =
        Command::new(python).args(["-c", TO_JSON]).arg(&corpus).arg(templates.path()).output().unwrap();
    if !made.status.success() {
        eprintln!(
            "skipped: cfn-lint cannot turn templates into JSON: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        return;
    }
    let url = registry::start();
    // Registries that are not imitated are not there: nobody outside is asked.
    let elsewhere = [
        ("HTTPS_PROXY", "http://127.0.0.1:1"),
        ("AWS_ENDPOINT_URL_ECR", "http://127.0.0.1:1"),
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("DOCKER_CONFIG", "/nowhere"),
    ];
    let mirrors = ["docker.io", "public.ecr.aws"].map(|host| format!("{host}={url}"));
    let (listed, cache) = (mirrors.join(","), tempfile::tempdir().unwrap());
    let mut variables = vec![
        ("FARGARD_SENSOR_IMAGE", SENSOR),
        ("FARGARD_ON_UNPROTECTED", "deploy"),
        ("FARGARD_REGISTRY_MIRRORS", listed.as_str()),
    ];
    variables.extend(elsewhere);
    let function = Lambda::start(&variables);
    let (mut compared, mut changed) = (0, 0);
    for entry in fs::read_dir(templates.path()).unwrap() {
        let path = entry.unwrap().path();
        let mut fragment: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        fragment.as_object_mut().unwrap().remove("Transform");
        fs::write(&path, fragment.to_string()).unwrap();
        let event = json!({
            "requestId": "r", "fragment": fragment, "templateParameterValues": defaults(&fragment),
        });
        let response = function.respond(&event);
        assert_eq!(response["status"], "success", "{}: {response}", path.display());
        let output = Command::new(&program)
            .args(["embed", "--sensor-image", SENSOR, "--image-source", "registry"])
            .args(mirrors.iter().flat_map(|mirror| ["--registry-mirror", mirror]))
            .arg(&path)
            .envs(elsewhere)
            .env("XDG_CACHE_HOME", cache.path())
            .output()
            .unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {complaint}", path.display());
        let expected: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(response["fragment"], expected, "{}", path.display());
        compared += 1;
        changed += usize::from(expected != fragment);
    }
    eprintln!("{compared} templates compared, {changed} of them changed");
    assert!(compared >= 20 && changed >= 15, "{compared}, {changed}");
}

/// The values of parameters as CloudFormation evaluates them: here their defaults. Those of the Parameter Store are
/// known on AWS only.
fn defaults(fragment: &Value) -> Value {
    let empty = Map::new();
    let parameters = fragment["Parameters"].as_object().unwrap_or(&empty);
    let values = parameters.iter().filter_map(|(name, parameter)| {
        let default = parameter.get("Default")?;
        let kind = parameter["Type"].as_str()?;
        if kind.starts_with("AWS::SSM::") {
            return None;
        }
        let is_list = kind == "CommaDelimitedList" || kind.starts_with("List<");
        let value = match (is_list, default.as_str()) {
            (true, Some(text)) => text.split(',').map(str::trim).collect(),
            _ => default.clone(),
        };
        Some((name.clone(), value))
    });
    Value::Object(values.collect())
}
