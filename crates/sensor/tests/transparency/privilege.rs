//! The one thing a filter takes away where the container has no CAP_SYS_ADMIN: setuid programs gain no rights.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use fargard_model::bounded;

use crate::programs::{Stage, installed, run};

#[test]
fn setuid_programs_gain_no_rights_and_that_is_said() {
    if !installed(&["setpriv", "id"]) {
        return;
    }
    let stage = Stage::new();
    let id = stage.path("id");
    fs::copy("/usr/bin/id", &id).unwrap();
    fs::set_permissions(&id, fs::Permissions::from_mode(0o4755)).unwrap();
    fs::set_permissions(stage.path("."), fs::Permissions::from_mode(0o777)).unwrap();
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let mut alone = nobody.to_vec();
    alone.extend([id.as_str(), "-u"]);
    let plain = run(&alone);
    if String::from_utf8_lossy(&plain.stdout) != "0\n" {
        eprintln!("skipped: setuid programs have no effect here: {plain:?}");
        return;
    }
    let line = stage.watched(&[&id, "-u"]);
    let mut watched = nobody.to_vec();
    watched.extend(line.iter().map(String::as_str));
    assert_eq!(String::from_utf8_lossy(&run(&watched).stdout), "65534\n", "SPECIFICATION.md says so");
    stage.counters();
    let record = bounded::read(Path::new(&stage.path("calls")), 1 << 20).unwrap();
    assert!(String::from_utf8_lossy(&record).contains("no_new_privs"), "the sensor says so");
}
