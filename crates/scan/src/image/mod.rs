//! Checks of how an image was made and of what should not be in one: what the CIS Docker benchmark (section 4), Dockle and Trivy
//! ask of an image and an image can answer.
//!
//! [`settings`] judges the configuration, [`history`] the steps it was made in, [`accounts`] the users it brings, and
//! a [`Census`] names, owners and modes of its files. All of them are given what they judge; where it comes from is
//! the caller's affair.

mod accounts;
mod census;
mod history;
mod leftovers;
mod settings;
mod step;
mod verification;

pub use self::{
    accounts::{Accounts, sudoers},
    census::{Census, DIRECTORIES, Seen},
    history::history,
    settings::{Settings, settings},
};

use fargard_model::Priority;

use crate::Finding;

/// A finding with the number of its check.
pub type Numbered = (u32, Finding);

fn numbered(
    check: u32,
    subject: impl Into<String>,
    class: &'static str,
    severity: Priority,
    reason: impl Into<String>,
) -> Numbered {
    (check, Finding { subject: subject.into(), class, reason: reason.into(), severity })
}
