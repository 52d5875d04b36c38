//! Which records of coverage are wanted, in words every store understands.

/// A column of a record that a filter may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// The cluster's ARN.
    Arn,
    /// Account.
    Account,
    /// Region.
    Region,
    /// Cluster's name.
    Cluster,
    /// `HEALTHY`, `UNHEALTHY`.
    Status,
    /// `AUTO_MANAGED`, `DISABLED`.
    Management,
    /// Type of the first issue; empty without one.
    Issue,
    /// `ECS`; every record has it.
    ResourceType,
    /// What records of ECS clusters do not have: equal to nothing, different from everything.
    Absent,
}

/// A restriction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Criterion {
    /// Of this column.
    pub column: Column,
    /// It is one of these; empty does not restrict.
    pub equals: Vec<String>,
    /// It is none of these.
    pub not_equals: Vec<String>,
}

/// What records are sorted by; among equals by ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SortKey {
    /// Account.
    Account,
    /// Cluster's name.
    Cluster,
    /// Status.
    Status,
    /// Type of the first issue.
    Issue,
    /// The record's time.
    UpdatedAt,
    /// Only by ARN.
    Arn,
}

/// Where a page ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    /// Value of the sort key there: a text, or nanoseconds in decimal for [`SortKey::UpdatedAt`].
    pub value: String,
    /// ARN there.
    pub arn: String,
}

/// Records of coverage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoverageQuery {
    /// All of these hold.
    pub criteria: Vec<Criterion>,
    /// Order.
    pub sort: SortKey,
    /// Greatest first.
    pub descending: bool,
    /// Where the page before ended.
    pub after: Option<After>,
    /// Records wanted.
    pub limit: usize,
}

impl Default for CoverageQuery {
    /// The first fifty by cluster's name.
    fn default() -> Self {
        Self { criteria: Vec::new(), sort: SortKey::Cluster, descending: false, after: None, limit: 50 }
    }
}

impl CoverageQuery {
    /// Restricts to records whose column is one of these.
    #[must_use]
    pub fn only(mut self, column: Column, values: Vec<String>) -> Self {
        self.criteria.push(Criterion { column, equals: values, not_equals: Vec::new() });
        self
    }
}
