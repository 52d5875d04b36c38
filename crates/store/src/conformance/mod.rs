//! One suite for every backend: what a [`StateStore`], an [`EventLog`] and an [`EventStore`] must do, whatever is
//! behind them. Each case starts with an empty store and panics where the store is wrong.

pub mod cluster;
mod compliance;
mod coverage;
mod event_log;
mod event_store;
mod files;
mod findings;
mod folding;
mod guardduty;
mod hostile;
mod outbox;
mod queries;
pub mod sample;
mod tasks;
mod tokens;

use std::{future::Future, sync::Arc};

use crate::{ComplianceStore, CoverageStore, EventLog, EventStore, StateStore, StoreError};

/// A store shared by the tasks of a case.
pub type State = Arc<dyn StateStore>;

/// Runs every case for state; `fresh` gives an empty store each time.
///
/// # Errors
/// The store fails where it should not.
///
/// # Panics
/// The store's answer is wrong.
pub async fn state_store<F, S>(fresh: F) -> Result<(), StoreError>
where
    F: Fn() -> S,
    S: Future<Output = Result<State, StoreError>>,
{
    folding::a_batch_is_applied_once(fresh().await?).await?;
    folding::occurrences_fold_and_the_latest_stay(fresh().await?).await?;
    for order in folding::ORDERS {
        folding::order_and_repetition_do_not_matter(fresh().await?, order).await?;
    }
    folding::concurrent_batches_lose_nothing(fresh().await?).await?;
    findings::checks_open_and_close(fresh().await?).await?;
    findings::a_late_failure_does_not_reopen_what_passed_since(fresh().await?).await?;
    findings::states_follow_people(fresh().await?).await?;
    files::changes_fold_over_the_tasks_of_a_family(fresh().await?).await?;
    files::tasks_beside_each_other_lose_no_change(fresh().await?).await?;
    files::standards_are_found_by_how_tags_begin(fresh().await?).await?;
    queries::each_filter_restricts(fresh().await?).await?;
    queries::text_is_taken_literally(fresh().await?).await?;
    queries::pages_are_stable_while_findings_arrive(fresh().await?).await?;
    queries::foreign_cursors_are_refused(fresh().await?).await?;
    queries::facets_count_under_the_other_filters(fresh().await?).await?;
    tasks::tasks_gather_what_records_say(fresh().await?).await?;
    tasks::tasks_are_listed_by_latest_record(fresh().await?).await?;
    tasks::the_overview_adds_up(fresh().await?).await?;
    tokens::tokens_are_kept_by_hash(fresh().await?).await?;
    tokens::one_of_many_takes_a_token(fresh().await?).await?;
    hostile::any_content_is_stored_and_read(fresh().await?).await?;
    fresh().await?.ping().await
}

/// Runs every case for inventory and coverage; `fresh` gives an empty store each time, by both its traits.
///
/// # Errors
/// The store fails where it should not.
///
/// # Panics
/// The store's answer is wrong.
pub async fn coverage_store<F, S>(fresh: F) -> Result<(), StoreError>
where
    F: Fn() -> S,
    S: Future<Output = Result<(State, Arc<dyn CoverageStore>), StoreError>>,
{
    coverage::news_merges_and_has_its_cluster_judged(fresh().await?.1).await?;
    coverage::news_during_a_judgement_is_not_lost(fresh().await?.1).await?;
    let (state, store) = fresh().await?;
    coverage::heartbeats_are_signs_of_life(state, store).await?;
    coverage::each_filter_and_order_pages_through_everything_once(fresh().await?.1).await?;
    coverage::keys_and_detectors_are_kept(fresh().await?.1).await?;
    outbox::a_change_is_recorded_with_its_judgement_and_once(fresh().await?.1).await?;
    outbox::notices_are_told_in_order_by_one_at_a_time(fresh().await?.1).await?;
    guardduty::objects_are_kept_by_name(fresh().await?.1).await?;
    let (state, store) = fresh().await?;
    guardduty::findings_are_read_by_region_and_account(state, store).await?;
    guardduty::detectors_are_listed_by_region(fresh().await?.1).await
}

/// Runs every case for compliance; `fresh` gives an empty store each time, by both its traits.
///
/// # Errors
/// The store fails where it should not.
///
/// # Panics
/// The store's answer is wrong.
pub async fn compliance_store<F, S>(fresh: F) -> Result<(), StoreError>
where
    F: Fn() -> S,
    S: Future<Output = Result<(State, Arc<dyn ComplianceStore>), StoreError>>,
{
    let (state, store) = fresh().await?;
    compliance::results_gather_by_image_task_and_container(state, store).await?;
    let (state, store) = fresh().await?;
    compliance::targets_are_filtered_and_paged(state, store).await?;
    let (state, store) = fresh().await?;
    compliance::a_task_keeps_a_bounded_number_of_results(state, store).await?;
    compliance::images_before_deployment_have_no_task(fresh().await?.1).await?;
    compliance::of_those_who_change_the_policy_at_once_one_does(fresh().await?.1).await?;
    compliance::days_are_kept_once(fresh().await?.1).await
}

/// Runs every case for a log; `fresh` gives an empty one each time.
///
/// # Errors
/// The log fails where it should not.
///
/// # Panics
/// The log's answer is wrong.
pub async fn event_log<F, S>(fresh: F) -> Result<(), StoreError>
where
    F: Fn() -> S,
    S: Future<Output = Result<Arc<dyn EventLog>, StoreError>>,
{
    event_log::entries_leave_in_order_and_once(fresh().await?).await?;
    event_log::next_waits_for_an_entry(fresh().await?).await?;
    event_log::concurrent_appends_are_all_kept(fresh().await?).await?;
    event_log::a_batch_that_could_not_be_read_back_is_refused(fresh().await?).await
}

/// Runs every case for an event store; `fresh` gives an empty one each time.
///
/// # Errors
/// The store fails where it should not.
///
/// # Panics
/// The store's answer is wrong.
pub async fn event_store<F, S>(fresh: F) -> Result<(), StoreError>
where
    F: Fn() -> S,
    S: Future<Output = Result<Arc<dyn EventStore>, StoreError>>,
{
    event_store::events_come_in_order_of_time(fresh().await?).await?;
    event_store::a_confirmed_event_replaces_its_attempt(fresh().await?).await?;
    event_store::events_of_detections_are_kept_too(fresh().await?).await
}
