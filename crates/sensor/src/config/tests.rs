use std::path::PathBuf;

use fargard_model::Secret;

use super::{BackendChoice, CheckChoice, Config, FimChoice, PrintFormat, PrintTo, ReadMode, Server};

fn read(variables: &[(&str, &str)]) -> Result<Config, String> {
    Config::from_variables(|name| {
        variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into())
    })
    .map_err(|error| error.to_string())
}

#[test]
fn nothing_set_is_the_default() {
    assert_eq!(read(&[]), Ok(Config::default()));
    assert_eq!(read(&[("FARGARD_SERVER", "")]), Ok(Config::default()));
}

#[test]
fn every_variable_is_read() {
    let config = read(&[
        ("FARGARD_RULES", "/a.yaml:/b.yaml"),
        ("FARGARD_SERVER", "https://s:8443/"),
        ("FARGARD_TOKEN", "abc"),
        ("FARGARD_CA_FILE", "/ca.pem"),
        ("FARGARD_SPOOL_DIR", "/spool"),
        ("FARGARD_SPOOL_MAX_BYTES", "4194304"),
        ("FARGARD_PRINT", "json"),
        ("FARGARD_PRINT_TO", "/log"),
        ("FARGARD_CHECKS", "off"),
        ("FARGARD_FIM", "/policy.yaml"),
        ("FARGARD_READS", "trap"),
        ("FARGARD_BACKEND", "trace"),
        ("FARGARD_RING_BYTES", "2097152"),
        ("FARGARD_DRAIN_SECONDS", "7"),
        ("FARGARD_TASK_ID", "t-1"),
        ("FARGARD_CPU", "25"),
        ("FARGARD_CHECKS_CPU", "3%"),
        ("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/x"),
    ])
    .unwrap();
    assert_eq!(config.cpu, super::CpuBudget::Percent(25));
    assert_eq!(config.checks_cpu, super::CpuBudget::Percent(3));
    assert_eq!(config.rules, [PathBuf::from("/a.yaml"), PathBuf::from("/b.yaml")]);
    let server = config.server.unwrap();
    assert_eq!((server.url.as_str(), server.token.reveal()), ("https://s:8443", "abc"));
    assert_eq!((config.print, config.print_to), (PrintFormat::Json, PrintTo::File("/log".into())));
    assert_eq!(
        (config.backend, config.checks, config.announce),
        (BackendChoice::Trace, CheckChoice::Off, true)
    );
    assert_eq!(config.fim, FimChoice::File("/policy.yaml".into()));
    assert_eq!(config.reads, ReadMode::Trap);
    assert_eq!((config.ring_bytes, config.drain.as_secs()), (2 << 20, 7));
    assert_eq!(config.spool.unwrap().max_bytes, 4 << 20);
}

#[test]
fn what_cannot_be_used_is_named() {
    for (variables, part) in [
        (&[("FARGARD_PRINT", "xml")][..], "FARGARD_PRINT: \"xml\": use none, text or json"),
        (&[("FARGARD_RING_BYTES", "9")], "FARGARD_RING_BYTES: 9 is not"),
        (&[("FARGARD_RING_BYTES", "big")], "\"big\" is not a whole number"),
        (&[("FARGARD_DRAIN_SECONDS", "600")], "600 is more than 60 seconds"),
        (&[("FARGARD_CHECKS", "maybe")], "use on, changes, all or off"),
        (&[("FARGARD_CPU", "0")], "FARGARD_CPU: \"0\": use a percentage"),
        (&[("FARGARD_READS", "on")], "use lease, trap or off"),
        (&[("FARGARD_SERVER", "https://s")], "an enrolment token is needed"),
        (&[("FARGARD_SERVER", "ftp://s"), ("FARGARD_TOKEN", "t")], "does not start with https://"),
        (&[("FARGARD_SERVER", "http://s:1"), ("FARGARD_TOKEN", "t")], "would send tokens in clear"),
        (&[("FARGARD_SERVER", "https:///x"), ("FARGARD_TOKEN", "t")], "names no host"),
        (&[("FARGARD_SERVER", "https://s"), ("FARGARD_TOKEN", "a b")], "FARGARD_TOKEN: "),
        (&[("FARGARD_TASK_ID", "a/b")], "FARGARD_TASK_ID: "),
        (&[("FARGARD_SPOOL_DIR", "/s"), ("FARGARD_SPOOL_MAX_BYTES", "5")], "FARGARD_SPOOL_MAX_BYTES: "),
    ] {
        let error = read(variables).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn loopback_may_be_plain() {
    for url in ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:9", "http://localhost"] {
        assert!(Server::new(url, Secret::new("t"), None).is_ok(), "{url}");
    }
    assert!(Server::new("http://127.0.0.1.example.org", Secret::new("t"), None).is_err());
}

#[test]
fn tokens_are_not_shown() {
    let config = read(&[("FARGARD_SERVER", "https://s"), ("FARGARD_TOKEN", "hush")]).unwrap();
    assert!(!format!("{config:?}").contains("hush"));
}
