//! Services, task sets, clusters and capacity providers of a template.

use super::{
    catalogue::Check,
    reader::{Place, Reader},
    report::{Report, Undecided, Violation, Weight},
};
use crate::embed::{opaque, tree::Node};

/// Platform versions that are the latest of Linux and Windows.
const LATEST: &[&str] = &["LATEST", "1.4.0"];

/// A resource under examination.
struct Resource<'s, 'd> {
    reader: &'s Reader<'d>,
    report: &'s mut Report,
    name: &'d str,
    properties: Place<'d>,
}

pub(super) fn check(reader: &Reader<'_>, report: &mut Report) {
    if let Some(resources) = reader.root().get("Resources") {
        look(reader, resources, "Resources", report);
    }
    for (checks, reason) in [
        (&[Check::PublicAddress, Check::PlatformVersion][..], "the file has no service"),
        (
            &[Check::ContainerInsights, Check::ExecLogging, Check::ExecEncryption][..],
            "the file has no cluster",
        ),
        (&[Check::TerminationProtection][..], "the file has no capacity provider of instances"),
    ] {
        for check in checks.iter().filter(|check| !report.made.contains(check)).copied().collect::<Vec<_>>() {
            report.not_applicable.insert(check, reason);
        }
    }
}

/// Looks at resources, those in loops too.
fn look<'d>(reader: &Reader<'d>, resources: &'d Node, above: &str, report: &mut Report) {
    for member in resources.members() {
        let path = format!("{above}.{}", member.name);
        if member.name.starts_with(opaque::LOOP) {
            opaque::body(&member.node).into_iter().for_each(|body| look(reader, body, &path, report));
            continue;
        }
        let Some(kind) = member.node.get("Type").and_then(Node::text) else { continue };
        let judge = match kind {
            "AWS::ECS::Service" => Resource::service,
            "AWS::ECS::TaskSet" => Resource::task_set,
            "AWS::ECS::Cluster" => Resource::cluster,
            "AWS::ECS::CapacityProvider" => Resource::capacity_provider,
            _ => continue,
        };
        // A cluster may have no properties at all.
        let node = member.node.get("Properties").unwrap_or(&member.node);
        let properties = Place { node, path: format!("{path}.Properties") };
        judge(&mut Resource { reader, report: &mut *report, name: &member.name, properties });
    }
}

impl<'d> Resource<'_, 'd> {
    fn found(&mut self, check: Check, weight: Weight, class: &'static str, place: &Place<'d>, reason: &str) {
        self.report.add(Violation {
            check,
            weight,
            class,
            task: self.name.to_owned(),
            container: None,
            path: place.path.clone(),
            at: self.reader.position(place),
            reason: reason.to_owned(),
        });
    }

    fn open(&mut self, check: Check, place: &Place<'d>) {
        let reason =
            "not known before deployment; give --parameter NAME=VALUE if it is a parameter's".to_owned();
        let at = self.reader.position(place);
        self.report.leave_open(Undecided { check, path: place.path.clone(), at, reason });
    }

    /// The values at the end of a path of members, none where one of them is absent.
    fn at(&self, path: &[&str]) -> Vec<Place<'d>> {
        path.iter().fold(vec![self.properties.clone()], |places, name| {
            places.iter().flat_map(|place| self.reader.present(place, name)).collect()
        })
    }

    fn service(&mut self) {
        self.task_set();
        self.report.made.insert(Check::PlatformVersion);
        for place in self.at(&["platformVersion"]) {
            match self.reader.text(&place) {
                Some(version) if LATEST.contains(&version.as_str()) => {}
                Some(_) => self.found(
                    Check::PlatformVersion,
                    Weight::Warning,
                    "old",
                    &place,
                    "it stays on an old platform version, which gets no fixes; leave it out or write LATEST",
                ),
                None => self.open(Check::PlatformVersion, &place),
            }
        }
    }

    fn task_set(&mut self) {
        self.report.made.insert(Check::PublicAddress);
        for place in self.at(&["networkConfiguration", "awsvpcConfiguration", "assignPublicIp"]) {
            match self.reader.text(&place).as_deref() {
                Some("ENABLED") => self.found(
                    Check::PublicAddress,
                    Weight::Error,
                    "public",
                    &place,
                    "its tasks have public addresses; use private subnets with a NAT gateway or VPC endpoints",
                ),
                Some(_) => {}
                None => self.open(Check::PublicAddress, &place),
            }
        }
    }

    fn cluster(&mut self) {
        for check in [Check::ContainerInsights, Check::ExecLogging, Check::ExecEncryption] {
            self.report.made.insert(check);
        }
        let properties = self.properties.clone();
        let settings = self.reader.list(&properties, "clusterSettings");
        let insights = settings.iter().find(|setting| {
            self.reader.text_of(setting, "name").is_some_and(|name| name == "containerInsights")
        });
        let value = insights.and_then(|setting| self.reader.present(setting, "value").into_iter().next());
        match value.as_ref().map(|place| (place, self.reader.text(place))) {
            Some((_, Some(text))) if text == "enabled" || text == "enhanced" => {}
            Some((place, None)) => self.open(Check::ContainerInsights, place),
            found => {
                let place = found.map_or(&properties, |(place, _)| place);
                let reason = "ClusterSettings has no containerInsights that is enabled or enhanced";
                self.found(Check::ContainerInsights, Weight::Warning, "off", place, reason);
            }
        }
        self.exec();
    }

    fn exec(&mut self) {
        let exec = self.at(&["configuration", "executeCommandConfiguration"]);
        let Some(exec) = exec.first() else {
            let properties = self.properties.clone();
            let reason = "sessions of ECS Exec are not encrypted with a key of your own";
            return self.found(Check::ExecEncryption, Weight::Notice, "no-key", &properties, reason);
        };
        for logging in self.reader.present(exec, "logging") {
            match self.reader.text(&logging).as_deref() {
                Some("NONE") => {
                    let reason = "what is done in a session of ECS Exec is not recorded";
                    self.found(Check::ExecLogging, Weight::Warning, "none", &logging, reason);
                }
                Some(_) => {}
                None => self.open(Check::ExecLogging, &logging),
            }
        }
        if self.reader.present(exec, "kmsKeyId").is_empty() {
            let reason = "sessions of ECS Exec are not encrypted with a key of your own (KmsKeyId)";
            self.found(Check::ExecEncryption, Weight::Notice, "no-key", exec, reason);
        }
        for log in self.reader.present(exec, "logConfiguration") {
            let encrypted = ["cloudWatchEncryptionEnabled", "s3EncryptionEnabled"]
                .iter()
                .flat_map(|name| self.reader.present(&log, name))
                .any(|place| self.reader.flag(&place) != Some(false));
            if !encrypted {
                let reason = "the record of ECS Exec is kept without encryption";
                self.found(Check::ExecEncryption, Weight::Warning, "log", &log, reason);
            }
        }
    }

    fn capacity_provider(&mut self) {
        for group in self.at(&["autoScalingGroupProvider"]) {
            self.report.made.insert(Check::TerminationProtection);
            for value in self.reader.member(&group, "managedTerminationProtection") {
                let place = value.as_ref().unwrap_or(&group);
                match value.as_ref().map(|place| self.reader.text(place)) {
                    Some(Some(text)) if text == "ENABLED" => {}
                    Some(None) => self.open(Check::TerminationProtection, place),
                    _ => self.found(
                        Check::TerminationProtection,
                        Weight::Warning,
                        "off",
                        place,
                        "instances can be terminated while tasks run on them",
                    ),
                }
            }
        }
    }
}
