"""Creates the stacks of deploy/cloudformation in an imitated account, and prints what they hold as JSON.

    stacks.py DIRECTORY

The imitation (moto) makes real resources of what it knows of, resolves functions, conditions, imports and exports, and
passes over the types it does not know. Secrets are such a type, so they are made beside the stacks.
"""

import io
import json
import os
import pathlib
import sys
import zipfile

os.environ.update(AWS_ACCESS_KEY_ID="AKID", AWS_SECRET_ACCESS_KEY="secret", AWS_DEFAULT_REGION="eu-west-1")

import boto3
from moto import mock_aws

TEMPLATES = pathlib.Path(sys.argv[1])
SECRETS = {}


def stack(name, template, parameters):
    cloudformation = boto3.client("cloudformation")
    text = (TEMPLATES / template).read_text()
    for token, arn in SECRETS.items():
        text = text.replace(f"!Ref {token}\n", f"{arn}\n").replace(f"!Ref {token}}}", f"{arn}}}")
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=text,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    )
    described = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    resources = cloudformation.list_stack_resources(StackName=name)["StackResourceSummaries"]
    return {
        "status": described["StackStatus"],
        "outputs": {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])},
        "resources": {each["LogicalResourceId"]: each["ResourceType"] for each in resources},
    }


@mock_aws
def main():
    ec2, s3 = boto3.client("ec2"), boto3.client("s3")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"eu-west-1{zone}")["Subnet"]["SubnetId"]
        for number, zone in enumerate("ab")
    ]
    certificate = boto3.client("acm").request_certificate(DomainName="fargard.example")["CertificateArn"]
    zone = boto3.client("route53").create_hosted_zone(Name="example", CallerReference="1")["HostedZone"]["Id"]
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("bootstrap", "program")
    s3.put_object(Bucket="code", Key="macro.zip", Body=packed.getvalue())
    for name in ("AdminToken", "EnrolmentToken", "InventoryToken"):
        made = boto3.client("secretsmanager").create_secret(Name=name, SecretString="x" * 64)
        SECRETS[name] = made["ARN"]
    place = {"VpcId": vpc, "SubnetA": subnets[0], "SubnetB": subnets[1]}
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/fargard@sha256:" + "0" * 64
    stacks = {
        "macro": stack("macro", "macro.yaml", {"CodeBucket": "code", "CodeKey": "macro.zip", "SensorImage": image}),
        "server": stack("server", "server.yaml", place | {
            "LoadBalancerSubnets": ",".join(subnets), "ClientCidr": "10.0.0.0/8", "CertificateArn": certificate,
            "DomainName": "fargard.example", "HostedZoneId": zone.split("/")[-1], "Image": image,
        }),
    }
    stacks["sweep"] = stack("sweep", "sweep.yaml", {
        "ServerStack": "server", "VpcId": vpc, "Subnets": ",".join(subnets), "Image": image, "LookRegion": "us-east-1",
        "MemberRoleArn": "arn:aws:iam::444455556666:role/fargard-member", "ExternalId": "word-of-ours",
    })
    cluster = {"Cluster": stacks["server"]["outputs"]["Cluster"], "Image": image, "SensorImage": image}
    stacks["report"] = stack("report", "agent.yaml", place | cluster)
    stacks["apply"] = stack("apply", "agent.yaml", place | cluster | {
        "Apply": "true", "PassedRoleArns": "arn:aws:iam::123456789012:role/tasks/*", "Server": "https://fargard.example",
        "TokenSecret": stacks["server"]["outputs"]["EnrolmentToken"],
    })
    stacks["member"] = stack("member", "member.yaml", {
        "CentralRoleArns": stacks["sweep"]["outputs"]["TaskRoleArn"], "ExternalId": "word-of-ours", "Agent": "report",
    })
    ecs = boto3.client("ecs")
    definitions = {
        arn.split("/")[-1].split(":")[0]: ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
        for arn in ecs.list_task_definitions()["taskDefinitionArns"]
    }
    services = ecs.list_services(cluster=cluster["Cluster"])["serviceArns"]
    print(json.dumps({
        "stacks": stacks,
        "definitions": definitions,
        "services": ecs.describe_services(cluster=cluster["Cluster"], services=services)["services"],
        "function": boto3.client("lambda").get_function(FunctionName="macro")["Configuration"],
        "secrets": SECRETS,
        "targets": boto3.client("elbv2").describe_target_groups()["TargetGroups"],
    }, default=str))


main()
