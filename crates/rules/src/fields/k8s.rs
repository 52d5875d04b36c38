//! `k8s.*` of Falco's container plugin, which has no value on ECS.

use super::{
    ArgKind::{Dotted, None as NoArg},
    Field,
    FieldType::Text,
    null,
};

const NONE: &str = "no Kubernetes on ECS";

pub(super) const FIELDS: &[Field] = &[
    null("k8s.pod.name", Text, NoArg, "name of the pod", NONE).suggested(),
    null("k8s.pod.id", Text, NoArg, "id of the pod", NONE),
    null("k8s.pod.uid", Text, NoArg, "UID of the pod", NONE),
    null("k8s.pod.sandbox_id", Text, NoArg, "short id of the sandbox of the pod", NONE),
    null("k8s.pod.full_sandbox_id", Text, NoArg, "whole id of the sandbox of the pod", NONE),
    null("k8s.pod.label", Text, Dotted, "a label by name of the pod", NONE),
    null("k8s.pod.labels", Text, NoArg, "all labels of the pod", NONE),
    null("k8s.pod.ip", Text, NoArg, "address of the pod", NONE),
    null("k8s.pod.cni.json", Text, NoArg, "what the network plugin answered, as JSON of the pod", NONE),
    null("k8s.ns.name", Text, NoArg, "name of the namespace", NONE).suggested(),
    null("k8s.ns.id", Text, NoArg, "id of the namespace", NONE).deprecated(),
    null("k8s.ns.label", Text, Dotted, "a label by name of the namespace", NONE).deprecated(),
    null("k8s.ns.labels", Text, NoArg, "all labels of the namespace", NONE).deprecated(),
    null("k8s.rc.name", Text, NoArg, "name of the replication controller", NONE).deprecated(),
    null("k8s.rc.id", Text, NoArg, "id of the replication controller", NONE).deprecated(),
    null("k8s.rc.label", Text, Dotted, "a label by name of the replication controller", NONE).deprecated(),
    null("k8s.rc.labels", Text, NoArg, "all labels of the replication controller", NONE).deprecated(),
    null("k8s.svc.name", Text, NoArg, "name of the service", NONE).deprecated(),
    null("k8s.svc.id", Text, NoArg, "id of the service", NONE).deprecated(),
    null("k8s.svc.label", Text, Dotted, "a label by name of the service", NONE).deprecated(),
    null("k8s.svc.labels", Text, NoArg, "all labels of the service", NONE).deprecated(),
    null("k8s.rs.name", Text, NoArg, "name of the replica set", NONE).deprecated(),
    null("k8s.rs.id", Text, NoArg, "id of the replica set", NONE).deprecated(),
    null("k8s.rs.label", Text, Dotted, "a label by name of the replica set", NONE).deprecated(),
    null("k8s.rs.labels", Text, NoArg, "all labels of the replica set", NONE).deprecated(),
    null("k8s.deployment.name", Text, NoArg, "name of the deployment", NONE).deprecated(),
    null("k8s.deployment.id", Text, NoArg, "id of the deployment", NONE).deprecated(),
    null("k8s.deployment.label", Text, Dotted, "a label by name of the deployment", NONE).deprecated(),
    null("k8s.deployment.labels", Text, NoArg, "all labels of the deployment", NONE).deprecated(),
];
