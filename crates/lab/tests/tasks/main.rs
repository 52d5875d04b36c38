//! Real tasks: containers are started, looked into and stopped. Needs root for most of it; what needs it is
//! skipped visibly without.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "with a main of their own, tests are not marked as such"
)]

mod agent;
mod attach;
mod bench;
mod embed;
mod isolation;
mod life;
mod matrix;
mod plain;
mod rootfs;
mod sensor;
mod sharing;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(fargard_lab::STAGE_COMMAND) {
        return fargard_lab::stage();
    }
    let trials = [
        attach::trials(),
        embed::trials(),
        isolation::trials(),
        life::trials(),
        matrix::trials(),
        plain::trials(),
        rootfs::trials(),
        sensor::trials(),
        sharing::trials(),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials.into_iter().flatten().collect()).exit_code()
}

/// A test that needs root.
fn rooted(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: needs root");
            return Ok(());
        }
        test();
        Ok(())
    })
}

/// A test for every user.
fn open(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}
