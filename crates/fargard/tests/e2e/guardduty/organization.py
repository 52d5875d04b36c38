"""Members, organization, invitations, lists: as an administrator, as a member the server knows, and as one it does not."""

import os
import sys

sys.path.insert(0, os.environ["STRICT"])
import strict
from botocore.exceptions import ClientError

ADMIN, KNOWN, STRANGER = "111122223333", "444455556666", "777788889999"
admin = strict.client()
member = strict.client(
    aws_access_key_id=os.environ["MEMBER_ID"], aws_secret_access_key=os.environ["MEMBER_SECRET"]
)
stranger = strict.client(
    aws_access_key_id=os.environ["STRANGER_ID"], aws_secret_access_key=os.environ["STRANGER_SECRET"]
)
MONITORING = [{"Name": "RUNTIME_MONITORING", "Status": "ENABLED"}]
detector = admin.create_detector(Enable=True, Features=MONITORING)["DetectorId"]
theirs = member.create_detector(Enable=True, Features=MONITORING)["DetectorId"]


def refused(call, said, **asked):
    try:
        call(**asked)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "BadRequestException", error
        assert said in str(error), error
        return
    sys.exit(f"{call} was not refused")


def members(**asked):
    pages = admin.get_paginator("list_members").paginate(DetectorId=detector, **asked)
    return {one["AccountId"]: one for page in pages for one in page["Members"]}


def accounts_seen():
    pages = admin.get_paginator("list_coverage").paginate(DetectorId=detector)
    covered = {row["AccountId"] for page in pages for row in page["Resources"]}
    counted = admin.get_coverage_statistics(DetectorId=detector, StatisticsType=["COUNT_BY_RESOURCE_TYPE"])
    rows = sum(counted["CoverageStatistics"]["CountByResourceType"].values())
    assert rows == sum(len(page["Resources"]) for page in admin.get_paginator("list_coverage").paginate(DetectorId=detector))
    grouped = admin.get_findings_statistics(DetectorId=detector, GroupBy="ACCOUNT")["FindingStatistics"]
    found = {one["AccountId"] for one in grouped["GroupedByAccount"]}
    assert found == covered, (found, covered)
    return covered


# The account that the server knows is a member; its record says so from both sides.
assert set(members()) == {KNOWN}
one = members()[KNOWN]
assert (one["RelationshipStatus"], one["DetectorId"], one["AdministratorId"]) == ("Enabled", theirs, ADMIN), one
assert member.list_members(DetectorId=theirs)["Members"] == []
assert member.get_administrator_account(DetectorId=theirs)["Administrator"]["AccountId"] == ADMIN
assert member.get_master_account(DetectorId=theirs)["Master"]["RelationshipStatus"] == "Enabled"
assert "Administrator" not in admin.get_administrator_account(DetectorId=detector)
assert accounts_seen() == {ADMIN, KNOWN}
got = admin.get_members(DetectorId=detector, AccountIds=[KNOWN, STRANGER])
assert [one["AccountId"] for one in got["Members"]] == [KNOWN], got
assert "not an associated member" in got["UnprocessedAccounts"][0]["Result"], got

# Let go, it is not seen, and comes back when named again.
assert admin.disassociate_members(DetectorId=detector, AccountIds=[KNOWN])["UnprocessedAccounts"] == []
assert members() == {} and members(OnlyAssociated="false")[KNOWN]["RelationshipStatus"] == "Removed"
assert accounts_seen() == {ADMIN}
assert "Administrator" not in member.get_administrator_account(DetectorId=theirs)
details = [{"AccountId": KNOWN, "Email": "m@example.com"}]
assert admin.create_members(DetectorId=detector, AccountDetails=details)["UnprocessedAccounts"] == []
assert (members()[KNOWN]["RelationshipStatus"], members()[KNOWN]["Email"]) == ("Enabled", "m@example.com")
assert accounts_seen() == {ADMIN, KNOWN}
refused(admin.delete_detector, "has members", DetectorId=detector)
undone = admin.delete_members(DetectorId=detector, AccountIds=[KNOWN])["UnprocessedAccounts"]
assert "disassociate it first" in undone[0]["Result"], undone

# Its monitoring stopped, and started.
assert admin.stop_monitoring_members(DetectorId=detector, AccountIds=[KNOWN])["UnprocessedAccounts"] == []
assert members()[KNOWN]["RelationshipStatus"] == "Disabled" and accounts_seen() == {ADMIN}
assert member.get_detector(DetectorId=theirs)["Status"] == "DISABLED"
assert admin.start_monitoring_members(DetectorId=detector, AccountIds=[KNOWN])["UnprocessedAccounts"] == []
assert member.get_detector(DetectorId=theirs)["Status"] == "ENABLED" and accounts_seen() == {ADMIN, KNOWN}

# Its detector, from outside.
off = [{"Name": "RUNTIME_MONITORING", "Status": "DISABLED"}]
assert admin.update_member_detectors(DetectorId=detector, AccountIds=[KNOWN], Features=off)["UnprocessedAccounts"] == []
shown = admin.get_member_detectors(DetectorId=detector, AccountIds=[KNOWN, STRANGER])
features = {one["Name"]: one["Status"] for one in shown["MemberDataSourceConfigurations"][0]["Features"]}
assert features["RUNTIME_MONITORING"] == "DISABLED" and shown["UnprocessedAccounts"][0]["AccountId"] == STRANGER
refused(
    admin.update_member_detectors,
    "not supported",
    DetectorId=detector,
    AccountIds=[KNOWN],
    Features=[{"Name": "S3_DATA_EVENTS", "Status": "ENABLED"}],
)

# The organization: ALL switches what is there, and what comes begins so.
told = admin.describe_organization_configuration(DetectorId=detector)
assert told["AutoEnableOrganizationMembers"] == "ALL" and told["MemberAccountLimitReached"] is False
agents = [{"Name": "ECS_FARGATE_AGENT_MANAGEMENT", "AutoEnable": "ALL"}]
admin.update_organization_configuration(
    DetectorId=detector,
    AutoEnableOrganizationMembers="ALL",
    Features=[{"Name": "RUNTIME_MONITORING", "AutoEnable": "ALL", "AdditionalConfiguration": agents}],
)
told = admin.describe_organization_configuration(DetectorId=detector)
assert next(one for one in told["Features"] if one["Name"] == "RUNTIME_MONITORING")["AutoEnable"] == "ALL"


def monitoring(client, of):
    features = client.get_detector(DetectorId=of)["Features"]
    runtime = next(one for one in features if one["Name"] == "RUNTIME_MONITORING")
    return runtime["Status"], runtime["AdditionalConfiguration"][1]["Status"]


assert monitoring(member, theirs) == ("ENABLED", "ENABLED")
new = stranger.create_detector(Enable=True)["DetectorId"]
assert monitoring(stranger, new) == ("ENABLED", "ENABLED")
assert members()[STRANGER]["DetectorId"] == new, "a detector makes its account known"
stranger.delete_detector(DetectorId=new)
assert set(members()) == {KNOWN}
counts = admin.get_organization_statistics()["OrganizationDetails"]["OrganizationStatistics"]
assert (counts["TotalAccountsCount"], counts["MemberAccountsCount"], counts["EnabledAccountsCount"]) == (2, 1, 2), counts
refused(member.describe_organization_configuration, "not an administrator", DetectorId=theirs)
refused(member.create_members, "not an administrator", DetectorId=theirs, AccountDetails=details)
assert admin.list_organization_admin_accounts()["AdminAccounts"] == [{"AdminAccountId": ADMIN, "AdminStatus": "ENABLED"}]
admin.enable_organization_admin_account(AdminAccountId=ADMIN)
refused(admin.enable_organization_admin_account, "fargard server key create", AdminAccountId=KNOWN)
refused(admin.disable_organization_admin_account, "fargard server key revoke", AdminAccountId=ADMIN)

# NONE: only those who were named, or accepted an invitation.
admin.update_organization_configuration(DetectorId=detector, AutoEnableOrganizationMembers="NONE")
assert set(members()) == {KNOWN} and accounts_seen() == {ADMIN, KNOWN}
new = stranger.create_detector(Enable=True)["DetectorId"]
assert set(members()) == {KNOWN}
admin.update_organization_configuration(DetectorId=detector, AutoEnableOrganizationMembers="ALL")
stranger.delete_detector(DetectorId=new)
details = [{"AccountId": STRANGER, "Email": "s@example.com"}, {"AccountId": ADMIN, "Email": "a@example.com"}]
undone = admin.create_members(DetectorId=detector, AccountDetails=details)["UnprocessedAccounts"]
assert [one["AccountId"] for one in undone] == [ADMIN], undone
assert members(OnlyAssociated="false")[STRANGER]["RelationshipStatus"] == "Created"
assert stranger.get_invitations_count()["InvitationsCount"] == 0
admin.invite_members(DetectorId=detector, AccountIds=[STRANGER])
invitation = stranger.list_invitations()["Invitations"][0]
assert (invitation["AccountId"], invitation["RelationshipStatus"]) == (ADMIN, "Invited"), invitation
assert stranger.get_invitations_count()["InvitationsCount"] == 1
assert stranger.decline_invitations(AccountIds=[ADMIN])["UnprocessedAccounts"] == []
assert members(OnlyAssociated="false")[STRANGER]["RelationshipStatus"] == "Resigned"
assert stranger.delete_invitations(AccountIds=[ADMIN])["UnprocessedAccounts"][0]["AccountId"] == ADMIN
admin.invite_members(DetectorId=detector, AccountIds=[STRANGER])
invitation = stranger.list_invitations()["Invitations"][0]["InvitationId"]
new = stranger.create_detector(Enable=True)["DetectorId"]
refused(stranger.accept_administrator_invitation, "has not invited", DetectorId=new, AdministratorId=ADMIN, InvitationId="x")
stranger.accept_administrator_invitation(DetectorId=new, AdministratorId=ADMIN, InvitationId=invitation)
assert members()[STRANGER]["RelationshipStatus"] == "Enabled"
assert stranger.get_administrator_account(DetectorId=new)["Administrator"]["InvitationId"] == invitation
stranger.disassociate_from_administrator_account(DetectorId=new)
assert members(OnlyAssociated="false")[STRANGER]["RelationshipStatus"] == "Resigned"
admin.invite_members(DetectorId=detector, AccountIds=[STRANGER])
invitation = stranger.list_invitations()["Invitations"][0]["InvitationId"]
stranger.accept_invitation(DetectorId=new, MasterId=ADMIN, InvitationId=invitation)
stranger.disassociate_from_master_account(DetectorId=new)
assert admin.delete_members(DetectorId=detector, AccountIds=[STRANGER])["UnprocessedAccounts"] == []

# Lists of every kind, and where findings are to be written to.
place = "https://s3.eu-west-1.amazonaws.com/bucket/list.txt"
for name, key in [
    ("ip_set", "IpSetId"),
    ("threat_intel_set", "ThreatIntelSetId"),
    ("threat_entity_set", "ThreatEntitySetId"),
    ("trusted_entity_set", "TrustedEntitySetId"),
]:
    def call(verb, noun=name, **asked):
        return getattr(admin, f"{verb}_{noun}")(DetectorId=detector, **asked)

    refused(call, "not supported", verb="create", Name="n", Format="TXT", Location=place, Activate=True)
    made = call("create", Name="n", Format="TXT", Location=place, Activate=False, Tags={"a": "b"})[key]
    assert call("list", f"{name}s")[f"{key}s"] == [made]
    shown = call("get", **{key: made})
    assert (shown["Name"], shown["Status"], shown["Tags"]) == ("n", "INACTIVE", {"a": "b"}), shown
    call("update", **{key: made}, Name="m")
    assert call("get", **{key: made})["Name"] == "m"
    refused(call, "not supported", verb="update", **{key: made}, Activate=True)
    call("delete", **{key: made})
    assert call("list", f"{name}s")[f"{key}s"] == []
    refused(call, "not owned", verb="get", **{key: made})
properties = {"DestinationArn": "arn:aws:s3:::bucket", "KmsKeyArn": "arn:aws:kms:eu-west-1:111122223333:key/1"}
made = admin.create_publishing_destination(
    DetectorId=detector, DestinationType="S3", DestinationProperties=properties
)["DestinationId"]
shown = admin.list_publishing_destinations(DetectorId=detector)["Destinations"]
assert shown == [{"DestinationId": made, "DestinationType": "S3", "Status": "STOPPED"}], shown
admin.update_publishing_destination(
    DetectorId=detector, DestinationId=made, DestinationProperties={"DestinationArn": "arn:aws:s3:::other"}
)
shown = admin.describe_publishing_destination(DetectorId=detector, DestinationId=made)
assert shown["DestinationProperties"] == {**properties, "DestinationArn": "arn:aws:s3:::other"}, shown
admin.delete_publishing_destination(DetectorId=detector, DestinationId=made)
cost = admin.get_usage_statistics(
    DetectorId=detector,
    UsageStatisticType="SUM_BY_FEATURES",
    UsageCriteria={"Features": ["FARGATE_RUNTIME_MONITORING"]},
)["UsageStatistics"]["SumByFeature"]
assert cost == [{"Feature": "FARGATE_RUNTIME_MONITORING", "Total": {"Amount": "0.00", "Unit": "USD"}}], cost
admin.get_remaining_free_trial_days(DetectorId=detector, AccountIds=[KNOWN])
refused(admin.describe_malware_scans, "not supported by this server", DetectorId=detector)
refused(admin.list_malware_protection_plans, "not supported by this server")

# What Prowler asks, in its words.
assert admin.list_detectors()["DetectorIds"] == [detector]
admin.get_detector(DetectorId=detector)
admin.get_administrator_account(DetectorId=detector)
admin.list_members(DetectorId=detector)
high = {"Criterion": {"severity": {"Eq": ["8"]}, "service.archived": {"Eq": ["false"]}}}
assert len(admin.list_findings(DetectorId=detector, FindingCriteria=high)["FindingIds"]) == 6
arn = f"arn:aws:guardduty:eu-west-1:{ADMIN}:detector/{detector}"
assert admin.list_tags_for_resource(ResourceArn=arn)["Tags"] == {}
admin.list_organization_admin_accounts()
admin.describe_organization_configuration(DetectorId=detector)
print("organizations are as the model says:", dict(sorted(strict.seen.items())))
