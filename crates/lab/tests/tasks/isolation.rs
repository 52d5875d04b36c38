//! What a container sees and may do.

use std::path::Path;

use libtest_mimic::Trial;

use crate::{
    bench::{Bench, options, run_script, shell},
    rooted,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        rooted("isolation::the_program_is_pid_1_and_sees_no_other", the_program_is_pid_1_and_sees_no_other),
        rooted("isolation::capabilities_are_those_of_fargate", capabilities_are_those_of_fargate),
        rooted(
            "isolation::a_user_has_its_groups_and_no_capabilities",
            a_user_has_its_groups_and_no_capabilities,
        ),
        rooted("isolation::the_environment_is_the_containers", the_environment_is_the_containers),
        rooted("isolation::devices_and_kernel_files_are_minimal", devices_and_kernel_files_are_minimal),
        rooted("isolation::a_read_only_root_cannot_be_written", a_read_only_root_cannot_be_written),
        rooted("isolation::writes_do_not_reach_the_machine", writes_do_not_reach_the_machine),
        rooted("isolation::limits_and_working_directory", limits_and_working_directory),
    ]
}

fn the_program_is_pid_1_and_sees_no_other() {
    let Some(lines) = run_script(
        "echo pid $$; ps | grep -v -e PID -e sh -e ps -e grep | grep -c .; hostname; cat /etc/hostname",
        "",
    ) else {
        return;
    };
    assert_eq!(lines[0], "pid 1");
    assert_eq!(lines[1], "0", "only the script's own processes");
    assert!(lines[2].starts_with("lab-") && lines[2] == lines[3], "{lines:?}");
}

fn capabilities_are_those_of_fargate() {
    let Some(lines) = run_script("grep Cap /proc/self/status; grep NoNewPrivs /proc/self/status", "") else {
        return;
    };
    let expected = [
        "CapInh:\t0000000000000000",
        "CapPrm:\t00000000a80425fb",
        "CapEff:\t00000000a80425fb",
        "CapBnd:\t00000000a80425fb",
        "CapAmb:\t0000000000000000",
        "NoNewPrivs:\t0",
    ];
    assert_eq!(lines, expected);
    let members = r#""linuxParameters":{"capabilities":{"add":["SYS_PTRACE"],"drop":["NET_RAW"]}}"#;
    let lines = run_script("grep CapEff /proc/self/status", members).unwrap();
    assert_eq!(lines, ["CapEff:\t00000000a80c05fb"]);
}

fn a_user_has_its_groups_and_no_capabilities() {
    let script = "id; echo $HOME; grep -E 'Cap(Prm|Eff)' /proc/self/status; touch /bin/x || echo refused";
    let Some(lines) = run_script(script, r#""user":"app""#) else { return };
    assert_eq!(lines[0], "uid=1000(app) gid=1000(app) groups=2000(extra)");
    assert_eq!(lines[1], "/home/app");
    assert_eq!(lines[2], "CapPrm:\t0000000000000000");
    assert_eq!(lines[3], "CapEff:\t0000000000000000");
    assert!(lines.contains(&"refused".to_owned()), "{lines:?}");
    let lines = run_script("id -u; id -g; echo $HOME", r#""user":"4242:7""#).unwrap();
    assert_eq!(lines, ["4242", "7", "/"]);
}

fn the_environment_is_the_containers() {
    let members = r#""environment":[{"name":"A","value":"b c"},{"name":"PATH","value":"/bin"}]"#;
    let Some(mut lines) = run_script("exec env", members) else { return };
    lines.sort();
    let names: Vec<&str> = lines.iter().map(|line| line.split('=').next().unwrap()).collect();
    let expected = [
        "A",
        "AWS_EXECUTION_ENV",
        "ECS_CONTAINER_METADATA_URI_V4",
        "HOME",
        "HOSTNAME",
        "PATH",
        "PWD",
        "SHLVL",
    ];
    assert_eq!(names, expected, "{lines:?}");
    assert!(lines.contains(&"A=b c".to_owned()) && lines.contains(&"PATH=/bin".to_owned()));
    assert!(lines.contains(&"AWS_EXECUTION_ENV=AWS_ECS_FARGATE".to_owned()));
}

fn devices_and_kernel_files_are_minimal() {
    let script = "ls /dev; echo x > /dev/null && echo written; \
                  echo 1 > /proc/sys/kernel/panic || echo protected; touch /sys/x || echo sealed; \
                  for f in kcore keys latency_stats timer_list sched_debug; do \
                  test -e /proc/$f && ! test -c /proc/$f && echo leaked $f; done; echo checked";
    let Some(lines) = run_script(script, "") else { return };
    let devices =
        ["fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout"];
    assert_eq!(&lines[..11], devices);
    for word in ["tty", "urandom", "zero", "written", "protected", "sealed", "checked"] {
        assert!(lines.contains(&word.to_owned()), "{word}: {lines:?}");
    }
    assert!(!lines.iter().any(|line| line.starts_with("leaked")), "{lines:?}");
}

fn a_read_only_root_cannot_be_written() {
    let script = "touch /x || echo refused; touch /dev/shm/y && echo shm";
    let Some(lines) = run_script(script, r#""readonlyRootFilesystem":true"#) else { return };
    assert!(lines.contains(&"refused".to_owned()) && lines.contains(&"shm".to_owned()), "{lines:?}");
}

fn writes_do_not_reach_the_machine() {
    let probe = format!("fargard-lab-probe-{}", std::process::id());
    let script = format!(
        "touch /usr/bin/{probe} /etc/{probe} /tmp/{probe} && echo made; ls /tmp /run | wc -l; rm -rf /usr/bin/env && echo removed"
    );
    let bench = Bench::start(options(&[&shell("app", &script)], ""));
    let lines = bench.lines("app");
    assert_eq!(lines[0], "made");
    assert_eq!(lines.last().map(String::as_str), Some("removed"), "{lines:?}");
    for directory in ["/usr/bin", "/etc", "/tmp"] {
        assert!(!Path::new(directory).join(&probe).exists(), "{directory}");
    }
    assert!(Path::new("/usr/bin/env").exists());
    bench.assert_clean();
}

fn limits_and_working_directory() {
    let members =
        r#""workingDirectory":"/made/for/it","ulimits":[{"name":"nofile","softLimit":100,"hardLimit":200}]"#;
    let Some(lines) = run_script("pwd; ulimit -n; ulimit -Hn; touch here && echo writable", members) else {
        return;
    };
    assert_eq!(lines, ["/made/for/it", "100", "200", "writable"]);
}
