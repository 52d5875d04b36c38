//! What takes more than one event: sequences, thresholds, and the folding of repeats. [`Detector`] keeps the state.
//!
//! There is no clock: time is that of the events. State is bounded, since processes choose what keys there are.

mod alert;
mod detector;
mod fold;
mod key;
mod keyed;
mod output;
mod plan;
mod sequence;
mod stages;
mod threshold;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

pub use alert::Alert;
pub use detector::{Detector, Statistics};
pub(crate) use key::KeyPlan;
pub(crate) use output::CorrelationOutput;
pub(crate) use plan::{Correlations, FoldPlan, Plan, PlanKind};
