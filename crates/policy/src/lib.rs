//! Compliance policy: which results of checks are ignored, which alert, which fail a build.
//!
//! A [`Policy`] is collections (which containers), rules in order (what becomes of each check there; the first that
//! applies decides) and exceptions (whose, until when). It is the same model in a file ([`file`]), in the console, over
//! REST (its JSON) and in the JSON of Prisma Cloud Compute ([`prisma`]). An [`Engine`] is a policy ready to be asked; it
//! has no clock and does no I/O.
//!
//! What fields mean and how patterns match follows Prisma Cloud Compute's documentation of collections and compliance
//! rules, so that rules can be taken over as they are.

mod candidates;
mod engine;
pub mod file;
mod image_name;
mod pattern;
mod policy;
pub mod prisma;
mod problem;
pub mod standards;
mod validate;
mod write;

pub use engine::{Decision, Engine, Reason, Scoped, Target};
pub use pattern::{Pattern, PatternError};
pub use policy::{ALL, Collection, Effect, Exception, FIELDS, Field, Policy, Rule, Stage};
pub use problem::{MAX_PROBLEMS, Problem};
