//! What a task has of its host, and of file systems of others.

use super::{catalogue::Check, reader::Place, report::Weight, secrets, task::Subject};

/// Directories of a host that nobody else should see.
const SENSITIVE: &[&str] = &[
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/lib64",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var",
    "/var/lib/docker",
    "/var/lib/ecs",
    "/var/run",
];

/// Sockets over which a container engine takes orders.
const SOCKETS: &[&str] =
    &["docker.sock", "containerd.sock", "crio.sock", "podman.sock", "dockershim.sock", "buildkitd.sock"];

/// Checks the task's volumes.
pub(super) fn volumes(subject: &mut Subject<'_, '_>) {
    subject.makes_of_host(Check::HostPaths);
    subject.makes_of_host(Check::EngineSocket);
    let task = subject.task.clone();
    for volume in subject.reader.list(&task, "volumes") {
        for host in subject.reader.present(&volume, "host") {
            for path in subject.reader.present(&host, "sourcePath") {
                match subject.reader.text(&path) {
                    Some(text) => host_path(subject, &volume, &path, &text),
                    None => subject.open(Check::HostPaths, &path),
                }
            }
        }
        for efs in subject.reader.present(&volume, efs_name(subject)) {
            file_system(subject, &efs);
        }
        for docker in subject.reader.present(&volume, "dockerVolumeConfiguration") {
            for options in subject.reader.present(&docker, "driverOpts") {
                subject.makes(Check::Secrets);
                secrets::pairs(subject, &options);
            }
        }
    }
}

/// CloudFormation writes this member's first letters all in capitals.
fn efs_name(subject: &Subject<'_, '_>) -> &'static str {
    if subject.reader.is_template() { "EFSVolumeConfiguration" } else { "efsVolumeConfiguration" }
}

fn host_path<'d>(subject: &mut Subject<'_, 'd>, volume: &Place<'d>, place: &Place<'d>, text: &str) {
    if text.is_empty() {
        return;
    }
    let path = normal(text);
    if path.rsplit('/').next().is_some_and(|name| SOCKETS.contains(&name)) {
        let reason = format!("{path}: who has this socket has the host{}", subject.refused());
        return subject.found(Check::EngineSocket, Weight::Error, "socket", place, reason);
    }
    let name = subject.reader.text_of(volume, "name");
    let read_only = is_read_only(subject, name.as_deref());
    let sensitive = SENSITIVE.contains(&path.as_str())
        || ["/etc/", "/proc/", "/sys/", "/dev/", "/boot/", "/root/"]
            .iter()
            .any(|start| path.starts_with(start));
    let how = if read_only { "read only" } else { "to be written" };
    let (weight, class) = match (sensitive, read_only) {
        (true, false) => (Weight::Error, "sensitive"),
        (true, true) => (Weight::Warning, "sensitive"),
        (false, _) => (Weight::Notice, "host-path"),
    };
    let reason = format!("{path} of the host is mounted {how}{}", subject.refused());
    subject.found(Check::HostPaths, weight, class, place, reason);
    // The directory of a socket has the socket.
    if ["/", "/run", "/var/run", "/var"].contains(&path.as_str()) {
        let reason = format!("{path} of the host holds the engine's socket{}", subject.refused());
        subject.found(Check::EngineSocket, Weight::Error, "socket", place, reason);
    }
}

/// Without doubled and trailing slashes and `.` and `..`.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Whether every container that mounts a volume may only read it.
fn is_read_only(subject: &Subject<'_, '_>, volume: Option<&str>) -> bool {
    let reader = subject.reader;
    let containers = reader.list(&subject.task, "containerDefinitions");
    let mut mounts = containers
        .iter()
        .flat_map(|container| reader.list(container, "mountPoints"))
        .filter(|mount| volume.is_none() || reader.text_of(mount, "sourceVolume").as_deref() == volume)
        .peekable();
    mounts.peek().is_some()
        && mounts.all(|mount| {
            let read_only = reader.present(&mount, "readOnly");
            !read_only.is_empty() && read_only.iter().all(|place| reader.flag(place) == Some(true))
        })
}

/// Encryption and authorization of an EFS volume.
fn file_system<'d>(subject: &mut Subject<'_, 'd>, efs: &Place<'d>) {
    subject.makes(Check::EfsTransit);
    subject.makes(Check::EfsAuthorization);
    let reader = subject.reader;
    for value in reader.member(efs, "transitEncryption") {
        let place = value.as_ref().unwrap_or(efs);
        match value.as_ref().map(|place| reader.text(place)) {
            Some(Some(text)) if text == "ENABLED" => {}
            Some(None) => subject.open(Check::EfsTransit, place),
            _ => {
                let reason = "transitEncryption is not ENABLED: its files cross the network in the clear";
                subject.found(Check::EfsTransit, Weight::Warning, "clear", place, reason);
            }
        }
    }
    for value in reader.member(efs, "authorizationConfig") {
        let Some(place) = value else {
            let reason = "it has no authorizationConfig: who reaches the file system may mount all of it";
            subject.found(Check::EfsAuthorization, Weight::Warning, "anybody", efs, reason);
            continue;
        };
        let iam = if reader.is_template() { "IAM" } else { "iam" };
        let by_role = reader.present(&place, iam);
        let has_point = !reader.present(&place, "accessPointId").is_empty();
        let is_on = by_role.iter().any(|iam| reader.text(iam).as_deref() == Some("ENABLED"));
        let unknown = by_role.iter().find(|iam| reader.text(iam).is_none());
        match unknown {
            Some(iam) if !has_point => subject.open(Check::EfsAuthorization, iam),
            _ if is_on || has_point => {}
            _ => {
                let reason = "authorizationConfig has neither an access point nor iam ENABLED";
                subject.found(Check::EfsAuthorization, Weight::Warning, "anybody", &place, reason);
            }
        }
    }
}

/// Checks what a container has of the host.
pub(super) fn container<'d>(subject: &mut Subject<'_, 'd>, container: &Place<'d>) {
    subject.makes_of_host(Check::Devices);
    subject.makes_of_host(Check::HostPorts);
    subject.makes(Check::Ssh);
    let reader = subject.reader;
    for linux in reader.present(container, "linuxParameters") {
        for device in reader.list(&linux, "devices") {
            let path = reader.text_of(&device, "hostPath").unwrap_or_else(|| "a device".to_owned());
            let reason = format!("it has {path} of the host{}", subject.refused());
            subject.found(Check::Devices, Weight::Warning, "device", &device, reason);
        }
    }
    let on_host = subject.network.as_deref().is_none_or(|mode| mode == "bridge" || mode == "host");
    for port in reader.list(container, "portMappings") {
        let number = |name: &str| reader.text_of(&port, name).and_then(|text| text.parse::<u16>().ok());
        if number("containerPort") == Some(22) {
            let reason = "port 22 is SSH's; ECS Exec gives a shell with a record of who had it";
            subject.found(Check::Ssh, Weight::Warning, "port", &port, reason);
        }
        let host = number("hostPort").filter(|port| (1..1024).contains(port));
        if let Some(host) = host.filter(|_| on_host && subject.launch == super::task::Launch::Instances) {
            let reason = format!("port {host} of the host is one that only root may serve");
            subject.found(Check::HostPorts, Weight::Warning, "privileged-port", &port, reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn paths_have_one_spelling() {
        for (path, expected) in [
            ("/var/run/docker.sock", "/var/run/docker.sock"),
            ("//etc/./", "/etc"),
            ("/a/../..//etc", "/etc"),
            ("", "/"),
        ] {
            assert_eq!(normal(path), expected);
        }
    }
}
