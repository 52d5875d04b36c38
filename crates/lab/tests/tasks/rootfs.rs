//! Root file systems from directories and images, and what is refused.

use std::sync::Arc;

use fargard_lab::{LabError, Observation, Task};
use libtest_mimic::Trial;

use crate::{
    bench::{Bench, image_tar, options, shell},
    rooted,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        rooted("rootfs::an_image_brings_its_command_user_and_environment", image),
        rooted("rootfs::a_directory_is_not_written", directory),
        rooted("rootfs::links_in_an_image_do_not_lead_out_of_it", links),
        rooted("rootfs::what_cannot_be_used_is_refused", refused),
    ]
}

fn image() {
    let directory = tempfile::tempdir().unwrap();
    let config = r#"{"Entrypoint":["/bin/sh","-c"],"Cmd":["id -un; pwd; echo $FROM $OVER"],"User":"app",
        "WorkingDir":"/srv","Env":["PATH=/bin","FROM=image","OVER=image"]}"#;
    let Some(tar) = image_tar(directory.path(), config) else { return };
    let app = "\"name\":\"app\",\"environment\":[{\"name\":\"OVER\",\"value\":\"task\"}]";
    let mut options = options(&[app], "");
    options.rootfs.insert("app".to_owned(), tar);
    let bench = Bench::start(options.clone());
    assert_eq!(bench.lines("app"), ["app", "/srv", "image task"]);
    options.definition.containers[0].command = Some(vec!["echo own".into()]);
    assert_eq!(Bench::start(options).lines("app"), ["own"]);
}

fn directory() {
    let directory = tempfile::tempdir().unwrap();
    for (path, to) in [("bin", "/bin/busybox"), ("odd,name:x", "")] {
        std::fs::create_dir_all(directory.path().join("odd,root:x").join(path)).unwrap();
        if !to.is_empty() {
            std::fs::copy(to, directory.path().join("odd,root:x/bin/sh")).unwrap();
        }
    }
    let root = directory.path().join("odd,root:x");
    let mut options = options(&[&shell("app", "echo x > /written && echo done")], "");
    options.rootfs.insert("app".to_owned(), root.clone());
    let bench = Bench::start(options);
    assert_eq!(bench.lines("app"), ["done"]);
    let mut left: Vec<_> =
        std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["bin", "odd,name:x"], "neither the program's file nor mount points");
    bench.assert_clean();
}

fn links() {
    let outside = tempfile::tempdir().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    std::fs::create_dir(root.join("bin")).unwrap();
    std::fs::copy("/bin/busybox", root.join("bin/sh")).unwrap();
    // The links' target exists in the image too, so that they lead somewhere.
    let inside = root.join(outside.path().strip_prefix("/").unwrap());
    std::fs::create_dir_all(&inside).unwrap();
    // Every place where something is mounted or written leads outside.
    for name in ["data", "work", "etc"] {
        std::os::unix::fs::symlink(outside.path(), root.join(name)).unwrap();
    }
    let app = format!(
        "{},\"workingDirectory\":\"/srv/made\",\"mountPoints\":[{{\"sourceVolume\":\"v\",\"containerPath\":\"/data/v\"}}]",
        shell("app", "echo inside > /data/v/file; pwd")
    );
    let mut options = options(&[&app], "\"volumes\":[{\"name\":\"v\"}],");
    options.rootfs.insert("app".to_owned(), root.to_owned());
    let bench = Bench::start(options);
    let (outcome, log) = bench.outcome();
    assert_eq!(outcome.essential_exit, Some(0), "{log:#?}");
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(inside).unwrap().count(), 0, "the lower layer is not written either");
    bench.assert_clean();
}

fn refused() {
    let start = |change: &dyn Fn(&mut fargard_lab::Options)| {
        let mut options = options(&[&shell("app", "true")], "");
        change(&mut options);
        Task::start(options, Arc::new(|_: &Observation| ())).map(drop).unwrap_err()
    };
    let error = start(&|options| drop(options.rootfs.insert("other".into(), "/".into())));
    assert_eq!(error.to_string(), "--rootfs other=...: the task has no container of that name; it has app");
    let error = start(&|options| drop(options.rootfs.insert("app".into(), "/no/such".into())));
    assert!(matches!(&error, LabError::Rootfs { reason, .. } if reason.contains("No such file")), "{error}");
    let error = start(&|options| drop(options.rootfs.insert("app".into(), "/etc/passwd".into())));
    assert!(matches!(&error, LabError::Rootfs { reason, .. } if reason.contains("tar archive")), "{error}");
    let error = start(&|options| options.definition.containers[0].user = Some("nobody-such".into()));
    assert!(error.to_string().contains("no such user"), "{error}");
    let error =
        start(&|options| options.definition.containers[0].capabilities_add = vec!["SYS_ADMIN".into()]);
    assert!(matches!(error, LabError::Unsupported { .. }), "{error}");
    let error = start(&|options| {
        options.definition.containers[0].command = None;
        options.definition.containers[0].entry_point = None;
    });
    assert!(error.to_string().contains("nothing to run"), "{error}");
    let error = start(&|options| options.cluster = "a/b".into());
    assert!(matches!(error, LabError::Cluster(_)), "{error}");
}
