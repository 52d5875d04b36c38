//! What of the sensor is embedded and where, for everything that embeds.

use clap::ValueEnum;
use fargard_taskdef::embed::{Choice, Settings};

use crate::failure::BadInput;

/// Options that say what is embedded.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SensorArgs {
    /// Image of the sensor; a registry of your own in the same region, as a task does not start without it
    #[arg(long, value_name = "IMAGE", env = "FARGARD_SENSOR_IMAGE")]
    sensor_image: Option<String>,
    /// How containers are watched where neither label nor tag `fargard.mode` says
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
    /// Server that the sensors report to; without one, detections are printed into the containers' logs
    #[arg(long, value_name = "URL", requires = "token_secret")]
    server: Option<String>,
    /// Secret that holds the enrolment token: an ARN of Secrets Manager, or an ARN or name of Parameter Store
    #[arg(long, value_name = "ARN", requires = "server")]
    token_secret: Option<String>,
    /// A further setting of the sensor, for instance FARGARD_FIM=on
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// Only this container, whatever it is; may be given several times
    #[arg(long, value_name = "CONTAINER")]
    include: Vec<String>,
    /// Not this container; may be given several times
    #[arg(long, value_name = "CONTAINER")]
    exclude: Vec<String>,
    /// Only what a label or tag `fargard.mode` asks for
    #[arg(long)]
    only_labelled: bool,
    /// Take definitions without requiresCompatibilities to be for Fargate
    #[arg(long)]
    assume_fargate: bool,
    /// Name images of wrapped containers by digest, so that a tag that moves changes nothing
    #[arg(long)]
    pin: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Mode {
    /// Wrap where every container's program is known, else attach
    #[default]
    Auto,
    /// The sensor starts each container's program and becomes it
    Wrap,
    /// A container of its own watches the others
    Attach,
}

pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = pair(text)?;
    let is_setting =
        name.starts_with("FARGARD_") && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    if name == "FARGARD_TOKEN" {
        return Err("a token in a task definition can be read by everybody who sees it; use --token-secret"
            .to_owned());
    }
    if is_setting {
        Ok((name, value))
    } else {
        Err("settings of the sensor are called FARGARD_...".to_owned())
    }
}

impl SensorArgs {
    /// The settings; the sensor's image must be given if something is to be embedded.
    pub(crate) fn settings(&self, needs_image: bool) -> anyhow::Result<Settings> {
        if needs_image && self.sensor_image.is_none() {
            let reason = "--sensor-image IMAGE is missing (or FARGARD_SENSOR_IMAGE): the image of the sensor, in a registry \
                          of your own";
            return Err(BadInput::because(reason).into());
        }
        Ok(Settings {
            sensor_image: self.sensor_image.clone().unwrap_or_default(),
            mode: match self.mode {
                Mode::Auto => Choice::Auto,
                Mode::Wrap => Choice::Wrap,
                Mode::Attach => Choice::Attach,
            },
            server: self.server.clone(),
            token: self.token_secret.clone(),
            variables: self.settings.clone(),
            include: self.include.clone(),
            exclude: self.exclude.clone(),
            only_labelled: self.only_labelled,
            assume_fargate: self.assume_fargate,
            pin: self.pin,
            ..Settings::default()
        })
    }
}
