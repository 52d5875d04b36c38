//! Which Falco source, events and fields stand for a rule's log source.

use fargard_rules::syntax::ast::{FieldRef, Span};

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Port,
    /// An address of a connection; the other field holds its network.
    Address(&'static str),
    /// Whether the process began the connection.
    Initiated,
}

/// A field in Falco's words.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) field: FieldRef,
    pub(crate) kind: Kind,
}

/// A log source that can be converted.
#[derive(Debug)]
pub(crate) struct LogSource {
    /// Falco's source; none for system calls.
    pub(crate) source: Option<&'static str>,
    /// What holds of all its events, as a condition.
    pub(crate) base: Option<&'static str>,
    /// What an alert shows.
    pub(crate) output: &'static str,
    fields: &'static [(&'static str, &'static str, Kind)],
    /// Other fields are paths in a JSON record.
    json: bool,
}

use Kind::{Address, Initiated, Number, Port, Text};

/// Fields of Sysmon for Linux that tell of the process, and Falco's.
macro_rules! process_fields {
    ($($more:expr),* $(,)?) => {
        &[
            ("Image", "proc.exepath", Text),
            ("CommandLine", "proc.exeline", Text),
            ("CurrentDirectory", "proc.cwd", Text),
            ("User", "user.name", Text),
            ("ProcessId", "proc.vpid", Number),
            ("ParentImage", "proc.pexepath", Text),
            ("ParentCommandLine", "proc.pcmdline", Text),
            ("ParentProcessId", "proc.pvpid", Number),
            $($more),*
        ]
    };
}

const CLOUDTRAIL: LogSource = LogSource {
    source: Some("aws_cloudtrail"),
    base: None,
    output: "user=%ct.user arn=%ct.user.arn ip=%ct.srcip region=%ct.region service=%ct.src call=%ct.name \
             error=%ct.error agent=%ct.useragent",
    fields: &[
        ("eventID", "ct.id", Text),
        ("eventName", "ct.name", Text),
        ("eventSource", "ct.src", Text),
        ("eventType", "ct.eventtype", Text),
        ("awsRegion", "ct.region", Text),
        ("sourceIPAddress", "ct.srcip", Text),
        ("userAgent", "ct.useragent", Text),
        ("errorCode", "ct.error", Text),
        ("errorMessage", "ct.errormessage", Text),
        ("requestID", "ct.requestid", Text),
        ("userIdentity.type", "ct.user.identitytype", Text),
        ("userIdentity.arn", "ct.user.arn", Text),
        ("userIdentity.accountId", "ct.user.accountid", Text),
        ("userIdentity.principalId", "ct.user.principalid", Text),
    ],
    json: true,
};

const PROCESS_OUTPUT: &str = "user=%user.name command=%proc.exeline executable=%proc.exepath \
                              parent=%proc.pname parent_command=%proc.pcmdline container=%container.id \
                              image=%container.image.repository";

const PROCESS: LogSource = LogSource {
    source: None,
    base: Some("evt.type in (execve, execveat)"),
    output: PROCESS_OUTPUT,
    fields: process_fields!(),
    json: false,
};

const FILE: LogSource = LogSource {
    source: None,
    base: Some("evt.type in (open, openat, openat2, creat) and evt.is_open_write = true"),
    output: "file=%fd.name user=%user.name command=%proc.exeline executable=%proc.exepath \
             parent=%proc.pname container=%container.id image=%container.image.repository",
    fields: process_fields![("TargetFilename", "fd.name", Text)],
    json: false,
};

const NETWORK: LogSource = LogSource {
    source: None,
    base: Some("evt.type in (connect, accept, accept4)"),
    output: "connection=%fd.name protocol=%fd.l4proto user=%user.name command=%proc.exeline \
             executable=%proc.exepath container=%container.id image=%container.image.repository",
    fields: process_fields![
        ("DestinationIp", "fd.sip", Address("fd.snet")),
        ("DestinationPort", "fd.sport", Port),
        ("SourceIp", "fd.cip", Address("fd.cnet")),
        ("SourcePort", "fd.cport", Port),
        ("Protocol", "fd.l4proto", Text),
        ("Initiated", "evt.type", Initiated),
    ],
    json: false,
};

/// Names under which CloudTrail keeps arrays; a path through one would have to name an element.
const ARRAYS: [&str; 12] = [
    "items",
    "containerDefinitions",
    "resources",
    "Statement",
    "entries",
    "tags",
    "tagSet",
    "networkInterfaces",
    "findings",
    "findingIds",
    "layers",
    "policyArns",
];

impl LogSource {
    /// The log source of that product, category and service.
    ///
    /// # Errors
    /// It is none of those that can be converted.
    pub(crate) fn of(product: &str, category: &str, service: &str) -> Result<&'static Self, String> {
        match (product, category, service) {
            ("aws", "", "cloudtrail") => Ok(&CLOUDTRAIL),
            ("linux", "process_creation", "") => Ok(&PROCESS),
            ("linux", "file_event", "") => Ok(&FILE),
            ("linux", "network_connection", "") => Ok(&NETWORK),
            _ => {
                Err("only aws/cloudtrail and linux process_creation, file_event and network_connection are \
                      converted"
                    .to_owned())
            }
        }
    }

    /// The field that stands for one of Sigma's.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn field(&self, name: &str) -> Result<Field, String> {
        let found = self.fields.iter().find(|(sigma, ..)| *sigma == name);
        if let Some((_, falco, kind)) = found {
            return Ok(Field { field: field_ref(falco, None), kind: *kind });
        }
        if !self.json {
            return Err("events of this log source carry nothing like it".to_owned());
        }
        Self::pointer(name).map(|field| Field { field, kind: Text })
    }

    /// The field that tells null from a missing member, where events are JSON: fields of a name of their own do not.
    pub(crate) fn nullable(&self, name: &str) -> Option<FieldRef> {
        if self.json { Self::pointer(name).ok() } else { None }
    }

    fn pointer(name: &str) -> Result<FieldRef, String> {
        if name.is_empty() || name.split('.').any(str::is_empty) {
            return Err("a path of names with dots between is expected".to_owned());
        }
        let segments: Vec<&str> = name.split('.').collect();
        let through = segments.iter().rev().skip(1).find(|segment| ARRAYS.contains(segment));
        if let Some(array) = through {
            return Err(format!("'{array}' is an array, and json.value cannot look at any of its elements"));
        }
        let escaped: Vec<String> =
            segments.iter().map(|segment| segment.replace('~', "~0").replace('/', "~1")).collect();
        let pointer = format!("/{}", escaped.join("/"));
        Ok(field_ref("json.value", Some(pointer)))
    }

    /// The field that holds the whole event as text.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn whole(&self) -> Result<Field, String> {
        if self.json {
            Ok(Field { field: field_ref("json.obj", None), kind: Text })
        } else {
            Err("a system call has no text to look for keywords in".to_owned())
        }
    }
}

fn field_ref(name: &str, arg: Option<String>) -> FieldRef {
    FieldRef { name: name.to_owned(), arg, span: Span::default() }
}

#[cfg(test)]
mod tests {
    use super::LogSource;

    #[test]
    fn fields_of_records_are_known_names_or_pointers() {
        let source = LogSource::of("aws", "", "cloudtrail").unwrap();
        for (sigma, falco) in [
            ("eventName", "ct.name"),
            ("requestParameters.bucketName", "json.value[/requestParameters/bucketName]"),
            ("requestParameters.items", "json.value[/requestParameters/items]"),
            ("a/b.c~d", "json.value[\"/a~1b/c~0d\"]"),
        ] {
            assert_eq!(source.field(sigma).unwrap().field.to_string(), falco);
        }
        for sigma in ["", "a..b", "requestParameters.launchPermission.add.items.group"] {
            assert!(source.field(sigma).is_err(), "{sigma}");
        }
    }
}
