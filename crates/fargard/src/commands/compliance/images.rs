//! `fargard compliance images`: the table of images as the console shows it.

use std::{fmt::Write as _, process::ExitCode};

use serde_json::Value;

use super::{Format, clean, print, print_json, say};
use crate::{commands::remote::Access, failure::FINDINGS};

/// Arguments of `fargard compliance images`.
#[derive(Debug, clap::Args)]
pub(super) struct ImagesArgs {
    /// Containers of tasks, or images before deployment
    #[arg(long, value_name = "STAGE", default_value = "deployed", value_parser = ["deployed", "ci", "any"])]
    stage: String,
    /// Only of this task, by id or ARN
    #[arg(long, value_name = "TASK")]
    host: Vec<String>,
    /// Only of this cluster
    #[arg(long, value_name = "NAME")]
    cluster: Vec<String>,
    /// Only of this task definition family
    #[arg(long, value_name = "NAME")]
    family: Vec<String>,
    /// Only those that failed this check
    #[arg(long, value_name = "NUMBER")]
    check: Vec<u32>,
    /// Only in this collection
    #[arg(long, value_name = "NAME")]
    collection: Vec<String>,
    /// Only those this rule applies to
    #[arg(long, value_name = "NAME")]
    rule: Vec<String>,
    /// Only those that stand so
    #[arg(long, value_name = "STATUS", value_parser = ["alerted", "ignored", "clean"])]
    status: Vec<String>,
    /// Only of Fargate tasks
    #[arg(long)]
    app_embedded: bool,
    /// Most images
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
    /// How to print them
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    access: Access,
}

pub(super) fn run(args: &ImagesArgs) -> anyhow::Result<ExitCode> {
    let checks: Vec<String> = args.check.iter().map(u32::to_string).collect();
    let limit = args.limit.to_string();
    let mut query = vec![("stage", args.stage.as_str()), ("limit", &limit)];
    for (name, values) in [
        ("host", &args.host),
        ("cluster", &args.cluster),
        ("family", &args.family),
        ("check", &checks),
        ("collection", &args.collection),
        ("rule", &args.rule),
        ("status", &args.status),
    ] {
        query.extend(values.iter().map(|value| (name, value.as_str())));
    }
    if args.app_embedded {
        query.push(("app_embedded", "true"));
    }
    let page: Value = args.access.open()?.get("/api/v1/compliance/images", &query)?;
    let images = page.get("images").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    match args.format {
        Format::Json => print_json(&page)?,
        Format::Table => print(&table(images))?,
    }
    if page.get("next").is_some_and(|next| !next.is_null()) {
        say("there are more; narrow the question or raise --limit");
    }
    let has_alert = images.iter().any(|image| image.get("status").and_then(Value::as_str) == Some("alerted"));
    Ok(if has_alert { ExitCode::from(FINDINGS) } else { ExitCode::SUCCESS })
}

fn table(images: &[Value]) -> String {
    const HEADING: [&str; 6] = ["STATUS", "IMAGE", "HOST", "CLUSTER", "CONTAINERS", "ALERTED"];
    let text = |image: &Value, name: &str| clean(image.get(name).and_then(Value::as_str).unwrap_or_default());
    let list = |image: &Value, name: &str| {
        let items = image.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let items = items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), clean));
        items.collect::<Vec<_>>().join(" ")
    };
    let rows: Vec<[String; 6]> = std::iter::once(HEADING.map(str::to_owned))
        .chain(images.iter().map(|image| {
            [
                text(image, "status"),
                text(image, "image"),
                text(image, "host"),
                text(image, "cluster"),
                list(image, "containers"),
                list(image, "alerted"),
            ]
        }))
        .collect();
    aligned(&rows)
}

/// Rows with columns of one width each.
pub(super) fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut table = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            // Writing to a string cannot fail.
            let _ = write!(line, "{cell:<width$}  ");
        }
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn people_read_which_image_of_which_task_has_which_alert() {
        let images = [
            json!({"status": "alerted", "image": "ubuntu:18.04", "host": "1ddd", "cluster": "lab",
                "containers": ["app", "side"], "alerted": [424, 426]}),
            json!({"status": "clean", "image": "a\u{1b}[2J", "host": "", "cluster": "", "containers": [], "alerted": []}),
        ];
        insta::assert_snapshot!(super::table(&images));
    }
}
