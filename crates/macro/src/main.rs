//! The macro's function: options from the environment, events from Lambda's Runtime API.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use fargard_image::{Registry, RegistryOptions};
use fargard_macro::{Options, serve};

/// Time for one document of a registry, and for waiting because it says "later": a call has less than a minute.
const DOCUMENT: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    match run() {
        Ok(never) => match never {},
        Err(reason) => {
            // Nobody else reads standard error.
            let _ = writeln!(io::stderr().lock(), "fargard: {reason}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<std::convert::Infallible, String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let address = variable("AWS_LAMBDA_RUNTIME_API").ok_or(
        "AWS_LAMBDA_RUNTIME_API is not set: this program is a Lambda function that CloudFormation calls as a macro \
         (docs/deploy.md); at a shell, use fargard embed",
    )?;
    let options = Options::of_environment(variable);
    let mirrors = mirrors(variable("FARGARD_REGISTRY_MIRRORS").as_deref());
    let (options, mirrors) = match (options, mirrors) {
        (Ok(options), Ok(mirrors)) => (Ok(options), mirrors),
        (Err(reason), _) | (_, Err(reason)) => (Err(reason), Vec::new()),
    };
    let registry = Registry::new(RegistryOptions {
        endpoints: mirrors.into_iter().collect(),
        // The only place that a function may write to; documents are kept by digest.
        cache: Some(std::env::temp_dir().join("fargard-images")),
        timeout: DOCUMENT,
        patience: PATIENCE,
        ..RegistryOptions::default()
    })
    .map_err(|error| error.to_string())?;
    serve(&address, options, &registry).map_err(|error| error.to_string())
}

/// `docker.io=https://mirror.internal,public.ecr.aws=https://...`
fn mirrors(text: Option<&str>) -> Result<Vec<(String, String)>, String> {
    let pairs = text.unwrap_or_default().split(',').filter(|pair| !pair.is_empty());
    let read = |pair: &str| match pair.trim().split_once('=') {
        Some((host, url)) if url.contains("://") => Ok((host.to_owned(), url.to_owned())),
        _ => Err(format!("FARGARD_REGISTRY_MIRRORS: {pair:?} is no HOST=URL")),
    };
    pairs.map(read).collect()
}
