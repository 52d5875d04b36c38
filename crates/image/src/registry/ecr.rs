//! Logins to Amazon ECR: `GetAuthorizationToken` of its API gives a name and a password for 12 hours.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fargard_model::Secret;
use serde::Deserialize;

use super::{
    RegistryProblem, aws,
    client::Client,
    credentials::Login,
    http::{self, Post, Request},
    sigv4::{Signing, sign},
};

const TARGET: &str = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
const BODY: &[u8] = b"{}";
const MAX_ANSWER: usize = 256 << 10;

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "authorizationData", default)]
    data: Vec<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "authorizationToken")]
    token: String,
}

/// A login to the registry of that region.
pub(super) fn login(client: &Client, region: &str, registry: &str) -> Result<Login, RegistryProblem> {
    let found;
    let credentials = match &client.options.aws {
        Some(given) => given,
        None => {
            found = aws::find(&client.http)?;
            &found
        }
    };
    let domain = if registry.ends_with(".cn") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let default = format!("https://api.ecr.{region}.{domain}");
    let endpoint = client.options.ecr_endpoint.as_deref().unwrap_or(&default).trim_end_matches('/');
    let host = endpoint.split_once("://").map_or(endpoint, |(_, host)| host);
    let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let signed = [("content-type", CONTENT_TYPE), ("x-amz-target", TARGET)];
    let added = sign(&Signing {
        credentials,
        region,
        service: "ecr",
        host,
        time: &time,
        headers: &signed,
        body: BODY,
    });
    let mut headers = signed.to_vec();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
    let request = Request { body: Some(Post { body: BODY, headers: &headers }), ..Request::default() };
    let answer = client.http.send(&format!("{endpoint}/"), request)?;
    if !answer.status().is_success() {
        let said = http::problem(answer);
        return Err(RegistryProblem::Credentials(format!(
            "ECR gave no token: {said}; the credentials need ecr:GetAuthorizationToken"
        )));
    }
    let wrong = || RegistryProblem::Credentials("ECR's token is malformed".to_owned());
    let answer: Answer = serde_json::from_slice(&http::body(answer, MAX_ANSWER)?).map_err(|_| wrong())?;
    let data = answer.data.first().ok_or_else(wrong)?;
    let pair =
        STANDARD.decode(&data.token).ok().and_then(|pair| String::from_utf8(pair).ok()).ok_or_else(wrong)?;
    let (username, password) = pair.split_once(':').ok_or_else(wrong)?;
    Ok(Login { username: username.to_owned(), password: Secret::new(password), identity_token: None })
}
