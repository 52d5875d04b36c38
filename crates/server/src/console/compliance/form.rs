//! What the editors of the policy share: fields of forms, keeping a change, and what is said of one that was refused.

use axum::{
    extract::{Form, rejection::FormRejection},
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
};
use fargard_policy::{Policy, Problem};

use crate::{
    compliance::{Current, NotKept},
    console::{
        failed::{Page, PageError},
        frame::Reader,
        text,
    },
    state::AppState,
};

/// The fields of a form, in its order.
pub(super) struct Fields(Vec<(String, String)>);

/// A form as it is sent.
pub(super) type Sent = Result<Form<Vec<(String, String)>>, FormRejection>;

impl Fields {
    /// Reads a form.
    pub(super) fn of(sent: Sent) -> Result<Self, PageError> {
        let Form(fields) = sent.map_err(|error| PageError::bad_request(error.body_text()))?;
        if fields.iter().any(|(_, value)| value.contains('\0')) {
            return Err(PageError::bad_request("A field contains a NUL character."));
        }
        Ok(Self(fields))
    }

    /// The last value of a field, without spaces around it.
    pub(super) fn value(&self, name: &str) -> &str {
        self.0.iter().rev().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
    }

    /// All values of a field.
    pub(super) fn values(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
    }

    /// The lines of a field that say something.
    pub(super) fn lines(&self, name: &str) -> Vec<String> {
        self.value(name).lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    /// Names and values of the fields that begin so, without that beginning.
    pub(super) fn beginning<'a>(&'a self, start: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(start)?, value.as_str())))
    }

    /// The revision the form was made of.
    pub(super) fn revision(&self) -> Result<u64, PageError> {
        self.value("revision").parse().map_err(|_| PageError::bad_request("The form has no revision."))
    }
}

/// Moves, removes or switches an entry of a list, or does nothing where that is not possible; `None` for another action.
pub(super) fn rearrange<T>(list: &mut Vec<T>, at: Option<usize>, action: &str) -> Option<()> {
    match (action, at) {
        ("delete", Some(at)) => {
            list.remove(at);
        }
        ("up", Some(at)) if at > 0 => list.swap(at - 1, at),
        ("down", Some(at)) if at + 1 < list.len() => list.swap(at, at + 1),
        ("up" | "down" | "delete", _) => {}
        _ => return None,
    }
    Some(())
}

/// Puts an edited entry in the place of the one it was, or at the end.
pub(super) fn put<T>(list: &mut Vec<T>, at: Option<usize>, entry: T) {
    match at.and_then(|at| list.get_mut(at)) {
        Some(old) => *old = entry,
        None => list.push(entry),
    }
}

/// What became of a change.
pub(super) enum Outcome {
    /// Kept; to the page that shows it.
    Kept(Response),
    /// Refused, with what to tell.
    Refused(Vec<String>),
}

/// Keeps a changed policy and leads back to `page`.
pub(super) async fn keep(
    state: &AppState,
    reader: &Reader,
    policy: &Policy,
    made_of: u64,
    page: &str,
) -> Result<Outcome, PageError> {
    match state.compliance.keep(policy, made_of, &reader.who).await {
        Ok(_) => Ok(Outcome::Kept(Redirect::to(&format!("{page}?done=kept")).into_response())),
        Err(NotKept::Problems(problems)) => Ok(Outcome::Refused(problems.iter().map(told).collect())),
        Err(NotKept::Conflict(_)) => Ok(Outcome::Refused(vec![
            "Somebody changed the policy since this page was loaded. Your change was not kept: load the page again \
             and repeat it."
                .to_owned(),
        ])),
        Err(NotKept::Store(error)) => Err(error.into()),
    }
}

fn told(problem: &Problem) -> String {
    text::line(&problem.to_string(), text::LONG)
}

/// A page that says why a change was refused, with what was entered.
pub(super) fn refused(page: Page) -> Result<Response, PageError> {
    let Html(body) = page?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(body)).into_response())
}

/// Which revision is shown and who made it: `revision 3, by ada`.
pub(super) fn provenance(current: &Current) -> String {
    match &current.made {
        Some((_, who)) => format!("revision {}, by {}", current.revision, text::line(who, 40)),
        None => "nothing has been changed yet".to_owned(),
    }
}
