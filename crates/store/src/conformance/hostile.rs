use fargard_model::{CheckStatus, Lost, Timestamp};

use super::{
    State,
    folding::all,
    sample::{batch, beat, check, checked, detected, detection, heartbeat, task},
};
use crate::{Applied, FindingQuery, StoreError, TaskQuery};

/// Names no database likes, the largest numbers, and texts too long for an index.
pub(super) async fn any_content_is_stored_and_read(store: State) -> Result<(), StoreError> {
    let last = Timestamp(u64::MAX);
    let texts = ["\0", "a\0b", "'; DROP TABLE findings; --", "$1 ?1 :x", "\u{202e}\u{feff}💣", "\\"];
    let texts: Vec<String> =
        texts.iter().map(|text| (*text).to_owned()).chain([String::new(), "é".repeat(100_000)]).collect();
    for (sequence, text) in (u64::MAX - 20..).zip(&texts) {
        let mut task = task(text);
        (task.cluster, task.family) = (text.clone(), text.clone());
        let mut found = detection(&task, text, u64::MAX, last);
        found.id.clone_from(text);
        found.output.clone_from(text);
        found.tags = vec![text.clone(), text.clone(), "x".repeat(5000)];
        let mut failed = check(&task, CheckStatus::Failed, Timestamp(0));
        (failed.title, failed.cause) = (text.clone(), text.clone());
        failed.check = u32::MAX;
        let mut sent = batch(
            text,
            sequence,
            vec![detected(found.clone()), checked(failed), beat(heartbeat(&task, u64::MAX, last))],
        );
        sent.header.lost = Lost([("a".to_owned(), u64::MAX), ("b".to_owned(), u64::MAX)].into());
        assert!(
            matches!(store.apply(&sent).await?, Applied::Now { findings } if findings.len() == 2),
            "{text:?}"
        );
        assert_eq!(store.apply(&sent).await?, Applied::Before);

        let id = fargard_model::finding::identity_of_detection(&found);
        let detail = store.finding(&id).await?;
        assert_eq!(detail.map(|detail| detail.detections), Some(vec![found]), "{text:?}");
        let query =
            FindingQuery { titles: vec![text.clone()], tags: vec![text.clone()], ..FindingQuery::default() };
        assert_eq!(store.findings(&query).await?.total, 1, "{text:?}");
        assert!(store.task(text).await?.is_some_and(|found| found.row.task == task), "{text:?}");
        store.set_state(text, fargard_model::FindingState::Closed, text, text, last).await?;
        store.set_state(&id, fargard_model::FindingState::Closed, text, text, last).await?;
        assert!(store.finding(&id).await?.is_some_and(|detail| detail.history.len() == 1));
        store.token(text).await?;
    }
    assert_eq!(all(&store).await?.len(), 2 * texts.len());
    assert_eq!(store.tasks(&TaskQuery { limit: 1, ..TaskQuery::default() }).await?.total, texts.len() as u64);
    let text = "\0'%".to_owned();
    store
        .findings(&FindingQuery { text: text.clone(), since: Some(last), ..FindingQuery::default() })
        .await?;
    store.tasks(&TaskQuery { text, ..TaskQuery::default() }).await?;
    store.facets(&FindingQuery::default()).await?;
    for now in [Timestamp(0), last] {
        let overview = store.overview(now).await?;
        assert_eq!(overview.tasks_total, texts.len() as u64);
    }
    Ok(())
}
