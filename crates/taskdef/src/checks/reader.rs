//! Members of a document with their paths, and each of the values a condition can choose.

use crate::{
    embed::{
        dialect::Dialect,
        document::Document,
        tree::{Node, Value},
    },
    json::Position,
};

/// A value and the path that leads to it.
#[derive(Clone, Debug)]
pub(super) struct Place<'d> {
    pub(super) node: &'d Node,
    pub(super) path: String,
}

/// A list, as far as it is known.
pub(super) enum List<'d> {
    /// Its elements, those in both branches of an unknown condition.
    Of(Vec<Place<'d>>),
    /// A function that gives a list.
    Unknown,
}

/// Reads a document in its dialect.
pub(super) struct Reader<'d> {
    document: &'d Document<'d>,
    dialect: &'d Dialect<'d>,
}

impl<'d> Reader<'d> {
    pub(super) fn new(document: &'d Document<'d>, dialect: &'d Dialect<'d>) -> Self {
        Self { document, dialect }
    }

    pub(super) fn root(&self) -> &'d Node {
        &self.document.root
    }

    pub(super) fn is_template(&self) -> bool {
        self.dialect.is_template()
    }

    pub(super) fn position(&self, place: &Place<'_>) -> Position {
        self.document.position(place.node)
    }

    /// The place of a member that may be absent.
    fn under(&self, of: &Place<'_>, name: &str) -> String {
        join(&of.path, &self.dialect.name(name))
    }

    /// Every value that a member can have: more than one where a condition is not known; `None` for "it is not there".
    pub(super) fn member(&self, of: &Place<'d>, name: &str) -> Vec<Option<Place<'d>>> {
        let mut found = Vec::new();
        match of.node.get(&self.dialect.name(name)) {
            Some(node) => self.choices(Place { node, path: self.under(of, name) }, &mut found),
            None => found.push(None),
        }
        found
    }

    /// The values of a member that are there.
    pub(super) fn present(&self, of: &Place<'d>, name: &str) -> Vec<Place<'d>> {
        self.member(of, name).into_iter().flatten().collect()
    }

    fn choices(&self, place: Place<'d>, found: &mut Vec<Option<Place<'d>>>) {
        match place.node.intrinsic() {
            Some(("Ref", argument)) if argument.text() == Some("AWS::NoValue") => found.push(None),
            Some(("Fn::If", argument)) if self.is_template() => {
                let [condition, yes, no] = argument.elements() else { return found.push(Some(place)) };
                let known = condition.text().and_then(|name| self.dialect.condition(name));
                for (index, branch) in [(1, yes), (2, no)] {
                    if known.is_none_or(|holds| holds == (index == 1)) {
                        let path = format!("{}.Fn::If[{index}]", place.path);
                        self.choices(Place { node: branch, path }, found);
                    }
                }
            }
            _ if place.node.value == Value::Null => found.push(None),
            _ => found.push(Some(place)),
        }
    }

    /// A scalar's text, as far as it is known.
    pub(super) fn text(&self, place: &Place<'d>) -> Option<String> {
        self.dialect.text_of(place.node)
    }

    /// The text of a member that can have only one value.
    pub(super) fn text_of(&self, of: &Place<'d>, name: &str) -> Option<String> {
        match self.member(of, name).as_slice() {
            [Some(place)] => self.text(place),
            _ => None,
        }
    }

    /// A switch; `None` where it is not known.
    pub(super) fn flag(&self, place: &Place<'d>) -> Option<bool> {
        match self.text(place)?.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The elements of a list.
    pub(super) fn elements(&self, list: &Place<'d>) -> List<'d> {
        let Value::List(elements) = &list.node.value else { return List::Unknown };
        let mut found = Vec::new();
        for (index, node) in elements.iter().enumerate() {
            self.choices(Place { node, path: format!("{}[{index}]", list.path) }, &mut found);
        }
        List::Of(found.into_iter().flatten().collect())
    }

    /// The elements of a member that is a list: none where it is absent or a function.
    pub(super) fn list(&self, of: &Place<'d>, name: &str) -> Vec<Place<'d>> {
        let lists = self.present(of, name);
        lists
            .iter()
            .flat_map(|list| match self.elements(list) {
                List::Of(elements) => elements,
                List::Unknown => Vec::new(),
            })
            .collect()
    }

    /// Whether some value of a member is a function that could give a list.
    pub(super) fn unknown_list(&self, of: &Place<'d>, name: &str) -> Option<Place<'d>> {
        self.present(of, name).into_iter().find(|list| matches!(self.elements(list), List::Unknown))
    }

    /// The members of a mapping of the user's own names.
    pub(super) fn entries(&self, map: &Place<'d>) -> Vec<(&'d str, Place<'d>)> {
        if map.node.intrinsic().is_some() {
            return Vec::new();
        }
        let members = map.node.members().iter();
        members
            .flat_map(|member| {
                let mut found = Vec::new();
                let path = join(&map.path, &member.name);
                self.choices(Place { node: &member.node, path }, &mut found);
                found.into_iter().flatten().map(|place| (&*member.name, place))
            })
            .collect()
    }

    /// The declaration of the parameter that a value is taken from as it is.
    pub(super) fn parameter(&self, place: &Place<'d>) -> Option<(&'d str, &'d Node)> {
        let Some(("Ref", argument)) = place.node.intrinsic() else { return None };
        let name = argument.text().filter(|_| self.is_template())?;
        Some((name, self.root().get("Parameters")?.get(name)?))
    }

    /// A text in which what is not known stands as `${...}`: `${AWS::AccountId}.dkr.ecr.../app:${Tag}`. `None` where nothing
    /// of it is known.
    pub(super) fn pattern(&self, place: &Place<'d>) -> Option<String> {
        if let Some(text) = self.text(place) {
            return Some(text);
        }
        match place.node.intrinsic()? {
            ("Fn::Sub", argument) => {
                let pattern = argument.text().or_else(|| argument.elements().first()?.text());
                pattern.map(str::to_owned)
            }
            ("Fn::Join", argument) => {
                let [separator, list] = argument.elements() else { return None };
                let part = |node: &Node| self.dialect.text_of(node).unwrap_or_else(|| "${...}".to_owned());
                let parts: Vec<String> = list.elements().iter().map(part).collect();
                (!parts.is_empty()).then(|| parts.join(separator.text().unwrap_or_default()))
            }
            _ => None,
        }
    }
}

pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
