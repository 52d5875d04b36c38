//! User, capabilities and limits of the process.

use rustix::{
    process::{Gid, Resource, Rlimit, Uid},
    thread::{
        CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
        clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
        set_thread_groups, set_thread_res_gid, set_thread_res_uid,
    },
};

use super::{StageError, While, spec::Process};

/// Drops everything the process shall not have. The stage has a single thread, so what is set for the thread
/// holds for the process.
pub(super) fn apply(process: &Process) -> Result<(), StageError> {
    if let Some((soft, hard)) = process.nofile {
        limit_files(soft, hard)?;
    }
    let keep = process.capabilities.map(CapabilitySet::from_bits_retain);
    if let Some(keep) = keep {
        bound(keep)?;
    }
    if let Some(identity) = &process.identity {
        let groups: Vec<Gid> = identity.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
        let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
        set_thread_groups(&groups).during("set the groups")?;
        set_thread_res_gid(gid, gid, gid).during("set the group")?;
        set_thread_res_uid(uid, uid, uid).during("set the user")?;
    }
    if let Some(keep) = keep {
        let now = capabilities(None).during("read the capabilities")?;
        let kept = now.permitted & keep;
        let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
        set_capabilities(None, sets).during("drop capabilities")?;
    }
    Ok(())
}

/// Nothing outside the set can be gained by executing a file.
fn bound(keep: CapabilitySet) -> Result<(), StageError> {
    clear_ambient_capability_set().during("clear the ambient capabilities")?;
    for bit in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << bit);
        // The kernel says EINVAL for the first capability it does not know.
        let Ok(present) = capability_is_in_bounding_set(capability) else { break };
        if present && !keep.contains(capability) {
            remove_capability_from_bounding_set(capability)
                .during("drop capabilities from the bounding set")?;
        }
    }
    Ok(())
}

/// Sets the limit as far as this machine allows it.
fn limit_files(soft: u64, hard: u64) -> Result<(), StageError> {
    let wanted = Rlimit { current: Some(soft), maximum: Some(hard) };
    if rustix::process::setrlimit(Resource::Nofile, wanted).is_ok() {
        return Ok(());
    }
    let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
    let most = maximum.unwrap_or(u64::MAX);
    let possible = Rlimit { current: Some(soft.min(most)), maximum: Some(hard.min(most)) };
    rustix::process::setrlimit(Resource::Nofile, possible).during("set the limit of open files")
}
