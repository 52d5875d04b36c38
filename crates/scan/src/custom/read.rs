//! From a file's text to checks.

use fargard_model::{Priority, standard::of_tag};

use super::{
    CustomCheck, FIRST_NUMBER, What,
    condition::{Account, Condition, FileCondition},
    members::Members,
    script::{MAX_TIMEOUT, Script},
    yaml::{self, CustomError, Node, Value, error},
};

/// Most checks of a file, and most conditions of a check.
const MAX_CHECKS: usize = 1000;
const MAX_CONDITIONS: usize = 1000;

const CHECK: &[&str] =
    &["id", "title", "severity", "description", "remedy", "tags", "all", "any", "script", "timeout"];
const CONDITION: &[&str] = &["file", "process", "port", "environment"];
const FILE: &[&str] = &[
    "file",
    "exists",
    "kind",
    "mode",
    "mode_at_most",
    "owner",
    "group",
    "contains",
    "lacks",
    "line",
    "sha256",
];

/// Reads a file of checks.
///
/// # Errors
/// The first thing that is wrong, with line and column.
pub fn read(text: &str) -> Result<Vec<CustomCheck>, CustomError> {
    let root = yaml::parse(text)?;
    let mut members = Members::of(&root, "a file of checks")?;
    let list = members.take("checks").ok_or_else(|| error(root.at, "the list \"checks\" is missing"))?;
    members.finish(&["checks"])?;
    let Value::List(elements) = &list.value else {
        return Err(error(list.at, "checks must be a list (- id: ...)"));
    };
    if elements.len() > MAX_CHECKS {
        return Err(error(list.at, format!("{} checks; at most {MAX_CHECKS} are read", elements.len())));
    }
    let mut checks: Vec<CustomCheck> = Vec::with_capacity(elements.len());
    for element in elements {
        let check = read_check(element)?;
        if let Some(other) = checks.iter().find(|other| other.number == check.number) {
            let message = format!("id {} is already that of line {}", check.number, other.at.line);
            return Err(error(check.at, message));
        }
        checks.push(check);
    }
    Ok(checks)
}

fn read_check(node: &Node) -> Result<CustomCheck, CustomError> {
    let mut members = Members::of(node, "a check")?;
    let (id, at) = members.required("id")?;
    let number =
        id.parse().ok().filter(|number| (FIRST_NUMBER..=99_999).contains(number)).ok_or_else(|| {
            error(at, format!("id must be a number from {FIRST_NUMBER} to 99999, not {id:?}"))
        })?;
    let title = members.required("title")?.0.to_owned();
    let (severity, at) = members.required("severity")?;
    let severity = severity_of(severity)
        .ok_or_else(|| error(at, format!("{severity:?} is none of critical, high, medium, low")))?;
    let description = members.text("description")?.unwrap_or_default().to_owned();
    let remedy = members.text("remedy")?.unwrap_or_default().to_owned();
    let tags_at = members.at();
    let tags = members.texts("tags")?;
    if let Some(tag) = tags.iter().find(|tag| of_tag(tag).is_none()) {
        return Err(error(
            tags_at,
            format!("tag {tag:?} names no standard; write as PCI_DSS_2.2.6, NIST_800-53_AC-6"),
        ));
    }
    let what = read_what(&mut members)?;
    let at = members.at();
    members.finish(CHECK)?;
    Ok(CustomCheck { number, title, severity, description, remedy, tags, at, what })
}

/// Prisma Cloud's words, and ours.
fn severity_of(text: &str) -> Option<Priority> {
    Some(match text.to_ascii_lowercase().as_str() {
        "critical" => Priority::Critical,
        "high" | "error" => Priority::Error,
        "medium" | "warning" => Priority::Warning,
        "low" | "notice" => Priority::Notice,
        _ => return None,
    })
}

fn read_what(members: &mut Members<'_>) -> Result<What, CustomError> {
    let (all, any, script) = (members.take("all"), members.take("any"), members.text("script")?);
    let timeout = members.take("timeout");
    match (all, any, script) {
        (Some(list), None, None) => conditions(list).map(What::All),
        (None, Some(list), None) => conditions(list).map(What::Any),
        (None, None, Some(text)) => {
            let seconds = match timeout {
                None => Script::TIMEOUT,
                Some(node) => super::members::text(node, "timeout")?
                    .parse()
                    .ok()
                    .filter(|seconds| (1..=MAX_TIMEOUT).contains(seconds))
                    .ok_or_else(|| error(node.at, format!("timeout must be 1 to {MAX_TIMEOUT} seconds")))?,
            };
            Script::new(text, seconds).map(What::Script).map_err(|reason| error(members.at(), reason))
        }
        _ => Err(error(members.at(), "a check has exactly one of all, any and script")),
    }
    .and_then(|what| match timeout.filter(|_| !matches!(what, What::Script(_))) {
        Some(node) => Err(error(node.at, "only a script has a timeout")),
        None => Ok(what),
    })
}

fn conditions(list: &Node) -> Result<Vec<Condition>, CustomError> {
    let Value::List(elements) = &list.value else {
        return Err(error(list.at, "conditions are a list (- file: ...)"));
    };
    if elements.is_empty() {
        return Err(error(list.at, "without a condition a check says nothing"));
    }
    if elements.len() > MAX_CONDITIONS {
        return Err(error(list.at, format!("{} conditions; at most {MAX_CONDITIONS}", elements.len())));
    }
    elements.iter().map(condition).collect()
}

fn condition(node: &Node) -> Result<Condition, CustomError> {
    let mut members = Members::of(node, "a condition")?;
    if let Some(subject) = members.take("file") {
        return file(subject, members);
    }
    if let Some(subject) = members.take("process") {
        let name = super::members::text(subject, "process")?.to_owned();
        if name.is_empty() {
            return Err(error(subject.at, "process is empty"));
        }
        let runs = members.flag("runs")?.unwrap_or(true);
        let user = account(&mut members, "user")?;
        if !runs && user.is_some() {
            return Err(error(subject.at, "what must not run has no user"));
        }
        members.finish(&["process", "runs", "user"])?;
        return Ok(Condition::Process { name, runs, user });
    }
    if let Some(subject) = members.take("port") {
        let text = super::members::text(subject, "port")?;
        let port = text.parse().ok().filter(|port| *port != 0);
        let port = port.ok_or_else(|| error(subject.at, format!("{text:?} is no port")))?;
        let at = members.at();
        let protocol = match members.text("protocol")? {
            None | Some("tcp") => "tcp",
            Some("udp") => "udp",
            Some(other) => return Err(error(at, format!("protocol is tcp or udp, not {other:?}"))),
        };
        let listens = members.flag("listens")?.unwrap_or(true);
        let reachable = members.flag("reachable")?.unwrap_or(false);
        members.finish(&["port", "protocol", "listens", "reachable"])?;
        return Ok(Condition::Port { port, protocol, listens, reachable });
    }
    if let Some(subject) = members.take("environment") {
        let name = super::members::text(subject, "environment")?.to_owned();
        if name.is_empty() || name.contains('=') {
            return Err(error(subject.at, "environment is the name of a variable"));
        }
        let set = members.flag("set")?.unwrap_or(true);
        let equals = members.text("equals")?.map(str::to_owned);
        if !set && equals.is_some() {
            return Err(error(subject.at, "what must not be set equals nothing"));
        }
        members.finish(&["environment", "set", "equals"])?;
        return Ok(Condition::Environment { name, set, equals });
    }
    Err(error(node.at, format!("a condition begins with one of {}", CONDITION.join(", "))))
}

fn file(subject: &Node, mut members: Members<'_>) -> Result<Condition, CustomError> {
    let path = super::members::text(subject, "file")?;
    if !path.starts_with('/') || path.contains('\0') || path.len() > 4096 {
        return Err(error(subject.at, "file must be an absolute path (/etc/...)"));
    }
    let at = members.at();
    let kind = match members.text("kind")? {
        None => None,
        Some("file") => Some("file"),
        Some("directory") => Some("directory"),
        Some(other) => return Err(error(at, format!("kind is file or directory, not {other:?}"))),
    };
    let sha256 = members.text("sha256")?.map(str::to_ascii_lowercase);
    if sha256
        .as_ref()
        .is_some_and(|text| text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        return Err(error(at, "sha256 has 64 hexadecimal digits"));
    }
    let found = FileCondition {
        path: path.to_owned(),
        exists: members.flag("exists")?.unwrap_or(true),
        kind,
        mode: mode(&mut members, "mode")?,
        mode_at_most: mode(&mut members, "mode_at_most")?,
        owner: account(&mut members, "owner")?,
        group: account(&mut members, "group")?,
        contains: members.texts("contains")?,
        lacks: members.texts("lacks")?,
        line: members.texts("line")?,
        sha256,
    };
    members.finish(FILE)?;
    let absent = FileCondition { path: found.path.clone(), exists: false, ..FileCondition::default() };
    if !found.exists && found != absent {
        return Err(error(at, "a file that must not exist has no other properties"));
    }
    Ok(Condition::File(found))
}

/// Octal digits. YAML takes 0644 for a number, which is why they are read as written.
fn mode(members: &mut Members<'_>, name: &str) -> Result<Option<u32>, CustomError> {
    let Some(node) = members.take(name) else { return Ok(None) };
    let text = super::members::text(node, name)?;
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let mode = u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o7777 && digits.len() >= 3);
    mode.map(Some)
        .ok_or_else(|| error(node.at, format!("{name} is written in octal digits as 0644, not {text:?}")))
}

fn account(members: &mut Members<'_>, name: &str) -> Result<Option<Account>, CustomError> {
    let Some(node) = members.take(name) else { return Ok(None) };
    let text = super::members::text(node, name)?;
    if text.is_empty() || text.contains([':', '\n']) {
        return Err(error(node.at, format!("{name} is a name or a number")));
    }
    Ok(Some(text.parse().map_or_else(|_| Account::Name(text.to_owned()), Account::Number)))
}
