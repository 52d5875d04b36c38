//! `fargard embed`: puts the sensor into task definitions and templates, and takes it out again.

mod assembly;
pub(crate) mod diff;
mod files;
mod images;
mod nested;
pub(crate) mod options;
mod print;
mod proxy;
mod terraform;

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use clap::{Subcommand, ValueEnum, ValueHint};
use fargard_taskdef::embed::{self, Embedding, Settings, TaskReport};

use crate::failure::{BadInput, FINDINGS};
use assembly::Assembly;
use files::{File, Staged};
pub(crate) use images::ImageArgs;
pub(crate) use options::SensorArgs;

/// Arguments of `fargard embed`.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Reads ECS task definitions (JSON or YAML, as RegisterTaskDefinition takes or \
DescribeTaskDefinition prints them) and CloudFormation templates (JSON or YAML). One file goes to standard output, \
several need --write, --check or --diff; the report goes to standard error.\n\n\
Exit codes: 0 done, or all protected; 1 with --check, something is unprotected; 2 usage or bad input, nothing written.\n\n\
Examples:\n  fargard embed taskdef.json --sensor-image 123456789012.dkr.ecr.eu-west-1.amazonaws.com/fargard-sensor:0.1.0 \
--image-source registry --lock-file fargard.lock.json --diff\n  fargard embed --check templates/*.yaml\n  fargard embed --undo --write taskdef.json"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Task definitions, templates, and directories that the CDK made (cdk.out); `-` for standard input
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    sensor: SensorArgs,
    /// Value of a template's parameter, or of a pseudo parameter as AWS::Region
    #[arg(long, value_name = "NAME=VALUE", value_parser = options::pair)]
    parameter: Vec<(String, String)>,
    #[command(flatten)]
    images: ImageArgs,
    /// Say what is not protected and change nothing
    #[arg(long, conflicts_with_all = ["undo", "diff", "write", "output"])]
    check: bool,
    /// Print what would change
    #[arg(long, conflicts_with_all = ["write", "output"])]
    diff: bool,
    /// Take the sensor out again
    #[arg(long)]
    undo: bool,
    /// Write the files in place
    #[arg(long, conflicts_with = "output")]
    write: bool,
    /// Write the one result here
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// How to print the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a deployment whose task definitions get the sensor on their way to ECS
    Proxy(proxy::Args),
    /// Answer Terraform's data source `external`, for the module in deploy/terraform
    Terraform(terraform::Args),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// One document
    Json,
}

/// A file and what became of it.
struct Done {
    file: File,
    embedding: Embedding,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.command {
        Some(Command::Proxy(proxy)) => return proxy::run(proxy),
        Some(Command::Terraform(terraform)) => return terraform::run(terraform),
        None => {}
    }
    let several = args.files.len() > 1 || args.files.iter().any(|path| path.is_dir());
    if several && !(args.write || args.check || args.diff) {
        let reason = "several files, and directories, need --write (in place), --check or --diff";
        return Err(BadInput::because(reason).into());
    }
    let settings = args.settings()?;
    let images = args.images.open()?;
    let mut all = Vec::new();
    let mut errors = Vec::new();
    let (mut files, assemblies) = open(&args.files)?;
    if args.write || args.check || args.diff {
        nested::follow(&mut files)?;
    }
    for file in files {
        let settings = Settings { nested: file.nested.clone(), ..settings.clone() };
        let outcome = if args.undo {
            embed::undo(&file.text).map(|text| Embedding { text, tasks: Vec::new() })
        } else {
            embed::embed(&file.text, &settings, &images)
        };
        match outcome {
            Ok(embedding) => all.push(Done { file, embedding }),
            Err(error) => errors.push(format!("{}:{error}", file.name)),
        }
    }
    if !errors.is_empty() {
        return Err(BadInput::because(errors.join("\nfargard: ")).into());
    }
    for assembly in assemblies {
        let changed = assembly.rehash(&mut all)?;
        all.extend(changed);
    }
    args.give_out(&all).context("cannot give the result out")?;
    if !(args.check || args.diff) {
        images.write_lock().context("cannot keep what images are")?;
    }
    let unprotected = all.iter().flat_map(|done| &done.embedding.tasks).any(TaskReport::is_unprotected);
    Ok(if args.check && unprotected { ExitCode::from(FINDINGS) } else { ExitCode::SUCCESS })
}

/// The files to work on: those that are named, and the templates of assemblies.
fn open(paths: &[PathBuf]) -> anyhow::Result<(Vec<File>, Vec<Assembly>)> {
    let (mut files, mut assemblies) = (Vec::new(), Vec::new());
    for path in paths {
        if path.is_dir() {
            let (assembly, mut templates) = Assembly::open(path)?;
            files.append(&mut templates);
            assemblies.push(assembly);
        } else {
            files.push(File::read(path)?);
        }
    }
    Ok((files, assemblies))
}

/// Names and texts of files, and of the templates of assemblies, for who only reads them.
pub(crate) fn texts(paths: &[PathBuf]) -> anyhow::Result<Vec<(String, String)>> {
    let (files, _) = open(paths)?;
    Ok(files.into_iter().map(|file| (file.name, file.text)).collect())
}

impl Args {
    fn settings(&self) -> anyhow::Result<Settings> {
        let mut settings = self.sensor.settings(!(self.check || self.undo))?;
        settings.parameters = self.parameter.iter().cloned().collect::<BTreeMap<_, _>>();
        Ok(settings)
    }

    fn give_out(&self, all: &[Done]) -> anyhow::Result<()> {
        let mut report = Vec::new();
        match self.format {
            Format::Text => print::text(&mut report, all, self.check)?,
            Format::Json => print::json(&mut report, all)?,
        }
        // What goes to standard output is the result; where that is the report, the report.
        let prints_text = !(self.check || self.diff || self.write || self.output.is_some());
        let (mut out, mut staged) = (Vec::new(), Vec::new());
        for done in all {
            let (old, new) = (&done.file.text, &done.embedding.text);
            if self.diff {
                out.extend_from_slice(diff::unified(&done.file.name, old, new).as_bytes());
            } else if let Some(path) = &self.output {
                staged.push(Staged::new(path, new)?);
            } else if self.write && old != new {
                staged.push(done.file.stage(new)?);
            } else if prints_text {
                out.extend_from_slice(new.as_bytes());
            }
        }
        // Nothing takes its place before everything is written.
        staged.into_iter().try_for_each(Staged::commit)?;
        let to_stdout = self.check || (self.format == Format::Json && !prints_text && !self.diff);
        if to_stdout {
            out.append(&mut report);
        }
        say(io::stdout().lock(), &out)?;
        say(io::stderr().lock(), &report)
    }
}

/// A reader that went away is no error.
fn say(mut stream: impl Write, bytes: &[u8]) -> anyhow::Result<()> {
    match stream.write_all(bytes).and_then(|()| stream.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
