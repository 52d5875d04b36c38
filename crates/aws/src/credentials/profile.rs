//! `~/.aws/credentials` and `~/.aws/config`.

use std::collections::BTreeMap;

use fargard_model::Secret;

use super::{Credentials, Source, container, role};
use crate::{AwsError, Environment, Role};

/// Longest chain of `source_profile`.
const MAX_CHAIN: usize = 5;

type Section = BTreeMap<String, String>;

/// All profiles, and which one counts.
#[derive(Clone, Debug)]
pub(crate) struct Profiles {
    /// `AWS_PROFILE`, or `default`.
    pub(crate) name: String,
    asked_for: bool,
    sections: BTreeMap<String, Section>,
}

impl Profiles {
    pub(crate) fn read(environment: &Environment) -> Result<Self, AwsError> {
        let mut sections: BTreeMap<String, Section> = BTreeMap::new();
        // What the credentials file says counts.
        for (variable, below_home, is_config) in [
            ("AWS_CONFIG_FILE", ".aws/config", true),
            ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", false),
        ] {
            let Some(path) = environment.file(variable, below_home) else { continue };
            let text = Environment::read(&path).map_err(|error| AwsError::Configuration {
                what: path.display().to_string(),
                reason: error.to_string(),
            })?;
            for (name, section) in parse(&text.unwrap_or_default(), is_config) {
                sections.entry(name).or_default().extend(section);
            }
        }
        let asked = environment.get("AWS_PROFILE").or_else(|| environment.get("AWS_DEFAULT_PROFILE"));
        let name = asked.unwrap_or("default").to_owned();
        Ok(Self { name, asked_for: asked.is_some(), sections })
    }

    pub(crate) fn region(&self) -> Option<&str> {
        self.sections.get(&self.name)?.get("region").map(String::as_str)
    }

    /// Where the profile's credentials come from; `None` if it has none.
    pub(super) fn source(&self, environment: &Environment, region: &str) -> Result<Option<Source>, AwsError> {
        if self.asked_for && !self.sections.contains_key(&self.name) {
            return Err(
                self.broken(&self.name, "there is no such profile in ~/.aws/config or ~/.aws/credentials")
            );
        }
        self.source_of(&self.name, environment, region, MAX_CHAIN)
    }

    fn source_of(
        &self,
        name: &str,
        environment: &Environment,
        region: &str,
        left: usize,
    ) -> Result<Option<Source>, AwsError> {
        let Some(section) = self.sections.get(name) else { return Ok(None) };
        let get = |key: &str| section.get(key).filter(|value| !value.is_empty());
        if let Some(arn) = get("role_arn") {
            let base = match (get("source_profile"), get("credential_source").map(String::as_str)) {
                (Some(other), _) if left == 0 => {
                    return Err(
                        self.broken(name, &format!("the chain by source_profile {other:?} does not end"))
                    );
                }
                (Some(other), _) if other == name => keys(section),
                (Some(other), _) => self.source_of(other, environment, region, left - 1)?,
                (None, Some("Environment")) => super::of_environment(environment)?.map(Source::Fixed),
                (None, Some("EcsContainer")) => container::Endpoint::of(environment)?.map(Source::Container),
                _ => None,
            };
            let Some(base) = base else {
                let reason = "role_arn needs a source_profile with credentials, or credential_source Environment or \
                              EcsContainer";
                return Err(self.broken(name, reason));
            };
            let role = Role {
                arn: arn.clone(),
                external_id: get("external_id").cloned(),
                session_name: get("role_session_name").cloned().unwrap_or_else(|| role::SESSION.to_owned()),
            };
            return Ok(Some(Source::Role(Box::new(role::Assumed::new(base, role, environment, region)))));
        }
        if let Some(source) = keys(section) {
            return Ok(Some(source));
        }
        for key in ["sso_session", "sso_start_url", "credential_process", "web_identity_token_file"] {
            if get(key).is_some() {
                let reason = format!(
                    "{key} is not supported here; run `eval \"$(aws configure export-credentials --format env)\"` first"
                );
                return Err(self.broken(name, &reason));
            }
        }
        Ok(None)
    }

    fn broken(&self, name: &str, reason: &str) -> AwsError {
        AwsError::Configuration { what: format!("AWS profile {name:?}"), reason: reason.to_owned() }
    }
}

fn keys(section: &Section) -> Option<Source> {
    let get = |key: &str| section.get(key).filter(|value| !value.is_empty());
    Some(Source::Fixed(Credentials {
        access_key_id: get("aws_access_key_id")?.clone(),
        secret_access_key: Secret::new(get("aws_secret_access_key")?),
        session_token: get("aws_session_token").map(Secret::new),
        expires: None,
    }))
}

/// Sections with their settings; nested settings (indented lines) are left out, as is what is no setting.
fn parse(text: &str, is_config: bool) -> BTreeMap<String, Section> {
    let mut sections: BTreeMap<String, Section> = BTreeMap::new();
    let mut current = None;
    for line in text.lines() {
        if line.starts_with([' ', '\t']) {
            continue;
        }
        let line = line.trim();
        if let Some(title) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let title = title.trim();
            current = match title.strip_prefix("profile ") {
                Some(name) if is_config => Some(name.trim().trim_matches('"').to_owned()),
                _ if is_config && title != "default" => None,
                _ => Some(title.to_owned()),
            };
            if let Some(name) = &current {
                sections.entry(name.clone()).or_default();
            }
        } else if let (Some(name), Some((key, value))) = (&current, line.split_once('='))
            && !line.starts_with(['#', ';'])
        {
            let value = value.split(" #").next().unwrap_or_default();
            let section = sections.entry(name.clone()).or_default();
            section.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::parse;

    #[test]
    fn sections_and_settings() {
        let config = "[default]\nregion = eu-west-1 # near\n# note = 1\n[profile \"prod\"]\nrole_arn=arn:x\ns3 =\n  max = \
                      1\n[sso-session a]\nregion = no\n[ profile dev ]\nREGION= us-east-1\nbroken";
        let read = parse(config, true);
        assert_eq!(read.keys().collect::<Vec<_>>(), ["default", "dev", "prod"]);
        assert_eq!(read["default"]["region"], "eu-west-1");
        assert_eq!(read["default"].len(), 1);
        assert_eq!((read["prod"]["role_arn"].as_str(), read["prod"]["s3"].as_str()), ("arn:x", ""));
        assert_eq!(read["dev"]["region"], "us-east-1");
        assert_eq!(parse("[a b]\nx=y=z", false)["a b"]["x"], "y=z");
    }

    proptest! {
        #[test]
        fn any_file_is_read_without_panic(text in "[\\[\\]=# a-c\n\"\\PC]{0,200}") {
            parse(&text, true);
            parse(&text, false);
        }
    }
}
