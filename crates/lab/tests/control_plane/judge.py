"""Calls every operation through boto3 and compares each answer with botocore's model of ECS.

Usage: judge.py URL. Prints how many answers were judged; exits 1 at the first complaint.
"""

import json
import sys

import boto3
from botocore.exceptions import ClientError

ecs = boto3.client(
    "ecs", endpoint_url=sys.argv[1], region_name="eu-west-1", aws_access_key_id="AKID", aws_secret_access_key="secret"
)
judged = []
SCALARS = {"string": str, "integer": int, "long": int, "boolean": bool, "timestamp": (int, float), "double": (int, float)}


def compare(value, shape, path):
    if shape.type_name == "structure":
        assert isinstance(value, dict), f"{path} is no structure"
        for name, member in value.items():
            assert name in shape.members, f"{path}.{name} is unknown to botocore's model"
            assert member is not None, f"{path}.{name} is null"
            compare(member, shape.members[name], f"{path}.{name}")
    elif shape.type_name == "list":
        assert isinstance(value, list), f"{path} is no list"
        for number, member in enumerate(value):
            compare(member, shape.member, f"{path}[{number}]")
    elif shape.type_name == "map":
        for key, member in value.items():
            compare(member, shape.value, f"{path}.{key}")
    else:
        wanted = SCALARS[shape.type_name]
        assert isinstance(value, wanted), f"{path} is {value!r}, not a {shape.type_name}"
        if wanted is int:
            assert not isinstance(value, bool), f"{path} is a boolean"
        if getattr(shape, "enum", None):
            assert value in shape.enum, f"{path}: {value!r} is none of {shape.enum}"


def judge(response_dict, operation_model, **_):
    if response_dict["status_code"] == 200:
        compare(json.loads(response_dict["body"]), operation_model.output_shape, operation_model.name)
        judged.append(operation_model.name)


ecs.meta.events.register("before-parse.ecs.*", judge)


def refused(code, call, **given):
    try:
        call(**given)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        assert error.response["ResponseMetadata"]["RequestId"], "no request id"
        return
    raise AssertionError(f"not refused with {code}")


network = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED"}}
ecs.create_cluster(clusterName="judged", tags=[{"key": "a", "value": "b"}], settings=[{"name": "containerInsights", "value": "enabled"}])
registered = ecs.register_task_definition(
    family="judged", requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="1024", memory="2048",
    runtimePlatform={"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
    containerDefinitions=[{
        "name": "app", "image": "app:1", "entryPoint": ["/app"], "environment": [{"name": "A", "value": "1"}],
        "linuxParameters": {"initProcessEnabled": True}, "restartPolicy": {"enabled": True, "restartAttemptPeriod": 60},
        "portMappings": [{"containerPort": 80}],
    }], tags=[{"key": "c", "value": "d"}],
)["taskDefinition"]
assert registered["registeredAt"].year >= 2026 and registered["revision"] == 1
ecs.describe_task_definition(taskDefinition="judged", include=["TAGS"])["tags"][0]["key"] == "c"
ecs.create_service(
    cluster="judged", serviceName="s", taskDefinition="judged", desiredCount=2, launchType="FARGATE",
    networkConfiguration=network, deploymentController={"type": "ECS"}, enableECSManagedTags=True,
    deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}, "maximumPercent": 200},
)
ecs.update_service(cluster="judged", service="s", forceNewDeployment=True)
task = ecs.run_task(cluster="judged", taskDefinition="judged", launchType="FARGATE", networkConfiguration=network,
                    overrides={"containerOverrides": [{"name": "app", "command": ["x"]}]}, tags=[{"key": "e", "value": "f"}])
arn = task["tasks"][0]["taskArn"]
ecs.stop_task(cluster="judged", task=arn, reason="enough")
assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "e", "value": "f"}]
ecs.tag_resource(resourceArn=arn, tags=[{"key": "g", "value": "h"}])
ecs.untag_resource(resourceArn=arn, tagKeys=["e"])
assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "g", "value": "h"}]
ecs.put_account_setting(name="containerInsights", value="enabled")
assert len(ecs.list_account_settings(effectiveSettings=True)["settings"]) > 5
assert len(ecs.list_account_settings()["settings"]) == 1

for cluster in ecs.list_clusters()["clusterArns"]:
    described = ecs.describe_clusters(clusters=[cluster], include=["TAGS", "SETTINGS"])["clusters"]
    assert len(described) == 1
    for service in ecs.list_services(cluster=cluster)["serviceArns"]:
        found = ecs.describe_services(cluster=cluster, services=[service], include=["TAGS"])["services"][0]
        assert found["deployments"][0]["status"] == "PRIMARY"
        if hasattr(ecs, "list_service_deployments"):
            briefs = ecs.list_service_deployments(cluster=cluster, service=service)["serviceDeployments"]
            arns = [brief["serviceDeploymentArn"] for brief in briefs]
            assert len(ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"]) == len(arns)
    instances = ecs.list_container_instances(cluster=cluster)["containerInstanceArns"]
    if instances:
        assert len(ecs.describe_container_instances(cluster=cluster, containerInstances=instances)["containerInstances"]) == 1
    for status in ("RUNNING", "STOPPED"):
        tasks = ecs.list_tasks(cluster=cluster, desiredStatus=status)["taskArns"]
        if tasks:
            assert len(ecs.describe_tasks(cluster=cluster, tasks=tasks, include=["TAGS"])["tasks"]) == len(tasks)
pages = ecs.get_paginator("list_task_definitions").paginate(PaginationConfig={"PageSize": 1})
assert sum(len(page["taskDefinitionArns"]) for page in pages) >= 2
ecs.list_task_definition_families(familyPrefix="jud")
ecs.deregister_task_definition(taskDefinition="judged:1")
assert ecs.describe_services(cluster="judged", services=["none"])["failures"][0]["reason"] == "MISSING"
refused("ClusterNotFoundException", ecs.list_tasks, cluster="none")
refused("ClientException", ecs.describe_task_definition, taskDefinition="none")
refused("InvalidParameterException", ecs.delete_service, cluster="judged", service="s")
ecs.delete_service(cluster="judged", service="s", force=True)
refused("ClusterContainsTasksException", ecs.delete_cluster, cluster="judged")
ecs.create_cluster(clusterName="empty")
ecs.delete_cluster(cluster="empty")
print(len(judged), len(set(judged)))
