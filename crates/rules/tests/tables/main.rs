//! Tables of hundreds of cases: what conditions hold for which events, and what outputs show of them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod formats;
mod operators;
mod support;
mod transformers;
