//! The capabilities a container has on Fargate.

use fargard_taskdef::ContainerDefinition;
use rustix::thread::CapabilitySet;

/// What the container runtime gives to every container.
const DEFAULT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::MKNOD)
    .union(CapabilitySet::AUDIT_WRITE)
    .union(CapabilitySet::SETFCAP);

/// The capabilities of a container; the name of one that Fargate does not let be added is the error.
pub(crate) fn of(container: &ContainerDefinition) -> Result<CapabilitySet, String> {
    let mut set = DEFAULT;
    for name in &container.capabilities_drop {
        if name.eq_ignore_ascii_case("ALL") {
            set = CapabilitySet::empty();
        } else {
            set.remove(named(name).ok_or_else(|| name.clone())?);
        }
    }
    for name in &container.capabilities_add {
        if name != "SYS_PTRACE" {
            return Err(name.clone());
        }
        set.insert(CapabilitySet::SYS_PTRACE);
    }
    Ok(set)
}

fn named(name: &str) -> Option<CapabilitySet> {
    CapabilitySet::from_name(name.strip_prefix("CAP_").unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use fargard_taskdef::ContainerDefinition;

    use super::of;

    fn bits(add: &[&str], drop: &[&str]) -> Result<u64, String> {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let container = ContainerDefinition {
            capabilities_add: list(add),
            capabilities_drop: list(drop),
            ..ContainerDefinition::default()
        };
        of(&container).map(|set| set.bits())
    }

    #[test]
    fn as_on_fargate() {
        assert_eq!(bits(&[], &[]), Ok(0xa804_25fb));
        assert_eq!(bits(&["SYS_PTRACE"], &[]), Ok(0xa80c_25fb));
        assert_eq!(bits(&[], &["NET_RAW"]), Ok(0xa804_05fb));
        assert_eq!(bits(&["SYS_PTRACE"], &["ALL"]), Ok(1 << 19));
        assert_eq!(bits(&["SYS_ADMIN"], &[]), Err("SYS_ADMIN".into()));
        assert_eq!(bits(&[], &["NOTHING"]), Err("NOTHING".into()));
    }
}
