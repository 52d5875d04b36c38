//! Which call is which.

use serde_json::Value;

use super::{
    answer::{Refusal, Reply},
    clusters, definitions,
    input::Input,
    instances, services, settings, tags, tasks,
    world::World,
};

/// Carries out a call.
pub(super) fn call(world: &mut World, operation: &str, input: &Value) -> Reply {
    let input = Input::of(input)?;
    match operation {
        "CreateCluster" => clusters::create(world, input),
        "DeleteCluster" => clusters::delete(world, input),
        "ListClusters" => clusters::list(world, input),
        "DescribeClusters" => clusters::describe(world, input),
        "RegisterTaskDefinition" => definitions::register(world, input),
        "DeregisterTaskDefinition" => definitions::deregister(world, input),
        "DescribeTaskDefinition" => definitions::describe(world, input),
        "ListTaskDefinitions" => definitions::list(world, input),
        "ListTaskDefinitionFamilies" => definitions::list_families(world, input),
        "CreateService" => services::create(world, input),
        "UpdateService" => services::update(world, input),
        "DeleteService" => services::delete(world, input),
        "ListServices" => services::list(world, input),
        "DescribeServices" => services::describe(world, input),
        "ListServiceDeployments" => services::list_deployments(world, input),
        "DescribeServiceDeployments" => services::describe_deployments(world, input),
        "RunTask" => tasks::run(world, input),
        "StopTask" => tasks::stop(world, input),
        "ListTasks" => tasks::list(world, input),
        "DescribeTasks" => tasks::describe(world, input),
        "ListContainerInstances" => instances::list(world, input),
        "DescribeContainerInstances" => instances::describe(world, input),
        "TagResource" => tags::add(world, input),
        "UntagResource" => tags::remove(world, input),
        "ListTagsForResource" => tags::list(world, input),
        "ListAccountSettings" => settings::list(world, input),
        "PutAccountSetting" => settings::put(world, input),
        other => Err(Refusal::other(
            "UnsupportedFeatureException",
            &format!("{} is not imitated.", other.chars().take(80).collect::<String>()),
        )),
    }
}
