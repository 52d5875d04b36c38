//! What must hold of any bytes that are taken for a CloudTrail record: every field can be asked for.

use fargard_model::Source;
use fargard_rules::{
    Record, Subject,
    fields::{self, Values},
};

/// Arguments for fields that need one.
const ARGS: [&str; 6] = ["/", "/userIdentity/arn", "/requestParameters/items/0/a~1b", "/a~0", "x", "0"];

/// Panics when the bytes show a defect.
pub(crate) fn check(data: &[u8]) {
    let record = match Record::parse(Source::AwsCloudtrail, data) {
        Ok(record) => record,
        Err(fault) => {
            assert!(fault.at <= data.len(), "{fault:?} of {} bytes", data.len());
            return;
        }
    };
    for field in fields::all() {
        for arg in [None].into_iter().chain(ARGS.map(Some)) {
            let Ok(resolved) = fields::resolve(field.name, arg) else { continue };
            for values in
                [resolved.shown(Subject::Record(&record)), resolved.for_condition(Subject::Record(&record))]
            {
                let seen = values.any(|value| (value.to_string(), value.to_json()).0.is_empty());
                assert!(!seen || !matches!(values, Values::Missing), "a missing value has no text");
            }
        }
    }
}
