//! `fargard scan image`: checks of an image before it is deployed.

mod assess;
mod layer_cache;
mod pass;
#[cfg(test)]
mod tests;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use fargard_image::{Image, Limits as ImageLimits, Platform, Reference, Source};
use fargard_scan::{
    BUILD_CHECKS, CHECK_41, CHECK_48, CHECK_56, CHECK_424, CHECK_425, CHECK_426, CHECK_448, CHECK_456,
    CHECK_7003, CheckInfo, FILE_CHECKS, Limits, Selection, StreamScan,
};

use self::{
    assess::{Seen, assess},
    layer_cache::LayerCache,
    pass::{More, Pass},
};
use super::{
    custom,
    give_out::{OutputArgs, give_out},
    known::KnownArgs,
};
use crate::{commands::registry::RegistryArgs, failure::BadInput};

/// Checks of an image.
fn of_image_all() -> impl Iterator<Item = &'static CheckInfo> {
    let own = [&CHECK_41, &CHECK_48, &CHECK_56, &CHECK_424, &CHECK_425, &CHECK_426, &CHECK_448, &CHECK_7003];
    own.into_iter().chain(BUILD_CHECKS).chain(FILE_CHECKS).chain([&CHECK_456])
}

/// Checks that need no files.
fn is_of_configuration(check: u32) -> bool {
    [CHECK_56.number, CHECK_424.number, CHECK_7003.number].contains(&check)
        || BUILD_CHECKS.iter().any(|known| known.number == check)
}

/// Arguments of `fargard scan image`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Nothing is unpacked to disk: layers are read as a stream, once.\n\n\
    Examples:\n  fargard scan image nginx:1.27\n  fargard scan image docker-archive:app.tar --fail-on critical\n  \
    fargard scan image oci:layout:latest --platform linux/arm64 --format json\n\n\
    Exit codes: 0 passed, 1 failed, 2 usage or bad input, 3 not everything could be checked.")]
pub(super) struct ImageArgs {
    /// A reference, or docker-archive:FILE[:NAME] or oci:DIR[:NAME]
    image: String,
    /// Which of the image's platforms
    #[arg(long, value_name = "OS/ARCHITECTURE", default_value = "linux/amd64")]
    platform: Platform,
    /// Only these checks, by number
    #[arg(long, value_name = "NUMBER", value_parser = known_check)]
    check: Vec<u32>,
    /// Stop after this many seconds; what was not seen then counts as not checked
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
    /// Where to keep what layers gave, so that a layer is read once (default: fargard/layers in the user's cache directory)
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Keep nothing, and read every layer
    #[arg(long, conflicts_with = "cache")]
    no_cache: bool,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    known: KnownArgs,
    #[command(flatten)]
    custom: custom::CustomArgs,
}

fn known_check(text: &str) -> Result<u32, String> {
    let known = |number: &u32| of_image_all().any(|check| check.number == *number);
    text.parse().ok().filter(known).ok_or_else(|| {
        let numbers: Vec<String> = of_image_all().map(|check| check.number.to_string()).collect();
        format!("there is no check {text:?} for images; use one of {}", numbers.join(", "))
    })
}

pub(super) fn run(args: &ImageArgs) -> anyhow::Result<ExitCode> {
    let checks = args.custom.read()?;
    let image = open(args)?;
    let is_wanted = |check: &CheckInfo| args.check.is_empty() || args.check.contains(&check.number);
    let time = Duration::from_secs(args.timeout);
    let limits = Limits { time, ..Limits::default() };
    let selection = Selection {
        setuid: is_wanted(&CHECK_48),
        keys: is_wanted(&CHECK_425),
        miners: is_wanted(&CHECK_426),
        packages: false,
    };
    let inventory = args.known.is_wanted() || args.output.format.is_bill();
    let packages = is_wanted(&CHECK_448);
    let more =
        More { packages, inventory, secrets: is_wanted(&CHECK_456), asked: custom::Asked::of(&checks) };
    let cache = cache(args, &format!("{selection:?} {more:?} {limits:?}"))?;
    let mut pass = Pass::new(StreamScan::new(&limits, selection), more, cache);
    let scanned = image
        .scan(&ImageLimits { time, ..ImageLimits::default() }, &mut pass)
        .map_err(|error| BadInput::because(error.to_string()))?;
    let report = pass.report.clone();
    let mut harvested = pass.harvested();
    warn(&harvested.warnings);
    let known = if inventory {
        let mut found = harvested.inventory(&scanned.tree);
        found.troubles.extend(scanned.report.incomplete());
        Some(args.known.judge(found)?)
    } else {
        None
    };
    let seen = Seen { name: &args.image, image: &image, report: &report, scanned: &scanned };
    let mut scan = assess(&seen, harvested, &checks, is_wanted);
    scan.known = known;
    give_out(&scan, &args.output)
}

/// The cache of layers, unless it is not wanted or has no place.
fn cache(args: &ImageArgs, context: &str) -> anyhow::Result<Option<LayerCache>> {
    let named = args.cache.clone();
    let Some(directory) = named.or_else(layer_cache::default_directory).filter(|_| !args.no_cache) else {
        return Ok(None);
    };
    match LayerCache::open(&directory, context) {
        Ok(cache) => Ok(Some(cache)),
        // The default place is a convenience: a user without a home has none.
        Err(_) if args.cache.is_none() => Ok(None),
        Err(error) => Err(BadInput::because(format!(
            "cannot use the cache {}: {error}; name a directory you can write, or give --no-cache",
            directory.display()
        ))
        .into()),
    }
}

/// Says what of the cache could not be used.
#[expect(clippy::print_stderr, reason = "results go to standard output")]
fn warn(warnings: &[String]) {
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
}

/// What begins as a source is one, everything else a reference.
fn open(args: &ImageArgs) -> Result<Image, BadInput> {
    let bad = |error: &dyn ToString| BadInput::because(error.to_string());
    let found = match args.image.parse::<Source>() {
        Ok(source) => source.open(None, &args.platform),
        Err(_) => {
            let reference: Reference = args.image.parse().map_err(|error| bad(&error))?;
            let registry = args.registry.open().map_err(|error| bad(&error))?;
            registry.open(&reference, &args.platform)
        }
    };
    found.map_err(|error| bad(&error))
}
