//! Which command a container runs: the definition's `entryPoint` and `command` over the image's.

use serde::{Deserialize, Serialize};

use crate::ContainerDefinition;

/// What an image's configuration says of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageProcess {
    /// ENTRYPOINT.
    pub entry_point: Vec<String>,
    /// CMD.
    pub command: Vec<String>,
}

/// Neither the definition nor the image says what to run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "container {container:?}: nothing to run: the task definition has neither entryPoint nor command and {image}"
)]
pub struct NothingToRun {
    /// The container.
    pub container: String,
    /// Why the image does not help.
    pub image: &'static str,
}

impl ContainerDefinition {
    /// The arguments of the container's first process. `entryPoint` replaces the image's ENTRYPOINT and drops its
    /// CMD; `command` replaces CMD. `image` is `None` where there is no image configuration.
    ///
    /// # Errors
    /// Nothing remains to run.
    pub fn arguments(&self, image: Option<&ImageProcess>) -> Result<Vec<String>, NothingToRun> {
        let defaults = image.cloned().unwrap_or_default();
        let (entry_point, default_command) = match &self.entry_point {
            Some(own) => (own.clone(), Vec::new()),
            None => (defaults.entry_point, defaults.command),
        };
        let mut arguments = entry_point;
        arguments.extend(self.command.clone().unwrap_or(default_command));
        if arguments.is_empty() {
            return Err(NothingToRun {
                container: self.name.clone(),
                image: match image {
                    Some(_) => "its image has neither ENTRYPOINT nor CMD",
                    None => "there is no image configuration to take ENTRYPOINT and CMD from",
                },
            });
        }
        Ok(arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::ImageProcess;
    use crate::ContainerDefinition;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn as_docker_and_ecs_do() {
        let image = ImageProcess { entry_point: words("/ep"), command: words("cmd 1") };
        for (entry_point, command, expected) in [
            (None, None, "/ep cmd 1"),
            (None, Some("x y"), "/ep x y"),
            (Some("/own"), None, "/own"),
            (Some("/own"), Some("x"), "/own x"),
        ] {
            let container = ContainerDefinition {
                entry_point: entry_point.map(words),
                command: command.map(words),
                ..ContainerDefinition::default()
            };
            assert_eq!(container.arguments(Some(&image)).unwrap(), words(expected));
        }
    }

    #[test]
    fn nothing_to_run_says_why() {
        let container = ContainerDefinition { name: "app".into(), ..ContainerDefinition::default() };
        let error = container.arguments(None).unwrap_err().to_string();
        assert!(error.contains("\"app\"") && error.contains("no image configuration"), "{error}");
        assert!(container.arguments(Some(&ImageProcess::default())).is_err());
    }
}
