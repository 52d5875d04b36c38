//! The names a container goes by, each as collections' fields are compared with.

use fargard_model::{Container, Task};

use crate::{Field, image_name};

/// Labels that name an orchestrator's namespace. ECS has none; a task definition may set one with `dockerLabels`.
const NAMESPACE_LABELS: [&str; 2] = ["io.kubernetes.pod.namespace", "com.docker.stack.namespace"];
/// Labels of a container that are compared: more than ECS allows.
const MAX_LABELS: usize = 1_000;

/// Names of a container, in lower case.
#[derive(Debug)]
pub(crate) struct Candidates {
    account: String,
    cluster: String,
    service: String,
    hosts: Vec<String>,
    app_ids: Vec<String>,
    images: Vec<String>,
    container: String,
    labels: Vec<String>,
    namespace: String,
}

impl Candidates {
    pub(crate) fn of(task: &Task, container: &Container) -> Self {
        let lower = str::to_ascii_lowercase;
        let id = task.id();
        let mut hosts = vec![lower(&task.family), lower(id), lower(&task.arn)];
        let mut app_ids = Vec::new();
        if !task.family.is_empty() {
            if !task.revision.is_empty() {
                hosts.push(lower(&format!("{}:{}", task.family, task.revision)));
            }
            let app = lower(&format!("{}:{id}", task.family));
            hosts.push(app.clone());
            app_ids.push(app);
        }
        let mut images = vec![lower(&container.image)];
        images.extend(image_name::expanded(&container.image).as_deref().map(lower));
        let label = |(key, value): (&String, &String)| {
            [lower(&format!("{key}:{value}")), lower(&format!("{key}={value}"))]
        };
        let namespace = NAMESPACE_LABELS.iter().find_map(|name| container.labels.get(*name));
        Self {
            account: lower(&task.account),
            cluster: lower(&task.cluster),
            service: lower(&task.service),
            hosts,
            app_ids,
            images,
            container: lower(&container.name),
            labels: container.labels.iter().take(MAX_LABELS).flat_map(label).collect(),
            namespace: namespace.map(|name| lower(name)).unwrap_or_default(),
        }
    }

    /// The names a field is compared with; any of them may match.
    pub(crate) fn of_field(&self, field: Field) -> &[String] {
        match field {
            Field::Accounts => std::slice::from_ref(&self.account),
            Field::Clusters => std::slice::from_ref(&self.cluster),
            Field::Services => std::slice::from_ref(&self.service),
            Field::Hosts => &self.hosts,
            Field::AppIds => &self.app_ids,
            Field::Images => &self.images,
            Field::Containers => std::slice::from_ref(&self.container),
            Field::Labels => &self.labels,
            Field::Namespaces => std::slice::from_ref(&self.namespace),
        }
    }
}
