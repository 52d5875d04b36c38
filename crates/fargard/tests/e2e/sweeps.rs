//! Sweeps of many accounts, each by a role of its own (moto's STS and ECS).

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

use serde_json::{Value, json};

use crate::{
    moto::Moto,
    server::{Place, agent, get_until, stop},
    support::fargard,
};

const DENIED: &str = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not authorized to perform: \
                      sts:AssumeRole</Message></Error></ErrorResponse>";

/// Lets everything through to `upstream` but roles of the account 333333333333, which it refuses as STS does.
fn guard(upstream: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let upstream = upstream.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let upstream = upstream.clone();
            std::thread::spawn(move || forward(&stream, &upstream));
        }
    });
    url
}

fn forward(stream: &TcpStream, upstream: &str) {
    let mut reader = BufReader::new(stream);
    let (mut headers, mut length) = (Vec::new(), 0);
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap_or(0) > 2 {
        if let Some((name, value)) = line.trim().split_once(": ") {
            let name = name.to_ascii_lowercase();
            if name == "content-length" {
                length = value.parse().unwrap();
            } else if ["authorization", "content-type", "x-amz-target", "x-amz-security-token"]
                .contains(&name.as_str())
            {
                headers.push((name, value.to_owned()));
            }
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let refused = String::from_utf8_lossy(&body).contains("333333333333");
    let (status, text) = if refused {
        (403, DENIED.to_owned())
    } else {
        let mut request = agent().post(format!("{upstream}/"));
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let mut answer = request.send(&body[..]).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    };
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
    let mut writer = stream;
    let _ = writer.write_all(&[head.as_bytes(), text.as_bytes()].concat());
}

/// Makes a cluster in an account, as somebody of that account.
fn make_cluster(moto: &Moto, account: &str, region: &str, name: &str) {
    let mut answer = agent()
        .post(format!("{}/", moto.url()))
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "AmazonEC2ContainerServiceV20141113.CreateCluster")
        .header("x-moto-account-id", account)
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential=AKID/20261121/{region}/ecs/aws4_request, SignedHeaders=host, Signature=0"))
        .send(json!({"clusterName": name}).to_string())
        .unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    assert!(answer.status() == 200 && text.contains(account), "{text}");
}

#[test]
fn one_account_that_refuses_stops_no_other() {
    let Some(moto) = Moto::start() else { return };
    let accounts = ["111111111111", "222222222222", "333333333333", "444444444444"];
    for account in accounts {
        for region in ["eu-west-1", "us-east-1"] {
            make_cluster(&moto, account, region, &format!("of-{account}"));
        }
    }
    let endpoint = guard(moto.url());
    let place = Place::new();
    let (running, tokens) = place.first_start();
    let sweep = |roles: &[&str]| {
        let mut command = fargard();
        command.args(["coverage", "sweep", "--region", "eu-west-1", "--region", "us-east-1"]);
        for account in roles {
            command.args(["--role", &format!("arn:aws:iam::{account}:role/fargard-read")]);
        }
        let output = command
            .envs(moto.environment())
            .env("AWS_ENDPOINT_URL", &endpoint)
            .env("FARGARD_SERVER", place.url())
            .env("FARGARD_TOKEN", &tokens.admin)
            .output()
            .unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code(), said)
    };
    let (code, said) = sweep(&accounts);
    assert_eq!(code, Some(1), "{said}");
    for account in ["111111111111", "222222222222", "444444444444"] {
        for region in ["eu-west-1", "us-east-1"] {
            assert!(
                said.contains(&format!("{account} {region}: 1 clusters, 0 services, 0 tasks;")),
                "{said}"
            );
        }
    }
    let told: Vec<&str> = said.lines().filter(|line| line.starts_with("fargard: ")).collect();
    assert_eq!(told.len(), 2, "{said}");
    for region in ["eu-west-1", "us-east-1"] {
        let line = told.iter().find(|each| each.contains(&format!("role/fargard-read in {region}"))).unwrap();
        assert!(line.contains("333333333333") && line.contains("AccessDenied"), "{line}");
        assert!(line.contains("sts:AssumeRole"), "what to allow is said: {line}");
    }
    let known = |page: &Value| page["total"] == 6;
    let page = get_until(&agent(), &place.url(), &tokens.admin, "/api/v1/coverage", known);
    assert_eq!(page["total"], 6, "{page}");
    let (code, said) = sweep(&accounts[2..3]);
    assert_eq!(code, Some(3), "{said}");
    stop(running);
}
