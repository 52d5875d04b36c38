//! Fields of CloudTrail records that are more than one member: who acted, what was summed up.

use std::borrow::Cow;

use super::{
    ArgKind::None as NoArg,
    Field,
    FieldType::{Int, Text},
    Values,
    ct::{FromRecord, at, of_record},
};
use crate::{Record, json::Json};

const fn text(name: &'static str, doc: &'static str, get: FromRecord) -> Field {
    of_record(name, Text, NoArg, doc, get)
}

const fn number(name: &'static str, doc: &'static str, get: FromRecord) -> Field {
    of_record(name, Int, NoArg, doc, get)
}

/// What fields of the plugin read that belong to single services.
pub(super) const FIELDS: &[Field] = &[
    text("s3.uri", "s3://BUCKET/KEY", |record, _| s3_uri(record).map_or(Values::Missing, Values::text)),
    text("s3.bucket", "bucket in the request (bucketName)", |record, _| {
        at(record, &["requestParameters", "bucketName"])
    }),
    text("s3.key", "key of an object in the request (key)", |record, _| {
        at(record, &["requestParameters", "key"])
    }),
    number("s3.bytes", "bytes transferred in both directions", |record, _| whole(s3_bytes(record))),
    number("s3.bytes.in", "bytes of an upload (bytesTransferredIn)", |record, _| {
        whole(bytes(record, "bytesTransferredIn"))
    }),
    number("s3.bytes.out", "bytes of a download (bytesTransferredOut)", |record, _| {
        whole(bytes(record, "bytesTransferredOut"))
    }),
    number("s3.cnt.get", "1 for GetObject, else no value", |record, _| {
        counted(is_named(record, "GetObject"))
    }),
    number("s3.cnt.put", "1 for PutObject, else no value", |record, _| {
        counted(is_named(record, "PutObject"))
    }),
    number("s3.cnt.other", "1 for what is neither GetObject nor PutObject, else no value", |record, _| {
        counted(!is_named(record, "GetObject") && !is_named(record, "PutObject"))
    }),
    text("ec2.name", "name of the instances in the request (their tag Name)", |record, _| {
        instance_name(record).map_or(Values::Missing, Values::text)
    }),
    text("ec2.imageid", "image of the instances in the response", |record, _| {
        image_id(record).map_or(Values::Missing, Values::text)
    }),
    text("ecr.repository", "repository in the request (repositoryName)", |record, _| {
        at(record, &["requestParameters", "repositoryName"])
    }),
    text("ecr.imagetag", "tag of the image in the request (imageTag)", |record, _| {
        at(record, &["requestParameters", "imageTag"])
    }),
    text("iam.role", "role in the request (roleName)", |record, _| {
        at(record, &["requestParameters", "roleName"])
    }),
    text("iam.policy", "policy in the request (policyName)", |record, _| {
        at(record, &["requestParameters", "policyName"])
    }),
];

const AWS_DOMAIN: &str = ".amazonaws.com";

/// `ec2` of `ec2.amazonaws.com`.
pub(super) fn short_source(record: &Record) -> Values<'_> {
    source(record).map_or(Values::Missing, Values::text)
}

fn source(record: &Record) -> Option<Cow<'_, str>> {
    let whole = record.get("eventSource")?.as_str().unwrap_or_default();
    let keep = whole.strip_suffix(AWS_DOMAIN).filter(|short| !short.is_empty()).map_or(whole.len(), str::len);
    Some(match whole {
        Cow::Borrowed(text) => text.get(..keep).unwrap_or_default().into(),
        Cow::Owned(mut text) => {
            text.truncate(keep);
            text.into()
        }
    })
}

/// Who acted.
pub(super) fn user(record: &Record) -> Values<'_> {
    actor(record).map_or(Values::Missing, Values::text)
}

fn actor(record: &Record) -> Option<Cow<'_, str>> {
    let identity = record.get("userIdentity")?;
    let named = |path: &[&str]| identity.path(path).map(|name| name.as_str().unwrap_or_default());
    match &*identity.get("type")?.as_str()? {
        "Root" | "IAMUser" => named(&["userName"]),
        "AWSService" => named(&["invokedBy"]),
        "AssumedRole" => {
            Some(named(&["sessionContext", "sessionIssuer", "userName"]).unwrap_or("AssumedRole".into()))
        }
        "AWSAccount" => Some("AWSAccount".into()),
        "FederatedUser" => Some("FederatedUser".into()),
        _ => None,
    }
}

/// Who acted; of an assumed role the name that the session was given: the end of the ARN
/// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`, or of the principal id `ID:SESSION`.
pub(super) fn original_user(record: &Record) -> Values<'_> {
    let Some(identity) = record.get("userIdentity") else { return Values::Missing };
    if identity.get("type").and_then(Json::as_str).as_deref() != Some("AssumedRole") {
        return at(record, &["userIdentity", "userName"]);
    }
    let last = |name: &str, separator: char, parts: usize| {
        let text = identity.get(name)?.as_str()?;
        let mut split = text.split(separator);
        let last = split.nth(parts - 1)?.to_owned();
        split.next().is_none().then_some(last)
    };
    last("arn", '/', 3).or_else(|| last("principalId", ':', 2)).map_or(Values::Missing, Values::text)
}

/// The account of who acted, else the one that received the record.
pub(super) fn account(record: &Record) -> Values<'_> {
    match at(record, &["userIdentity", "accountId"]) {
        Values::Missing => at(record, &["recipientAccountId"]),
        found => found,
    }
}

/// `true` or `false`. Old records do not say it, then the action's name decides.
pub(super) fn read_only(record: &Record) -> Values<'_> {
    let word = |truth: bool| Values::text(if truth { "true" } else { "false" });
    is_read_only(record).map_or(Values::Missing, word)
}

fn is_read_only(record: &Record) -> Option<bool> {
    /// How names of actions begin that change something.
    const CHANGES: [&str; 35] = [
        "Activate",
        "Add",
        "Admin",
        "Assign",
        "Associate",
        "Attach",
        "Cancel",
        "Close",
        "Create",
        "Delete",
        "Deregister",
        "Destroy",
        "Detach",
        "Disable",
        "Disassociate",
        "Enable",
        "Initialize",
        "Modify",
        "Open",
        "Purchase",
        "Put",
        "Reboot",
        "Register",
        "Remove",
        "Run",
        "Set",
        "Start",
        "Stop",
        "Suspend",
        "Terminate",
        "Unassign",
        "Unlink",
        "Update",
        "Upgrade",
        "Wipe",
    ];
    if let Some(said) = record.get("readOnly") {
        return Some(said.as_bool() == Some(true));
    }
    let name = record.get("eventName")?.as_str()?;
    Some(!CHANGES.iter().any(|prefix| name.starts_with(prefix)))
}

/// The resources as JSON with commas between.
pub(super) fn resources(record: &Record) -> Values<'_> {
    let Some(list) = record.get("resources") else { return Values::Missing };
    let items: Vec<_> = list.items().map(Json::compact).collect();
    if items.is_empty() { Values::Missing } else { Values::text(items.join(",")) }
}

/// A summary such as `alice via 192.0.2.7 !→ RunInstances`: `!` for an error, `→` for a change and `←` for a read.
pub(super) fn info(record: &Record) -> Values<'_> {
    Values::text(summary(record))
}

fn summary(record: &Record) -> String {
    let Some(who) = actor(record) else {
        return "<invalid cloudtrail event: userIdentity field missing>".into();
    };
    let text = |name: &str| record.get(name).map(|value| value.as_str().unwrap_or_default());
    let Some(from) = text("sourceIPAddress") else {
        return "<invalid cloudtrail event: eventSource field missing>".into();
    };
    let Some(name) = text("eventName") else {
        return "<invalid cloudtrail event: eventName field missing>".into();
    };
    let failed = if record.get("errorCode").is_some() { "!" } else { "" };
    let arrow = if is_read_only(record) == Some(false) { "→" } else { "←" };
    let via = if who == from { String::new() } else { format!(" via {from}") };
    let mut line = format!("{who}{via} {failed}{arrow} {name}");
    line.push_str(&details(record, &name));
    line
}

/// What a summary says of S3.
fn details(record: &Record, name: &str) -> String {
    let request = |key: &str| record.path(&["requestParameters", key]);
    let text = |key: &str| request(key).map(|value| value.as_str().unwrap_or_default());
    if name == "PutBucketPublicAccessBlock" {
        return request("PublicAccessBlockConfiguration")
            .filter(|block| block.is_object())
            .map_or_else(String::new, access_block);
    }
    let size = s3_bytes(record).map_or_else(String::new, |bytes| format!(" Size={bytes}"));
    let place = s3_uri(record)
        .map(|uri| format!(" URI={uri}"))
        .or_else(|| text("bucketName").map(|bucket| format!(" Bucket={bucket}")))
        .or_else(|| text("key").map(|key| format!(" Key={key}")))
        .or_else(|| text("Host").map(|host| format!(" Host={host}")))
        .unwrap_or_default();
    size + &place
}

fn access_block(block: Json<'_>) -> String {
    let mut line = String::new();
    for name in ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"] {
        let truth = block.get(name).and_then(Json::as_bool) == Some(true);
        line.push_str(&format!(" {name}={truth}"));
    }
    line
}

/// What Falco's plugin says of a record in `evt.plugininfo`: region, who, service, action, and the summary.
pub(super) fn plugin_info(record: &Record) -> Option<String> {
    let region = record.text_at(&["awsRegion"])?;
    let source = source(record)?;
    let name = record.text_at(&["eventName"])?;
    let who = actor(record).filter(|who| !who.is_empty()).map_or_else(String::new, |who| format!(" {who}"));
    Some(format!("{region}{who} {source} {name} {}", summary(record)))
}

fn is_named(record: &Record, name: &str) -> bool {
    record.text_at(&["eventName"]).is_some_and(|found| found == name)
}

fn counted(is_one: bool) -> Values<'static> {
    if is_one { Values::int(1) } else { Values::Missing }
}

fn whole(number: Option<u64>) -> Values<'static> {
    number.map_or(Values::Missing, |number| Values::int(i64::try_from(number).unwrap_or(i64::MAX)))
}

/// A count of bytes; one that is no number counts as zero.
fn bytes(record: &Record, name: &str) -> Option<u64> {
    record.path(&["additionalEventData", name]).map(|value| value.as_u64().unwrap_or_default())
}

fn s3_bytes(record: &Record) -> Option<u64> {
    let (upload, download) = (bytes(record, "bytesTransferredIn"), bytes(record, "bytesTransferredOut"));
    (upload.is_some() || download.is_some())
        .then(|| upload.unwrap_or_default().saturating_add(download.unwrap_or_default()))
}

fn s3_uri(record: &Record) -> Option<String> {
    let bucket = record.text_at(&["requestParameters", "bucketName"])?;
    let key = record.text_at(&["requestParameters", "key"])?;
    Some(format!("s3://{bucket}/{key}"))
}

/// The tag `Name` of the last set of tags for instances that has one.
fn instance_name(record: &Record) -> Option<String> {
    let is = |value: Json<'_>, key: &str, wanted: &str| {
        value.get(key).and_then(Json::as_str).is_some_and(|text| text == wanted)
    };
    let sets = record.path(&["requestParameters", "tagSpecificationSet", "items"])?;
    let name = |set: Json<'_>| {
        let tag = set.get("tags")?.items().find(|tag| is(*tag, "key", "Name"))?;
        Some(tag.get("value").and_then(Json::as_str).unwrap_or_default().into_owned())
    };
    let last = sets.items().filter(|set| is(*set, "resourceType", "instance")).filter_map(name).last();
    last.filter(|name| !name.is_empty())
}

fn image_id(record: &Record) -> Option<String> {
    let first = record.path(&["responseElements", "tagSpecificationSet", "items", "0"])?;
    let id = first.get("imageId")?.as_str()?.into_owned();
    (!id.is_empty()).then_some(id)
}
