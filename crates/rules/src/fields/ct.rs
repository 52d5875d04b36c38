//! `ct.*`: CloudTrail records, as the fields of Falco's cloudtrail plugin 0.17. A member that is there but is no text
//! gives empty text, as there.

use super::{
    ArgKind::None as NoArg,
    Extract, Field, FieldArg,
    FieldType::Text,
    Values,
    cloudtrail::{account, info, original_user, read_only, resources, short_source, user},
    field,
};
use crate::Record;

/// Reads a field from a record.
pub(super) type FromRecord = for<'e> fn(&'e Record, &FieldArg) -> Values<'e>;

/// A field of records.
pub(super) const fn of_record(
    name: &'static str,
    kind: super::FieldType,
    arg: super::ArgKind,
    doc: &'static str,
    get: FromRecord,
) -> Field {
    Field { get: Some(Extract::Record(get)), ..field(name, kind, arg, doc, |_, _| Values::Missing) }
}

const fn text(name: &'static str, doc: &'static str, get: FromRecord) -> Field {
    of_record(name, Text, NoArg, doc, get)
}

/// The text that a path of members leads to.
pub(super) fn at<'e>(record: &'e Record, path: &[&str]) -> Values<'e> {
    record.path(path).map_or(Values::Missing, |value| Values::text(value.as_str().unwrap_or_default()))
}

/// A member as JSON without blanks.
fn json<'e>(record: &'e Record, name: &str) -> Values<'e> {
    record.get(name).map_or(Values::Missing, |value| Values::text(value.compact()))
}

/// `true` for a member that is true, `false` for any other.
fn truth<'e>(record: &'e Record, name: &str) -> Values<'e> {
    let word = |truth: bool| if truth { "true" } else { "false" };
    record.get(name).map_or(Values::Missing, |value| Values::text(word(value.as_bool() == Some(true))))
}

pub(super) const FIELDS: &[Field] = &[
    text("ct.id", "unique id of the record (eventID)", |record, _| at(record, &["eventID"])),
    text("ct.error", "code of the error; no value when there was none (errorCode)", |record, _| {
        at(record, &["errorCode"])
    }),
    text("ct.errormessage", "description of the error (errorMessage)", |record, _| {
        at(record, &["errorMessage"])
    }),
    text("ct.time", "time as the record writes it (eventTime)", |record, _| at(record, &["eventTime"])),
    text("ct.src", "service that was asked (eventSource), as in ec2.amazonaws.com", |record, _| {
        at(record, &["eventSource"])
    }),
    text("ct.shortsrc", "service that was asked, without .amazonaws.com", |record, _| short_source(record)),
    text("ct.name", "name of the action (eventName)", |record, _| at(record, &["eventName"])),
    text("ct.user", "who acted: user, service or role, by the kind of identity", |record, _| user(record)),
    text("ct.originaluser", "who acted; of an assumed role the session's name", |record, _| {
        original_user(record)
    }),
    text(
        "ct.user.accountid",
        "account of who acted, else the account that received the record",
        |record, _| account(record),
    ),
    text(
        "ct.user.identitytype",
        "kind of identity: Root, IAMUser, AssumedRole, AWSService, ...",
        |record, _| at(record, &["userIdentity", "type"]),
    ),
    text("ct.user.principalid", "unique id of who acted (userIdentity.principalId)", |record, _| {
        at(record, &["userIdentity", "principalId"])
    }),
    text("ct.user.arn", "ARN of who acted (userIdentity.arn)", |record, _| {
        at(record, &["userIdentity", "arn"])
    }),
    text("ct.region", "region (awsRegion)", |record, _| at(record, &["awsRegion"])),
    text("ct.response.subnetid", "subnet in the response (subnetId)", |record, _| {
        at(record, &["responseElements", "subnetId"])
    }),
    text("ct.response.reservationid", "reservation in the response (reservationId)", |record, _| {
        at(record, &["responseElements", "reservationId"])
    }),
    text("ct.response", "the whole response as JSON (responseElements)", |record, _| {
        json(record, "responseElements")
    }),
    text(
        "ct.request.availabilityzone",
        "availability zone in the request (availabilityZone)",
        |record, _| at(record, &["requestParameters", "availabilityZone"]),
    ),
    text("ct.request.cluster", "cluster in the request (cluster)", |record, _| {
        at(record, &["requestParameters", "cluster"])
    }),
    text("ct.request.functionname", "function in the request (functionName)", |record, _| {
        at(record, &["requestParameters", "functionName"])
    }),
    text("ct.request.groupname", "group in the request (groupName)", |record, _| {
        at(record, &["requestParameters", "groupName"])
    }),
    text("ct.request.host", "host in the request (Host)", |record, _| {
        at(record, &["requestParameters", "Host"])
    }),
    text("ct.request.name", "name of what the request acts on (name)", |record, _| {
        at(record, &["requestParameters", "name"])
    }),
    text("ct.request.policy", "policy in the request (policy)", |record, _| {
        at(record, &["requestParameters", "policy"])
    }),
    text("ct.request.reason", "reason in the request (reason)", |record, _| {
        at(record, &["requestParameters", "reason"])
    }),
    text("ct.request.target", "target in the request (target)", |record, _| {
        at(record, &["requestParameters", "target"])
    }),
    text("ct.request.documentname", "Systems Manager document in the request (documentName)", |record, _| {
        at(record, &["requestParameters", "documentName"])
    }),
    text("ct.request.serialnumber", "serial number in the request (serialNumber)", |record, _| {
        at(record, &["requestParameters", "serialNumber"])
    }),
    text("ct.request.servicename", "service in the request (serviceName)", |record, _| {
        at(record, &["requestParameters", "serviceName"])
    }),
    text("ct.request.subnetid", "subnet in the request (subnetId)", |record, _| {
        at(record, &["requestParameters", "subnetId"])
    }),
    text("ct.request.taskdefinition", "task definition in the request (taskDefinition)", |record, _| {
        at(record, &["requestParameters", "taskDefinition"])
    }),
    text("ct.request.username", "user in the request (userName)", |record, _| {
        at(record, &["requestParameters", "userName"])
    }),
    text("ct.request", "the whole request as JSON (requestParameters)", |record, _| {
        json(record, "requestParameters")
    }),
    text("ct.srcip", "address or service the request came from (sourceIPAddress)", |record, _| {
        at(record, &["sourceIPAddress"])
    }),
    text("ct.useragent", "program that made the request (userAgent)", |record, _| at(record, &["userAgent"])),
    text("ct.info", "summary: who, from where, failure, read or write, what", |record, _| info(record)),
    text("ct.managementevent", "true for management events, else false (managementEvent)", |record, _| {
        truth(record, "managementEvent")
    }),
    text(
        "ct.readonly",
        "true when nothing was changed, else false (readOnly, or guessed from the action's name)",
        |record, _| read_only(record),
    ),
    text("ct.requestid", "id of the request (requestID)", |record, _| at(record, &["requestID"])),
    text("ct.eventtype", "kind of record (eventType): AwsApiCall, AwsConsoleSignIn, ...", |record, _| {
        at(record, &["eventType"])
    }),
    text("ct.apiversion", "version of the API (apiVersion)", |record, _| at(record, &["apiVersion"])),
    text("ct.resources", "resources as JSON objects with commas between (resources)", |record, _| {
        resources(record)
    }),
    text("ct.recipientaccountid", "account that received the record (recipientAccountId)", |record, _| {
        at(record, &["recipientAccountId"])
    }),
    text(
        "ct.serviceeventdetails",
        "what triggered a service's event, when it is text (serviceEventDetails)",
        |record, _| at(record, &["serviceEventDetails"]),
    ),
    text(
        "ct.sharedeventid",
        "id shared by records of one event in several accounts (sharedEventID)",
        |record, _| at(record, &["sharedEventID"]),
    ),
    text("ct.vpcendpointid", "VPC endpoint of the request (vpcEndpointId)", |record, _| {
        at(record, &["vpcEndpointId"])
    }),
    text("ct.eventcategory", "category: Management, Data, ... (eventCategory)", |record, _| {
        at(record, &["eventCategory"])
    }),
    text("ct.addendum.reason", "why the record was delivered late or changed", |record, _| {
        at(record, &["addendum", "reason"])
    }),
    text("ct.addendum.updatedfields", "what was changed later", |record, _| {
        at(record, &["addendum", "updatedFields"])
    }),
    text("ct.addendum.originalrequestid", "request id before the change", |record, _| {
        at(record, &["addendum", "originalRequestID"])
    }),
    text("ct.addendum.originaleventid", "event id before the change", |record, _| {
        at(record, &["addendum", "originalEventID"])
    }),
    text(
        "ct.sessioncredentialfromconsole",
        "true when the session began in the console, else false",
        |record, _| truth(record, "sessionCredentialFromConsole"),
    ),
    text(
        "ct.edgedevicedetails",
        "edge devices of a request, when it is text (edgeDeviceDetails)",
        |record, _| at(record, &["edgeDeviceDetails"]),
    ),
    text("ct.tlsdetails.tlsversion", "version of TLS", |record, _| at(record, &["tlsDetails", "tlsVersion"])),
    text("ct.tlsdetails.ciphersuite", "cipher suite", |record, _| at(record, &["tlsDetails", "cipherSuite"])),
    text("ct.tlsdetails.clientprovidedhostheader", "host name that the client gave", |record, _| {
        at(record, &["tlsDetails", "clientProvidedHostHeader"])
    }),
    text("ct.additionaleventdata", "further data as JSON (additionalEventData)", |record, _| {
        json(record, "additionalEventData")
    }),
];
