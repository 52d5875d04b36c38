//! Lists as comma-separated values (RFC 4180), page after page, so that an export of any length needs little memory.

use std::future::Future;

use axum::{
    body::{Body, Bytes},
    http::header,
    response::{IntoResponse, Response},
};
use fargard_store::StoreError;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::error::ApiError;

/// Rows of a list, and the query of the next page.
type Page<Q> = (Vec<Vec<String>>, Option<Q>);

/// Answers with a heading, the first page, and (unless `only_one`) all that follow. An error after the first
/// page breaks the transfer off, so that a short file cannot be taken for a whole one.
pub(super) async fn pages<Q, F, A>(
    heading: &[&str],
    only_one: bool,
    first: Q,
    fetch: F,
) -> Result<Response, ApiError>
where
    Q: Send + 'static,
    F: Fn(Q) -> A + Send + 'static,
    A: Future<Output = Result<Page<Q>, StoreError>> + Send,
{
    let (rows, mut next) = fetch(first).await?;
    let mut text = line(heading.iter().copied());
    append(&mut text, &rows);
    let (sender, receiver) = mpsc::channel::<Result<Bytes, StoreError>>(2);
    tokio::spawn(async move {
        let mut ready = Ok(Bytes::from(text));
        loop {
            let failed = ready.is_err();
            if sender.send(ready).await.is_err() || failed || only_one {
                return;
            }
            let Some(query) = next.take() else { return };
            ready = fetch(query).await.map(|(rows, after)| {
                next = after;
                let mut text = String::new();
                append(&mut text, &rows);
                Bytes::from(text)
            });
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"fargard.csv\""),
    ];
    Ok((headers, Body::from_stream(ReceiverStream::new(receiver))).into_response())
}

fn append(text: &mut String, rows: &[Vec<String>]) {
    for row in rows {
        text.push_str(&line(row.iter().map(String::as_str)));
    }
}

fn line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let mut line = cells.map(cell).collect::<Vec<_>>().join(",");
    line.push_str("\r\n");
    line
}

/// Every cell is quoted. Spreadsheets take a cell that begins with one of these characters for a formula, quoted
/// or not, so such a cell gets an apostrophe in front.
fn cell(value: &str) -> String {
    let guard = if value.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { "'" } else { "" };
    format!("\"{guard}{}\"", value.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn cells_are_quoted_and_formulas_disarmed() {
        assert_eq!(
            line(["a,\"b\"", "=HYPERLINK(\"x\")", "-1", "", "two\nlines"].into_iter()),
            "\"a,\"\"b\"\"\",\"'=HYPERLINK(\"\"x\"\")\",\"'-1\",\"\",\"two\nlines\"\r\n"
        );
    }
}
