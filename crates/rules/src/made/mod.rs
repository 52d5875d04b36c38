//! Events made from the values of fields, for tests of rules: what is not said is filled in with what an ordinary
//! program in a container would have.

mod descriptor;
mod flags;
mod outcome;
mod path;
mod process;
mod workload;

use std::{collections::BTreeMap, sync::Arc};

use fargard_model::{Arg, Container, Event, EventType, Source, Task, Timestamp, event::ArgValue};

use crate::{
    Subject,
    fields::{self, FieldArg, FieldError, ResolvedField},
    syntax,
};
use descriptor::Descriptor;
use outcome::Wanted;
use process::Lineage;

/// When events happen that say nothing else: nanoseconds since the epoch.
pub const START: u64 = 1_700_000_000_000_000_000;

/// Why an event cannot be made so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MadeError {
    /// No such field.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// What is written is no field.
    #[error("'{0}' is no field")]
    NoField(String),
    /// A field that follows from others, or never has a value.
    #[error("field '{field}' cannot be set: {hint}")]
    NotSettable {
        /// As written.
        field: String,
        /// What to do instead.
        hint: &'static str,
    },
    /// A value that the field cannot take.
    #[error("'{value}' is no value of field '{field}': {expected}")]
    Value {
        /// As written.
        field: String,
        /// As written.
        value: String,
        /// What it takes.
        expected: String,
    },
    /// The other fields make it something else.
    #[error("field '{field}' is set to '{set}', but with the other fields it is '{found}'")]
    Conflict {
        /// As written.
        field: String,
        /// As written.
        set: String,
        /// What an evaluation would see.
        found: String,
    },
}

/// An event in the making.
#[derive(Clone, Debug)]
pub struct EventBuilder {
    kind: EventType,
    num: u64,
    time: u64,
    lineage: Lineage,
    args: BTreeMap<String, ArgValue>,
    /// Names of arguments in the order in which they were set.
    order: Vec<String>,
    descriptor: Descriptor,
    wanted: Wanted,
    task: Task,
    container: Container,
    /// What was set, with its values, to be compared with what comes out.
    set: Vec<(String, ResolvedField, Vec<String>)>,
}

impl EventBuilder {
    /// An event of that kind: a successful call of the program `app`, started by a shell in the container `web`.
    #[must_use]
    pub fn new(kind: EventType) -> Self {
        Self {
            kind,
            num: 1,
            time: START,
            lineage: Lineage::default(),
            args: BTreeMap::new(),
            order: Vec::new(),
            descriptor: Descriptor::default(),
            wanted: Wanted::default(),
            task: workload::task(),
            container: workload::container(),
            set: Vec::new(),
        }
    }

    /// Its number and time in nanoseconds since the epoch.
    #[must_use]
    pub fn at(mut self, num: u64, time: u64) -> Self {
        self.num = num;
        self.time = time;
        self
    }

    /// Sets a field: `proc.name`, `proc.aname[2]`, `evt.arg.flags`.
    ///
    /// # Errors
    /// See [`MadeError`]; conflicts between fields are found by [`Self::build`].
    pub fn set(&mut self, field: &str, values: &[&str]) -> Result<(), MadeError> {
        let resolved = resolve(field)?;
        let value = values.join(" ");
        let setting = Setting { field, value: &value, values, arg: &resolved.arg };
        let class = resolved.field.name.split('.').next().unwrap_or_default();
        match class {
            "evt" => self.set_evt(resolved.field.name, &setting)?,
            "proc" | "thread" | "user" | "group" => {
                self.lineage.set(resolved.field.name, &setting, self.time)?;
            }
            "fd" => self.set_fd(resolved.field.name, &setting)?,
            "fs" => self.set_path(resolved.field.name, &setting)?,
            "dns" => self.set_dns(resolved.field.name, &setting),
            "container" => workload::set_container(&mut self.container, resolved.field.name, &setting)?,
            "ecs" => workload::set_task(&mut self.task, &mut self.container, resolved.field.name, &setting)?,
            _ => return Err(setting.not_settable("it has no value on Fargate")),
        }
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        self.set.push((field.to_owned(), resolved, values));
        Ok(())
    }

    /// The outcome: `attempt`, `success`, or the name of an error such as `EACCES`.
    ///
    /// # Errors
    /// It is none of these.
    pub fn outcome(&mut self, outcome: &str) -> Result<(), MadeError> {
        self.wanted = Wanted::parse(outcome).ok_or_else(|| MadeError::Value {
            field: "outcome".into(),
            value: outcome.to_owned(),
            expected: "attempt, success, or the name of an error as EACCES".into(),
        })?;
        Ok(())
    }

    /// The event.
    ///
    /// # Errors
    /// Fields that were set contradict each other.
    pub fn build(mut self) -> Result<Event, MadeError> {
        let is_exec = self.kind.is_exec();
        let process = self.lineage.clone().build(is_exec, self.time, &self.container.id);
        self.open_defaults();
        let fd = self.descriptor.build(self.kind);
        let outcome = self.wanted.outcome(self.kind, fd.as_ref().map(|fd| fd.num));
        let paths = self.paths().into_iter().map(|(name, path)| (name.into(), path)).collect();
        let mut args = Vec::with_capacity(self.order.len());
        for name in &self.order {
            if let Some(value) = self.args.remove(name) {
                args.push(Arg { name: name.clone().into(), value });
            }
        }
        let event = Event {
            num: self.num,
            time: Timestamp(self.time),
            source: Source::Syscall,
            kind: self.kind,
            tid: self.lineage.tid(),
            process: Arc::new(process),
            args,
            paths,
            fd,
            outcome,
            evidence: fargard_model::Evidence::default(),
            task: Arc::new(self.task),
            container: Arc::new(self.container),
        };
        for (field, resolved, values) in &self.set {
            let shown = resolved.shown(Subject::Call(&event)).into_vec();
            let found: Vec<String> = shown.iter().map(ToString::to_string).collect();
            let is_it = found == *values || found.join(",") == values.join(" ");
            if !is_it {
                let found = if found.is_empty() { "<NA>".to_owned() } else { found.join(",") };
                return Err(MadeError::Conflict { field: field.clone(), set: values.join(" "), found });
            }
        }
        Ok(event)
    }

    fn set_evt(&mut self, name: &str, setting: &Setting<'_>) -> Result<(), MadeError> {
        match (name, setting.arg) {
            ("evt.arg" | "evt.rawarg", FieldArg::Key(arg)) => {
                self.set_arg(arg, name == "evt.rawarg", setting)
            }
            ("evt.res" | "evt.rawres" | "evt.failed", _) => {
                self.wanted = Wanted::of_field(name, setting.value).ok_or_else(|| {
                    setting.refuse("a result: SUCCESS, an error's name, a number, true or false")
                })?;
                Ok(())
            }
            ("evt.is_open_read", _) => self.set_open(setting, "O_RDONLY"),
            ("evt.is_open_write", _) => self.set_open(setting, "O_WRONLY|O_CREAT"),
            ("evt.type" | "syscall.type", _) => {
                self.kind = setting.value.parse().map_err(|_| setting.refuse("the name of a call"))?;
                Ok(())
            }
            ("evt.asynctype", _) => {
                self.put("name", ArgValue::Text(setting.text()));
                Ok(())
            }
            ("evt.time" | "evt.rawtime" | "evt.datetime", _) => {
                Err(setting.not_settable("give 'after', the time since the event before"))
            }
            _ => Err(setting.not_settable("it follows from evt.type, evt.arg.* and the outcome")),
        }
    }

    /// Flags that make it an open of that kind, unless flags are given.
    fn set_open(&mut self, setting: &Setting<'_>, names: &str) -> Result<(), MadeError> {
        let wanted = setting.boolean()?;
        if wanted && !self.args.contains_key("flags") {
            self.put("flags", flags::value("flags", names));
        }
        Ok(())
    }

    fn set_arg(&mut self, name: &str, raw: bool, setting: &Setting<'_>) -> Result<(), MadeError> {
        if self.kind.is_open() && name == "name" {
            self.descriptor.set_path(setting.value);
        }
        let value = match setting.value.parse() {
            Ok(number) if raw || !(path::is_path(name) || flags::is_flags(name)) => ArgValue::Int(number),
            _ if path::is_path(name) && self.takes_path(name) => ArgValue::Path(setting.value.to_owned()),
            _ if flags::is_flags(name) => flags::value(name, setting.value),
            _ => ArgValue::Text(setting.value.to_owned()),
        };
        self.put(name, value);
        Ok(())
    }

    fn set_dns(&mut self, name: &str, setting: &Setting<'_>) {
        let arg = match name {
            "dns.question.name" => "question",
            "dns.question.type" => "question_type",
            "dns.rcode" => "rcode",
            _ => "answers",
        };
        self.put(arg, ArgValue::Text(setting.text()));
    }

    fn put(&mut self, name: &str, value: ArgValue) {
        if self.args.insert(name.to_owned(), value).is_none() {
            self.order.push(name.to_owned());
        }
    }
}

/// A field that is being set.
struct Setting<'a> {
    field: &'a str,
    value: &'a str,
    values: &'a [&'a str],
    arg: &'a FieldArg,
}

impl Setting<'_> {
    fn refuse(&self, expected: impl Into<String>) -> MadeError {
        MadeError::Value {
            field: self.field.to_owned(),
            value: self.value.to_owned(),
            expected: expected.into(),
        }
    }

    fn not_settable(&self, hint: &'static str) -> MadeError {
        MadeError::NotSettable { field: self.field.to_owned(), hint }
    }

    fn text(&self) -> String {
        self.value.to_owned()
    }

    fn boolean(&self) -> Result<bool, MadeError> {
        self.value.parse().map_err(|_| self.refuse("true or false"))
    }

    fn number<N: std::str::FromStr>(&self) -> Result<N, MadeError> {
        self.value.parse().map_err(|_| self.refuse("a number within range"))
    }
}

fn resolve(written: &str) -> Result<ResolvedField, MadeError> {
    match syntax::operand_prefix(written) {
        Ok(Some((syntax::ast::Operand::Field(field), length))) if length == written.len() => {
            Ok(fields::resolve(&field.name, field.arg.as_deref())?)
        }
        _ => Err(MadeError::NoField(written.to_owned())),
    }
}

#[cfg(test)]
mod tests;
