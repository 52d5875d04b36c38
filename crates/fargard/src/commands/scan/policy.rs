//! A scan under a compliance policy, and its results on a server.

use std::path::PathBuf;

use clap::ValueHint;
use fargard_model::{CheckResult, CheckStatus, Container, Task, Timestamp};
use fargard_policy::{
    Effect, Engine, Reason, Target,
    file::{self},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::report::{Checked, Scan};
use crate::{commands::remote::Access, failure::BadInput};

/// Options of every scan.
#[derive(Debug, clap::Args)]
pub(super) struct PolicyArgs {
    /// Compliance policy: only checks that its rules let fail make the scan fail
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    policy: Option<PathBuf>,
    /// Server that keeps the results, shown as an image before deployment
    #[arg(long, value_name = "URL")]
    upload: Option<String>,
    /// Admin token of that server
    #[arg(long, value_name = "TOKEN", env = "FARGARD_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// File that holds the admin token
    #[arg(long, value_name = "FILE", conflicts_with = "token", value_hint = ValueHint::FilePath)]
    token_file: Option<PathBuf>,
    /// Image that the policy and the server know it as, where that is not what is scanned
    #[arg(long, value_name = "IMAGE")]
    image_name: Option<String>,
}

/// What the policy makes of a check.
#[derive(Debug, Serialize)]
pub(super) struct Ruled {
    pub(super) check: u32,
    pub(super) effect: Effect,
    /// `rule "x"`, `exception "x"`, or `default`.
    pub(super) by: String,
}

/// A policy that was read, and what it makes of the scan's checks.
#[derive(Debug)]
pub(super) struct Ruling {
    ruled: Vec<Ruled>,
}

#[derive(Serialize)]
struct Upload {
    results: Vec<CheckResult>,
}

#[derive(Deserialize)]
struct Kept {
    images: Vec<String>,
}

impl PolicyArgs {
    fn container(&self, scan: &Scan) -> Container {
        // A directory is no image, unless it is given the name of one.
        let scanned = scan.image.as_ref().map_or("", |_| scan.rootfs.as_str());
        let image = self.image_name.as_deref().unwrap_or(scanned);
        let digest = scan.image.as_ref().and_then(|image| image.digest.clone());
        Container {
            image: image.to_owned(),
            image_digest: digest.unwrap_or_default(),
            ..Container::default()
        }
    }

    /// Judges the scan, if there is a policy.
    pub(super) fn judge(&self, scan: &Scan) -> Result<Option<Ruling>, BadInput> {
        let Some(path) = &self.policy else { return Ok(None) };
        let name = path.display();
        let text = fargard_model::bounded::read_to_string(path, file::MAX_BYTES)
            .map_err(|error| BadInput::because(format!("{name}: {error}")))?;
        let read = file::read(&text).and_then(|mut read| {
            // A file of rules alone cannot be used: its collections are elsewhere.
            let mut problems = read.policy.problems();
            read.locate(&mut problems);
            if problems.is_empty() { Ok(read) } else { Err(problems) }
        });
        let read = read.map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(|problem| format!("{name}:{problem}")).collect();
            BadInput::because(lines.join("\nfargard: "))
        })?;
        Ok(Some(Ruling::new(&Engine::new(&read.policy), &self.container(scan), scan)))
    }

    /// Sends the results, if there is a server; how many checks.
    pub(super) fn upload(&self, scan: &Scan) -> anyhow::Result<Option<String>> {
        let Some(url) = &self.upload else { return Ok(None) };
        let container = self.container(scan);
        if container.image.is_empty() {
            return Err(BadInput::because(
                "--upload: a directory has no name; say which image it is with --image-name",
            )
            .into());
        }
        let results = scan.results.iter().map(|checked| CheckResult {
            container: container.clone(),
            task: Task::default(),
            ..checked.result.clone()
        });
        let body = Upload { results: results.collect() };
        let remote = Access::at(url.clone(), self.token.clone(), self.token_file.clone()).open()?;
        let kept: Kept = remote.post("/api/v1/compliance/results", &body)?;
        let ids: Vec<String> = kept
            .images
            .iter()
            .map(|id| format!("{}/compliance/images/{id}", url.trim_end_matches('/')))
            .collect();
        Ok(Some(format!("{} results kept: {}", body.results.len(), ids.join(" "))))
    }
}

impl Ruling {
    fn new(engine: &Engine, container: &Container, scan: &Scan) -> Self {
        let task = Task::default();
        let scoped = engine.scope(&Target { task: &task, container });
        let now = Timestamp::now();
        let rule = |Checked { result, .. }: &Checked| {
            if result.status == CheckStatus::Passed {
                return None;
            }
            let decision = scoped.decide(result.check, &result.subjects, now);
            let by = match decision.reason {
                Reason::Default => "default".to_owned(),
                Reason::Rule(name) => format!("rule {name:?}"),
                Reason::Exception(name) => format!("exception {name:?}"),
            };
            Some(Ruled { check: result.check, effect: decision.effect, by })
        };
        Self { ruled: scan.results.iter().filter_map(rule).collect() }
    }

    fn effect(&self, check: u32) -> Effect {
        self.ruled.iter().find(|ruled| ruled.check == check).map_or(Effect::Ignore, |ruled| ruled.effect)
    }

    /// Whether the policy lets the scan fail for a check.
    pub(super) fn fails(&self, check: u32) -> bool {
        self.effect(check) == Effect::Fail
    }

    /// Lines for people.
    pub(super) fn lines(&self) -> String {
        let mut text = String::from("\nUnder the policy:\n");
        for Ruled { check, effect, by } in &self.ruled {
            text.push_str(&format!("  {check:<5} {:<6} by {by}\n", effect.name()));
        }
        if self.ruled.is_empty() {
            text.push_str("  every check passed\n");
        }
        text
    }

    /// The scan with what the policy makes of its checks.
    pub(super) fn with<'s>(&'s self, scan: &'s Scan) -> impl Serialize + 's {
        #[derive(Serialize)]
        struct Both<'s> {
            #[serde(flatten)]
            scan: &'s Scan,
            policy: &'s [Ruled],
        }
        Both { scan, policy: &self.ruled }
    }

    /// Marks results of ignored checks as suppressed (SARIF 2.1.0, 3.35).
    pub(super) fn add_to_sarif(&self, document: &mut Value) {
        let results = document.pointer_mut("/runs/0/results").and_then(Value::as_array_mut);
        for result in results.into_iter().flatten() {
            let check = result.get("ruleId").and_then(Value::as_str).and_then(|id| id.parse().ok());
            let ruled = self.ruled.iter().find(|ruled| Some(ruled.check) == check);
            if let (Some(ruled), Some(members)) = (ruled, result.as_object_mut())
                && ruled.effect == Effect::Ignore
            {
                let why = json!([{"kind": "external", "justification": format!("ignored by {}", ruled.by)}]);
                members.insert("suppressions".to_owned(), why);
            }
        }
    }
}
