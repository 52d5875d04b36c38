//! Who asks, and may they.
//!
//! Tokens are 256 random bits; the store keeps only their SHA-256. A person shows an admin token (scripts, as
//! `Authorization: Bearer`) or a session cookie (browsers, after `/login`); a sensor shows the enrolment token
//! once and then a token bound to its task.

mod admin;
mod attempts;
pub(crate) mod first_start;
mod login;
mod origin;
pub(crate) mod preset;
mod seal;
pub(crate) mod token;

pub(crate) use admin::{Admin, bearer, require_login};
pub(crate) use attempts::Attempts;
pub(crate) use login::{one_time_code, routes};
pub(crate) use seal::Seal;
