//! State in PostgreSQL: that of `FARGARD_TEST_POSTGRES`, a URL of a database of its own, or a cluster made for this.

use std::time::{Duration, Instant};

use fargard_model::Secret;
use fargard_server::Config;
use fargard_store::conformance::cluster::Cluster;

use crate::support::{Fixture, TASK, batch_of, detection};

#[test]
fn findings_tasks_and_tokens_live_in_postgres() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let given = std::env::var("FARGARD_TEST_POSTGRES").ok();
    let cluster = if given.is_none() { runtime.block_on(Cluster::start()) } else { None };
    let Some(url) = given.or_else(|| cluster.as_ref().map(Cluster::url)) else { return };
    let data = tempfile::tempdir().unwrap();
    let config = Config { postgres: Some(Secret::new(url)), ..Config::local(data.path()) };
    let fixture = Fixture::on(data, config.clone());
    let producer = uuid::Uuid::now_v7().to_string();
    let token = fixture.enrol_as(TASK, &producer);
    let sent = batch_of(&producer, 1, TASK, vec![detection(1, "/tmp/x", &producer)]);
    assert_eq!(fixture.deliver(&token, &sent).status, 200);
    let path = format!("/api/v1/findings?text={producer}");
    let until = Instant::now() + Duration::from_secs(30);
    while fixture.get(&path).json()["total"] != 1 {
        assert!(Instant::now() < until, "the finding did not arrive");
    }
    let admin = fixture.admin.clone();
    fixture.stop();
    // Another server with an empty data directory knows the same.
    let data = tempfile::tempdir().unwrap();
    let mut other = Fixture::on(tempfile::tempdir().unwrap(), Config { data: data.path().into(), ..config });
    other.admin = admin;
    assert_eq!(other.get(&path).json()["total"], 1);
    assert_eq!(
        other.deliver(&token, &batch_of(&producer, 2, TASK, Vec::new())).status,
        200,
        "the sensor's token still works"
    );
    other.stop();
}

#[test]
fn a_database_that_is_not_there_is_named_without_its_password() {
    let data = tempfile::tempdir().unwrap();
    let url = "postgres://fargard:geheim@127.0.0.1:1/fargard";
    let config = Config { postgres: Some(Secret::new(url)), ..Config::local(data.path()) };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let error = runtime.block_on(fargard_server::Server::start(config)).unwrap_err().to_string();
    assert!(error.contains("PostgreSQL") && !error.contains("geheim"), "{error}");
}
