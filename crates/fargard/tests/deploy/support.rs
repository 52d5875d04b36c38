//! Where things are, and the judges that are written in Python.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

/// Templates as JSON, functions in their long form.
const DECODE: &str = "
import json, pathlib, sys
import cfnlint.decode
decoded = {}
for path in sorted(pathlib.Path(sys.argv[1]).glob('*.yaml')):
    template, problems = cfnlint.decode.decode(str(path))
    if problems:
        sys.exit(f'{path}: {problems}')
    decoded[path.stem] = template
print(json.dumps(decoded))
";

pub(crate) fn fargard() -> Command {
    Command::new(env!("CARGO_BIN_EXE_fargard"))
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn cloudformation() -> PathBuf {
    repository().join("deploy/cloudformation")
}

/// Runs Python with the judges' packages; `None`, said visibly, where `package` is missing.
pub(crate) fn python(package: &str, arguments: &[&str]) -> Option<Output> {
    let own = repository().join("target/judges/bin/python3");
    let python = if own.exists() { own } else { "python3".into() };
    let has = Command::new(&python).args(["-c", &format!("import {package}")]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: Python's package {package} is not installed");
        return None;
    }
    Some(Command::new(&python).args(arguments).output().unwrap())
}

pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The templates of `deploy/cloudformation` by name.
pub(crate) fn templates() -> Option<BTreeMap<String, Value>> {
    let output = python("cfnlint", &["-c", DECODE, cloudformation().to_str().unwrap()])?;
    assert!(output.status.success(), "{}", said(&output));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}
