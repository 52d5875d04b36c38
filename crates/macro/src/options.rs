//! What the macro is told: by its function's environment, then by the template's `Metadata`, then by the call.
//!
//! The same names everywhere: `OnlyLabelled` in a template is `FARGARD_ONLY_LABELLED` in the environment.

use std::collections::BTreeMap;

use fargard_taskdef::{
    embed::{Choice, Settings},
    json::{Node, Value},
};

use crate::request::{Request, scalars};

/// Member of a template's `Metadata` that holds options.
const METADATA: &str = "Fargard";
/// All options, as templates name them.
const NAMES: [&str; 11] = [
    "SensorImage",
    "Server",
    "TokenSecret",
    "Mode",
    "Set",
    "Include",
    "Exclude",
    "OnlyLabelled",
    "AssumeFargate",
    "Pin",
    "OnUnprotected",
];

/// What becomes of a template in which something stays unprotected that should not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unprotected {
    /// The macro fails, so the stack is not changed.
    #[default]
    Fail,
    /// It is deployed, and the log says what is unprotected.
    Deploy,
}

/// The macro's options.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What is embedded.
    pub settings: Settings,
    /// What becomes of the rest.
    pub unprotected: Unprotected,
}

impl Options {
    /// Those of the function's environment.
    ///
    /// # Errors
    /// A value that is none of the option's.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut options = Self::default();
        for name in NAMES {
            let variable_name = variable_of(name);
            if let Some(value) = variable(&variable_name).filter(|value| !value.is_empty()) {
                options.set(name, &value).map_err(|reason| format!("{variable_name}: {reason}"))?;
            }
        }
        Ok(options)
    }

    /// These, with what the template and the call say.
    pub(crate) fn of_request(&self, request: &Request<'_>) -> Result<Self, String> {
        let mut options = self.clone();
        let metadata = request.fragment.get("Metadata").and_then(|metadata| metadata.get(METADATA));
        let given = [("Metadata.Fargard", metadata), ("Parameters", request.parameters.as_ref())];
        for (place, node) in given {
            let Some(node) = node else { continue };
            let Value::Object(members) = &node.value else {
                return Err(format!("{place} of the macro is {}, not an object", node.value.kind()));
            };
            for member in members {
                let at = format!("{place}: {}", member.name);
                let value =
                    value(&member.node, &request.values).map_err(|reason| format!("{at} {reason}"))?;
                options.set(&member.name, &value).map_err(|reason| format!("{at}: {reason}"))?;
            }
        }
        options.settings.parameters.clone_from(&request.values);
        if options.settings.sensor_image.is_empty() {
            return Err(
                "no image of the sensor is set: FARGARD_SENSOR_IMAGE of the macro's function".to_owned()
            );
        }
        if options.settings.server.is_some() != options.settings.token.is_some() {
            return Err("Server and TokenSecret belong together: set both or neither".to_owned());
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let settings = &mut self.settings;
        match name {
            "SensorImage" => value.clone_into(&mut settings.sensor_image),
            "Server" => settings.server = Some(value.to_owned()),
            "TokenSecret" => settings.token = Some(value.to_owned()),
            "Mode" => {
                settings.mode = Choice::parse(value)
                    .filter(|mode| *mode != Choice::Off)
                    .ok_or_else(|| none_of(value, "auto, wrap, attach"))?;
            }
            "Set" => settings.variables = variables(value)?,
            "Include" => settings.include = words(value),
            "Exclude" => settings.exclude = words(value),
            "OnlyLabelled" => settings.only_labelled = truth(value)?,
            "AssumeFargate" => settings.assume_fargate = truth(value)?,
            "Pin" => settings.pin = truth(value)?,
            "OnUnprotected" => {
                self.unprotected = match value {
                    "fail" => Unprotected::Fail,
                    "deploy" => Unprotected::Deploy,
                    _ => return Err(none_of(value, "fail, deploy")),
                };
            }
            _ => return Err(format!("there is no such option; there are {}", NAMES.join(", "))),
        }
        Ok(())
    }
}

fn none_of(value: &str, known: &str) -> String {
    format!("{value:?} is none of {known}")
}

fn truth(value: &str) -> Result<bool, String> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(none_of(value, "true, false")),
    }
}

fn words(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// `FARGARD_FIM=on,FARGARD_READS=trap`
fn variables(value: &str) -> Result<Vec<(String, String)>, String> {
    let pairs = words(value).into_iter().map(|word| match word.split_once('=') {
        Some(("FARGARD_TOKEN", _)) => {
            Err("a token in a template can be read by all who see it; use TokenSecret".to_owned())
        }
        Some((name, value)) if name.starts_with("FARGARD_") => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("{word:?} is no FARGARD_NAME=VALUE")),
    });
    pairs.collect()
}

/// An option's value: text, a list, or the value of one of the template's parameters.
fn value(node: &Node, values: &BTreeMap<String, String>) -> Result<String, String> {
    if let Value::Object(members) = &node.value
        && let [member] = members.as_slice()
        && member.name == "Ref"
    {
        let parameter = member.node.text().unwrap_or_default();
        return values
            .get(parameter)
            .cloned()
            .ok_or_else(|| format!("refers to {parameter:?}, which has no value"));
    }
    scalars(node).ok_or_else(|| format!("is {}; only text, lists and Ref are understood", node.value.kind()))
}

/// `FARGARD_ONLY_LABELLED` of `OnlyLabelled`.
fn variable_of(name: &str) -> String {
    let mut variable = "FARGARD".to_owned();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            variable.push('_');
        }
        variable.push(letter.to_ascii_uppercase());
    }
    variable
}

#[cfg(test)]
mod tests {
    use fargard_taskdef::embed::Choice;

    use super::{Options, Unprotected};
    use crate::request;

    fn base() -> Options {
        let variable = |name: &str| match name {
            "FARGARD_SENSOR_IMAGE" => Some("sensor:1".to_owned()),
            "FARGARD_SET" => Some("FARGARD_FIM=on, FARGARD_READS=trap".to_owned()),
            "FARGARD_ONLY_LABELLED" => Some("true".to_owned()),
            _ => None,
        };
        Options::of_environment(variable).unwrap()
    }

    fn of(params: &str, metadata: &str) -> Result<Options, String> {
        let event = format!(
            r#"{{"requestId":"r","fragment":{{"Resources":{{}},"Metadata":{{"Fargard":{metadata}}}}},"params":{params},
                "templateParameterValues":{{"Names":["a","b"]}}}}"#
        );
        base().of_request(&request::read(&event).unwrap())
    }

    #[test]
    fn the_narrower_place_counts() {
        let base = base();
        assert_eq!((base.settings.variables.len(), base.settings.only_labelled), (2, true));
        let options = of(
            r#"{"Mode":"attach","Exclude":{"Ref":"Names"}}"#,
            r#"{"Mode":"wrap","OnlyLabelled":false,"OnUnprotected":"deploy","Include":["x","y"]}"#,
        )
        .unwrap();
        assert_eq!(options.settings.mode, Choice::Attach);
        assert_eq!(
            (options.settings.exclude, options.settings.include),
            (vec!["a".into(), "b".into()], vec!["x".into(), "y".into()])
        );
        assert_eq!((options.settings.only_labelled, options.unprotected), (false, Unprotected::Deploy));
    }

    #[test]
    fn the_template_that_installs_it_sets_options_that_exist() {
        let template = include_str!("../../../deploy/cloudformation/macro.yaml");
        let names: Vec<&str> = template
            .lines()
            .filter_map(|line| line.trim().split_once(':').map(|(name, _)| name))
            .filter(|name| name.starts_with("FARGARD_"))
            .collect();
        assert!(names.len() >= 6, "{names:?}");
        for name in names {
            let known = super::NAMES.iter().any(|option| super::variable_of(option) == name);
            assert!(known || name == "FARGARD_REGISTRY_MIRRORS", "{name}");
        }
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for (params, metadata, part) in [
            (
                "{}",
                r#"{"Mod":"wrap"}"#,
                "Metadata.Fargard: Mod: there is no such option; there are SensorImage",
            ),
            (r#"{"Mode":"off"}"#, "{}", "Parameters: Mode: \"off\" is none of auto, wrap, attach"),
            (r#"{"Pin":"yes"}"#, "{}", "none of true, false"),
            (r#"{"OnUnprotected":"ignore"}"#, "{}", "none of fail, deploy"),
            (r#"{"Mode":{"Fn::Sub":"x"}}"#, "{}", "only text, lists and Ref"),
            (r#"{"Mode":{"Ref":"Other"}}"#, "{}", "\"Other\", which has no value"),
            (r#"{"Set":"FARGARD_TOKEN=x"}"#, "{}", "use TokenSecret"),
            (r#"{"Set":"PATH=x"}"#, "{}", "no FARGARD_NAME=VALUE"),
            (r#"{"Server":"https://x"}"#, "{}", "belong together"),
            ("[]", "{}", "not an object"),
        ] {
            let error = of(params, metadata).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        assert!(Options::of_environment(|name| (name == "FARGARD_PIN").then(|| "1".to_owned())).is_err());
    }
}
