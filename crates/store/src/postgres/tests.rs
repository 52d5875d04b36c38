//! The suite over a real server: that of `FARGARD_TEST_POSTGRES` (a URL whose user may create schemas), or a
//! cluster of its own from the machine's PostgreSQL.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use fargard_model::Timestamp;
use tokio_postgres::NoTls;

use super::PostgresStore;
use crate::{
    Applied, ComplianceStore, CoverageStore, FindingQuery, MIN_IDENTITY_AGE, StateStore, StoreError,
    conformance::{
        self, State,
        cluster::Cluster,
        sample::{at, batch, detected, detection, task},
    },
};

/// A server to make schemas in.
struct Server {
    url: String,
    made: AtomicU32,
    _cluster: Option<Cluster>,
}

impl Server {
    async fn find() -> Option<Self> {
        let (url, cluster) = if let Ok(url) = std::env::var("FARGARD_TEST_POSTGRES") {
            (url, None)
        } else {
            let cluster = Cluster::start().await?;
            (cluster.url(), Some(cluster))
        };
        Some(Self { url, made: AtomicU32::new(0), _cluster: cluster })
    }

    fn name(number: u32) -> String {
        format!("fargard_test_{}_{number}", std::process::id())
    }

    /// A URL whose connections work in a new, empty schema. The last `options` win in either form of URL.
    async fn empty(&self) -> String {
        let name = Self::name(self.made.fetch_add(1, Ordering::Relaxed));
        run(&self.url, &format!("CREATE SCHEMA {name}")).await;
        match (self.url.contains("://"), self.url.contains('?')) {
            (true, true) => format!("{}&options=-c%20search_path%3D{name}", self.url),
            (true, false) => format!("{}?options=-c%20search_path%3D{name}", self.url),
            (false, _) => format!("{} options='-c search_path={name}'", self.url),
        }
    }

    async fn clean_up(&self) {
        for number in 0..self.made.load(Ordering::Relaxed) {
            run(&self.url, &format!("DROP SCHEMA {} CASCADE", Self::name(number))).await;
        }
    }
}

async fn run(url: &str, sql: &str) {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    client.batch_execute(sql).await.unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
}

/// Starting a server takes seconds, so one test uses it for everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_server_passes_the_suite() {
    let Some(server) = Server::find().await else { return };
    let fresh = async || {
        let store = PostgresStore::connect(&server.empty().await).await?;
        Ok(Arc::new(store) as State)
    };
    conformance::state_store(fresh).await.unwrap();
    let fresh = async || {
        let store = Arc::new(PostgresStore::connect(&server.empty().await).await?);
        Ok((store.clone() as State, store as Arc<dyn CoverageStore>))
    };
    conformance::coverage_store(fresh).await.unwrap();
    let fresh = async || {
        let store = Arc::new(PostgresStore::connect(&server.empty().await).await?);
        Ok((store.clone() as State, store as Arc<dyn ComplianceStore>))
    };
    conformance::compliance_store(fresh).await.unwrap();
    servers_that_start_together_share_a_schema(&server).await;
    a_schema_of_another_version_is_refused(&server).await;
    a_transaction_that_loses_is_run_again(&server).await;
    damaged_rows_are_named(&server).await;
    identities_are_forgotten_after_a_day(&server).await;
    server.clean_up().await;
}

async fn servers_that_start_together_share_a_schema(server: &Server) {
    let url = server.empty().await;
    let starts = (0..4).map(|_| {
        let url = url.clone();
        tokio::spawn(async move { PostgresStore::connect(&url).await })
    });
    for start in starts.collect::<Vec<_>>() {
        start.await.unwrap().unwrap().ping().await.unwrap();
    }
}

async fn a_schema_of_another_version_is_refused(server: &Server) {
    for (change, reason) in [
        ("INSERT INTO schema_migrations VALUES (9, '0009_next.sql', '00', 0)", "the schema is of version 9"),
        ("UPDATE schema_migrations SET checksum = '00'", "was not made by this program's own script"),
    ] {
        let url = server.empty().await;
        PostgresStore::connect(&url).await.unwrap();
        run(&url, change).await;
        let error = PostgresStore::connect(&url).await.err().unwrap().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

/// The database itself makes the first tries fail as if another transaction had won.
async fn a_transaction_that_loses_is_run_again(server: &Server) {
    let url = server.empty().await;
    let store = PostgresStore::connect(&url).await.unwrap();
    run(
        &url,
        "CREATE SEQUENCE tries;
         CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF nextval('tries') <= 3 THEN
                 RAISE EXCEPTION 'lost' USING ERRCODE = (ARRAY['40001', '40P01', '40001'])[currval('tries')];
             END IF;
             RETURN NEW;
         END $$;
         CREATE TRIGGER lose BEFORE INSERT ON findings FOR EACH ROW EXECUTE FUNCTION lose();",
    )
    .await;
    let sent = |sequence| {
        let found = detected(detection(&task("task-0"), "rule", sequence, at(sequence)));
        batch("p", sequence, vec![found])
    };
    assert!(matches!(store.apply(&sent(1)).await.unwrap(), Applied::Now { .. }));
    assert_eq!(store.findings(&FindingQuery::default()).await.unwrap().findings[0].count, 1);
    // What always loses is given up with the reason, and leaves nothing behind.
    run(
        &url,
        "ALTER SEQUENCE tries RESTART;
         CREATE OR REPLACE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             PERFORM nextval('tries');
             RAISE EXCEPTION 'lost' USING ERRCODE = '40001';
         END $$;",
    )
    .await;
    let error = store.apply(&sent(2)).await.unwrap_err().to_string();
    assert!(error.contains("lost"), "{error}");
    run(&url, "DO $$ BEGIN ASSERT (SELECT last_value FROM tries) = 8, 'eight tries'; END $$").await;
    run(&url, "DROP TRIGGER lose ON findings").await;
    assert!(matches!(store.apply(&sent(2)).await.unwrap(), Applied::Now { .. }));
}

async fn damaged_rows_are_named(server: &Server) {
    let url = server.empty().await;
    let store = PostgresStore::connect(&url).await.unwrap();
    store.apply(&batch("p", 1, vec![detected(detection(&task("task-0"), "rule", 1, at(1)))])).await.unwrap();
    let is_corrupt = |answer: Result<(), StoreError>| {
        assert!(matches!(answer, Err(StoreError::Corrupt { .. })), "{answer:?}");
    };
    run(&url, "UPDATE findings SET body = '{'").await;
    is_corrupt(store.findings(&FindingQuery::default()).await.map(drop));
    run(&url, "UPDATE findings SET priority = -1").await;
    is_corrupt(store.overview(at(1)).await.map(drop));
    run(&url, "ALTER TABLE findings ALTER COLUMN body TYPE bytea USING ''::bytea").await;
    is_corrupt(store.findings(&FindingQuery::default()).await.map(drop));
}

async fn identities_are_forgotten_after_a_day(server: &Server) {
    let store = PostgresStore::connect(&server.empty().await).await.unwrap();
    let sent = batch("p", 1, vec![detected(detection(&task("task-0"), "rule", 1, at(1)))]);
    store.apply(&sent).await.unwrap();
    let now = Timestamp::now();
    assert_eq!(store.forget_identities(now, Duration::ZERO).await.unwrap(), 0);
    assert_eq!(store.apply(&sent).await.unwrap(), Applied::Before);
    let later = Timestamp(now.0 + u64::try_from(MIN_IDENTITY_AGE.as_nanos()).unwrap() + 1_000_000_000);
    assert_eq!(store.forget_identities(later, Duration::ZERO).await.unwrap(), 1);
}
