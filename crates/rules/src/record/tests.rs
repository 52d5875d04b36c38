use fargard_model::{Source, Timestamp};
use proptest::prelude::*;

use super::{MAX_RECORD, Record};
use crate::{
    Code, RuleId, Ruleset, SourceFile, Subject,
    fields::{self, Extract},
    json::tests::any_json,
    load,
    testing::exec,
};

const CALL: &str = r#"{
    "eventVersion": "1.08", "eventID": "d44c481f", "eventTime": "2023-07-10T11:47:39Z",
    "userIdentity": {
        "type": "AssumedRole", "principalId": "AROA:session-1", "accountId": "123456789012",
        "arn": "arn:aws:sts::123456789012:assumed-role/deployer/session-1",
        "sessionContext": {"sessionIssuer": {"userName": "deployer"}}
    },
    "eventSource": "ec2.amazonaws.com", "eventName": "RunInstances", "awsRegion": "eu-west-1",
    "sourceIPAddress": "192.0.2.7", "userAgent": "aws-cli \"2\"", "errorCode": "UnauthorizedOperation",
    "requestParameters": {
        "documentName": "AWS-RunShellScript", "Host": "h", "bucketName": "b", "key": "k/1", "roleName": "r",
        "tagSpecificationSet": {"items": [
            {"resourceType": "volume", "tags": [{"key": "Name", "value": "disk"}]},
            {"resourceType": "instance", "tags": [{"key": "Env", "value": "x"}, {"key": "Name", "value": "web"}]}
        ]}
    },
    "responseElements": {"a": [1, 2.50, true, null], "tagSpecificationSet": {"items": [{"imageId": "ami-1"}]}},
    "additionalEventData": {"bytesTransferredIn": 12, "bytesTransferredOut": 33.0},
    "resources": [{"ARN": "a"}, {"ARN": "b"}], "readOnly": false, "managementEvent": true,
    "sessionCredentialFromConsole": "true", "eventType": "AwsApiCall", "recipientAccountId": "210987654321"
}"#;

fn record(text: &str) -> Record {
    let mut record = Record::parse(Source::AwsCloudtrail, text.as_bytes()).unwrap();
    record.num = 3;
    record.time = Timestamp(1_688_989_659_000_000_000);
    record
}

/// What outputs show of a field; `None` when it has no value.
fn shown(record: &Record, written: &str) -> Option<String> {
    let (name, arg) = match written.split_once('[') {
        Some((name, arg)) => (name, arg.strip_suffix(']')),
        None => (written, None),
    };
    let field = fields::resolve(name, arg).unwrap();
    let values = field.shown(Subject::Record(record)).into_vec();
    values.first().map(ToString::to_string)
}

#[test]
fn fields_of_a_call() {
    let record = record(CALL);
    for (field, value) in [
        ("ct.id", "d44c481f"),
        ("ct.error", "UnauthorizedOperation"),
        ("ct.time", "2023-07-10T11:47:39Z"),
        ("ct.src", "ec2.amazonaws.com"),
        ("ct.shortsrc", "ec2"),
        ("ct.name", "RunInstances"),
        ("ct.user", "deployer"),
        ("ct.originaluser", "session-1"),
        ("ct.user.accountid", "123456789012"),
        ("ct.user.identitytype", "AssumedRole"),
        ("ct.region", "eu-west-1"),
        ("ct.srcip", "192.0.2.7"),
        ("ct.useragent", "aws-cli \"2\""),
        ("ct.request.documentname", "AWS-RunShellScript"),
        ("ct.request.host", "h"),
        ("ct.response", r#"{"a":[1,2.50,true,null],"tagSpecificationSet":{"items":[{"imageId":"ami-1"}]}}"#),
        ("ct.resources", r#"{"ARN":"a"},{"ARN":"b"}"#),
        ("ct.readonly", "false"),
        ("ct.managementevent", "true"),
        // Text is no truth value.
        ("ct.sessioncredentialfromconsole", "false"),
        ("ct.info", "deployer via 192.0.2.7 !→ RunInstances Size=45 URI=s3://b/k/1"),
        ("s3.uri", "s3://b/k/1"),
        ("s3.bytes", "45"),
        ("s3.bytes.out", "33"),
        ("s3.cnt.other", "1"),
        ("ec2.name", "web"),
        ("ec2.imageid", "ami-1"),
        ("iam.role", "r"),
        ("json.value[/responseElements/a]", "[1,2.50,true,null]"),
        ("json.value[/responseElements/a/1]", "2.50"),
        ("json.value[/responseElements/a/3]", "null"),
        ("jevt.value[responseElements/a/0]", "1"),
        ("json.rawtime", "1688989659000000000"),
        ("evt.num", "3"),
        ("evt.source", "aws_cloudtrail"),
        ("evt.pluginname", "cloudtrail"),
        ("evt.time.iso8601", "2023-07-10T11:47:39.000000000+0000"),
        (
            "evt.plugininfo",
            "eu-west-1 deployer ec2 RunInstances deployer via 192.0.2.7 !→ RunInstances Size=45 URI=s3://b/k/1",
        ),
    ] {
        assert_eq!(shown(&record, field).as_deref(), Some(value), "{field}");
    }
    for field in [
        "ct.errormessage",
        "ct.request.name",
        "ct.addendum.reason",
        "s3.cnt.get",
        "ecr.repository",
        "json.value[/responseElements/a/4]",
        "json.value[/responseElements/a/00]",
        "json.value[/none]",
        "evt.asynctype",
    ] {
        assert_eq!(shown(&record, field), None, "{field}");
    }
    assert_eq!(shown(&record, "json.obj").unwrap().lines().nth(1), Some("  \"eventVersion\": \"1.08\","));
}

/// Falco's plugin gives empty text for what is there and is no text; `exists` is true for it.
#[test]
fn there_and_empty_is_not_missing() {
    let record =
        record(r#"{"errorCode": null, "eventName": "", "userIdentity": {"type": "IAMUser", "userName": 7}}"#);
    for (field, value) in [
        ("ct.error", Some("")),
        ("ct.name", Some("")),
        ("ct.user", Some("")),
        ("ct.errormessage", None),
        ("ct.region", None),
        ("json.value[/errorCode]", Some("null")),
    ] {
        assert_eq!(shown(&record, field).as_deref(), value, "{field}");
    }
}

#[test]
fn who_acted() {
    for (identity, user, original) in [
        (r#"{"type":"Root","userName":"x"}"#, Some("x"), Some("x")),
        (r#"{"type":"Root"}"#, None, None),
        (r#"{"type":"IAMUser","userName":"ann"}"#, Some("ann"), Some("ann")),
        (r#"{"type":"AWSService","invokedBy":"ecs.amazonaws.com"}"#, Some("ecs.amazonaws.com"), None),
        (r#"{"type":"AssumedRole"}"#, Some("AssumedRole"), None),
        (r#"{"type":"AssumedRole","principalId":"A:s"}"#, Some("AssumedRole"), Some("s")),
        (r#"{"type":"AWSAccount"}"#, Some("AWSAccount"), None),
        (r#"{"type":"FederatedUser","userName":"f"}"#, Some("FederatedUser"), Some("f")),
        (r#"{"type":"SAMLUser","userName":"s"}"#, None, Some("s")),
        (r#"{"userName":"s"}"#, None, Some("s")),
        ("null", None, None),
    ] {
        let record = record(&format!("{{\"userIdentity\":{identity}}}"));
        assert_eq!(shown(&record, "ct.user").as_deref(), user, "{identity}");
        assert_eq!(shown(&record, "ct.originaluser").as_deref(), original, "{identity}");
    }
}

#[test]
fn summaries() {
    let who = r#""userIdentity":{"type":"AWSService","invokedBy":"a.b"},"sourceIPAddress":"#;
    for (text, info) in [
        ("{}".to_owned(), "<invalid cloudtrail event: userIdentity field missing>"),
        (
            r#"{"userIdentity":{"type":"AWSAccount"}}"#.to_owned(),
            "<invalid cloudtrail event: eventSource field missing>",
        ),
        (format!("{{{who}\"a.b\"}}"), "<invalid cloudtrail event: eventName field missing>"),
        (format!("{{{who}\"a.b\",\"eventName\":\"ListUsers\"}}"), "a.b ← ListUsers"),
        (format!("{{{who}\"c\",\"eventName\":\"CreateUser\"}}"), "a.b via c → CreateUser"),
        (
            format!("{{{who}\"c\",\"eventName\":\"X\",\"requestParameters\":{{\"bucketName\":\"b\"}}}}"),
            "a.b via c ← X Bucket=b",
        ),
        (
            format!("{{{who}\"c\",\"eventName\":\"X\",\"requestParameters\":{{\"Host\":\"h\"}}}}"),
            "a.b via c ← X Host=h",
        ),
        (
            format!(
                "{{{who}\"c\",\"eventName\":\"PutBucketPublicAccessBlock\",\"requestParameters\":\
                 {{\"PublicAccessBlockConfiguration\":{{\"BlockPublicAcls\":true}}}}}}"
            ),
            "a.b via c → PutBucketPublicAccessBlock BlockPublicAcls=true BlockPublicPolicy=false \
             IgnorePublicAcls=false RestrictPublicBuckets=false",
        ),
    ] {
        assert_eq!(shown(&record(&text), "ct.info").as_deref(), Some(info), "{text}");
    }
}

#[test]
fn there_are_as_many_fields_as_the_plugins_have() {
    let of = |classes: &[&str]| {
        let is_of = |name: &str| classes.iter().any(|class| name.starts_with(class));
        fields::all().filter(|field| is_of(field.name)).count()
    };
    assert_eq!((of(&["ct.", "s3.", "ec2.", "ecr.", "iam."]), of(&["json.", "jevt."])), (72, 6));
    let of_records = |extract: &Extract| matches!(extract, Extract::Record(_));
    assert_eq!(fields::all().filter(|field| field.get.as_ref().is_some_and(of_records)).count(), 78);
    let generic = |field: &&fields::Field| {
        field.name.starts_with("evt.")
            && fields::resolve(field.name, None).is_ok_and(|found| found.is_of(Source::AwsCloudtrail))
    };
    assert_eq!(fields::all().filter(generic).count(), 18);
}

#[test]
fn what_is_no_record_is_refused() {
    for (text, at, what) in [
        ("[]", 0, "expected '{'"),
        ("{} x", 2, "text after the record's end"),
        ("{\"a\":1", 6, "expected ',' or '}' after a member"),
        ("", 0, "expected '{'"),
    ] {
        let fault = Record::parse(Source::AwsCloudtrail, text.as_bytes()).unwrap_err();
        assert_eq!((fault.at, fault.what), (at, what), "{text}");
    }
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_RECORD));
    assert!(Record::parse(Source::AwsCloudtrail, long.as_bytes()).is_err());
}

/// A file with one rule, of a source and with a condition and an output, after some macros.
fn rules(source: &str, condition: &str, output: &str) -> (Option<Ruleset>, Vec<(Code, String)>) {
    let text = format!(
        "- macro: root\n  condition: ct.user.identitytype = Root\n- macro: shell\n  condition: proc.name = sh\n\
         - macro: first\n  condition: evt.num = 1\n- macro: used\n  condition: (root or shell or first)\n\
         - rule: r\n  desc: d\n  source: {source}\n  priority: INFO\n  condition: {condition}\n  output: x {output}\n"
    );
    let report = load(&[SourceFile { name: "r.yaml".into(), text }]);
    let unused = |code: Code| code == Code::UnusedMacro;
    let told = report.diagnostics.into_iter().filter(|told| !unused(told.code));
    (report.ruleset, told.map(|told| (told.code, told.message)).collect())
}

#[test]
fn a_rule_has_the_fields_of_its_source() {
    for (source, condition, output) in [
        ("aws_cloudtrail", "ct.name = a and json.value[/b] != c", "%evt.num %ct.id %evt.plugininfo"),
        ("aws_cloudtrail", "root and first", "%evt.time %evt.datetime.s %evt.rawtime %evt.hostname"),
        ("aws_cloudtrail", "evt.reltime > 0 or evt.is_async = true or evt.asynctype = x", "x"),
        ("aws_cloudtrail", "tolower(ct.name) = val(ct.src)", "%json.value[/a/b]"),
        ("syscall", "evt.type = execve and shell and first", "%evt.num %proc.name"),
    ] {
        let (ruleset, told) = rules(source, condition, output);
        assert_eq!(told, [], "{condition}");
        assert_eq!(ruleset.unwrap().rules()[0].source.name(), source);
    }
    for (source, condition, output, code, field) in [
        ("syscall", "ct.name = a", "x", Code::ErrCompileCondition, "ct.name"),
        ("syscall", "evt.type = open and json.value[/a] = b", "x", Code::ErrCompileCondition, "json.value"),
        ("syscall", "evt.type = open and used", "x", Code::ErrCompileCondition, "ct.user.identitytype"),
        ("syscall", "evt.type = open", "%ct.name", Code::ErrCompileOutput, "ct.name"),
        ("aws_cloudtrail", "proc.name = a", "x", Code::ErrCompileCondition, "proc.name"),
        ("aws_cloudtrail", "evt.type = pluginevent", "x", Code::ErrCompileCondition, "evt.type"),
        ("aws_cloudtrail", "ct.name = a and not used", "x", Code::ErrCompileCondition, "proc.name"),
        ("aws_cloudtrail", "ct.name = val(proc.name)", "x", Code::ErrCompileCondition, "proc.name"),
        ("aws_cloudtrail", "ct.name = a", "%proc.name", Code::ErrCompileOutput, "proc.name"),
    ] {
        let (ruleset, told) = rules(source, condition, output);
        let message = format!("events of source '{source}' have no field '{field}'");
        assert_eq!(told, [(code, message)], "{condition}");
        assert!(ruleset.is_none());
    }
    let exception = "x\n  exceptions: [{name: e, fields: [proc.name, ct.id], values: [[a, b]]}]";
    let (_, told) = rules("aws_cloudtrail", "ct.name = a", exception);
    let message = "events of source 'aws_cloudtrail' have no field 'proc.name'";
    assert_eq!(told, [(Code::ErrValidate, message.into())]);
    let (_, told) = rules("k8s_audit", "ka.verb = get", "x");
    assert_eq!(told, [(Code::UnknownSource, "unknown source k8s_audit, skipping".into())]);
}

#[test]
fn each_source_has_its_own_rules() {
    let text = "- rule: calls\n  desc: d\n  priority: INFO\n  output: x\n  condition: evt.num > 0\n  warn_evttypes: false\n\
                - rule: records\n  desc: d\n  priority: INFO\n  output: x\n  condition: evt.num > 0\n  source: aws_cloudtrail\n";
    let report = load(&[SourceFile { name: "r.yaml".into(), text: text.into() }]);
    assert!(report.diagnostics.is_empty(), "{:?}", report.diagnostics);
    let ruleset = report.ruleset.unwrap();
    let mut matches = Vec::new();
    ruleset.evaluate(&record(CALL), &mut matches);
    assert_eq!(matches, [RuleId(1)]);
    ruleset.evaluate(&exec("/bin/sh", &[]).0, &mut matches);
    assert_eq!(matches, [RuleId(0)]);
}

proptest! {
    #[test]
    fn every_field_of_any_record_is_read(members in prop::collection::btree_map(
        prop_oneof![
            Just("userIdentity"), Just("requestParameters"), Just("responseElements"), Just("additionalEventData"),
            Just("eventName"), Just("errorCode"), Just("resources"), Just("a/b"), Just("c~d")
        ],
        any_json(), 0..8,
    )) {
        let value: serde_json::Value = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let record = record(&value.to_string());
        for field in fields::all().filter(|field| matches!(field.get, Some(Extract::Record(_)))) {
            if let Ok(field) = fields::resolve(field.name, None) {
                let _ = field.shown(Subject::Record(&record));
            }
        }
        for (name, member) in value.as_object().unwrap() {
            let pointer = format!("json.value[/{}]", name.replace('~', "~0").replace('/', "~1"));
            let expected = member.as_str().map_or_else(|| member.to_string(), str::to_owned);
            prop_assert_eq!(shown(&record, &pointer), Some(expected));
        }
    }
}
