//! The JSON of Prisma Cloud Compute's collections and compliance policies (its API's `GET /collections`,
//! `GET /policies/compliance/container` and `GET /policies/compliance/ci/images`), in and out.
//!
//! What one side has no word for is said: reading gives notes on what was left out, writing refuses what would widen a
//! collection and gives notes on what became weaker.

mod read;
mod write;

use crate::{Policy, Stage, file::Section};

pub use read::{Imported, read};
pub use write::{collections, rules};

/// `_id` and `policyType` of a policy's document.
fn policy_type(stage: Stage) -> &'static str {
    match stage {
        Stage::Ci => "ciImagesCompliance",
        Stage::Any | Stage::Deployed => "containerCompliance",
    }
}

impl Imported {
    /// Puts what was read into a policy: collections of the same name are replaced, and so are all rules of the
    /// document's stage. A rule of another stage that has the same name keeps it; the new one gets its stage added.
    pub fn put_into(&self, policy: &mut Policy) {
        for new in &self.policy.collections {
            match policy.collections.iter_mut().find(|old| old.name == new.name) {
                Some(old) => old.clone_from(new),
                None => policy.collections.push(new.clone()),
            }
        }
        if let Some(stage) = self.stage.filter(|_| self.sections.contains(&Section::Rules)) {
            policy.rules.retain(|rule| rule.stage != stage);
            for rule in &self.policy.rules {
                let mut rule = rule.clone();
                if policy.rules.iter().any(|old| old.name == rule.name) {
                    rule.name = format!("{} ({})", rule.name, stage.name());
                }
                policy.rules.push(rule);
            }
        }
    }
}
