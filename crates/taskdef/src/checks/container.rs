//! Checks of one container.

use super::{
    catalogue::Check,
    host, image,
    reader::Place,
    report::Weight,
    secrets,
    task::{Launch, Subject},
    user,
};

/// What is asked of every container.
pub(super) const CHECKS: &[Check] = &[
    Check::Privileged,
    Check::Capabilities,
    Check::NetRaw,
    Check::WritableRoot,
    Check::Root,
    Check::Logging,
    Check::MovingImage,
    Check::Secrets,
    Check::HealthCheck,
];

/// Capabilities that let a container out, or over the whole host.
const OUT: &[&str] = &[
    "ALL",
    "BPF",
    "DAC_READ_SEARCH",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "NET_ADMIN",
    "PERFMON",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_TIME",
    "SYSLOG",
];

/// Capabilities that Docker gives every container (containerd and Fargate do too).
const USUAL: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

pub(super) fn check<'d>(subject: &mut Subject<'_, 'd>, container: &Place<'d>) {
    privileged(subject, container);
    capabilities(subject, container);
    root_file_system(subject, container);
    logging(subject, container);
    health(subject, container);
    options(subject, container);
    limits(subject, container);
    user::check(subject, container);
    image::check(subject, container);
    secrets::check(subject, container);
    host::container(subject, container);
}

fn privileged<'d>(subject: &mut Subject<'_, 'd>, container: &Place<'d>) {
    subject.makes_of_host(Check::Privileged);
    for place in subject.reader.present(container, "privileged") {
        match subject.reader.flag(&place) {
            Some(true) => {
                let reason = format!("privileged is true{}", subject.refused());
                subject.found(Check::Privileged, Weight::Error, "privileged", &place, reason);
            }
            Some(false) => {}
            None => subject.open(Check::Privileged, &place),
        }
    }
}

fn capabilities<'d>(subject: &mut Subject<'_, 'd>, container: &Place<'d>) {
    if !subject.makes_of_linux(Check::Capabilities) || !subject.makes_of_linux(Check::NetRaw) {
        return;
    }
    let reader = subject.reader;
    let (mut drops_raw, mut unknown) = (false, None);
    for linux in reader.present(container, "linuxParameters") {
        for capabilities in reader.present(&linux, "capabilities") {
            for added in reader.list(&capabilities, "add") {
                match reader.text(&added) {
                    Some(name) => capability(subject, &added, &name),
                    None => subject.open(Check::Capabilities, &added),
                }
            }
            if let Some(list) = reader.unknown_list(&capabilities, "add") {
                subject.open(Check::Capabilities, &list);
            }
            for dropped in reader.list(&capabilities, "drop") {
                match reader.text(&dropped).map(|name| name.to_ascii_uppercase()) {
                    Some(name) => drops_raw |= ["ALL", "NET_RAW", "CAP_NET_RAW"].contains(&name.as_str()),
                    None => unknown = Some(dropped),
                }
            }
            unknown = reader.unknown_list(&capabilities, "drop").or(unknown);
        }
    }
    match unknown {
        _ if drops_raw => {}
        Some(place) => subject.open(Check::NetRaw, &place),
        None => {
            // On a bridge, raw packets reach the containers of others.
            let shared = subject.launch != Launch::Fargate
                && subject.network.as_deref().is_some_and(|mode| mode == "bridge" || mode == "host");
            let weight = if shared { Weight::Warning } else { Weight::Notice };
            subject.found(
                Check::NetRaw,
                weight,
                "not-dropped",
                container,
                "linuxParameters.capabilities.drop names neither NET_RAW nor ALL",
            );
        }
    }
}

fn capability<'d>(subject: &mut Subject<'_, 'd>, place: &Place<'d>, name: &str) {
    let upper = name.to_ascii_uppercase();
    let short = upper.strip_prefix("CAP_").unwrap_or(&upper);
    let (weight, class, what) = if OUT.contains(&short) {
        (Weight::Error, "host", "reaches beyond the container")
    } else if USUAL.contains(&short) {
        (Weight::Informational, "usual", "is given to every container that does not drop it")
    } else if short == "SYS_PTRACE" {
        // What tracing sensors need, and the only one that Fargate grants.
        (Weight::Notice, "trace", "lets it read and change processes of the task")
    } else {
        (Weight::Warning, "unusual", "is not among the capabilities that containers have")
    };
    let refused = if short == "SYS_PTRACE" || class == "usual" { "" } else { subject.refused() };
    let reason = format!("adds {short}, which {what}{refused}");
    subject.found(Check::Capabilities, weight, class, place, reason);
}

fn root_file_system<'d>(subject: &mut Subject<'_, 'd>, container: &Place<'d>) {
    if !subject.makes_of_linux(Check::WritableRoot) {
        return;
    }
    for value in subject.reader.member(container, "readonlyRootFilesystem") {
        let reason = "its root file system can be written";
        match value {
            None => {
                let reason = format!("{reason}: readonlyRootFilesystem is not set");
                subject.found(Check::WritableRoot, Weight::Error, "unset", container, reason);
            }
            Some(place) => match subject.reader.flag(&place) {
                Some(true) => {}
                Some(false) => {
                    subject.found(Check::WritableRoot, Weight::Error, "writable", &place, reason);
                }
                None => subject.open(Check::WritableRoot, &place),
            },
        }
    }
}

fn logging<'d>(subject: &mut Subject<'_, 'd>, container: &Place<'d>) {
    subject.makes(Check::Logging);
    let reader = subject.reader;
    for value in reader.member(container, "logConfiguration") {
        let Some(log) = value else {
            // A log router has its own log, or none: it would have to send it to itself.
            let router = !reader.present(container, "firelensConfiguration").is_empty();
            let weight = if router { Weight::Notice } else { Weight::Error };
            subject.found(Check::Logging, weight, "no-log", container, "it has no logConfiguration");
            continue;
        };
        for driver in reader.member(&log, "logDriver") {
            let Some(driver) = driver else {
                subject.found(Check::Logging, Weight::Error, "no-log", &log, "it names no logDriver");
                continue;
            };
            match reader.text(&driver).as_deref() {
                Some("none") => {
                    subject.found(Check::Logging, Weight::Error, "no-log", &driver, "logDriver is none");
                }
                Some("awslogs") => blocking(subject, &log),
                Some(_) => {}
                None => subject.open(Check::Logging, &driver),
            }
        }
    }
}

/// Whether writing a line can stop the application.
fn blocking<'d>(subject: &mut Subject<'_, 'd>, log: &Place<'d>) {
    subject.makes(Check::BlockingLog);
    let mode = subject.reader.present(log, "options").into_iter().find_map(|options| {
        subject.reader.entries(&options).into_iter().find(|(name, _)| *name == "mode").map(|(_, place)| place)
    });
    match mode {
        Some(place) => match subject.reader.text(&place).as_deref() {
            Some("non-blocking") => {}
            Some(_) => subject.found(
                Check::BlockingLog,
                Weight::Warning,
                "blocking",
                &place,
                "the application waits when CloudWatch does not take its log",
            ),
            None => subject.open(Check::BlockingLog, &place),
        },
        None => subject.found(
            Check::BlockingLog,
            Weight::Notice,
            "default",
            log,
            "its log driver has no mode: the account's default counts, which is blocking where \
             defaultLogDriverMode says so",
        ),
    }
}

fn health<'d>(subject: &mut Subject<'_, 'd>, container: &Place<'d>) {
    subject.makes(Check::HealthCheck);
    let reader = subject.reader;
    let serves = !reader.list(container, "portMappings").is_empty();
    let essential = reader.text_of(container, "essential").is_none_or(|text| text != "false");
    // What ends or only helps need not say that it is well.
    let weight = if serves && essential { Weight::Warning } else { Weight::Informational };
    for value in reader.member(container, "healthCheck") {
        let Some(place) = value else {
            let reason = "it has no healthCheck (ECS ignores the image's own)";
            subject.found(Check::HealthCheck, weight, "no-check", container, reason);
            continue;
        };
        let first = reader.list(&place, "command").first().and_then(|word| reader.text(word));
        if first.as_deref() == Some("NONE") {
            subject.found(Check::HealthCheck, weight, "no-check", &place, "its healthCheck is NONE");
        }
    }
}

/// `dockerSecurityOptions`, which only instances know.
fn options<'d>(subject: &mut Subject<'_, 'd>, container: &Place<'d>) {
    subject.makes_of_host(Check::Unconfined);
    let reader = subject.reader;
    let mut keeps = false;
    for option in reader.list(container, "dockerSecurityOptions") {
        let Some(text) = reader.text(&option) else {
            subject.open(Check::Unconfined, &option);
            keeps = true;
            continue;
        };
        let (name, value) = text.split_once([':', '=']).unwrap_or((&text, "true"));
        keeps |= name == "no-new-privileges" && value != "false";
        let off = (["apparmor", "seccomp"].contains(&name) && value == "unconfined")
            || (name == "label" && value == "disable");
        if off {
            let reason = format!("{name} is switched off{}", subject.refused());
            subject.found(Check::Unconfined, Weight::Error, "unconfined", &option, reason);
        }
    }
    subject.makes_of_host(Check::NewPrivileges);
    if subject.launch == Launch::Instances && !subject.windows && !keeps {
        subject.found(
            Check::NewPrivileges,
            Weight::Warning,
            "unset",
            container,
            "dockerSecurityOptions lacks no-new-privileges: setuid programs gain their owner's rights",
        );
    }
}

/// Memory and CPU on instances; on Fargate the task has them.
fn limits<'d>(subject: &mut Subject<'_, 'd>, container: &Place<'d>) {
    for (check, name) in [(Check::Memory, "memory"), (Check::Cpu, "cpu")] {
        subject.makes_of_host(check);
        let has = |place: &Place<'d>| !subject.reader.present(place, name).is_empty();
        if subject.launch == Launch::Instances && !has(container) && !has(&subject.task) {
            let reason = format!("neither it nor the task has a limit of {name}: it can take the host's");
            subject.found(check, Weight::Warning, "unlimited", container, reason);
        }
    }
}
