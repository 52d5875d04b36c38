//! From CloudFormation's request to the macro's response.

use std::time::Instant;

use fargard_image::Registry;
use fargard_taskdef::embed::{self, Outcome, TaskReport};
use serde_json::json;

use crate::{
    fragment::Template,
    images::Images,
    options::{Options, Unprotected},
    request::{self, Request},
};

/// Longest error message; CloudFormation shows it in the events of the stack.
const MAX_MESSAGE: usize = 2000;

/// The event is no call of a macro, so there is nobody to respond to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EventError(String);

/// Responds to an event. Registries are asked no longer than `until`; `log` gets a line for each container, and for
/// everything else worth knowing.
///
/// # Errors
/// The event is not a request of CloudFormation; what is wrong with the template is in the response.
pub fn answer(
    event: &str,
    options: &Options,
    registry: &Registry,
    until: Instant,
    log: &mut dyn FnMut(&str),
) -> Result<String, EventError> {
    let request = request::read(event).map_err(EventError)?;
    let id = serde_json::Value::from(request.id.as_str());
    match work(&request, options, registry, until, log) {
        Ok(fragment) => Ok(format!("{{\"requestId\":{id},\"status\":\"success\",\"fragment\":{fragment}}}")),
        Err(reason) => {
            let message = shortened(&format!("Fargard: {reason}"));
            log(&message);
            Ok(json!({"requestId": id, "status": "failure", "errorMessage": message}).to_string())
        }
    }
}

/// The fragment with the sensor, or why there is none.
fn work(
    request: &Request<'_>,
    options: &Options,
    registry: &Registry,
    until: Instant,
    log: &mut dyn FnMut(&str),
) -> Result<String, String> {
    let options = options.of_request(request)?;
    let lets_pass = options.unprotected == Unprotected::Deploy;
    let embedded = Template::of(request).and_then(|template| {
        let images = Images::new(registry, until);
        let done = embed::embed(&template.text, &options.settings, &images)
            .map_err(|error| format!("the template cannot be worked on: {}", error.message))?;
        let fragment = template.fragment(&done.text).ok_or("the fragment was lost (this is a defect)")?;
        Ok((fragment.to_owned(), done.tasks))
    });
    let (fragment, tasks) = match embedded {
        Ok(done) => done,
        Err(reason) if lets_pass => {
            log(&format!("unprotected: the template is left as it is: {reason}"));
            return Ok(request.text.to_owned());
        }
        Err(reason) => return Err(reason),
    };
    if tasks.is_empty() {
        log("there is no AWS::ECS::TaskDefinition in what the macro was given");
    }
    tasks.iter().for_each(|task| tell(task, log));
    let unprotected: Vec<String> = tasks.iter().flat_map(unprotected).collect();
    if unprotected.is_empty() || lets_pass {
        return Ok(fragment);
    }
    Err(format!(
        "would stay unprotected: {}. Label a container or tag a task definition fargard.mode=off to leave it out, or set \
         OnUnprotected to deploy",
        unprotected.join("; ")
    ))
}

/// What of a task definition would stay unprotected, with reasons.
fn unprotected(task: &TaskReport) -> Vec<String> {
    let skipped = task.containers.iter().filter_map(|container| match &container.outcome {
        Outcome::Skip(skip) if !skip.code.is_intended() => {
            Some(format!("{}/{} [{}] {}", task.name, container.name, skip.code, skip.reason))
        }
        _ => None,
    });
    let whole = task.skip.as_ref().filter(|skip| task.containers.is_empty() && !skip.code.is_intended());
    let whole = whole.map(|skip| format!("{} [{}] {}", task.name, skip.code, skip.reason));
    skipped.chain(whole).collect()
}

fn tell(task: &TaskReport, log: &mut dyn FnMut(&str)) {
    for container in &task.containers {
        let what = match &container.outcome {
            Outcome::Wrap { reason } => format!("wrap ({reason})"),
            Outcome::Attach { .. } => "attach".to_owned(),
            Outcome::Skip(skip) => format!("skipped [{}]: {}", skip.code, skip.reason),
        };
        log(&format!("{}/{}: {what}", task.name, container.name));
    }
    if let Some(skip) = task.skip.as_ref().filter(|_| task.containers.is_empty()) {
        log(&format!("{}: skipped [{}]: {}", task.name, skip.code, skip.reason));
    }
    task.notes.iter().for_each(|note| log(&format!("{}: note: {note}", task.name)));
}

fn shortened(message: &str) -> String {
    if message.len() <= MAX_MESSAGE {
        return message.to_owned();
    }
    let end = (0..MAX_MESSAGE).rev().find(|at| message.is_char_boundary(*at)).unwrap_or_default();
    format!("{} ... (the rest is in the function's log)", message.get(..end).unwrap_or_default())
}
