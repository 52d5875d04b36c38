//! The changes of one task definition, each noted so that it can be undone.

use super::{
    dialect::Dialect,
    edit::{Editor, Refused},
    reason::{Skip, SkipCode},
    record::{Change, Record},
    sidecar,
    tree::{Member, Node, Value},
    wrap::{Entry, PREFIX, Wrap},
    write::New,
};

/// Edits and their record.
pub(crate) struct Changes<'a, 'd> {
    pub(crate) text: &'a str,
    pub(crate) dialect: &'d Dialect<'d>,
    pub(crate) editor: Editor<'a>,
    pub(crate) record: Record,
}

/// Entries for lists of a container.
pub(crate) struct Additions {
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) secrets: Vec<(String, String)>,
    /// Images are named by digest.
    pub(crate) pin: bool,
}

impl Changes<'_, '_> {
    /// Puts the sensor before a container's program.
    pub(crate) fn wrap(
        &mut self,
        container: &Node,
        key: &str,
        wrap: &Wrap,
        additions: &Additions,
    ) -> Result<(), Skip> {
        let mut new = Vec::new();
        match &wrap.entry {
            Entry::Prefix => {
                let list = self.dialect.get(container, "entryPoint").unwrap_or(container);
                let prefix: Vec<New> = PREFIX.iter().map(|word| New::text(*word)).collect();
                self.editor.prepend(list, &prefix).map_err(|refused| refusal(refused, "entryPoint"))?;
                self.record.note(key, "entryPoint", Change::default());
            }
            Entry::Function(function) => {
                let member = container.member(&self.dialect.name("entryPoint"));
                self.exchange(key, "entryPoint", member, function)?;
            }
            Entry::Written(own) => {
                let words = PREFIX.into_iter().chain(own.iter().map(String::as_str));
                self.set(container, key, "entryPoint", New::texts(words), &mut new)?;
            }
        }
        if let (true, Some(image)) = (additions.pin, &wrap.pinned) {
            // What functions make stays theirs.
            let member = container.member(&self.dialect.name("image"));
            let literal = member.filter(|member| matches!(member.node.value, Value::Text(_)));
            self.exchange(key, "image", literal, &New::text(image.as_str()))?;
        }
        if let Some(command) = &wrap.command {
            let words = New::texts(command.iter().map(String::as_str));
            self.set(container, key, "command", words, &mut new)?;
        }
        let variables = self.missing(container, "environment", &additions.variables);
        let items = sidecar::pairs(self.dialect, &variables, "value");
        self.extend(container, key, "environment", &names(&variables), items, &mut new)?;
        let secrets = self.missing(container, "secrets", &additions.secrets);
        let items = sidecar::pairs(self.dialect, &secrets, "valueFrom");
        self.extend(container, key, "secrets", &names(&secrets), items, &mut new)?;
        let source = New::Map(vec![
            (self.dialect.name("sourceContainer"), New::text(sidecar::NAME)),
            (self.dialect.name("readOnly"), New::Bool(true)),
        ]);
        self.extend(container, key, "volumesFrom", &[sidecar::NAME.to_owned()], vec![source], &mut new)?;
        self.editor.add_members(container, &new).map_err(|refused| refusal(refused, "the container"))
    }

    /// Puts another value in the place of one that is noted.
    fn exchange(&mut self, key: &str, name: &str, member: Option<&Member>, new: &New) -> Result<(), Skip> {
        let Some(member) = member else { return Ok(()) };
        let was = self.text.get(member.node.span.clone()).unwrap_or_default();
        self.editor.replace(&member.node, new).map_err(|refused| refusal(refused, name))?;
        self.record.note(key, name, Change::set(Some(was)));
        Ok(())
    }

    /// Sets a member that is absent, null or an empty list.
    fn set(
        &mut self,
        container: &Node,
        key: &str,
        name: &str,
        value: New,
        new: &mut Vec<(String, New)>,
    ) -> Result<(), Skip> {
        let written = self.dialect.name(name);
        match container.member(&written) {
            None => {
                new.push((written, value));
                self.record.note(key, name, Change::set(None));
            }
            Some(member) if is_nothing(&member.node) => {
                let was = self.text.get(member.node.span.clone()).unwrap_or_default();
                self.editor.replace(&member.node, &value).map_err(|refused| refusal(refused, name))?;
                self.record.note(key, name, Change::set(Some(was)));
            }
            Some(member) => return Err(not_a_list(name, &member.node)),
        }
        Ok(())
    }

    /// Adds entries to a list that may be absent.
    fn extend(
        &mut self,
        container: &Node,
        key: &str,
        name: &str,
        added: &[String],
        items: Vec<New>,
        new: &mut Vec<(String, New)>,
    ) -> Result<(), Skip> {
        if items.is_empty() {
            return Ok(());
        }
        let written = self.dialect.name(name);
        let change = match container.member(&written) {
            None => {
                new.push((written, New::List(items)));
                Change::set(None)
            }
            Some(member) if is_nothing(&member.node) => {
                let was = self.text.get(member.node.span.clone()).unwrap_or_default();
                let list = New::List(items);
                self.editor.replace(&member.node, &list).map_err(|refused| refusal(refused, name))?;
                Change::set(Some(was))
            }
            Some(member) if matches!(member.node.value, Value::List(_)) => {
                self.editor.append(&member.node, &items).map_err(|refused| refusal(refused, name))?;
                Change::default()
            }
            Some(member) => return Err(not_a_list(name, &member.node)),
        };
        self.record.note(key, name, change.with(added));
        Ok(())
    }

    /// The pairs whose name the container has not set itself.
    fn missing(&self, container: &Node, list: &str, pairs: &[(String, String)]) -> Vec<(String, String)> {
        let entries = self.dialect.get(container, list).map(Node::elements).unwrap_or_default();
        let set: Vec<String> = entries.iter().filter_map(|entry| self.dialect.text(entry, "name")).collect();
        pairs.iter().filter(|(name, _)| !set.contains(name)).cloned().collect()
    }

    /// Sets the task's `pidMode`.
    pub(crate) fn share_processes(&mut self, task: &Node) -> Result<(), Skip> {
        if self.dialect.text(task, "pidMode").as_deref() == Some("task") {
            return Ok(());
        }
        let mut new = Vec::new();
        let written = self.dialect.name("pidMode");
        match task.member(&written) {
            None => {
                new.push((written, New::text("task")));
                self.record.note("", "pidMode", Change::set(None));
            }
            Some(member) if is_nothing(&member.node) => {
                let was = self.text.get(member.node.span.clone()).unwrap_or_default();
                let value = New::text("task");
                self.editor.replace(&member.node, &value).map_err(|refused| refusal(refused, "pidMode"))?;
                self.record.note("", "pidMode", Change::set(Some(was)));
            }
            Some(member) => {
                let reason = format!("attach mode needs pidMode \"task\"; it is {}", member.node.kind());
                return Err(Skip::new(SkipCode::NotUnderstood, reason));
            }
        }
        self.editor.add_members(task, &new).map_err(|refused| refusal(refused, "the task definition"))
    }
}

fn names(pairs: &[(String, String)]) -> Vec<String> {
    pairs.iter().map(|(name, _)| name.clone()).collect()
}

/// Null, or an empty list or string.
fn is_nothing(node: &Node) -> bool {
    match &node.value {
        Value::Null => true,
        Value::List(elements) => elements.is_empty(),
        Value::Text(text) => text.is_empty(),
        _ => false,
    }
}

fn not_a_list(name: &str, node: &Node) -> Skip {
    let what = node
        .intrinsic()
        .map_or_else(|| node.kind().to_owned(), |(function, _)| format!("made by {function}"));
    Skip::new(SkipCode::NotUnderstood, format!("{name} must be extended and is {what}; write it as a list"))
}

pub(crate) fn refusal(refused: Refused, name: &str) -> Skip {
    match refused {
        Refused::Shared => Skip::new(
            SkipCode::SharedText,
            format!("{name} is shared with another place of the file by a YAML alias; write it out"),
        ),
        Refused::Layout => Skip::new(
            SkipCode::NotUnderstood,
            format!(
                "{name} is written in a way that leaves no room for more; put each member on a line of its own"
            ),
        ),
    }
}
