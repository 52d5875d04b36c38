use std::collections::BTreeSet;

use fargard_model::{CheckStatus, FindingKind, FindingState, Priority, Task};

use super::{
    State,
    sample::{at, batch, check, checked, container, detected, detection, task},
};
use crate::{FindingQuery, StoreError, TaskQuery};

/// Title of the sample check.
const CHECK: &str = "Image contains binaries used for crypto mining";

/// Titles found, in the order of the answer.
async fn titles(store: &State, query: FindingQuery) -> Result<Vec<String>, StoreError> {
    let page = store.findings(&query).await?;
    assert_eq!(page.total, page.findings.len() as u64);
    Ok(page.findings.into_iter().map(|finding| finding.title).collect())
}

/// Three findings: `one` (open, Error, nginx), `two` (suppressed, Alert, redis, other cluster and family), a check.
async fn fill(store: &State) -> Result<(), StoreError> {
    store.apply(&batch("p", 1, vec![detected(detection(&task("task-0"), "one", 1, at(1)))])).await?;
    let elsewhere = Task { cluster: "dev".to_owned(), family: "api".to_owned(), ..task("task-1") };
    let mut other = detection(&elsewhere, "two", 2, at(2));
    other.priority = Priority::Alert;
    other.tags = vec!["filesystem".to_owned(), "SOC2_CC6.8".to_owned()];
    let mut redis = container();
    redis.image = "redis:8".to_owned();
    other.event.container = redis.into();
    store.apply(&batch("q", 1, vec![detected(other)])).await?;
    let failed = checked(check(&task("task-0"), CheckStatus::Failed, at(3)));
    store.apply(&batch("p", 2, vec![failed])).await?;
    let query = FindingQuery { titles: vec!["two".to_owned()], ..FindingQuery::default() };
    for finding in store.findings(&query).await?.findings {
        store.set_state(&finding.id, FindingState::Suppressed, "ann", "", at(4)).await?;
    }
    Ok(())
}

pub(super) async fn each_filter_restricts(store: State) -> Result<(), StoreError> {
    fill(&store).await?;
    let any = FindingQuery::default;
    let text = |text: &str| vec![text.to_owned()];
    let cases: Vec<(FindingQuery, &[&str])> = vec![
        (any(), &[CHECK, "two", "one"]),
        (FindingQuery { states: vec![FindingState::Open], ..any() }, &[CHECK, "one"]),
        (
            FindingQuery { states: vec![FindingState::Open, FindingState::Suppressed], ..any() },
            &[CHECK, "two", "one"],
        ),
        (FindingQuery { kinds: vec![FindingKind::Check], ..any() }, &[CHECK]),
        (FindingQuery { priorities: vec![Priority::Alert, Priority::Error], ..any() }, &["two", "one"]),
        (FindingQuery { titles: text("one"), ..any() }, &["one"]),
        (FindingQuery { clusters: text("dev"), ..any() }, &["two"]),
        (FindingQuery { families: text("web"), ..any() }, &[CHECK, "one"]),
        (FindingQuery { tasks: text("task-1"), ..any() }, &["two"]),
        (FindingQuery { images: text("redis:8"), ..any() }, &["two"]),
        (FindingQuery { tags: text("filesystem"), ..any() }, &["two", "one"]),
        (
            FindingQuery { tags: vec!["SOC2_CC6.8".to_owned(), "NIST_800-190_4.4.4".to_owned()], ..any() },
            &[CHECK, "two"],
        ),
        (FindingQuery { text: "XMRIG".to_owned(), ..any() }, &[CHECK]),
        (FindingQuery { text: "crypto MINING".to_owned(), ..any() }, &[CHECK]),
        (FindingQuery { since: Some(at(2)), ..any() }, &[CHECK, "two"]),
        (FindingQuery { tags: text("filesystem"), clusters: text("prod"), ..any() }, &["one"]),
        (FindingQuery { titles: text("' OR 1=1 --"), ..any() }, &[]),
    ];
    for (query, expected) in cases {
        assert_eq!(titles(&store, query.clone()).await?, expected, "{query:?}");
    }
    Ok(())
}

pub(super) async fn text_is_taken_literally(store: State) -> Result<(), StoreError> {
    let rules = ["100% sure", "100 sure", "under_score", "underXscore", "back\\slash", "it's", "ÄRGER"];
    let records =
        (1..).zip(rules).map(|(num, rule)| detected(detection(&task("task-0"), rule, num, at(num))));
    store.apply(&batch("p", 1, records.collect())).await?;
    for (text, expected) in [
        ("100% S", &["100% sure"][..]),
        ("der_s", &["under_score"]),
        ("K\\S", &["back\\slash"]),
        ("T'S", &["it's"]),
        ("%", &["100% sure"]),
        // Only ASCII letters are the same in either case, in every backend.
        ("ÄrgeR", &["ÄRGER"]),
        ("ärger", &[]),
    ] {
        let query = FindingQuery { text: text.to_owned(), ..FindingQuery::default() };
        assert_eq!(titles(&store, query).await?, expected, "{text}");
    }
    Ok(())
}

pub(super) async fn pages_are_stable_while_findings_arrive(store: State) -> Result<(), StoreError> {
    let rule = |num: u64| format!("rule {num:02}");
    // Pairs share their time, so that the id decides.
    let old = (0..20).map(|num| detected(detection(&task("task-0"), &rule(num), num, at(num / 2))));
    store.apply(&batch("p", 1, old.collect())).await?;
    let mut query = FindingQuery { limit: 3, ..FindingQuery::default() };
    let (mut seen, mut sequence) = (Vec::new(), 1);
    loop {
        let page = store.findings(&query).await?;
        assert_eq!(page.total, 20 + (sequence - 1));
        assert!(page.findings.len() <= 3);
        seen.extend(page.findings.into_iter().map(|finding| (finding.last_seen, finding.id, finding.title)));
        let Some(next) = page.next else { break };
        query.cursor = Some(next);
        sequence += 1;
        let new = detected(detection(&task("task-0"), &format!("new {sequence}"), 99, at(100 + sequence)));
        store.apply(&batch("p", sequence, vec![new])).await?;
    }
    assert!(seen.is_sorted_by(|one, next| (one.0, &one.1) > (next.0, &next.1)), "{seen:?}");
    let found: BTreeSet<_> = seen.into_iter().map(|(.., title)| title).collect();
    assert_eq!(found, (0..20).map(rule).collect());
    Ok(())
}

pub(super) async fn foreign_cursors_are_refused(store: State) -> Result<(), StoreError> {
    let records = (0..5).map(|num| detected(detection(&task("task-0"), &num.to_string(), num, at(num))));
    store.apply(&batch("p", 1, records.collect())).await?;
    let query = FindingQuery { limit: 2, ..FindingQuery::default() };
    let own = store.findings(&query).await?.next.unwrap_or_default();
    for cursor in ["", "x", "zz", "66", &own[..own.len().min(10)], &own.to_uppercase(), &"66".repeat(5000)] {
        let query = FindingQuery { cursor: Some(cursor.to_owned()), ..FindingQuery::default() };
        let answer = store.findings(&query).await;
        assert!(matches!(answer, Err(StoreError::Cursor)), "{cursor:?}: {answer:?}");
    }
    let tasks = store.tasks(&TaskQuery { cursor: Some(own), ..TaskQuery::default() }).await;
    assert!(matches!(tasks, Err(StoreError::Cursor)), "{tasks:?}");
    Ok(())
}

pub(super) async fn facets_count_under_the_other_filters(store: State) -> Result<(), StoreError> {
    fill(&store).await?;
    let query = FindingQuery { clusters: vec!["prod".to_owned()], ..FindingQuery::default() };
    let facets = store.facets(&query).await?;
    let counts = |facet: &str| {
        let counts = facets.get(facet).into_iter().flatten();
        counts.map(|(value, count)| (value.as_str(), *count)).collect::<Vec<_>>()
    };
    // The facet's own filter does not restrict it.
    assert_eq!(counts("cluster"), [("dev", 1), ("prod", 2)]);
    assert_eq!(counts("state"), [("open", 2)]);
    assert_eq!(counts("kind"), [("check", 1), ("detection", 1)]);
    assert_eq!(counts("priority"), [("Critical", 1), ("Error", 1)]);
    assert_eq!(counts("family"), [("web", 2)]);
    assert_eq!(counts("image"), [("nginx:1.27", 2)]);
    assert_eq!(counts("tag"), [("NIST_800-190_4.4.4", 1), ("PCI_DSS_11.5.2", 1), ("filesystem", 1)]);
    assert_eq!(counts("title"), [(CHECK, 1), ("one", 1)]);
    let names: Vec<_> = facets.keys().map(String::as_str).collect();
    assert_eq!(names, ["cluster", "family", "image", "kind", "priority", "state", "tag", "title"]);
    Ok(())
}
