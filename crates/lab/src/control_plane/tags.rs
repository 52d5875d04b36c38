//! Tags of all kinds of resources.

use serde_json::{Value, json};

use super::{
    answer::{Refusal, Reply},
    input::Input,
    world::World,
};

/// Most tags of a resource.
const MAX_TAGS: usize = 50;

impl World {
    /// Adds the tags of an input to a resource.
    pub(super) fn tag(&mut self, arn: &str, input: Input<'_>) -> Result<(), Refusal> {
        let given = input.get("tags").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut tags = self.tags.get(arn).cloned().unwrap_or_default();
        for tag in given {
            let tag = Input::of(tag)?;
            let key = tag.required("key")?;
            if key.len() > 128 || tag.text("value").is_some_and(|value| value.len() > 256) {
                return Err(Refusal::parameter("Tag keys have at most 128 characters, values 256."));
            }
            if key.to_ascii_lowercase().starts_with("aws:") && !self.is_owner_tag(key) {
                return Err(Refusal::parameter(
                    "aws: prefixed tag key names are not allowed for external use.",
                ));
            }
            tags.insert(key.to_owned(), tag.text("value").unwrap_or_default().to_owned());
        }
        if tags.len() > MAX_TAGS {
            return Err(Refusal::parameter(format!("A resource has at most {MAX_TAGS} tags.")));
        }
        self.tags.insert(arn.to_owned(), tags);
        Ok(())
    }

    /// CloudFormation sets these; there is none here, so the caller may.
    fn is_owner_tag(&self, key: &str) -> bool {
        key.starts_with("aws:cloudformation:")
    }

    fn has(&self, arn: &str) -> bool {
        let named = |resource: String| self.arn(&resource) == arn;
        self.clusters.keys().any(|name| named(format!("cluster/{name}")))
            || self.services.values().any(|service| service.arn == arn)
            || self.tasks.contains_key(arn)
            || self.families.values().flat_map(|revisions| revisions.values()).any(|known| known.arn == arn)
    }

    fn tagged<'a>(&self, input: Input<'a>) -> Result<&'a str, Refusal> {
        let arn = input.required("resourceArn")?;
        if self.has(arn) {
            return Ok(arn);
        }
        Err(Refusal::parameter(
            "The specified resource could not be found. Specify a valid ARN and try again.",
        ))
    }
}

pub(super) fn list(world: &World, input: Input<'_>) -> Reply {
    let arn = world.tagged(input)?;
    Ok(json!({"tags": world.tags_of(arn)}))
}

pub(super) fn add(world: &mut World, input: Input<'_>) -> Reply {
    let arn = world.tagged(input)?;
    world.tag(arn, input)?;
    Ok(json!({}))
}

pub(super) fn remove(world: &mut World, input: Input<'_>) -> Reply {
    let arn = world.tagged(input)?;
    let keys = input.texts("tagKeys", MAX_TAGS)?;
    if let Some(tags) = world.tags.get_mut(arn) {
        tags.retain(|key, _| !keys.contains(&key.as_str()));
    }
    Ok(json!({}))
}
