//! Keeps an account's ECS services covered by the sensor.
//!
//! A [`Agent::round`] looks at every service as ECS describes it now, so it matters neither which events came, nor in
//! which order, nor how often. [`decide()`] says from facts alone how a service stands and what is to be done; only
//! [`Agent`] does it, and only when told to. What was tried stands in the [`Ledger`], so that nothing is tried twice.
//!
//! [`proxy`] is the other way to the same end: an endpoint on loopback that embeds while somebody else's tool deploys.

mod agent;
mod assess;
mod change;
mod decide;
mod ledger;
mod owner;
pub mod proxy;
mod scope;
pub mod wake;

pub use agent::{Agent, AgentOptions, Round, RoundError, Standing};
pub use assess::{Assessment, Candidate, assess};
pub use decide::{Facts, Status, decide};
pub use ledger::{Attempt, AttemptState, Ledger, LedgerError};
pub use owner::{OwnerTag, owner};
pub use scope::{MANAGED_TAG, Scope, Scoped, scope};
