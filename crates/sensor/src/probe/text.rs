//! The report for people.

use std::fmt;

use super::{Answer, Probe};

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fact in &self.facts {
            let answer = match fact.answer {
                Answer::Yes => "yes",
                Answer::No => "no",
                Answer::Is => "",
            };
            let gap = if answer.is_empty() || fact.detail.is_empty() { "" } else { ": " };
            // A call is known by its name alone. Behind a profile the kernel may still ask for a capability.
            let call = if fact.what == fact.id { "profile lets through: " } else { "" };
            writeln!(f, "{:<40} {answer}{gap}{}", format!("{call}{}", fact.what), fact.detail)?;
        }
        writeln!(f, "\nwhat will work here:")?;
        for verdict in &self.works {
            writeln!(f, "  {:<28} {}", verdict.part, verdict.says)?;
        }
        Ok(())
    }
}
