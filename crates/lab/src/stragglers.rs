//! Ending what a container leaves running when its first process has ended and no pid namespace of its own takes
//! care of it.

use std::{
    fs,
    os::fd::OwnedFd,
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};

/// Rounds over the process list: every round ends all it finds, a fork bomb may need several.
const ROUNDS: usize = 50;
const MAX_ENVIRONMENT: usize = 4 << 20;
/// Time for a killed process to go.
const DEATH: Duration = Duration::from_millis(500);

/// What tells a container's processes from others.
#[derive(Clone, Debug)]
pub(crate) enum Mark {
    /// They are in this mount namespace (`mnt:[4026531841]`).
    MountNamespace(String),
    /// They have this variable.
    Variable(String),
}

impl Mark {
    /// The mount namespace of a process.
    pub(crate) fn mount_namespace(pid: u32) -> Option<Self> {
        let link = fs::read_link(format!("/proc/{pid}/ns/mnt")).ok()?;
        Some(Self::MountNamespace(link.to_string_lossy().into_owned()))
    }

    fn fits(&self, process: &Path) -> bool {
        match self {
            Self::MountNamespace(name) => {
                fs::read_link(process.join("ns/mnt")).is_ok_and(|link| link.as_os_str() == name.as_str())
            }
            Self::Variable(variable) => {
                fargard_model::bounded::read(&process.join("environ"), MAX_ENVIRONMENT).is_ok_and(|bytes| {
                    bytes.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes())
                })
            }
        }
    }
}

/// Kills every marked process. The sensor's own, which run the lab's program, first get that much time to end by
/// themselves once nothing is left to watch.
pub(crate) fn kill(mark: &Mark, sensor: Option<(&Path, Duration)>) {
    if let Some((program, time)) = sensor {
        let is_sensor = |process: &Path| fs::read_link(process.join("exe")).is_ok_and(|exe| exe == program);
        repeat(|process| mark.fits(process) && !is_sensor(process));
        let until = Instant::now() + time;
        for handle in handles(&|process: &Path| mark.fits(process) && is_sensor(process)) {
            wait_for(&handle, until);
        }
    }
    repeat(|process| mark.fits(process));
}

fn repeat(fits: impl Fn(&Path) -> bool) {
    for _ in 0..ROUNDS {
        let found = handles(&fits);
        if found.is_empty() {
            return;
        }
        for handle in found {
            // It may have ended by itself meanwhile.
            let _ = pidfd_send_signal(&handle, Signal::KILL);
            wait_for(&handle, Instant::now() + DEATH);
        }
    }
}

fn wait_for(handle: &OwnedFd, until: Instant) {
    let left = until.saturating_duration_since(Instant::now());
    let Ok(time) = Timespec::try_from(left) else { return };
    let _ = poll(&mut [PollFd::new(handle, PollFlags::IN)], Some(&time));
}

/// Handles of the processes that fit now, without this one.
fn handles(fits: &impl Fn(&Path) -> bool) -> Vec<OwnedFd> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let number = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        let Some(pid) = number.and_then(Pid::from_raw) else { continue };
        if pid == rustix::process::getpid() {
            continue;
        }
        // The handle is taken before the look, so that a signal cannot reach a later process of that number.
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { continue };
        if fits(&entry.path()) {
            found.push(handle);
        }
    }
    found
}
