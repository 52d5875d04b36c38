//! Conditions of queries. Every value is bound, none is written into the statement.

use fargard_model::{FindingKind, FindingState};

use crate::{
    FindingQuery, TaskQuery, column,
    cursor::Position,
    session::{Session, Value},
};

/// Conditions joined by "and", with their values.
#[derive(Default)]
pub(crate) struct Filter {
    conditions: Vec<String>,
    pub(crate) values: Vec<Value>,
}

/// What findings are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Facet {
    State,
    Kind,
    Priority,
    Title,
    Cluster,
    Family,
    Image,
    Tag,
}

impl Facet {
    pub(crate) const ALL: [Self; 8] = [
        Self::State,
        Self::Kind,
        Self::Priority,
        Self::Title,
        Self::Cluster,
        Self::Family,
        Self::Image,
        Self::Tag,
    ];

    /// The facet's name, and that of its column.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Kind => "kind",
            Self::Priority => "priority",
            Self::Title => "title",
            Self::Cluster => "cluster",
            Self::Family => "family",
            Self::Image => "image",
            Self::Tag => "tag",
        }
    }
}

impl Filter {
    /// Binds a value; its placeholder.
    pub(crate) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// Placeholders of all values, separated by commas.
    pub(crate) fn bind_all(&mut self, values: impl IntoIterator<Item = Value>) -> String {
        values.into_iter().map(|value| self.bind(value)).collect::<Vec<_>>().join(", ")
    }

    /// Placeholders of texts as they are kept, separated by commas.
    pub(crate) fn bind_texts(&mut self, values: &[String]) -> String {
        self.bind_all(texts(values))
    }

    /// The `WHERE` clause; empty without conditions.
    pub(crate) fn clause(&self) -> String {
        if self.conditions.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", self.conditions.join(" AND "))
        }
    }

    /// One more condition, whose values are bound already.
    pub(crate) fn push(&mut self, condition: String) {
        self.conditions.push(condition);
    }

    /// The column has one of the values; no values do not restrict.
    fn one_of(&mut self, column: &str, values: Vec<Value>) {
        if !values.is_empty() {
            let places = self.bind_all(values);
            self.conditions.push(format!("{column} IN ({places})"));
        }
    }

    /// The search column contains the text, in any letter case (ASCII).
    pub(crate) fn contains(&mut self, position_function: &str, text: &str) {
        if !text.is_empty() {
            let place = self.bind(column::search(&[text]));
            self.conditions.push(format!("{position_function}(search, {place}) > 0"));
        }
    }

    /// Only rows that sort after this position, latest first.
    pub(crate) fn after(&mut self, name_column: &str, position: Position) {
        let (at, name) = (self.bind(position.at), self.bind(position.name));
        self.conditions.push(format!("(last_seen, {name_column}) < ({at}, {name})"));
    }

    /// A tag is one of the standards or begins with one, up to a separator.
    fn of_standards(&mut self, standards: &[String]) {
        let mut alternatives = Vec::new();
        for standard in standards {
            let (length, place) = (standard.chars().count(), self.bind(column::text(standard)));
            let after =
                ["_", ".", "("].map(|separator| format!("substr(tag, {}, 1) = '{separator}'", length + 1));
            alternatives.push(format!(
                "(substr(tag, 1, {length}) = {place} AND (length(tag) = {length} OR {}))",
                after.join(" OR ")
            ));
        }
        if !alternatives.is_empty() {
            let any = alternatives.join(" OR ");
            self.conditions.push(format!("id IN (SELECT finding FROM finding_tags WHERE {any})"));
        }
    }

    /// Findings of a query, cursor aside; the filter of `except` is left out.
    pub(crate) fn of_findings(session: &impl Session, query: &FindingQuery, except: Option<Facet>) -> Self {
        let mut filter = Self::default();
        let states = query.states.iter().copied().map(FindingState::name).map(Value::from).collect();
        let kinds = query.kinds.iter().copied().map(FindingKind::name).map(Value::from).collect();
        let priorities = query.priorities.iter().copied().map(column::priority).map(Value::from).collect();
        for (facet, values) in [
            (Facet::State, states),
            (Facet::Kind, kinds),
            (Facet::Priority, priorities),
            (Facet::Title, texts(&query.titles)),
            (Facet::Cluster, texts(&query.clusters)),
            (Facet::Family, texts(&query.families)),
            (Facet::Image, texts(&query.images)),
        ] {
            if except != Some(facet) {
                filter.one_of(facet.name(), values);
            }
        }
        filter.one_of("task", texts(&query.tasks));
        if except != Some(Facet::Tag) && !query.tags.is_empty() {
            let places = filter.bind_all(texts(&query.tags));
            filter
                .conditions
                .push(format!("id IN (SELECT finding FROM finding_tags WHERE tag IN ({places}))"));
        }
        filter.of_standards(&query.standards);
        filter.contains(session.position_function(), &query.text);
        if let Some(since) = query.since {
            let place = filter.bind(column::sortable(since));
            filter.conditions.push(format!("last_seen >= {place}"));
        }
        filter
    }

    /// Tasks of a query, cursor aside.
    pub(crate) fn of_tasks(session: &impl Session, query: &TaskQuery) -> Self {
        let mut filter = Self::default();
        filter.one_of("cluster", texts(&query.clusters));
        filter.one_of("family", texts(&query.families));
        filter.contains(session.position_function(), &query.text);
        filter
    }
}

fn texts(texts: &[String]) -> Vec<Value> {
    texts.iter().map(|text| Value::from(column::text(text))).collect()
}
