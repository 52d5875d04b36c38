//! Secrets that everybody who may see the task definition sees.

use super::{
    catalogue::Check,
    reader::{Place, join},
    report::Weight,
    task::Subject,
};

/// What a text was taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// One word for filters.
    pub class: &'static str,
    /// For people, with the value masked.
    pub reason: String,
    /// How bad.
    pub weight: Weight,
}

/// Whoever knows a secret when it sees one (crate `scan`).
pub trait SecretFinder {
    /// The secret in a variable.
    fn variable(&self, name: &str, value: &str) -> Option<Suspect>;
    /// The secrets in the words of a command.
    fn command(&self, words: &[&str]) -> Vec<Suspect>;
}

/// Finds nothing.
impl SecretFinder for () {
    fn variable(&self, _name: &str, _value: &str) -> Option<Suspect> {
        None
    }

    fn command(&self, _words: &[&str]) -> Vec<Suspect> {
        Vec::new()
    }
}

/// Variables on which Security Hub's ECS.8 fails whatever their value.
const BY_NAME: &[&str] = &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "ECS_ENGINE_AUTH_DATA"];

/// CloudFormation's dynamic references to secrets.
const RESOLVED: &[&str] = &["{{resolve:secretsmanager:", "{{resolve:ssm-secure:"];

/// Words of a command that are judged.
const MAX_WORDS: usize = 1000;

pub(super) fn check<'d>(subject: &mut Subject<'_, 'd>, container: &Place<'d>) {
    subject.makes(Check::Secrets);
    let reader = subject.reader;
    for variable in reader.list(container, "environment") {
        let name = reader.text_of(&variable, "name").unwrap_or_default();
        for value in reader.present(&variable, "value") {
            judge(subject, &name, &value);
        }
    }
    if let Some(list) = reader.unknown_list(container, "environment") {
        subject.open(Check::Secrets, &list);
    }
    for member in ["entryPoint", "command"] {
        words(subject, container, member);
    }
    for health in reader.present(container, "healthCheck") {
        words(subject, &health, "command");
    }
    for map in ["dockerLabels"] {
        for labels in reader.present(container, map) {
            pairs(subject, &labels);
        }
    }
    for of in ["logConfiguration", "firelensConfiguration"] {
        for configuration in reader.present(container, of) {
            for options in reader.present(&configuration, "options") {
                pairs(subject, &options);
            }
        }
    }
    for file in reader.list(container, "environmentFiles") {
        let reason = "the variables of a file on S3 are not looked at";
        subject.found(Check::Secrets, Weight::Notice, "environment-file", &file, reason);
    }
}

/// Names of the user's choice with values.
pub(super) fn pairs<'d>(subject: &mut Subject<'_, 'd>, map: &Place<'d>) {
    for (name, value) in subject.reader.entries(map) {
        judge(subject, name, &value);
    }
}

fn judge<'d>(subject: &mut Subject<'_, 'd>, name: &str, value: &Place<'d>) {
    let reader = subject.reader;
    if let Some((parameter, declared)) = reader.parameter(value)
        && is_true(declared.get("NoEcho").and_then(|node| reader.text(&Place { node, path: String::new() })))
    {
        let reason = format!(
            "{name}: the value of parameter {parameter}, which is a secret (NoEcho), ends in the clear in the task definition"
        );
        return subject.found(Check::Secrets, Weight::Error, "parameter", value, reason);
    }
    let Some(text) = reader.pattern(value) else { return };
    if reader.is_template() && RESOLVED.iter().any(|start| text.contains(start)) {
        let reason = format!(
            "{name}: CloudFormation fetches the secret and writes it into the task definition in the clear; \
             use Secrets with ValueFrom"
        );
        return subject.found(Check::Secrets, Weight::Error, "resolved", value, reason);
    }
    if let Some(suspect) = subject.knowledge.secrets.variable(name, &text) {
        let reason = format!("{name}: {}", suspect.reason);
        return subject.found(Check::Secrets, suspect.weight, suspect.class, value, reason);
    }
    if BY_NAME.contains(&name) && !text.is_empty() && reader.text(value).is_some() {
        let reason =
            format!("{name} is set here; what it holds belongs into secrets, or into the task's role");
        subject.found(Check::Secrets, Weight::Warning, "by-name", value, reason);
    }
}

fn is_true(text: Option<String>) -> bool {
    text.is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

/// Secrets among the words of a command, and inside a word that is a line for a shell.
fn words<'d>(subject: &mut Subject<'_, 'd>, of: &Place<'d>, member: &str) {
    let places = subject.reader.list(of, member);
    let texts: Vec<String> = places
        .iter()
        .take(MAX_WORDS)
        .map(|place| subject.reader.pattern(place).unwrap_or_default())
        .collect();
    let whole: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut suspects = subject.knowledge.secrets.command(&whole);
    for text in &texts {
        let line: Vec<&str> = text.split_whitespace().take(MAX_WORDS).collect();
        if line.len() > 1 {
            suspects.extend(subject.knowledge.secrets.command(&line));
        }
    }
    suspects.dedup();
    let Some(at) = places.first() else { return };
    let place = Place { node: at.node, path: join(&of.path, member) };
    for suspect in suspects {
        subject.found(Check::Secrets, suspect.weight, suspect.class, &place, suspect.reason);
    }
}
