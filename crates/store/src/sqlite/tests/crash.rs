//! A process that is killed while it writes loses nothing it answered for.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use fargard_model::Batch;

use super::super::SqliteStore;
use crate::{
    Applied, EventLog, EventStore, FindingQuery, StateStore,
    conformance::sample::{at, batch, detected, detection, task},
};

/// Where the child writes; only it has the variable.
const STORE: &str = "FARGARD_CRASH_TEST_STORE";
const SENDERS: u64 = 8;
/// What the child has answered for when it is killed.
const ANSWERS: usize = 400;

fn sent(sender: u64, sequence: u64) -> Batch {
    let found = detection(&task("task-0"), "rule", sequence, at(sequence));
    batch(&format!("p{sender}"), sequence, vec![detected(found)])
}

/// Writes until it is killed and prints what is durable.
async fn child(store: &Path) {
    let store = Arc::new(SqliteStore::open(store).unwrap());
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..SENDERS {
        let store = Arc::clone(&store);
        senders.spawn(async move {
            for sequence in 1.. {
                let batch = sent(sender, sequence);
                assert!(store.append(&batch).await.unwrap());
                println!("durable log {sender} {sequence}");
                store.apply(&batch).await.unwrap();
                println!("durable state {sender} {sequence}");
                store.store(&batch).await.unwrap();
                println!("durable events {sender} {sequence}");
            }
        });
    }
    senders.join_next().await;
}

/// Last sequence of each sender that the child answered for, in each seam. The last line may be cut off.
fn answered(lines: &str) -> BTreeMap<(String, u64), u64> {
    let mut last = BTreeMap::new();
    for line in lines.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        let Some(rest) = line.split("durable ").nth(1) else { continue };
        let words: Vec<_> = rest.split_whitespace().collect();
        let [seam, sender, sequence] = words[..] else { panic!("{line:?}") };
        last.insert((seam.to_owned(), sender.parse().unwrap()), sequence.parse().unwrap());
    }
    last
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_answered_for_is_there_once() {
    if let Some(store) = std::env::var_os(STORE) {
        return child(Path::new(&store)).await;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fargard.db");
    let name = "sqlite::tests::crash::what_a_killed_process_answered_for_is_there_once";
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(STORE, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    let mut lines = String::new();
    for _ in 0..ANSWERS {
        assert_ne!(output.read_line(&mut lines).unwrap(), 0, "the child ended early: {lines}");
    }
    process.kill().unwrap();
    process.wait().unwrap();
    output.read_to_string(&mut lines).unwrap();
    let answered = answered(&lines);
    assert_eq!(answered.len() as u64, 3 * SENDERS, "every sender got answers: {answered:?}");
    let store = SqliteStore::open(&path).unwrap();
    each_entry_is_in_the_log_once(&store, &answered).await;
    every_batch_counts_once(&store, &answered).await;
}

async fn each_entry_is_in_the_log_once(store: &SqliteStore, answered: &BTreeMap<(String, u64), u64>) {
    let mut found: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    while store.backlog().await.unwrap() > 0 {
        let entries = store.next(100).await.unwrap();
        store.done(entries.last().unwrap().offset).await.unwrap();
        for entry in entries {
            found.entry(entry.batch.header.producer).or_default().push(entry.batch.header.sequence);
        }
    }
    for sender in 0..SENDERS {
        let answered = answered[&("log".to_owned(), sender)];
        let found = &found[&format!("p{sender}")];
        let last = found.len() as u64;
        // One more may have become durable that the child had no time to answer for.
        assert!(last == answered || last == answered + 1, "{answered} of sender {sender}: {found:?}");
        assert_eq!(*found, (1..=last).collect::<Vec<_>>());
        assert!(!store.append(&sent(sender, answered)).await.unwrap());
    }
}

/// The sender, having got no answer to its last batch, sends it again.
async fn every_batch_counts_once(store: &SqliteStore, answered: &BTreeMap<(String, u64), u64>) {
    let mut expected = 0;
    for sender in 0..SENDERS {
        let folded = answered[&("state".to_owned(), sender)];
        assert_eq!(store.apply(&sent(sender, folded)).await.unwrap(), Applied::Before);
        store.apply(&sent(sender, folded + 1)).await.unwrap();
        expected += folded + 1;
        let stored = answered[&("events".to_owned(), sender)];
        for num in 1..=stored {
            assert!(store.event(&format!("p{sender}"), num).await.unwrap().is_some());
        }
    }
    let findings = store.findings(&FindingQuery::default()).await.unwrap().findings;
    assert_eq!(findings.iter().map(|finding| finding.count).collect::<Vec<_>>(), [expected]);
}
