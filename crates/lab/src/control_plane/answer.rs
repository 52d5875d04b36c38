//! What a call comes to.

/// An answer, or ECS's error.
pub(super) type Reply = Result<serde_json::Value, Refusal>;

/// ECS's error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// `ClientException` and others.
    pub(super) code: String,
    /// ECS's words.
    pub(super) message: String,
}

impl Refusal {
    fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }

    pub(super) fn client(message: impl Into<String>) -> Self {
        Self::new("ClientException", message)
    }

    pub(super) fn parameter(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterException", message)
    }

    pub(super) fn cluster_not_found() -> Self {
        Self::new("ClusterNotFoundException", "Cluster not found.")
    }

    pub(super) fn service_not_found() -> Self {
        Self::new("ServiceNotFoundException", "Service not found.")
    }

    pub(super) fn service_not_active() -> Self {
        Self::new("ServiceNotActiveException", "Service was not ACTIVE.")
    }

    pub(super) fn other(code: &str, message: &str) -> Self {
        Self::new(code, message)
    }
}
