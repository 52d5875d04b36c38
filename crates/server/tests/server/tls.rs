//! The server over TLS, as it must be on anything but loopback.

use fargard_server::{Config, config::Tls};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::support::Fixture;

#[test]
fn everything_goes_over_tls_and_cookies_are_secure() {
    let data = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let (cert, key) = (data.path().join("cert.pem"), data.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let mut config = Config::local(data.path());
    config.listen.set_ip([0, 0, 0, 0].into());
    config.tls = Some(Tls::Files { cert, key });
    let fixture = Fixture::on(data, config);
    let port = fixture.running().addr().port();
    let root = Certificate::from_der(made.cert.der()).to_owned();
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .tls_config(TlsConfig::builder().root_certs(RootCerts::from(vec![root])).build())
        .build()
        .new_agent();
    let mut health = agent.get(format!("https://127.0.0.1:{port}/healthz")).call().unwrap();
    assert!(health.body_mut().read_to_string().unwrap().contains("\"ok\""));
    let login = agent
        .post(format!("https://127.0.0.1:{port}/login"))
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/x-www-form-urlencoded")
        .send(format!("token={}", fixture.admin))
        .unwrap();
    let cookie = login.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-fargard=") && cookie.contains("; Secure"), "{cookie}");
    assert!(
        agent.get(format!("http://127.0.0.1:{port}/healthz")).call().is_err(),
        "plain HTTP is not answered"
    );
    fixture.stop();
}

#[test]
fn behind_a_load_balancer_it_makes_its_own_certificate() {
    let data = tempfile::tempdir().unwrap();
    let mut config = Config::local(data.path());
    config.listen.set_ip([0, 0, 0, 0].into());
    config.tls = Some(Tls::SelfSigned);
    let fixture = Fixture::on(data, config);
    let url = format!("https://127.0.0.1:{}/healthz", fixture.running().addr().port());
    let agent = |tls: TlsConfig| ureq::Agent::config_builder().tls_config(tls).build().new_agent();
    // As a load balancer: encrypted, not verified.
    let unverified = agent(TlsConfig::builder().disable_verification(true).build());
    assert_eq!(unverified.get(&url).call().unwrap().status(), 200);
    assert!(agent(TlsConfig::default()).get(&url).call().is_err(), "nobody else vouches for it");
    fixture.stop();
}
