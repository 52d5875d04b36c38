//! From a file's text to its text with the sensor, and back.

use super::{
    change::{Additions, Changes},
    dialect::Dialect,
    document::{Document, EmbedError, Task},
    edit::Editor,
    lookup::ImageLookup,
    opaque::{self, Opaque},
    plan::{self, Plan, Way},
    reason::{Skip, SkipCode},
    record::Record,
    report::{ContainerReport, Embedding, Outcome, TaskReport},
    settings::{Choice, Settings},
    sidecar, size,
    tree::Node,
    undo::{self, Undone},
    validate,
    write::New,
};
use crate::json::{MAX_BYTES, Position};

const MARK: char = '\u{feff}';

/// Puts the sensor into every task definition of a file: one of ECS (JSON or YAML, as RegisterTaskDefinition takes or
/// DescribeTaskDefinition prints it), or a CloudFormation template (JSON or YAML). A file that has the sensor already
/// gets it anew, so that doing it twice changes nothing.
///
/// # Errors
/// The file cannot be read, or not be worked on as a whole. What is left alone in it is no error but in the report.
pub fn embed(text: &str, settings: &Settings, lookup: &dyn ImageLookup) -> Result<Embedding, EmbedError> {
    let (mark, body) = split_mark(text);
    let given = Document::open(body)?;
    let (plain, undone) = undo::undo(&given, &given.dialect(&settings.parameters))?;
    let document = Document::open(&plain)?;
    let dialect = document.dialect(&settings.parameters);
    let mut editor = Editor::new(document.text);
    let mut tasks = Vec::new();
    for task in document.tasks()? {
        let before = undone.iter().find(|undone| undone.name == task.name);
        let blank = editor.fresh();
        let mut work = Work { document: &document, dialect: &dialect, settings, lookup, before, blank };
        let (report, edits) = work.task(&task);
        tasks.push(report);
        if let Some(edits) = edits {
            editor.absorb(edits);
        }
    }
    tasks.extend(opaque::all(&document, settings).into_iter().map(|found| not_seen(&document, found)));
    let new = editor.finish().ok_or_else(|| internal("changes of two task definitions overlap"))?;
    if new.len() > MAX_BYTES {
        let message =
            format!("with the sensor it would have {} bytes; at most {MAX_BYTES} are read", new.len());
        return Err(EmbedError::new(Position { line: 1, column: 1 }, message));
    }
    verify(&new, &plain, settings)?;
    // Places are told of the file as it was given, where they can be.
    if new == body {
        return Ok(Embedding { text: text.to_owned(), tasks });
    }
    Ok(Embedding { text: format!("{mark}{new}"), tasks })
}

/// What is told of something that is not to be seen.
fn not_seen(document: &Document<'_>, found: Opaque<'_>) -> TaskReport {
    let Position { line, column } = document.position(found.node);
    TaskReport {
        name: found.name,
        line,
        column,
        mode: None,
        skip: Some(found.skip),
        containers: Vec::new(),
        notes: Vec::new(),
        issues: Vec::new(),
    }
}

/// A stack in a template whose own template stands beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NestedTemplate {
    /// Logical name.
    pub name: String,
    /// Path, from the directory of the template it stands in.
    pub path: String,
    /// The CDK made it: the template is uploaded under a name that other files hold too.
    pub is_asset: bool,
}

/// The nested stacks of a template that are made of templates beside it.
///
/// # Errors
/// The file cannot be read.
pub fn nested_templates(text: &str) -> Result<Vec<NestedTemplate>, EmbedError> {
    let document = Document::open(split_mark(text).1)?;
    let resources = document.root.get("Resources").map(Node::members).unwrap_or_default().iter();
    let nested = resources.filter_map(|member| {
        let local = opaque::local_template(&member.node);
        let path = local.or_else(|| opaque::asset_template(&member.node))?.to_owned();
        Some(NestedTemplate { name: member.name.clone(), path, is_asset: local.is_none() })
    });
    Ok(nested.collect())
}

/// Takes the sensor out again, which gives the text of before.
///
/// # Errors
/// The file cannot be read, or the sensor cannot be taken out of it without touching what others wrote.
pub fn undo(text: &str) -> Result<String, EmbedError> {
    let (mark, body) = split_mark(text);
    let document = Document::open(body)?;
    let none = std::collections::BTreeMap::new();
    let (plain, _) = undo::undo(&document, &document.dialect(&none))?;
    Ok(format!("{mark}{plain}"))
}

fn split_mark(text: &str) -> (&str, &str) {
    match text.strip_prefix(MARK) {
        Some(body) => text.split_at(text.len() - body.len()),
        None => ("", text),
    }
}

fn internal(message: &str) -> EmbedError {
    let message = format!("{message}; the file is left as it is (this is a defect: please report it)");
    EmbedError::new(Position { line: 1, column: 1 }, message)
}

/// What was made must be readable and lead back to where it came from.
fn verify(new: &str, plain: &str, settings: &Settings) -> Result<(), EmbedError> {
    let document =
        Document::open(new).map_err(|error| internal(&format!("the result cannot be read: {error}")))?;
    // Undoing must not need the parameters.
    let none = std::collections::BTreeMap::new();
    for parameters in [&none, &settings.parameters] {
        let (back, _) = undo::undo(&document, &document.dialect(parameters))
            .map_err(|error| internal(&format!("the result cannot be undone: {error}")))?;
        if back != plain {
            return Err(internal("undoing the result does not give the file back"));
        }
    }
    Ok(())
}

struct Work<'w, 'a> {
    document: &'w Document<'a>,
    dialect: &'w Dialect<'w>,
    settings: &'w Settings,
    lookup: &'w dyn ImageLookup,
    before: Option<&'w Undone>,
    /// An editor of the document without changes.
    blank: Editor<'a>,
}

impl<'w, 'a> Work<'w, 'a> {
    fn task(&mut self, task: &Task<'w>) -> (TaskReport, Option<Editor<'a>>) {
        let Position { line, column } = self.document.position(task.node);
        let mut report = TaskReport {
            name: task.name.clone(),
            line,
            column,
            mode: None,
            skip: None,
            containers: Vec::new(),
            notes: Vec::new(),
            issues: Vec::new(),
        };
        match self.change(task, &mut report) {
            Ok(edits) => (report, edits),
            Err(skip) => {
                report.mode = None;
                report.containers = self.skipped(task, &skip);
                report.skip = Some(skip);
                (report, None)
            }
        }
    }

    fn change(&mut self, task: &Task<'w>, report: &mut TaskReport) -> Result<Option<Editor<'a>>, Skip> {
        let plan = plan::plan(self.dialect, task, self.settings, self.lookup);
        report.issues = validate::judge(self.document, self.dialect, task);
        let mut plan = plan?;
        validate::check(self.document, self.dialect)?;
        report.notes.append(&mut plan.notes);
        report.containers = plan.decisions.iter().map(|decision| self.container(decision)).collect();
        let attach = plan.attaches();
        if !attach && !plan.wraps() {
            return Ok(None);
        }
        report.mode = Some(if attach { Choice::Attach } else { Choice::Wrap });
        if self.settings.token.is_some() && self.dialect.get(task.node, "executionRoleArn").is_none() {
            let reason = "the token is a secret, which ECS fetches with the execution role, and there is none; add \
                          executionRoleArn";
            return Err(Skip::new(SkipCode::NoExecutionRole, reason));
        }
        let edits = self.edit(task, &plan, attach, report)?;
        size::check(self.dialect, task.node, &plan, &edits)?;
        report.notes.extend(size::cost(&plan, self.settings));
        Ok(Some(edits))
    }

    fn edit(
        &self,
        task: &Task<'w>,
        plan: &Plan<'w>,
        attach: bool,
        report: &mut TaskReport,
    ) -> Result<Editor<'a>, Skip> {
        let mut changes = Changes {
            text: self.document.text,
            dialect: self.dialect,
            editor: self.blank.fresh(),
            record: Record { mode: if attach { "attach" } else { "wrap" }.to_owned(), ..Record::default() },
        };
        let additions = Additions {
            variables: sidecar::variables(self.settings),
            secrets: sidecar::secrets(self.settings),
            pin: self.settings.pin,
        };
        for decision in &plan.decisions {
            if let Ok(Way::Wrap(wrap)) = &decision.verdict {
                changes.wrap(decision.container, &decision.key, wrap, &additions)?;
            }
        }
        if attach {
            changes.share_processes(task.node)?;
        }
        let containers: Vec<&Node> = plan.decisions.iter().map(|decision| decision.container).collect();
        let label = changes.record.write();
        let sidecar = sidecar::build(self.dialect, self.settings, task.node, &containers, attach, &label);
        report.notes.extend(sidecar.notes);
        let appended = changes.editor.append(plan.list, &[sidecar.definition]);
        appended.map_err(|refused| super::change::refusal(refused, "containerDefinitions"))?;
        Ok(changes.editor)
    }

    fn container(&self, decision: &plan::Decision<'_>) -> ContainerReport {
        let Position { line, column } = self.document.position(decision.container);
        let outcome = match &decision.verdict {
            Ok(Way::Wrap(wrap)) => Outcome::Wrap { reason: wrap.reason.clone() },
            Ok(Way::Attach(reason)) => Outcome::Attach { reason: reason.clone() },
            Err(skip) => Outcome::Skip(skip.clone()),
        };
        let was_watched = self.was_watched(&decision.key);
        ContainerReport { name: decision.name.clone(), line, column, outcome, was_watched }
    }

    fn was_watched(&self, key: &str) -> bool {
        let Some(before) = self.before else { return false };
        before.record.mode == "attach"
            || before.record.changes.get(key).is_some_and(|changes| changes.contains_key("entryPoint"))
    }

    /// The containers of a task that is left alone as a whole.
    fn skipped(&self, task: &Task<'_>, skip: &Skip) -> Vec<ContainerReport> {
        let containers: Vec<&Node> = match task.list {
            Some(list) => self.dialect.objects(list).unwrap_or_else(|| list.elements().iter().collect()),
            None => Vec::new(),
        };
        containers
            .iter()
            .enumerate()
            .map(|(index, container)| {
                let Position { line, column } = self.document.position(container);
                let number = format!("#{index}");
                let name = self.dialect.text(container, "name");
                let was_watched = self.was_watched(name.as_ref().unwrap_or(&number));
                let name = name.unwrap_or(number);
                ContainerReport { name, line, column, outcome: Outcome::Skip(skip.clone()), was_watched }
            })
            .collect()
    }
}

/// A task definition or value without space, for its size.
pub(crate) fn compact(node: &Node) -> usize {
    let layout = super::write::Layout { line: None, unit: String::new(), comma: ",", colon: ":" };
    super::write::json(&New::from(node), &layout).len()
}
