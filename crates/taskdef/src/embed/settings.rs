//! What is to be embedded, and where.

use std::collections::BTreeMap;

use serde::Serialize;

/// How containers are watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// `Wrap` where every container's program is known, else `Attach`.
    #[default]
    Auto,
    /// The sensor starts each container's program and becomes it.
    Wrap,
    /// A container of its own watches the others.
    Attach,
    /// Not at all.
    Off,
}

impl Choice {
    /// From a label's, tag's or option's value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            // YAML takes `on` and `off` without quotes for truth values.
            "auto" | "on" | "true" => Self::Auto,
            "wrap" => Self::Wrap,
            "attach" => Self::Attach,
            "off" | "false" => Self::Off,
            _ => return None,
        })
    }
}

/// The settings of a run.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Image of the sensor, with the program in the volume `/fargard`.
    pub sensor_image: String,
    /// Where neither label nor tag says.
    pub mode: Choice,
    /// Base URL of the server; without one detections are printed as JSON lines into the containers' logs.
    pub server: Option<String>,
    /// `valueFrom` of the enrolment token (Secrets Manager or Parameter Store).
    pub token: Option<String>,
    /// Further `FARGARD_*` variables.
    pub variables: Vec<(String, String)>,
    /// Only containers of these names; all where empty.
    pub include: Vec<String>,
    /// No containers of these names.
    pub exclude: Vec<String>,
    /// Only what a label or tag asks for.
    pub only_labelled: bool,
    /// Take definitions without `requiresCompatibilities` to be for Fargate.
    pub assume_fargate: bool,
    /// Name the images of wrapped containers by digest, where it is known.
    pub pin: bool,
    /// Nested stacks (logical names) whose templates are embedded together with this one, so need not be told of.
    pub nested: Vec<String>,
    /// Values of a template's parameters and pseudo parameters (`AWS::Region`).
    pub parameters: BTreeMap<String, String>,
}
