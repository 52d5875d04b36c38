//! A CloudFormation macro on the engine of `fargard embed`: a template's fragment in, the fragment with the sensor out.
//!
//! [`answer`] turns CloudFormation's request into its response; [`serve`] takes requests from Lambda's Runtime API. What
//! stays unprotected makes the macro fail, unless it is told to let that pass: nobody sees a macro's log, and when it
//! fails nothing that runs has changed.

mod answer;
mod fragment;
mod images;
mod options;
mod request;
mod runtime;

pub use answer::{EventError, answer};
pub use options::{Options, Unprotected};
pub use runtime::{RuntimeError, serve};
