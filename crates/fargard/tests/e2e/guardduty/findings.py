"""Findings of two accounts, as an administrator and as a member see them."""

import os
import sys

sys.path.insert(0, os.environ["STRICT"])
import strict
from botocore.exceptions import ClientError

admin = strict.client()
member = strict.client(
    aws_access_key_id=os.environ["MEMBER_ID"], aws_secret_access_key=os.environ["MEMBER_SECRET"]
)
MONITORING = [{"Name": "RUNTIME_MONITORING", "Status": "ENABLED"}]
detector = admin.create_detector(Enable=True, Features=MONITORING)["DetectorId"]
theirs = member.create_detector(Enable=True, Features=MONITORING)["DetectorId"]
ARN = f"arn:aws:guardduty:eu-west-1:111122223333:detector/{detector}"


def ids(client=admin, of=detector, **asked):
    return client.list_findings(DetectorId=of, **asked)["FindingIds"]


def where(**criterion):
    return {"FindingCriteria": {"Criterion": {name.replace("__", "."): one for name, one in criterion.items()}}}


def refused(call, said, **asked):
    try:
        call(**asked)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "BadRequestException", error
        assert said in str(error), error
        return
    sys.exit(f"{call} was not refused")


everything = ids()
assert len(everything) == 14, everything
assert len(ids(member, theirs)) == 7
shown = admin.get_findings(DetectorId=detector, FindingIds=everything)["Findings"]
assert [one["Id"] for one in shown] == everything
updated = [one["UpdatedAt"] for one in shown]
assert updated == sorted(updated, reverse=True), "the latest first"
types = sorted({(one["Type"], one["Severity"]) for one in shown})
assert types == [
    ("Behavior:Runtime/OurOwnRule", 2.0),
    ("CryptoCurrency:Runtime/BitcoinTool.B!DNS", 8.0),
    ("Execution:Runtime/ReverseShell", 8.0),
    ("Persistence:Runtime/SensitiveFileModified", 5.0),
    ("Policy:Runtime/PrivateKeysStoredInImage", 8.0),
    ("PrivilegeEscalation:Runtime/MountOrNamespaceChangeAttempted", 2.0),
], types

shell = next(one for one in shown if one["Type"].endswith("ReverseShell") and one["AccountId"] == "111122223333")
assert shell["Arn"] == f"{ARN}/finding/{shell['Id']}" and shell["SchemaVersion"] == "2.0"
assert shell["Service"]["DetectorId"] == detector and shell["Service"]["Count"] == 1
assert shell["Service"]["Archived"] is False and shell["Service"]["FeatureName"] == "RuntimeMonitoring"
cluster = shell["Resource"]["EcsClusterDetails"]
assert shell["Resource"]["ResourceType"] == "ECSCluster" and cluster["Name"] == "c00000", cluster
assert cluster["Arn"] == "arn:aws:ecs:eu-west-1:111122223333:cluster/c00000" and cluster["Status"] == "ACTIVE"
assert cluster["Tags"] == [{"Key": "GuardDutyManaged", "Value": "false"}] and cluster["RunningTasksCount"] == 1
task = cluster["TaskDetails"]
assert task["DefinitionArn"].endswith(":task-definition/web:7") and task["Group"] == "service:web"
assert task["Containers"][0]["Name"] == "app" and task["Containers"][0]["Image"].endswith("web:1.4")
assert task["Containers"][0]["ImagePrefix"] == "registry.example.org/team"
assert task["Containers"][0]["VolumeMounts"] == [{"Name": "data", "MountPath": "/data"}]
assert task["TaskCreatedAt"] < task["StartedAt"]
process = shell["Service"]["RuntimeDetails"]["Process"]
assert (process["Name"], process["ExecutablePath"], process["Pid"]) == ("sh", "/bin/sh", 4012), process
assert process["NamespacePid"] == 12 and process["Pwd"] == "/app" and process["Euid"] == 1000
assert "UserId" not in process
assert [one["Name"] for one in process["Lineage"]] == ["server", "init"], process["Lineage"]
assert process["ParentUuid"] == process["Lineage"][0]["Uuid"] != process["Uuid"]
connection = shell["Service"]["Action"]["NetworkConnectionAction"]
assert connection["RemoteIpDetails"]["IpAddressV4"] == "203.0.113.9"
assert connection["RemotePortDetails"]["Port"] == 4444 and connection["ConnectionDirection"] == "OUTBOUND"
pool = next(one for one in shown if one["Type"].endswith("!DNS"))
assert pool["Service"]["Action"]["DnsRequestAction"]["Domain"] == "pool.example.org"
files = [one["Service"]["RuntimeDetails"] for one in shown if one["Type"].endswith("SensitiveFileModified")]
paths = sorted({details["Context"]["FilePath"] for details in files})
assert paths == ["/app/config.json", "/etc/passwd"], paths
assert all(details["Process"]["Name"] == "sh" for details in files)

for count, criterion in [
    (6, where(severity={"Eq": ["8"]}, service__archived={"Eq": ["false"]})),
    (10, where(severity={"GreaterThanOrEqual": 4})),
    (4, where(severity={"LessThan": 4})),
    (7, where(accountId={"Equals": ["444455556666"]})),
    (2, where(type={"Equals": ["Execution:Runtime/ReverseShell"]})),
    (12, where(type={"NotEquals": ["Execution:Runtime/ReverseShell"]})),
    (8, where(service__runtimeDetails__process__lineage__name={"Equals": ["init"]}, severity={"Lt": 8})),
    (2, where(service__action__networkConnectionAction__remoteIpDetails__ipAddressV4={"Equals": ["203.0.113.9"]})),
    (14, where(resource__ecsClusterDetails__taskDetails__containers__name={"Equals": ["app"]})),
    # The other account has no such cluster in the inventory.
    (7, where(resource__ecsClusterDetails__status={"Equals": ["ACTIVE"]})),
    (14, where(updatedAt={"GreaterThan": 1_700_000_000_000})),
    (0, where(updatedAt={"GreaterThan": 4_000_000_000_000})),
    (1, where(id={"Equals": [shell["Id"]]})),
    (0, where(service__archived={"Equals": ["true"]})),
]:
    found = ids(**criterion)
    assert len(found) == count, (criterion, len(found), count)
refused(ids, "filters only", **where(type={"Matches": ["*"]}))
refused(ids, "no attribute", **where(colour={"Equals": ["red"]}))
refused(ids, "no attribute", SortCriteria={"AttributeName": "colour"})

for attribute in ["severity", "type", "updatedAt", "accountId", "service.runtimeDetails.process.name"]:
    up = [ids(SortCriteria={"AttributeName": attribute, "OrderBy": "ASC"}, MaxResults=50)]
    down = ids(SortCriteria={"AttributeName": attribute, "OrderBy": "DESC"}, MaxResults=50)
    pages = list(
        admin.get_paginator("list_findings").paginate(
            DetectorId=detector,
            SortCriteria={"AttributeName": attribute, "OrderBy": "ASC"},
            PaginationConfig={"PageSize": 4},
        )
    )
    paged = [one for page in pages for one in page["FindingIds"]]
    assert paged == up[0] and sorted(paged) == sorted(everything) == sorted(down), attribute
    assert [len(page["FindingIds"]) for page in pages] == [4, 4, 4, 2] and "NextToken" not in pages[-1]
by_severity = admin.get_findings(
    DetectorId=detector, FindingIds=everything, SortCriteria={"AttributeName": "severity", "OrderBy": "DESC"}
)["Findings"]
assert [one["Severity"] for one in by_severity] == [8.0] * 6 + [5.0] * 4 + [2.0] * 4
token = admin.list_findings(DetectorId=detector, MaxResults=4)["NextToken"]
refused(ids, "nextToken", NextToken=token, **where(severity={"Equals": ["8"]}))
refused(ids, "nextToken", NextToken="AAAA")


def statistics(**asked):
    return admin.get_findings_statistics(DetectorId=detector, **asked)["FindingStatistics"]


assert statistics(FindingStatisticTypes=["COUNT_BY_SEVERITY"]) == {"CountBySeverity": {"2.0": 4, "5.0": 4, "8.0": 6}}
grouped = statistics(GroupBy="SEVERITY")["GroupedBySeverity"]
assert [(one["Severity"], one["TotalFindings"]) for one in grouped][0] == (8.0, 6), grouped
assert [one["TotalFindings"] for one in statistics(GroupBy="ACCOUNT")["GroupedByAccount"]] == [7, 7]
assert sum(one["TotalFindings"] for one in statistics(GroupBy="DATE")["GroupedByDate"]) == 14
assert statistics(GroupBy="FINDING_TYPE", MaxResults=1)["GroupedByFindingType"][0]["TotalFindings"] == 4
assert [one["ResourceType"] for one in statistics(GroupBy="RESOURCE")["GroupedByResource"]] == ["ECSCluster"] * 2
few = statistics(GroupBy="SEVERITY", **where(accountId={"Equals": ["444455556666"]}), OrderBy="ASC")
assert [one["TotalFindings"] for one in few["GroupedBySeverity"]] == [2, 2, 3], few

# Archived, and back.
admin.archive_findings(DetectorId=detector, FindingIds=[shell["Id"]])
assert ids(**where(service__archived={"Equals": ["true"]})) == [shell["Id"]]
assert len(ids(**where(service__archived={"Equals": ["false"]}))) == 13
assert admin.get_findings(DetectorId=detector, FindingIds=[shell["Id"]])["Findings"][0]["Service"]["Archived"]
admin.unarchive_findings(DetectorId=detector, FindingIds=[shell["Id"]])
assert ids(**where(service__archived={"Equals": ["true"]})) == []
admin.update_findings_feedback(DetectorId=detector, FindingIds=[shell["Id"]], Feedback="USEFUL", Comments="ours")
again = admin.get_findings(DetectorId=detector, FindingIds=[shell["Id"]])["Findings"][0]
assert again["Service"]["UserFeedback"] == "USEFUL"
refused(member.archive_findings, "not owned", DetectorId=theirs, FindingIds=[shell["Id"]])
refused(admin.archive_findings, "not owned", DetectorId=detector, FindingIds=["0" * 32])
assert member.get_findings(DetectorId=theirs, FindingIds=[shell["Id"]])["Findings"] == []

# Samples.
admin.create_sample_findings(DetectorId=detector, FindingTypes=["Execution:Runtime/NewBinaryExecuted"])
admin.create_sample_findings(DetectorId=detector, FindingTypes=["Execution:Runtime/NewBinaryExecuted"])
samples = ids(**{"FindingCriteria": {"Criterion": {"service.additionalInfo.sample": {"Equals": ["true"]}}}})
sample = admin.get_findings(DetectorId=detector, FindingIds=samples)["Findings"]
assert [(one["Type"], one["Service"]["Count"]) for one in sample] == [("Execution:Runtime/NewBinaryExecuted", 2)]
assert sample[0]["Title"].startswith("[SAMPLE]")
admin.archive_findings(DetectorId=detector, FindingIds=samples)
assert ids(**where(service__archived={"Equals": ["true"]})) == samples
admin.create_sample_findings(DetectorId=detector)
assert len(ids(MaxResults=50)) == 50 and len(ids(member, theirs)) == 7, "samples are the detector's own"
refused(admin.create_sample_findings, "not one of", DetectorId=detector, FindingTypes=["UnauthorizedAccess:EC2/X"])

# Filters.
criteria = {"Criterion": {"severity": {"Gte": 5}, "type": {"Matches": ["*Shell*"]}}}
admin.create_filter(
    DetectorId=detector, Name="shells", Action="ARCHIVE", Rank=2, FindingCriteria=criteria, Tags={"a": "b"}
)
refused(admin.create_filter, "already used", DetectorId=detector, Name="shells", FindingCriteria=criteria)
kept = admin.get_filter(DetectorId=detector, FilterName="shells")
assert kept["FindingCriteria"]["Criterion"]["severity"]["GreaterThanOrEqual"] == 5, kept
assert (kept["Action"], kept["Rank"], kept["Version"], kept["Tags"]) == ("ARCHIVE", 2, 1, {"a": "b"})
admin.update_filter(DetectorId=detector, FilterName="shells", Description="d", Rank=3)
kept = admin.get_filter(DetectorId=detector, FilterName="shells")
assert (kept["Description"], kept["Action"], kept["Rank"], kept["Version"]) == ("d", "ARCHIVE", 3, 2)
for number in range(3):
    admin.create_filter(DetectorId=detector, Name=f"f-{number}", FindingCriteria={"Criterion": {"id": {"Eq": ["x"]}}})
pages = list(
    admin.get_paginator("list_filters").paginate(DetectorId=detector, PaginationConfig={"PageSize": 3})
)
assert [page["FilterNames"] for page in pages] == [["f-0", "f-1", "f-2"], ["shells"]], pages
admin.delete_filter(DetectorId=detector, FilterName="f-0")
refused(admin.get_filter, "not owned", DetectorId=detector, FilterName="f-0")
assert ids(**where(service__archived={"Equals": ["true"]})) == [], "a filter archives what comes, not what is there"
print("findings are as the model says:", dict(sorted(strict.seen.items())))
