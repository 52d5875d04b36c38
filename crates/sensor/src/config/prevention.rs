//! Whether rules act.

use std::str::FromStr;

/// Whether rules that ask for more than an alert act.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prevention {
    /// They do not, and detections do not speak of it.
    Off,
    /// They do not; detections say what would have been done.
    #[default]
    DryRun,
    /// They do.
    On,
}

impl FromStr for Prevention {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            "dry-run" => Ok(Self::DryRun),
            "on" => Ok(Self::On),
            _ => Err("use off, dry-run or on".to_owned()),
        }
    }
}
