//! What a policy is made of.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Name of the collection that is always there and holds everything.
pub const ALL: &str = "All";

/// A field of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// Twelve-digit account.
    Accounts,
    /// Short name of the cluster.
    Clusters,
    /// Name of the service.
    Services,
    /// Name of the Fargate task: family, with or without revision or task id, or the task's id or ARN.
    Hosts,
    /// `family:task id`, as Prisma names what it calls an app.
    AppIds,
    /// Image reference.
    Images,
    /// Name of the container in the task definition.
    Containers,
    /// Container label as `key:value`.
    Labels,
    /// Namespace of an orchestrator, from the container's labels.
    Namespaces,
}

/// Every field.
pub const FIELDS: [Field; 9] = [
    Field::Accounts,
    Field::Clusters,
    Field::Services,
    Field::Hosts,
    Field::AppIds,
    Field::Images,
    Field::Containers,
    Field::Labels,
    Field::Namespaces,
];

impl Field {
    /// Its name in files and JSON, which is Prisma's where that has the field.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accountIDs",
            Self::Clusters => "clusters",
            Self::Services => "services",
            Self::Hosts => "hosts",
            Self::AppIds => "appIDs",
            Self::Images => "images",
            Self::Containers => "containers",
            Self::Labels => "labels",
            Self::Namespaces => "namespaces",
        }
    }
}

/// A named set of containers: those that match every field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Collection {
    /// Its name, by which rules and exceptions refer to it.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Colour as `#RRGGBB`, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub color: String,
    /// See [`Field::Accounts`].
    #[serde(rename = "accountIDs", default = "everything", skip_serializing_if = "is_everything")]
    pub accounts: Vec<String>,
    /// See [`Field::Clusters`].
    #[serde(default = "everything", skip_serializing_if = "is_everything")]
    pub clusters: Vec<String>,
    /// See [`Field::Services`].
    #[serde(default = "everything", skip_serializing_if = "is_everything")]
    pub services: Vec<String>,
    /// See [`Field::Hosts`].
    #[serde(default = "everything", skip_serializing_if = "is_everything")]
    pub hosts: Vec<String>,
    /// See [`Field::AppIds`].
    #[serde(rename = "appIDs", default = "everything", skip_serializing_if = "is_everything")]
    pub app_ids: Vec<String>,
    /// See [`Field::Images`].
    #[serde(default = "everything", skip_serializing_if = "is_everything")]
    pub images: Vec<String>,
    /// See [`Field::Containers`].
    #[serde(default = "everything", skip_serializing_if = "is_everything")]
    pub containers: Vec<String>,
    /// See [`Field::Labels`].
    #[serde(default = "everything", skip_serializing_if = "is_everything")]
    pub labels: Vec<String>,
    /// See [`Field::Namespaces`].
    #[serde(default = "everything", skip_serializing_if = "is_everything")]
    pub namespaces: Vec<String>,
}

/// The patterns of a field that does not restrict.
#[must_use]
pub(crate) fn everything() -> Vec<String> {
    vec!["*".to_owned()]
}

/// Whether a field's patterns do not restrict.
#[must_use]
pub(crate) fn is_everything(patterns: &[String]) -> bool {
    matches!(patterns, [one] if one == "*")
}

impl Collection {
    /// A collection of everything under that name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            color: String::new(),
            accounts: everything(),
            clusters: everything(),
            services: everything(),
            hosts: everything(),
            app_ids: everything(),
            images: everything(),
            containers: everything(),
            labels: everything(),
            namespaces: everything(),
        }
    }

    /// Patterns of a field.
    #[must_use]
    pub fn patterns(&self, field: Field) -> &Vec<String> {
        match field {
            Field::Accounts => &self.accounts,
            Field::Clusters => &self.clusters,
            Field::Services => &self.services,
            Field::Hosts => &self.hosts,
            Field::AppIds => &self.app_ids,
            Field::Images => &self.images,
            Field::Containers => &self.containers,
            Field::Labels => &self.labels,
            Field::Namespaces => &self.namespaces,
        }
    }

    /// Patterns of a field, to set them.
    pub fn patterns_mut(&mut self, field: Field) -> &mut Vec<String> {
        match field {
            Field::Accounts => &mut self.accounts,
            Field::Clusters => &mut self.clusters,
            Field::Services => &mut self.services,
            Field::Hosts => &mut self.hosts,
            Field::AppIds => &mut self.app_ids,
            Field::Images => &mut self.images,
            Field::Containers => &mut self.containers,
            Field::Labels => &mut self.labels,
            Field::Namespaces => &mut self.namespaces,
        }
    }

    /// Whether a field restricts.
    #[must_use]
    pub fn restricts(&self, field: Field) -> bool {
        !is_everything(self.patterns(field))
    }
}

/// What becomes of a failed check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Nothing.
    Ignore,
    /// It is shown as alerted.
    #[default]
    Alert,
    /// As alert; and `fargard scan` exits with 1.
    Fail,
    /// What Prisma calls preventing a start. Only for images before deployment, where it is the same as [`Self::Fail`].
    Block,
}

/// Whom a rule is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Images before deployment and deployed containers.
    #[default]
    Any,
    /// Images and root file systems that `fargard scan` looks at.
    Ci,
    /// Containers of tasks.
    Deployed,
}

/// A text is none of the allowed words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownWord {
    text: String,
    allowed: &'static str,
}

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is none of {}", self.text.chars().take(40).collect::<String>(), self.allowed)
    }
}

impl std::error::Error for UnknownWord {}

impl Effect {
    /// Every effect.
    pub const ALL: [Self; 4] = [Self::Ignore, Self::Alert, Self::Fail, Self::Block];

    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Alert => "alert",
            Self::Fail => "fail",
            Self::Block => "block",
        }
    }
}

impl FromStr for Effect {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|effect| effect.name() == text)
            .ok_or_else(|| UnknownWord { text: text.to_owned(), allowed: "ignore, alert, fail, block" })
    }
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 3] = [Self::Any, Self::Ci, Self::Deployed];

    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Ci => "ci",
            Self::Deployed => "deployed",
        }
    }
}

impl FromStr for Stage {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|stage| stage.name() == text)
            .ok_or_else(|| UnknownWord { text: text.to_owned(), allowed: "any, ci, deployed" })
    }
}

/// What becomes of checks on the containers of some collections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// Its name, shown where it decided.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
    /// It is passed over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// Whom it is for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stage: Stage,
    /// Names of collections; a container of any of them is in scope.
    #[serde(default = "all", skip_serializing_if = "is_all")]
    pub collections: Vec<String>,
    /// Effects by number of the check.
    #[serde(default)]
    pub checks: BTreeMap<u32, Effect>,
    /// The effect on checks that are not named.
    #[serde(default = "ignore", skip_serializing_if = "is_ignore")]
    pub others: Effect,
}

pub(crate) fn all() -> Vec<String> {
    vec![ALL.to_owned()]
}

pub(crate) fn is_all(names: &[String]) -> bool {
    matches!(names, [one] if one == ALL)
}

fn ignore() -> Effect {
    Effect::Ignore
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_ignore(effect: &Effect) -> bool {
    *effect == Effect::Ignore
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Rule {
    /// A rule for everything that ignores every check.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            notes: String::new(),
            disabled: false,
            stage: Stage::Any,
            collections: all(),
            checks: BTreeMap::new(),
            others: Effect::Ignore,
        }
    }

    /// What it makes of a check.
    #[must_use]
    pub fn effect(&self, check: u32) -> Effect {
        self.checks.get(&check).copied().unwrap_or(self.others)
    }
}

/// A failed check that somebody answers for, for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exception {
    /// Its name, shown where it applies.
    pub name: String,
    /// The check's number.
    pub check: u32,
    /// Names of collections; a container of any of them is in scope.
    #[serde(default = "all", skip_serializing_if = "is_all")]
    pub collections: Vec<String>,
    /// Patterns of what may be found (files, variables); none for whatever is found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it holds (UTC), as `2027-01-31`.
    pub expires: String,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Everything that decides what becomes of results.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    /// Which containers there are names for.
    #[serde(default)]
    pub collections: Vec<Collection>,
    /// Tried from the first to the last.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Looked at where a rule does not ignore.
    #[serde(default)]
    pub exceptions: Vec<Exception>,
    /// The effect where no rule applies.
    #[serde(default, skip_serializing_if = "is_default")]
    pub default: Effect,
}

impl Policy {
    /// The collection of that name; [`ALL`] is none of them.
    #[must_use]
    pub fn collection(&self, name: &str) -> Option<&Collection> {
        self.collections.iter().find(|collection| collection.name == name)
    }

    /// Rules and exceptions that name a collection.
    #[must_use]
    pub fn uses(&self, collection: &str) -> Vec<String> {
        let names = |names: &[String]| names.iter().any(|name| name == collection);
        let rules = self.rules.iter().filter(|rule| names(&rule.collections));
        let exceptions = self.exceptions.iter().filter(|exception| names(&exception.collections));
        rules
            .map(|rule| format!("rule {:?}", rule.name))
            .chain(exceptions.map(|exception| format!("exception {:?}", exception.name)))
            .collect()
    }
}
