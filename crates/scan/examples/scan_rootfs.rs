//! Scans a directory and prints every finding: a small program to try and to measure the scan with.
#![expect(clippy::print_stdout, reason = "an example prints what it finds")]

use std::{ops::ControlFlow, path::Path};

use fargard_scan::{Limits, Selection, scan};

fn main() -> std::io::Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "/".to_owned());
    let outcome = scan(Path::new(&path), &Limits::default(), Selection::ALL, |_| ControlFlow::Continue(()))?;
    for (check, findings) in &outcome.findings {
        for found in findings {
            println!("{check} {} {} {} ({})", found.severity, found.class, found.subject, found.reason);
        }
    }
    println!(
        "{} files, {} bytes; {:?}: {} packages, {} compared, {} bytes hashed; troubles {:?}; incomplete {:?}",
        outcome.walk.files,
        outcome.walk.bytes,
        outcome.databases,
        outcome.packages,
        outcome.compared,
        outcome.hashed,
        outcome.troubles,
        outcome.walk.incomplete()
    );
    Ok(())
}
