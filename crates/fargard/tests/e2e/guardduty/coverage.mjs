// What AWS's own typed client for JavaScript makes of the answers.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const require = createRequire(process.env.MODULES + "/");
const {
  GuardDutyClient,
  CreateDetectorCommand,
  GetCoverageStatisticsCommand,
  GetFindingsCommand,
  GetFindingsStatisticsCommand,
  GetFilterCommand,
  CreateFilterCommand,
  ListFindingsCommand,
  ListMembersCommand,
  ListCoverageCommand,
  paginateListCoverage,
  BadRequestException,
} = require("@aws-sdk/client-guardduty");

const client = new GuardDutyClient({
  region: "eu-west-1",
  endpoint: process.env.AWS_ENDPOINT_URL_GUARDDUTY,
  credentials: { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY },
});
const send = (command) => client.send(command);
const recent = (date, what) => {
  assert.ok(date instanceof Date, `${what} is no date`);
  assert.ok(Math.abs(Date.now() - date.getTime()) < 3_600_000, `${what} is ${date}`);
};

const Features = [{ Name: "RUNTIME_MONITORING", Status: "ENABLED" }];
const { DetectorId } = await send(new CreateDetectorCommand({ Enable: true, Features }));
const rows = [];
for await (const page of paginateListCoverage({ client, pageSize: 20 }, { DetectorId })) {
  rows.push(...page.Resources);
}
assert.equal(new Set(rows.map((row) => row.ResourceId)).size, 51);
recent(rows[0].UpdatedAt, "UpdatedAt");
const one = await send(
  new ListCoverageCommand({
    DetectorId,
    MaxResults: 1,
    SortCriteria: { AttributeName: "ECS_CLUSTER_NAME", OrderBy: "DESC" },
    FilterCriteria: { FilterCriterion: [{ CriterionKey: "COVERAGE_STATUS", FilterCondition: { Equals: ["UNHEALTHY"] } }] },
  }),
);
assert.equal(one.Resources[0].ResourceDetails.EcsClusterDetails.ClusterName, "c00048");
const { CoverageStatistics } = await send(
  new GetCoverageStatisticsCommand({ DetectorId, StatisticsType: ["COUNT_BY_COVERAGE_STATUS", "COUNT_BY_RESOURCE_TYPE"] }),
);
assert.deepEqual(CoverageStatistics, { CountByCoverageStatus: { HEALTHY: 34, UNHEALTHY: 17 }, CountByResourceType: { ECS: 51 } });

const FindingCriteria = { Criterion: { severity: { GreaterThanOrEqual: 7 }, accountId: { Equals: ["111122223333"] } } };
const { FindingIds } = await send(new ListFindingsCommand({ DetectorId, FindingCriteria }));
assert.equal(FindingIds.length, 3);
const { Findings } = await send(new GetFindingsCommand({ DetectorId, FindingIds }));
const shell = Findings.find((finding) => finding.Type === "Execution:Runtime/ReverseShell");
assert.equal(shell.Severity, 8);
const { Process } = shell.Service.RuntimeDetails;
recent(Process.StartTime, "StartTime");
assert.deepEqual(Process.Lineage.map((ancestor) => ancestor.Name), ["server", "init"]);
recent(shell.Resource.EcsClusterDetails.TaskDetails.StartedAt, "StartedAt");
const { FindingStatistics } = await send(new GetFindingsStatisticsCommand({ DetectorId, GroupBy: "DATE" }));
recent(FindingStatistics.GroupedByDate[0].LastGeneratedAt, "LastGeneratedAt");
await send(new CreateFilterCommand({ DetectorId, Name: "high", FindingCriteria }));
const filter = await send(new GetFilterCommand({ DetectorId, FilterName: "high" }));
recent(filter.CreatedAt, "CreatedAt");
assert.deepEqual(filter.FindingCriteria.Criterion.severity, { GreaterThanOrEqual: 7 });
assert.equal((await send(new ListMembersCommand({ DetectorId }))).Members[0].AccountId, "444455556666");
await assert.rejects(send(new ListCoverageCommand({ DetectorId: "0".repeat(32) })), BadRequestException);
console.log("the client for JavaScript is content");
