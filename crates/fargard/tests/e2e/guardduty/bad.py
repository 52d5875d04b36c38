"""Ten thousand and one clusters, and everything that cannot be asked."""

import datetime
import json
import os
import sys
import urllib.error
import urllib.request

sys.path.insert(0, os.environ["STRICT"])
import botocore.auth
import strict
from botocore import UNSIGNED
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

CLUSTERS = int(os.environ["CLUSTERS"])
URL = os.environ["AWS_ENDPOINT_URL_GUARDDUTY"]
admin = strict.client(config=Config(parameter_validation=False, retries={"max_attempts": 0}))
detector = admin.create_detector(
    Enable=True, Features=[{"Name": "RUNTIME_MONITORING", "Status": "ENABLED"}]
)["DetectorId"]

# Pages.
for key in ["ECS_CLUSTER_NAME", "UPDATED_AT"]:
    pages = admin.get_paginator("list_coverage").paginate(
        DetectorId=detector, SortCriteria={"AttributeName": key, "OrderBy": "DESC"}, PaginationConfig={"PageSize": 50}
    )
    pages = list(pages)
    names = [one["ResourceDetails"]["EcsClusterDetails"]["ClusterName"] for page in pages for one in page["Resources"]]
    assert len(names) == len(set(names)) == CLUSTERS, (key, len(names))
    assert [len(page["Resources"]) for page in pages] == [50] * (CLUSTERS // 50) + [CLUSTERS % 50]
    assert "NextToken" not in pages[-1]
    if key == "ECS_CLUSTER_NAME":
        assert names == sorted(names, reverse=True)
counts = admin.get_coverage_statistics(DetectorId=detector, StatisticsType=["COUNT_BY_RESOURCE_TYPE"])
assert counts["CoverageStatistics"]["CountByResourceType"] == {"ECS": CLUSTERS}

# Requests that botocore signs, and this server refuses.
KEY = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
LIST = f"/detector/{detector}/coverage"
signed = 0


def ask(method, path, body=b"{}", key=KEY, region="eu-west-1", service="guardduty", age=0, sign=True, change=None):
    global signed
    request = AWSRequest(method=method, url=URL + path, data=body, headers={"Content-Type": "application/json"})
    if sign:
        real = botocore.auth.get_current_datetime
        botocore.auth.get_current_datetime = lambda **asked: real(**asked) - datetime.timedelta(seconds=age)
        botocore.auth.SigV4Auth(key, service, region).add_auth(request)
        botocore.auth.get_current_datetime = real
        signed += 1
    prepared = request.prepare()
    headers = dict(prepared.headers)
    if change:
        change(headers)
    sent = urllib.request.Request(prepared.url, data=body, method=method, headers=headers)
    try:
        answer = urllib.request.urlopen(sent)
    except urllib.error.HTTPError as error:
        answer = error
    text = answer.read()
    assert answer.headers["content-type"] == "application/json", (path, answer.headers["content-type"], text)
    assert answer.headers["x-amzn-requestid"], path
    return answer.status, answer.headers["x-amzn-errortype"], json.loads(text)


BAD, OWNED = "BadRequestException", "because the input detectorId is not owned by the current account."
INVALID = "an invalid or out-of-range value is specified as an input parameter"
UNSUPPORTED = "this operation is not supported by this server"


def criterion(key, condition):
    return {"filterCriteria": {"filterCriterion": [{"criterionKey": key, "filterCondition": condition}]}}


def body(**members):
    return json.dumps(members).encode()


many = [{"criterionKey": "ACCOUNT_ID", "filterCondition": {"equals": ["1"]}}] * 51
table = [
    (dict(path=f"/detector/{'0' * 32}/coverage"), 400, BAD, OWNED),
    (dict(path=LIST, region="us-east-1"), 400, BAD, OWNED),
    (dict(path=LIST, body=body(nextToken="AAAA")), 400, BAD, INVALID),
    (dict(path=LIST, body=body(maxResults=51)), 400, BAD, INVALID),
    (dict(path=LIST, body=body(maxResults=0)), 400, BAD, INVALID),
    (dict(path=LIST, body=body(maxResults="5")), 400, BAD, "The body cannot be read"),
    (dict(path=LIST, body=b"[]"), 400, BAD, "The body cannot be read"),
    (dict(path=LIST, body=b"{"), 400, BAD, "The body cannot be read"),
    (dict(path=LIST, body=b"{}" + b" " * (1 << 20)), 400, BAD, "too large"),
    (dict(path=LIST, body=body(**criterion("COLOUR", {"equals": ["red"]}))), 400, BAD, "criterionKey"),
    (dict(path=LIST, body=body(**criterion("COVERAGE_STATUS", {"equals": ["GOOD"]}))), 400, BAD, INVALID),
    (dict(path=LIST, body=body(**criterion("ACCOUNT_ID", {}))), 400, BAD, INVALID),
    (dict(path=LIST, body=body(filterCriteria={"filterCriterion": many})), 400, BAD, "at most 50"),
    (dict(path=LIST, body=body(sortCriteria={"attributeName": "COLOUR"})), 400, BAD, "attributeName"),
    (dict(path=LIST, body=body(sortCriteria={"orderBy": "UP"})), 400, BAD, "orderBy"),
    (dict(path=LIST + "/statistics", body=b"{}"), 400, BAD, "statisticsType"),
    (dict(path=LIST + "/statistics", body=body(statisticsType=["COUNT"])), 400, BAD, "statisticsType"),
    (dict(path=f"/detector/{detector}/findings", body=body(maxResults=51)), 400, BAD, INVALID),
    (dict(path=f"/detector/{detector}/findings/get", body=b"{}"), 400, BAD, "findingIds"),
    (dict(path=f"/detector/{detector}/findings/get", body=body(findingIds=["x"] * 51)), 400, BAD, "at most 50"),
    (dict(path=f"/detector/{detector}/findings/statistics", body=b"{}"), 400, BAD, "groupBy"),
    (dict(path=f"/detector/{detector}/filter", body=body(name="x", findingCriteria={})), 400, BAD, "3 to 64"),
    (dict(path=f"/detector/{detector}/member", body=body(accountDetails=[])), 400, BAD, "1 to 50"),
    (dict(path=f"/detector/{detector}/member/get", body=body(accountIds=["12"])), 400, BAD, "twelve digits"),
    (dict(method="GET", path=f"/detector/{detector}/filter?maxResults=x", body=None), 400, BAD, "maxResults"),
    (dict(method="GET", path=f"/detector/{detector}/filter?nextToken=x", body=None), 400, BAD, "nextToken"),
    (dict(method="PUT", path=f"/detector/{detector}"), 400, BAD, UNSUPPORTED),
    (dict(path="/malware-scan/start"), 400, BAD, UNSUPPORTED),
    (dict(path="/no/such/path"), 400, BAD, UNSUPPORTED),
    (dict(path=LIST, sign=False), 403, "MissingAuthenticationTokenException", "Missing Authentication Token"),
    (dict(path=LIST, age=901), 403, "InvalidSignatureException", "Signature expired: "),
    (dict(path=LIST, age=-960), 403, "InvalidSignatureException", "Signature not yet current: "),
    (dict(path=LIST, service="s3"), 403, "InvalidSignatureException", "scoped to correct service: 'guardduty'"),
    (dict(path=LIST, region="EU!"), 403, "InvalidSignatureException", "valid region"),
    (dict(path=LIST, key=Credentials(KEY.access_key, "x")), 403, "InvalidSignatureException", "does not match"),
    (dict(path=LIST, key=Credentials("FGKANOBODY", "x")), 403, "UnrecognizedClientException", "token included"),
    (
        dict(path=LIST, key=Credentials(KEY.access_key, KEY.secret_key, "token")),
        403,
        "UnrecognizedClientException",
        "token included",
    ),
    (
        dict(path=LIST, change=lambda headers: headers.update({"X-Amz-Meta": "x"})),
        403,
        "IncompleteSignatureException",
        "every x-amz- header must be signed",
    ),
    (
        dict(path=LIST, change=lambda headers: headers.update({"Authorization": "AWS4-HMAC-SHA256 x"})),
        403,
        "IncompleteSignatureException",
        "Credential is missing",
    ),
]
for asked, status, code, said in table:
    asked = {"method": "POST", **asked}
    got = ask(**asked)
    assert got[0] == status and got[1] == code and said in got[2]["message"], (asked, got)
assert ask("POST", LIST)[0] == 200, "and what is right is answered"

# By an SDK, the errors have the names that programs catch.
for call, code in [
    (lambda: admin.list_coverage(DetectorId="0" * 32), BAD),
    (lambda: admin.list_coverage(DetectorId=detector, MaxResults=51), BAD),
    (lambda: strict.client(config=Config(signature_version=UNSIGNED)).list_detectors(), "MissingAuthenticationTokenException"),
]:
    try:
        call()
        sys.exit("it was not refused")
    except admin.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == code, error
print(f"{CLUSTERS} clusters paged, {len(table)} bad requests answered")
