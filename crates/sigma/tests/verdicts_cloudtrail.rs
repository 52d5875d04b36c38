//! Rules for CloudTrail and records: what a Sigma rule's words say must be what the converted rule decides.
#![expect(clippy::panic, reason = "tests fail by panicking")]

use fargard_model::Source;
use fargard_rules::{Record, Ruleset, SourceFile, load};
use fargard_sigma::{import, yaml};

const LOGIN: &str = r#"{"eventTime":"2026-01-01T00:00:00Z","eventType":"AwsConsoleSignIn","eventName":"ConsoleLogin",
    "eventSource":"signin.amazonaws.com","awsRegion":"us-east-1","sourceIPAddress":"172.17.3.4",
    "userAgent":"Mozilla/5.0","userIdentity":{"type":"Root","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333"},
    "requestParameters":null,"responseElements":{"ConsoleLogin":"Success"},
    "additionalEventData":{"MFAUsed":"No"},"recipientAccountId":"111122223333"}"#;

const POLICY: &str = r#"{"eventTime":"2026-01-01T00:00:00Z","eventType":"AwsApiCall","eventName":"PutUserPolicy",
    "eventSource":"iam.amazonaws.com","awsRegion":"eu-west-1","sourceIPAddress":"ecs.amazonaws.com",
    "errorCode":"AccessDenied","userAgent":"[S3 Browser 9-5-5]",
    "userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::444455556666:user/Eve","userName":"Eve","accountId":"444455556666"},
    "requestParameters":{"userName":"eve","policyDocument":"{\"Effect\":\"Allow\",\"Action\":\"*\"}","force":true,"count":5,
    "a/b":{"c~d":"x"}},"responseElements":null,"recipientAccountId":"999999999999"}"#;

fn ruleset(detection: &str) -> Ruleset {
    let text = format!(
        "title: t\nlogsource: {{product: aws, service: cloudtrail}}\ndetection:\n    {}\n",
        detection.replace('\n', "\n    ")
    );
    let import = import(&[SourceFile { name: "t.yml".into(), text }]);
    assert!(import.problems.is_empty(), "{detection}\n{:?}", import.problems);
    let loaded = load(&[SourceFile { name: "t.yaml".into(), text: yaml(&import) }]);
    loaded.ruleset.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

#[test]
fn selections_of_records() {
    let records = [LOGIN, POLICY].map(|text| Record::parse(Source::AwsCloudtrail, text.as_bytes()).unwrap());
    for (selection, login, policy) in [
        ("eventName: consolelogin", true, false),
        ("eventName|cased: consolelogin", false, false),
        ("eventName: [PutUserPolicy, PutRolePolicy]", false, true),
        ("eventName|startswith: [Put, Attach]", false, true),
        ("eventName|re: '^Put(User|Role)'", false, true),
        ("eventSource|endswith: .AMAZONAWS.com", true, true),
        ("eventType: AwsApiCall", false, true),
        ("userIdentity.type: root", true, false),
        ("userIdentity.arn|contains: ':user/'", false, true),
        ("userIdentity.arn: 'arn:aws:iam::*:root'", true, false),
        ("responseElements.ConsoleLogin: success", true, false),
        ("additionalEventData.MFAUsed|contains: 'NO'", true, false),
        ("userAgent|contains: 's3 browser'", false, true),
        ("sourceIPAddress|cidr: 172.16.0.0/12", true, false),
        ("sourceIPAddress|cidr: [10.0.0.0/8, 172.17.3.4/32]", true, false),
        ("errorCode: null", true, false),
        ("errorCode: AccessDenied", false, true),
        ("errorCode|exists: true", false, true),
        ("errorCode|exists: false", true, false),
        ("errorCode|neq: AccessDenied", true, false),
        ("requestParameters.userName|fieldref: userIdentity.userName", false, true),
        ("requestParameters.userName|cased|fieldref: userIdentity.userName", false, false),
        ("recipientAccountId|fieldref: userIdentity.accountId", true, false),
        (
            "requestParameters.policyDocument|contains|all: ['\"Effect\":\"Allow\"', '\"Action\":\"\\*\"']",
            false,
            true,
        ),
        ("requestParameters|contains: 'policyDocument'", false, true),
        ("requestParameters.force: true", false, true),
        ("requestParameters.force: 'True'", false, true),
        ("requestParameters.count: 5", false, true),
        ("requestParameters.a/b.c~d: X", false, true),
        ("nothing.here: '*'", false, false),
        ("userIdentity.userName: null", true, false),
        ("requestParameters: null", true, false),
        ("requestParameters.userName: null", true, false),
        ("responseElements: [null, x]", false, true),
        ("requestParameters|exists: true", true, true),
    ] {
        let ruleset = ruleset(&format!("a:\n    {selection}\ncondition: a"));
        let mut found = Vec::new();
        let verdicts = [0, 1].map(|at| {
            ruleset.evaluate(&records[at], &mut found);
            !found.is_empty()
        });
        assert_eq!(verdicts, [login, policy], "{selection}");
    }
}

#[test]
fn keywords_stand_anywhere() {
    let records = [LOGIN, POLICY].map(|text| Record::parse(Source::AwsCloudtrail, text.as_bytes()).unwrap());
    for (keywords, login, policy) in [
        ("a: [USER/EVE, mozilla]", true, true),
        ("a: user/eve", false, true),
        ("a: {'|all': [user/eve, allow]}", false, true),
        ("a: ['S3*9']", false, true),
    ] {
        let ruleset = ruleset(&format!("{keywords}\ncondition: a"));
        let mut found = Vec::new();
        let verdicts = [0, 1].map(|at| {
            ruleset.evaluate(&records[at], &mut found);
            !found.is_empty()
        });
        assert_eq!(verdicts, [login, policy], "{keywords}");
    }
}
