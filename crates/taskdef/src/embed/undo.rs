//! Taking the sensor out again: what the record says was added goes, what it says was there comes back.

use super::{
    change::refusal,
    dialect::Dialect,
    document::{Document, EmbedError, Task},
    edit::{Editor, Refused},
    record::{Change, LABEL, Record},
    tree::{Node, Value},
};

/// A task definition that was embedded.
pub(crate) struct Undone {
    pub(crate) name: String,
    pub(crate) record: Record,
}

/// Takes the sensor out of every task definition of a document.
pub(crate) fn undo(
    document: &Document<'_>,
    dialect: &Dialect<'_>,
) -> Result<(String, Vec<Undone>), EmbedError> {
    let mut editor = Editor::new(document.text);
    let mut undone = Vec::new();
    for task in document.tasks()? {
        let Some((index, record)) = find(dialect, &task) else { continue };
        let at = document.position(task.node);
        undo_task(&mut editor, dialect, &task, index, &record).map_err(|(name, refused)| {
            let reason = refusal(refused, &name).reason;
            EmbedError::new(at, format!("{}: cannot be undone: {reason}", task.name))
        })?;
        undone.push(Undone { name: task.name, record });
    }
    let text = editor.finish().ok_or_else(|| {
        let message = "cannot be undone: changes overlap; take the sensor out by hand";
        EmbedError::new(document.position(&document.root), message)
    })?;
    Ok((text, undone))
}

/// The sensor's container among the task's, and what its label says.
fn find(dialect: &Dialect<'_>, task: &Task<'_>) -> Option<(usize, Record)> {
    task.list?.elements().iter().enumerate().find_map(|(index, container)| {
        let label = dialect.get(container, "dockerLabels")?.get(LABEL)?.text()?;
        Some((index, Record::read(label)?))
    })
}

type Failed = (String, Refused);

fn undo_task(
    editor: &mut Editor<'_>,
    dialect: &Dialect<'_>,
    task: &Task<'_>,
    sensor: usize,
    record: &Record,
) -> Result<(), Failed> {
    let failed = |name: &str| {
        let name = name.to_owned();
        move |refused| (name, refused)
    };
    let Some(list) = task.list else { return Ok(()) };
    editor.remove(list, &[sensor]).map_err(failed("containerDefinitions"))?;
    let mut position = 0;
    for (index, element) in list.elements().iter().enumerate() {
        if index == sensor {
            continue;
        }
        for container in leaves(dialect, element) {
            let name = dialect.text(container, "name");
            let number = format!("#{position}");
            let changes =
                name.and_then(|name| record.changes.get(&name)).or_else(|| record.changes.get(&number));
            position += 1;
            if let Some(changes) = changes {
                undo_members(editor, dialect, container, changes.iter())?;
            }
        }
    }
    if let Some(changes) = record.changes.get("") {
        undo_members(editor, dialect, task.node, changes.iter())?;
    }
    Ok(())
}

/// The objects an element stands for.
fn leaves<'n>(dialect: &Dialect<'_>, element: &'n Node) -> Vec<&'n Node> {
    let mut found = Vec::new();
    dialect.branches(element, &mut found);
    found
}

fn undo_members<'r>(
    editor: &mut Editor<'_>,
    dialect: &Dialect<'_>,
    map: &Node,
    changes: impl Iterator<Item = (&'r String, &'r Change)>,
) -> Result<(), Failed> {
    let mut gone = Vec::new();
    for (name, change) in changes {
        let written = dialect.name(name);
        let Some(index) = map.members().iter().position(|member| member.name == written) else { continue };
        let Some(member) = map.members().get(index) else { continue };
        let ours = ours(dialect, name, &member.node, change);
        let all = ours.len() == member.node.elements().len();
        let failed = |refused| (name.clone(), refused);
        match &change.was {
            Some(None) if all => gone.push(index),
            Some(Some(text)) if all => editor.replace_raw(&member.node, text).map_err(failed)?,
            None if all => gone.push(index),
            _ => editor.remove(&member.node, &ours).map_err(failed)?,
        }
    }
    editor.remove(map, &gone).map_err(|refused| ("the container".to_owned(), refused))
}

/// Which elements of a list embedding added; all where the whole member is its own.
fn ours(dialect: &Dialect<'_>, name: &str, node: &Node, change: &Change) -> Vec<usize> {
    let Value::List(elements) = &node.value else { return Vec::new() };
    let key = if name == "volumesFrom" { "sourceContainer" } else { "name" };
    if name == "entryPoint" && change.was.is_none() {
        let end = elements.iter().position(|element| element.text() == Some("--")).map_or(0, |at| at + 1);
        return (0..end).collect();
    }
    if change.added.is_empty() {
        return (0..elements.len()).collect();
    }
    let is_ours =
        |element: &Node| dialect.text(element, key).is_some_and(|found| change.added.contains(&found));
    elements.iter().enumerate().filter(|(_, element)| is_ours(element)).map(|(index, _)| index).collect()
}
