//! Where credentials come from.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    sync::{Arc, Mutex},
    time::Duration,
};

use fargard_aws::{Account, AccountOptions, AwsError, Clock, Environment, Provider, Role, SystemClock};
use fargard_model::Timestamp;

use crate::moto::Moto;

#[derive(Debug, Default)]
struct Still(Mutex<Timestamp>);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn wait(&self, _: Duration) {}
}

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().copied().collect()
}

fn find(pairs: &[(&str, &str)]) -> Result<Provider, AwsError> {
    Provider::find(&environment(pairs), "eu-west-1", Arc::new(SystemClock))
}

#[test]
fn the_environment_comes_first_then_the_profile() {
    let home = tempfile::tempdir().unwrap();
    let home_path = home.path().to_str().unwrap();
    let none = find(&[("HOME", home_path)]).unwrap_err();
    assert!(matches!(none, AwsError::NoCredentials(_)), "{none}");
    let half = find(&[("HOME", home_path), ("AWS_ACCESS_KEY_ID", "x")]).unwrap_err();
    assert!(half.to_string().contains("both"), "{half}");

    std::fs::create_dir(home.path().join(".aws")).unwrap();
    std::fs::write(
        home.path().join(".aws/credentials"),
        "[default]\naws_access_key_id=A\naws_secret_access_key=S\n[b]\naws_access_key_id=B\naws_secret_access_key=T\n",
    )
    .unwrap();
    let config = "[profile sso]\nsso_session=x\n[profile loop]\nrole_arn=r\nsource_profile=pool\n[profile pool]\nrole_arn=r\nsource_profile=loop\n[profile b]\nregion=us-east-2\n";
    std::fs::write(home.path().join(".aws/config"), config).unwrap();
    let id = |pairs: &[(&str, &str)]| find(pairs).unwrap().credentials().unwrap().access_key_id;
    assert_eq!(id(&[("HOME", home_path)]), "A");
    assert_eq!(id(&[("HOME", home_path), ("AWS_PROFILE", "b")]), "B");
    let both = [("HOME", home_path), ("AWS_ACCESS_KEY_ID", "E"), ("AWS_SECRET_ACCESS_KEY", "F")];
    assert_eq!(id(&both), "E");
    for (profile, words) in
        [("none", "no such profile"), ("sso", "export-credentials"), ("loop", "does not end")]
    {
        let error = find(&[("HOME", home_path), ("AWS_PROFILE", profile)]).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
    let options = AccountOptions {
        environment: environment(&[("HOME", home_path), ("AWS_PROFILE", "b")]),
        ..AccountOptions::default()
    };
    assert_eq!(Account::open(options).unwrap().region(), "us-east-2");
}

#[test]
fn a_tasks_credentials_are_asked_for_again_before_they_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/creds", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let mut tokens = Vec::new();
        for number in 0..2 {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(&stream);
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap() > 2 {
                tokens.extend(line.to_ascii_lowercase().strip_prefix("authorization: ").map(str::to_owned));
                line.clear();
            }
            let body = format!(
                "{{\"AccessKeyId\":\"K{number}\",\"SecretAccessKey\":\"s\",\"Token\":\"t\",\"Expiration\":\"2026-11-21T0{}:00:00Z\"}}",
                number + 1
            );
            write!(
                &stream,
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
        }
        tokens
    });
    let given = environment(&[
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "secret"),
    ]);
    let clock = Arc::new(Still::default());
    let at = |minutes: u64| Timestamp((1_795_219_200 + minutes * 60) * 1_000_000_000);
    let provider = Provider::find(&given, "eu-west-1", Arc::<Still>::clone(&clock)).unwrap();
    let mut seen = Vec::new();
    for minutes in [0, 30, 56, 90] {
        *clock.0.lock().unwrap() = at(minutes);
        seen.push(provider.credentials().unwrap().access_key_id);
    }
    assert_eq!(seen, ["K0", "K0", "K1", "K1"]);
    assert_eq!(server.join().unwrap(), ["secret\r\n", "secret\r\n"]);
    // Nobody answers any more: what is at hand is used until its end.
    *clock.0.lock().unwrap() = at(118);
    assert_eq!(provider.credentials().unwrap().access_key_id, "K1");
    *clock.0.lock().unwrap() = at(121);
    assert!(matches!(provider.credentials(), Err(AwsError::Credentials { .. })));
}

#[test]
fn a_role_of_another_account_is_taken_on() {
    let Some(moto) = Moto::start() else {
        eprintln!("skipped: moto_server does not start here");
        return;
    };
    let given = environment(&[
        ("AWS_ENDPOINT_URL", moto.url()),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ]);
    let role = Role {
        arn: "arn:aws:iam::222222222222:role/reader".to_owned(),
        external_id: Some("a b&c".to_owned()),
        session_name: "fargard".to_owned(),
    };
    let options = AccountOptions {
        region: Some("eu-west-1".to_owned()),
        role: Some(role),
        environment: given,
        clock: Arc::new(SystemClock),
    };
    let account = Account::open(options).unwrap();
    let ecs = fargard_aws::Ecs::new(Arc::new(account));
    // moto answers for the account whose role was taken on.
    let registered = ecs
        .register_task_definition(&serde_json::json!({
            "family": "x", "containerDefinitions": [{"name": "a", "image": "b", "memory": 5}],
        }))
        .unwrap();
    assert_eq!(registered.task_definition_arn, "arn:aws:ecs:eu-west-1:222222222222:task-definition/x:1");
}
