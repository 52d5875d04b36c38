//! `cargo xtask lint`: what the compiler, its linter and the house rules say.

use anyhow::Result;

use crate::{
    house_rules,
    shell::{step, works},
};

/// Runs every check to its end, so that one run shows all there is to mend; `false` when one failed.
pub(crate) fn run() -> Result<bool> {
    let mut well = step(&["cargo", "fmt", "--all", "--check"])?;
    well &= step(&["cargo", "clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])?;
    if works(&["cargo", "deny", "--version"]) {
        well &= step(&["cargo", "deny", "--all-features", "check"])?;
    } else {
        println!("\nskipped: cargo deny is not installed");
    }
    println!("\nhouse rules");
    let problems = house_rules::check()?;
    for problem in &problems {
        println!("{problem}");
    }
    well &= problems.is_empty();
    println!("lint: {}", if well { "clean" } else { "failed" });
    Ok(well)
}
