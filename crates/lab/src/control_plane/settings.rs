//! Account settings.

use serde_json::{Value, json};

use super::{
    answer::{Refusal, Reply},
    input::Input,
    paging,
    world::World,
};

/// Names and what holds when nobody has set them.
const DEFAULTS: [(&str, &str); 10] = [
    ("awsvpcTrunking", "disabled"),
    ("containerInsights", "disabled"),
    ("containerInstanceLongArnFormat", "enabled"),
    ("fargateFIPSMode", "disabled"),
    ("fargateTaskRetirementWaitPeriod", "7"),
    ("guardDutyActivate", "off"),
    ("serviceLongArnFormat", "enabled"),
    ("tagResourceAuthorization", "off"),
    ("taskLongArnFormat", "enabled"),
    ("defaultLogDriverMode", "non-blocking"),
];

pub(super) fn list(world: &World, input: Input<'_>) -> Reply {
    let effective = input.flag("effectiveSettings").unwrap_or_default();
    let mut settings: Vec<(String, String)> = Vec::new();
    for (name, default) in DEFAULTS {
        let set = world.settings.get(name);
        if input.text("name").is_some_and(|wanted| wanted != name) || (set.is_none() && !effective) {
            continue;
        }
        settings.push((name.to_owned(), set.map_or(default, String::as_str).to_owned()));
    }
    settings.retain(|(_, value)| input.text("value").is_none_or(|wanted| wanted == value));
    settings.sort();
    let (part, token) = paging::slice(input, &settings, |(name, _)| name.clone())?;
    let texts: Vec<Value> = part.iter().map(|(name, value)| world.setting_text(name, value)).collect();
    Ok(paging::with_token(json!({"settings": texts}), token))
}

pub(super) fn put(world: &mut World, input: Input<'_>) -> Reply {
    let (name, value) = (input.required("name")?, input.required("value")?);
    if name == "guardDutyActivate" || !DEFAULTS.iter().any(|(known, _)| *known == name) {
        return Err(Refusal::parameter("The setting name is not valid, or can only be read."));
    }
    world.settings.insert(name.to_owned(), value.to_owned());
    Ok(json!({"setting": world.setting_text(name, value)}))
}

impl World {
    fn setting_text(&self, name: &str, value: &str) -> Value {
        let principal = format!("arn:aws:iam::{}:root", self.account);
        let kind = if name == "guardDutyActivate" { "aws_managed" } else { "user" };
        json!({"name": name, "value": value, "principalArn": principal, "type": kind})
    }
}
