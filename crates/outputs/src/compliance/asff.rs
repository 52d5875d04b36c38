//! The AWS Security Finding Format (2018-10-08), which Security Hub imports: a finding for each check and each
//! vulnerability. `BatchImportFindings` takes 100 at a time.

use fargard_model::{CheckStatus, Priority};
use serde_json::{Value, json};

use super::{Check, Flaw, Report, controls, cut};

/// Whose Security Hub the findings are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account<'a> {
    /// Twelve digits.
    pub id: &'a str,
    /// `eu-central-1`.
    pub region: &'a str,
}

/// The findings.
#[must_use]
pub fn asff(report: &Report<'_>, account: Account<'_>) -> Vec<Value> {
    let checks = report.checks.iter().map(|check| of_check(report, account, check));
    checks.chain(report.flaws.iter().map(|flaw| of_flaw(report, account, flaw))).collect()
}

fn partition(account: Account<'_>) -> &'static str {
    match account.region.split('-').next() {
        Some("cn") => "aws-cn",
        _ if account.region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// What findings of both kinds say. The id stays the same from scan to scan.
fn finding(report: &Report<'_>, account: Account<'_>, id: &str, title: &str, description: &str) -> Value {
    let Account { id: number, region } = account;
    let partition = partition(account);
    let time = report.time.rfc3339();
    let time = format!("{}Z", time.split('.').next().unwrap_or_default());
    let subject = report.digest.unwrap_or(report.target);
    let id = format!("fargard/{number}/{region}/{subject}/{id}");
    let description = if description.is_empty() { title } else { description };
    json!({
        "SchemaVersion": "2018-10-08",
        "Id": cut(&id, 512),
        "ProductArn": format!("arn:{partition}:securityhub:{region}:{number}:product/{number}/default"),
        "ProductName": "Fargard",
        "CompanyName": "Fargard",
        "AwsAccountId": number,
        "Region": region,
        "CreatedAt": time,
        "UpdatedAt": time,
        "Title": cut(title, 256),
        "Description": cut(description, 1024),
        "ProductFields": {"ProviderName": "Fargard", "ProviderVersion": report.tool_version},
        "Resources": [resource(report, account)],
        "RecordState": "ACTIVE",
    })
}

fn resource(report: &Report<'_>, account: Account<'_>) -> Value {
    let name = report.target.split('@').next().unwrap_or_default();
    let repository = ecr(name).map(|repository| {
        let (id, region) = (account.id, account.region);
        format!("arn:{}:ecr:{region}:{id}:repository/{repository}", partition(account))
    });
    let (kind, id) = match (repository, report.digest) {
        (Some(arn), Some(digest)) => ("AwsEcrContainerImage", format!("{arn}/{digest}")),
        _ if report.digest.is_some() => ("Container", report.target.to_owned()),
        _ => ("Other", report.target.to_owned()),
    };
    json!({
        "Type": kind,
        "Id": cut(&id, 512),
        "Partition": partition(account),
        "Region": account.region,
        "Details": {"Other": {"Target": cut(report.target, 1024)}},
    })
}

/// The repository of a reference to ECR, without its tag.
fn ecr(reference: &str) -> Option<&str> {
    let (host, path) = reference.split_once('/')?;
    let is_ecr = host.contains(".dkr.ecr.") || host.contains(".dkr-ecr.");
    is_ecr.then(|| path.rsplit_once(':').map_or(path, |(repository, _)| repository))
}

fn put(finding: &mut Value, fields: Value) {
    if let (Some(finding), Value::Object(fields)) = (finding.as_object_mut(), fields) {
        finding.extend(fields);
    }
}

fn of_check(report: &Report<'_>, account: Account<'_>, check: &Check<'_>) -> Value {
    let result = check.result;
    let (status, workflow) = match result.status {
        CheckStatus::Passed => ("PASSED", "RESOLVED"),
        CheckStatus::Failed => ("FAILED", "NEW"),
        CheckStatus::Error => ("NOT_AVAILABLE", "NEW"),
    };
    let label = if result.status == CheckStatus::Failed { label(result.severity) } else { "INFORMATIONAL" };
    let description = match (result.status, result.cause.as_str()) {
        (CheckStatus::Passed, _) | (_, "") => check.description,
        (_, cause) => cause,
    };
    let title = format!("{} {}", result.check, result.title);
    let mut finding = finding(report, account, &format!("check/{}", result.check), &title, description);
    let related: Vec<String> =
        controls(result).take(32).map(|(standard, control)| format!("{standard} {control}")).collect();
    put(
        &mut finding,
        json!({
            "GeneratorId": format!("fargard-check-{}", result.check),
            "Types": ["Software and Configuration Checks/Industry and Regulatory Standards"],
            "Severity": {"Label": label, "Original": result.severity.name()},
            "Compliance": {"Status": status, "RelatedRequirements": related, "SecurityControlId": result.check.to_string()},
            "Remediation": {"Recommendation": {"Text": cut(check.remedy, 512)}},
            "Workflow": {"Status": workflow},
        }),
    );
    finding
}

fn of_flaw(report: &Report<'_>, account: Account<'_>, flaw: &Flaw<'_>) -> Value {
    let title = format!("{} in {} {}", flaw.id, flaw.package, flaw.version);
    let mut finding = finding(report, account, &format!("{}/{}", flaw.id, flaw.purl), &title, flaw.summary);
    let mut package = json!({"Name": flaw.package, "Version": flaw.version, "FilePath": flaw.place});
    if let Some(fixed) = flaw.fixed {
        put(&mut package, json!({"FixedInVersion": fixed, "Remediation": flaw.advice()}));
    }
    let mut vulnerability = json!({
        "Id": flaw.id,
        "VulnerablePackages": [package],
        "FixAvailable": if flaw.fixed.is_some() { "YES" } else { "NO" },
    });
    if let Some(score) = flaw.score {
        let vector = flaw.vector.unwrap_or_default();
        let version = vector.strip_prefix("CVSS:").and_then(|rest| rest.split('/').next()).unwrap_or("2.0");
        put(
            &mut vulnerability,
            json!({"Cvss": [{"BaseScore": score, "Version": version, "BaseVector": vector}]}),
        );
    }
    put(
        &mut finding,
        json!({
            "GeneratorId": format!("fargard-vulnerability-{}", flaw.id),
            "Types": ["Software and Configuration Checks/Vulnerabilities/CVE"],
            "Severity": {"Label": label(flaw.priority), "Original": flaw.severity},
            "Vulnerabilities": [vulnerability],
            "Remediation": {"Recommendation": {"Text": cut(&flaw.advice(), 512)}},
            "Workflow": {"Status": "NEW"},
        }),
    );
    finding
}

fn label(priority: Priority) -> &'static str {
    match priority {
        Priority::Emergency | Priority::Alert | Priority::Critical => "CRITICAL",
        Priority::Error => "HIGH",
        Priority::Warning => "MEDIUM",
        Priority::Notice => "LOW",
        Priority::Informational | Priority::Debug => "INFORMATIONAL",
    }
}
