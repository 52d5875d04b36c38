//! What of a template may bring containers to Fargate and is not to be seen in it: nested stacks, what transforms and
//! modules make, loops that cannot be read, and resources that run containers without a task definition. It is told
//! of, so that nothing stays uncovered in silence.

use super::{
    document::Document,
    plan::MODE_LABEL,
    reason::{Skip, SkipCode},
    settings::{Choice, Settings},
    tree::{Member, Node, Value},
};

/// Beginning of the name of a loop.
pub(crate) const LOOP: &str = "Fn::ForEach::";
/// The function that calls a macro on what stands beside it.
pub(crate) const TRANSFORM: &str = "Fn::Transform";
/// Beginnings of the names of transforms that make no task definitions, or none but in ways that are told of
/// elsewhere; the last is the macro that embeds.
const KNOWN_TRANSFORMS: [&str; 6] = [
    "AWS::Serverless-",
    "AWS::LanguageExtensions",
    "AWS::CodeDeployBlueGreen",
    "AWS::SecretsManager-",
    "AWS::ServiceCatalog",
    "Fargard",
];

/// Something that is not to be seen.
pub(crate) struct Opaque<'d> {
    /// Logical name, or the name of a macro.
    pub(crate) name: String,
    pub(crate) node: &'d Node,
    pub(crate) skip: Skip,
}

/// All of them, in the order of the document.
pub(crate) fn all<'d>(document: &'d Document<'_>, settings: &Settings) -> Vec<Opaque<'d>> {
    let root = &document.root;
    let mut found = Vec::new();
    let Some(resources) = root.get("Resources") else { return found };
    for name in ["Transform", TRANSFORM] {
        if let Some(node) = root.get(name) {
            transforms(node, &mut found);
        }
    }
    look(resources, "", settings, &mut found);
    for opaque in &mut found {
        if settings.exclude.contains(&opaque.name) {
            opaque.skip = Skip::new(SkipCode::Excluded, "excluded by --exclude");
        }
    }
    found
}

/// The path of a template that stands beside this one, if a resource is a stack made of such a one.
pub(crate) fn local_template(resource: &Node) -> Option<&str> {
    let member = match resource.get("Type")?.text()? {
        "AWS::CloudFormation::Stack" => "TemplateURL",
        "AWS::Serverless::Application" => "Location",
        _ => return None,
    };
    let place = resource.get("Properties")?.get(member)?.text()?;
    (!place.is_empty() && !place.contains("://")).then_some(place)
}

/// The file of the template that the CDK made of a nested stack, beside the one that a resource stands in.
pub(crate) fn asset_template(resource: &Node) -> Option<&str> {
    let metadata = resource.get("Metadata")?;
    let is_stack = resource.get("Type")?.text()? == "AWS::CloudFormation::Stack";
    let is_template = metadata.get("aws:asset:property")?.text()? == "TemplateURL";
    (is_stack && is_template).then(|| metadata.get("aws:asset:path")?.text()).flatten()
}

/// Resources, those in loops too.
fn look<'d>(resources: &'d Node, prefix: &str, settings: &Settings, found: &mut Vec<Opaque<'d>>) {
    for member in resources.members() {
        let name = format!("{prefix}{}", member.name);
        if member.name == TRANSFORM {
            transforms(&member.node, found);
        } else if member.name.starts_with(LOOP) {
            match body(&member.node) {
                Some(body) => look(body, &format!("{name}/"), settings, found),
                None => {
                    let reason =
                        "this loop is not [identifier, collection, resources], so what it makes is not known";
                    found.push(Opaque {
                        name,
                        node: &member.node,
                        skip: Skip::new(SkipCode::ForEach, reason),
                    });
                }
            }
        } else if let Some(skip) = judge(member, settings, &name) {
            found.push(Opaque { name, node: &member.node, skip });
        }
    }
}

/// What a loop makes for each of its collection.
pub(crate) fn body(node: &Node) -> Option<&Node> {
    let [identifier, _, body] = node.elements() else { return None };
    identifier.text()?;
    matches!(body.value, Value::Map(_)).then_some(body)
}

fn judge(member: &Member, settings: &Settings, name: &str) -> Option<Skip> {
    let node = &member.node;
    let skip = of_type(node, settings, name)?;
    let mode = node.get("Metadata").and_then(|metadata| metadata.get(MODE_LABEL));
    let mode = mode.and_then(|node| match &node.value {
        Value::Text(text) => Choice::parse(text),
        Value::Bool(value) => Choice::parse(&value.to_string()),
        _ => None,
    });
    match mode {
        Some(Choice::Off) => {
            Some(Skip::new(SkipCode::Excluded, format!("{MODE_LABEL} is off in its Metadata")))
        }
        _ => Some(skip),
    }
}

fn of_type(node: &Node, settings: &Settings, name: &str) -> Option<Skip> {
    let kind = node.get("Type").and_then(Node::text).unwrap_or_default();
    let properties = node.get("Properties");
    if is_foreign_transform(node) || (kind.is_empty() && node.intrinsic().is_some()) {
        let reason = "the resource is made by a transform when it is deployed";
        return Some(Skip::new(SkipCode::Transform, reason));
    }
    if kind.ends_with("::MODULE") {
        let reason =
            format!("what {kind} holds stands in CloudFormation's registry; use its resources instead");
        return Some(Skip::new(SkipCode::Module, reason));
    }
    match kind {
        "AWS::CloudFormation::Stack" | "AWS::Serverless::Application" => {
            if settings.nested.iter().any(|followed| followed == name) {
                return None;
            }
            let reason = match local_template(node) {
                Some(path) => {
                    format!(
                        "its template {path:?} is a file of its own; --write, --check and --diff follow it"
                    )
                }
                None => "its template is elsewhere and cannot be read from here; embed that one".to_owned(),
            };
            Some(Skip::new(SkipCode::NestedStack, reason))
        }
        "AWS::CloudFormation::StackSet" => {
            let reason = "its template is not read as one; embed it before it is put here";
            Some(Skip::new(SkipCode::NestedStack, reason))
        }
        "AWS::ECS::ExpressGatewayService" => {
            let reason =
                "ECS makes its task definition; give it one by TaskDefinitionArn instead of containers";
            Some(Skip::new(SkipCode::OtherResource, reason))
        }
        "AWS::Batch::JobDefinition" if properties.is_some_and(is_on_fargate) => {
            let reason = "Batch makes the task definition; it cannot be embedded";
            Some(Skip::new(SkipCode::OtherResource, reason))
        }
        _ => None,
    }
}

fn is_on_fargate(properties: &Node) -> bool {
    let platforms = properties.get("PlatformCapabilities");
    platforms.is_some_and(|list| list.elements().iter().any(|platform| platform.text() == Some("FARGATE")))
}

/// Whether a transform other than the one that embeds works on what stands beside it.
pub(crate) fn is_foreign_transform(node: &Node) -> bool {
    node.get(TRANSFORM).is_some_and(|call| !is_known(&transform_name(call)))
}

/// Transforms in a list, or a single one.
fn transforms<'d>(node: &'d Node, found: &mut Vec<Opaque<'d>>) {
    let all = if let Value::List(elements) = &node.value {
        elements.as_slice()
    } else {
        std::slice::from_ref(node)
    };
    for call in all {
        let name = transform_name(call);
        if !is_known(&name) {
            let reason = "a transform may make task definitions when this is deployed; embed what it works on, or name the \
                          macro of Fargard after it";
            found.push(Opaque { name, node: call, skip: Skip::new(SkipCode::Transform, reason) });
        }
    }
}

fn transform_name(call: &Node) -> String {
    let name = call.text().or_else(|| call.get("Name").and_then(Node::text));
    name.unwrap_or("a transform").to_owned()
}

fn is_known(name: &str) -> bool {
    KNOWN_TRANSFORMS.iter().any(|known| name.starts_with(known))
}
