//! Which tasks are protected, which are not, why, and what to do about it.
//!
//! [`ecs`] reads what ECS says (answers of its API and EventBridge's events), [`inventory`] merges it in any order,
//! [`rules`] judges tasks and rolls clusters up, [`row`] is the record that people and GuardDuty's clients see, [`notice`] says
//! which changes of it are told.
//! [`guardduty`] reads that API's requests and writes its answers, [`sigv4`] checks who signed them. No I/O.

pub mod arn;
pub mod ecs;
pub mod event;
pub mod guardduty;
pub mod inventory;
pub mod notice;
pub mod query;
pub mod row;
pub mod rules;
pub mod sigv4;
pub mod sweep;
pub mod view;
