//! What is run for each container, worked out and checked before anything is started.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use fargard_taskdef::{ContainerDefinition, HealthCheck, TaskDefinition, VolumeSource};

use crate::{
    capability,
    error::{LabError, Tried},
    identity,
    metadata::Server,
    names::Names,
    options::{Isolation, Options},
    rootfs::Rootfs,
    scratch::{Scratch, directory},
    sensor::{self, SensorPlan},
    stage::spec::{Container, Mount, Place, Process},
};

/// Fargate's default limit of open files.
const NOFILE: (u64, u64) = (65_535, 65_535);
/// Fargate's default for `stopTimeout`.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// What a container runtime sets where the image does not.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A container ready to be started.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) process: Process,
    pub(crate) sensor: Option<SensorPlan>,
    pub(crate) health_check: Option<HealthCheck>,
    pub(crate) start_timeout: Option<Duration>,
    pub(crate) stop_timeout: Duration,
    /// Value of `ECS_CONTAINER_METADATA_URI_V4`: tells this container's processes from all others.
    pub(crate) metadata_uri: String,
    pub(crate) image_id: String,
}

/// Whether containers of these options are isolated.
pub(crate) fn is_isolated(options: &Options) -> bool {
    options.isolation == Isolation::Auto && rustix::process::geteuid().is_root()
}

/// Checks everything that does not need the machine.
pub(crate) fn check(options: &Options) -> Result<(), LabError> {
    if !crate::names::is_cluster_name(&options.cluster) {
        return Err(LabError::Cluster(options.cluster.clone()));
    }
    let definition = &options.definition;
    let names: Vec<&str> = definition.containers.iter().map(|container| &*container.name).collect();
    if let Some(name) = options.rootfs.keys().find(|name| !names.contains(&name.as_str())) {
        return Err(LabError::UnknownContainer { name: name.clone(), known: names.join(", ") });
    }
    for container in &definition.containers {
        if !is_isolated(options)
            && let Some(path) = options.rootfs.get(&container.name)
        {
            return Err(LabError::Rootfs {
                container: container.name.clone(),
                path: path.clone(),
                reason: "changing the root needs root rights; start as root or leave --rootfs out".to_owned(),
            });
        }
        capability::of(container).map_err(|name| LabError::Unsupported {
            container: container.name.clone(),
            what: format!("capability {name:?}"),
            instead: "Fargate lets only SYS_PTRACE be added, and known names be dropped".to_owned(),
        })?;
        check_volumes(definition, container)?;
    }
    Ok(())
}

fn check_volumes(definition: &TaskDefinition, container: &ContainerDefinition) -> Result<(), LabError> {
    for mount in &container.mount_points {
        let volume = definition.volumes.iter().find(|volume| volume.name == mount.volume);
        let what = match volume.map(|volume| &volume.source) {
            Some(VolumeSource::Host(_)) => "a volume with host.sourcePath",
            Some(VolumeSource::Docker) => "a Docker volume",
            Some(VolumeSource::Fsx) => "an FSx volume",
            _ => continue,
        };
        return Err(LabError::Unsupported {
            container: container.name.clone(),
            what: format!("{what} ({:?})", mount.volume),
            instead: "Fargate has none either; use a volume of the task".to_owned(),
        });
    }
    Ok(())
}

/// What the lab does differently from Fargate in this task, for people.
pub(crate) fn differences(options: &Options) -> Vec<String> {
    let mut said = Vec::new();
    if !is_isolated(options) {
        said.push(
            "not isolated (needs root): containers are plain processes of this user, with the machine's files, \
             process numbers and capabilities; volumes, user and readonlyRootFilesystem have no effect"
                .to_owned(),
        );
    }
    let containers = &options.definition.containers;
    let mut each = |what: &str, applies: &dyn Fn(&ContainerDefinition) -> bool| {
        let names: Vec<&str> =
            containers.iter().filter(|container| applies(container)).map(|one| &*one.name).collect();
        if !names.is_empty() {
            said.push(format!("{}: {what}", names.join(", ")));
        }
    };
    each("secrets are not fetched; variables are set from --secret only", &|one| {
        one.secrets.iter().any(|(_, from)| !options.secrets.contains_key(from))
    });
    each("environmentFiles are not fetched", &|one| one.environment_files > 0);
    each("restartPolicy has no effect; the container is not restarted", &|one| one.restart);
    each("initProcessEnabled has no effect; the program itself is PID 1", &|one| one.init_process);
    each("pseudoTerminal has no effect", &|one| one.pseudo_terminal);
    each("systemControls have no effect", &|one| !one.system_controls.is_empty());
    each("firelensConfiguration has no effect", &|one| one.firelens);
    each("ulimits other than nofile have no effect", &|one| {
        one.ulimits.iter().any(|limit| limit.name != "nofile")
    });
    each("log drivers are not emulated; logs come here", &|one| one.log.is_some());
    let remote: Vec<&str> = options
        .definition
        .volumes
        .iter()
        .filter(|volume| {
            matches!(volume.source, VolumeSource::Efs | VolumeSource::S3Files | VolumeSource::AtLaunch)
        })
        .map(|volume| &*volume.name)
        .collect();
    if !remote.is_empty() {
        said.push(format!("volumes {}: an empty local directory stands in", remote.join(", ")));
    }
    said
}

/// Makes root file systems and volumes, resolves users and commands.
pub(crate) fn make(
    options: &Options,
    names: &Names,
    scratch: &Scratch,
    server: &Server,
) -> Result<Vec<Plan>, LabError> {
    let isolated = is_isolated(options);
    let volumes = volumes(options, scratch)?;
    let mut opened = Vec::new();
    for (index, container) in options.definition.containers.iter().enumerate() {
        let home =
            scratch.directory(format!("container-{index}"), 0o755).tried(|| "make a directory".into())?;
        let rootfs =
            match options.rootfs.get(&container.name) {
                Some(path) => Rootfs::open(path, &home.join("unpacked")).map_err(|reason| {
                    LabError::Rootfs { container: container.name.clone(), path: path.clone(), reason }
                })?,
                None => Rootfs::machine(),
            };
        opened.push((container, rootfs, home));
    }
    let image_volumes: BTreeMap<String, Vec<Mount>> =
        opened.iter().map(|(container, rootfs, _)| (container.name.clone(), image_volumes(rootfs))).collect();
    opened
        .into_iter()
        .map(|(container, rootfs, home)| {
            let maker =
                Maker { options, names, container, rootfs, home, isolated, image_volumes: &image_volumes };
            maker.plan(&volumes, scratch, server)
        })
        .collect()
}

/// What an image's volumes are to containers that take them over. They cannot be written: what is there is the
/// image's own.
fn image_volumes(rootfs: &Rootfs) -> Vec<Mount> {
    let mount = |(source, target)| Mount { source, target, read_only: true };
    rootfs.volumes().into_iter().map(mount).collect()
}

fn volumes(options: &Options, scratch: &Scratch) -> Result<BTreeMap<String, PathBuf>, LabError> {
    let mut directories = BTreeMap::new();
    for (index, volume) in options.definition.volumes.iter().enumerate() {
        let path = scratch.directory(format!("volume-{index}"), 0o755).tried(|| "make a volume".into())?;
        directories.insert(volume.name.clone(), path);
    }
    Ok(directories)
}

struct Maker<'a> {
    options: &'a Options,
    names: &'a Names,
    container: &'a ContainerDefinition,
    rootfs: Rootfs,
    home: PathBuf,
    isolated: bool,
    /// By container.
    image_volumes: &'a BTreeMap<String, Vec<Mount>>,
}

impl Maker<'_> {
    fn plan(
        self,
        volumes: &BTreeMap<String, PathBuf>,
        scratch: &Scratch,
        server: &Server,
    ) -> Result<Plan, LabError> {
        let container = self.container;
        let image = self.rootfs.image.as_ref();
        let written = container.user.clone().or_else(|| image.and_then(|image| image.user.clone()));
        let user = identity::resolve(&self.rootfs.lower, written.as_deref());
        let user = user.map_err(|reason| LabError::User {
            container: container.name.clone(),
            user: written.unwrap_or_default(),
            reason,
        });
        // A plain process stays who the lab is.
        let user = if self.isolated { Some(user?) } else { user.ok() };
        let metadata_uri = server.uri(&self.names.docker_id(&container.name));
        let home = match (&user, self.isolated) {
            (Some(user), true) => user.home.clone(),
            _ => std::env::var("HOME").unwrap_or_else(|_| "/".to_owned()),
        };
        let nofile = container.ulimits.iter().find(|limit| limit.name == "nofile");
        let capabilities =
            capability::of(container).unwrap_or_else(|_| rustix::thread::CapabilitySet::empty());
        let process = Process {
            arguments: container.arguments(image.map(|image| &image.process))?,
            environment: self.environment(&home, &metadata_uri),
            working_directory: container
                .working_directory
                .clone()
                .or_else(|| image.and_then(|image| image.working_directory.clone()))
                .or_else(|| self.isolated.then(|| "/".to_owned())),
            identity: user.filter(|_| self.isolated).map(|user| user.identity),
            capabilities: self.isolated.then_some(capabilities.bits()),
            nofile: Some(nofile.map_or(NOFILE, |limit| (limit.soft, limit.hard))),
        };
        let sensor = match &self.options.sensor {
            Some(options) if options.sidecar.as_ref().is_none_or(|name| *name == container.name) => {
                Some(sensor::plan(options, &self.home, &metadata_uri, process.identity.as_ref())?)
            }
            _ => None,
        };
        let place = if self.isolated {
            Place::New(Box::new(self.new_container(volumes, scratch, sensor.as_ref())?))
        } else {
            Place::Machine
        };
        let stop = container.stop_timeout.map_or(STOP_TIMEOUT, Duration::from_secs);
        Ok(Plan {
            name: container.name.clone(),
            place,
            process,
            sensor,
            health_check: container.health_check.clone(),
            start_timeout: container.start_timeout.map(Duration::from_secs),
            stop_timeout: self.options.max_stop_timeout.map_or(stop, |most| stop.min(most)),
            metadata_uri,
            image_id: image.map(|image| image.id.clone()).unwrap_or_default(),
        })
    }

    /// Later ones win: the runtime's, the image's, the definition's, its secrets, ECS's.
    fn environment(&self, home: &str, metadata_uri: &str) -> Vec<(String, String)> {
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut all = vec![own("PATH", PATH), own("HOSTNAME", &self.names.hostname()), own("HOME", home)];
        all.extend(self.rootfs.image.iter().flat_map(|image| image.environment.iter().cloned()));
        all.extend(self.container.environment.iter().cloned());
        all.extend(self.container.secrets.iter().filter_map(|(name, from)| {
            Some((name.clone(), self.options.secrets.get(from)?.reveal().to_owned()))
        }));
        all.extend([
            own("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE"),
            own("ECS_CONTAINER_METADATA_URI_V4", metadata_uri),
        ]);
        let mut seen = BTreeSet::new();
        let mut unique: Vec<_> =
            all.into_iter().rev().filter(|(name, _)| !name.is_empty() && seen.insert(name.clone())).collect();
        unique.reverse();
        unique
    }

    fn new_container(
        &self,
        volumes: &BTreeMap<String, PathBuf>,
        scratch: &Scratch,
        sensor: Option<&SensorPlan>,
    ) -> Result<Container, LabError> {
        let layers = self.home.join("layers");
        for name in ["lower", "upper", "work", "root"] {
            directory(&layers.join(name), 0o755).tried(|| "make a directory".into())?;
        }
        if self.rootfs.machine {
            hide_machine_state(&layers.join("upper"))?;
        }
        let mut mounts = self.system_files(scratch)?;
        mounts.extend(sensor.map(SensorPlan::mounts).unwrap_or_default());
        let definition = &self.options.definition;
        mounts.extend(volume_mounts(definition, self.container, volumes, false, 0));
        let sources = self.container.volumes_from.iter();
        mounts.extend(
            sources.filter_map(|source| self.image_volumes.get(&source.container)).flatten().cloned(),
        );
        // What lies deeper is mounted later, so that nothing hides it.
        mounts.sort_by_key(|mount| mount.target.components().count());
        Ok(Container {
            lower: self.rootfs.lower.clone(),
            layers,
            hostname: self.names.hostname(),
            mounts,
            read_only: self.container.readonly_root,
        })
    }

    /// `/etc/hosts`, `/etc/hostname`, `/etc/resolv.conf`.
    fn system_files(&self, scratch: &Scratch) -> Result<Vec<Mount>, LabError> {
        let hostname = self.names.hostname();
        let resolver =
            fargard_model::bounded::read(Path::new("/etc/resolv.conf"), 1 << 20).unwrap_or_default();
        let hosts = format!("127.0.0.1 localhost\n::1 localhost\n127.0.0.1 {hostname}\n");
        let mut mounts = Vec::new();
        for (name, content) in [
            ("hosts", hosts.into_bytes()),
            ("hostname", format!("{hostname}\n").into_bytes()),
            ("resolv.conf", resolver),
        ] {
            let source = scratch
                .file(self.home.join(name), &content)
                .tried(|| format!("write {name} of a container"))?;
            mounts.push(Mount { source, target: Path::new("/etc").join(name), read_only: false });
        }
        Ok(mounts)
    }
}

/// Gives a container on the machine's root empty directories where the machine keeps what is running and temporary.
fn hide_machine_state(upper: &Path) -> Result<(), LabError> {
    for (name, mode) in [("tmp", 0o1777), ("run", 0o755), ("var/tmp", 0o1777)] {
        let there = std::fs::symlink_metadata(Path::new("/").join(name));
        if !there.is_ok_and(|found| found.is_dir()) {
            continue;
        }
        let path = upper.join(name);
        let flags = rustix::fs::XattrFlags::empty();
        directory(&path, mode).tried(|| format!("make {}", path.display()))?;
        rustix::fs::setxattr(&path, "trusted.overlay.opaque", b"y", flags)
            .tried(|| format!("hide the machine's /{name} (setxattr on {})", path.display()))?;
    }
    Ok(())
}

/// A container's own mount points and those it takes over from others.
fn volume_mounts(
    definition: &TaskDefinition,
    container: &ContainerDefinition,
    volumes: &BTreeMap<String, PathBuf>,
    read_only: bool,
    depth: usize,
) -> Vec<Mount> {
    let own = container.mount_points.iter().filter_map(|mount| {
        Some(Mount {
            source: volumes.get(&mount.volume)?.clone(),
            target: PathBuf::from(&mount.path),
            read_only: mount.read_only || read_only,
        })
    });
    let mut mounts: Vec<Mount> = own.collect();
    // References have no circles (checked when the definition was read); the bound is for hand-made ones.
    if depth < definition.containers.len() {
        for source in &container.volumes_from {
            if let Some(other) = definition.container(&source.container) {
                let read_only = read_only || source.read_only;
                mounts.extend(volume_mounts(definition, other, volumes, read_only, depth + 1));
            }
        }
    }
    mounts
}
