//! The values of CloudFormation's functions, as far as they are known before a stack exists: parameters with their
//! given or default values, mappings, conditions, and what is made of them. Everything else has no value here.

use std::{cell::Cell, collections::BTreeMap};

use super::{
    opaque,
    tree::{Node, Value},
};

/// Steps of one evaluation; conditions that refer to each other could otherwise take forever.
const STEPS: u32 = 10_000;
/// Deepest nesting of functions and conditions, names followed.
const DEPTH: u32 = 100;
/// Longest text a function may make, in bytes.
const MAX_TEXT: usize = 64 << 10;

/// A value that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Text(String),
    List(Vec<String>),
    /// `AWS::NoValue`: as if the member were not there.
    Nothing,
}

impl Known {
    fn text(self) -> Option<String> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// What a template says of values.
pub(crate) struct Resolver<'a> {
    template: &'a Node,
    given: &'a BTreeMap<String, String>,
    steps: Cell<u32>,
    depth: Cell<u32>,
    /// Identifiers of loops: each stands for several values.
    loops: Vec<&'a str>,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(template: &'a Node, given: &'a BTreeMap<String, String>) -> Self {
        let mut loops = Vec::new();
        template.get("Resources").into_iter().for_each(|resources| identifiers(resources, &mut loops));
        Self { template, given, steps: Cell::new(0), depth: Cell::new(0), loops }
    }

    /// The value of a scalar, a list of scalars, or a function; `None` where it is not known.
    pub(crate) fn value(&self, node: &Node) -> Option<Known> {
        self.steps.set(STEPS);
        self.eval(node)
    }

    /// Whether a condition holds; `None` where it is not known.
    pub(crate) fn holds(&self, condition: &str) -> Option<bool> {
        self.steps.set(STEPS);
        self.condition_named(condition)
    }

    fn eval(&self, node: &Node) -> Option<Known> {
        self.deeper(|| self.eval_here(node))
    }

    /// One step of the evaluation, one level deeper.
    fn deeper<T>(&self, step: impl FnOnce() -> Option<T>) -> Option<T> {
        self.steps.set(self.steps.get().checked_sub(1)?);
        let depth = self.depth.get();
        if depth == DEPTH {
            return None;
        }
        self.depth.set(depth + 1);
        let outcome = step();
        self.depth.set(depth);
        outcome
    }

    fn eval_here(&self, node: &Node) -> Option<Known> {
        if let Some((function, argument)) = node.intrinsic() {
            return self.call(function, argument);
        }
        match &node.value {
            Value::Text(text) if self.is_repeated(text) => None,
            Value::Text(text) | Value::Number(text) => Some(Known::Text(text.clone())),
            Value::Bool(value) => Some(Known::Text(value.to_string())),
            Value::Null => Some(Known::Nothing),
            Value::List(elements) => self.list(elements).map(Known::List),
            Value::Map(_) => None,
        }
    }

    /// The elements that are there; `None` if one is not known.
    fn list(&self, elements: &[Node]) -> Option<Vec<String>> {
        let mut list = Vec::new();
        for element in elements {
            match self.eval(element)? {
                Known::Text(text) => list.push(text),
                Known::Nothing => {}
                Known::List(_) => return None,
            }
        }
        Some(list)
    }

    fn text(&self, node: &Node) -> Option<String> {
        self.eval(node)?.text()
    }

    fn call(&self, function: &str, argument: &Node) -> Option<Known> {
        match function {
            "Ref" => self.reference(argument.text()?),
            "Fn::Sub" => self.substitute(argument),
            "Fn::Join" => {
                let [separator, list] = argument.elements() else { return None };
                let Known::List(parts) = self.eval(list)? else { return None };
                bounded(parts.join(separator.text()?))
            }
            "Fn::Split" => {
                let [separator, text] = argument.elements() else { return None };
                let (separator, text) = (separator.text()?, self.text(text)?);
                (!separator.is_empty())
                    .then(|| Known::List(text.split(separator).map(str::to_owned).collect()))
            }
            "Fn::Select" => {
                let [index, list] = argument.elements() else { return None };
                let Known::List(list) = self.eval(list)? else { return None };
                list.get(self.text(index)?.parse::<usize>().ok()?).cloned().map(Known::Text)
            }
            "Fn::FindInMap" => self.find_in_map(argument),
            "Fn::If" => {
                let [condition, yes, no] = argument.elements() else { return None };
                match self.condition_named(condition.text()?) {
                    Some(true) => self.eval(yes),
                    Some(false) => self.eval(no),
                    None => {
                        let both = (self.eval(yes)?, self.eval(no)?);
                        (both.0 == both.1).then_some(both.0)
                    }
                }
            }
            _ => None,
        }
    }

    fn parameter(&self, name: &str) -> Option<&Node> {
        self.template.get("Parameters")?.get(name)
    }

    /// Whether a parameter is a list.
    pub(crate) fn is_list(&self, name: &str) -> bool {
        let kind = self.parameter(name).and_then(|parameter| parameter.get("Type")).and_then(Node::text);
        kind.is_some_and(|kind| kind == "CommaDelimitedList" || kind.starts_with("List<"))
    }

    fn reference(&self, name: &str) -> Option<Known> {
        if name == "AWS::NoValue" {
            return Some(Known::Nothing);
        }
        if self.loops.contains(&name) {
            return None;
        }
        let parameter = self.parameter(name);
        let kind = parameter.and_then(|parameter| parameter.get("Type")).and_then(Node::text);
        // What a parameter of the Parameter Store type stands for is known to AWS only.
        if kind.is_some_and(|kind| kind.starts_with("AWS::SSM::")) && !self.given.contains_key(name) {
            return None;
        }
        let text = match self.given.get(name) {
            Some(given) => given.clone(),
            None => match &parameter?.get("Default")?.value {
                Value::Text(text) | Value::Number(text) => text.clone(),
                Value::Bool(value) => value.to_string(),
                _ => return None,
            },
        };
        Some(if self.is_list(name) {
            Known::List(text.split(',').map(|part| part.trim().to_owned()).collect())
        } else {
            Known::Text(text)
        })
    }

    /// `Fn::Sub`: `${Name}`, `${!Literal}`, and a mapping with values of its own.
    fn substitute(&self, argument: &Node) -> Option<Known> {
        let (pattern, own) = match argument.elements() {
            [] => (argument.text()?, None),
            [pattern, own] => (pattern.text()?, Some(own)),
            _ => return None,
        };
        if self.is_repeated(pattern) {
            return None;
        }
        let (mut text, mut rest) = (String::new(), pattern);
        while let Some((before, after)) = rest.split_once("${") {
            text.push_str(before);
            let (name, behind) = after.split_once('}')?;
            match name.strip_prefix('!') {
                Some(literal) => text.push_str(&format!("${{{literal}}}")),
                None => {
                    let value = match own.and_then(|own| own.get(name)) {
                        Some(node) => self.text(node)?,
                        None => self.reference(name)?.text()?,
                    };
                    text.push_str(&value);
                }
            }
            if text.len() > MAX_TEXT {
                return None;
            }
            rest = behind;
        }
        text.push_str(rest);
        bounded(text)
    }

    /// Whether a loop's identifier stands in a text, as `${Name}` or `&{Name}`.
    fn is_repeated(&self, text: &str) -> bool {
        self.loops
            .iter()
            .any(|name| ["${", "&{"].iter().any(|open| text.contains(&format!("{open}{name}}}"))))
    }

    fn find_in_map(&self, argument: &Node) -> Option<Known> {
        let [map, first, second] = argument.elements() else { return None };
        let keys = (self.text(map)?, self.text(first)?, self.text(second)?);
        let found = self.template.get("Mappings")?.get(&keys.0)?.get(&keys.1)?.get(&keys.2)?;
        self.eval(found)
    }

    fn condition_named(&self, name: &str) -> Option<bool> {
        self.condition(self.template.get("Conditions")?.get(name)?)
    }

    fn condition(&self, node: &Node) -> Option<bool> {
        self.deeper(|| self.condition_here(node))
    }

    fn condition_here(&self, node: &Node) -> Option<bool> {
        if let [member] = node.members()
            && member.name == "Condition"
        {
            return self.condition_named(member.node.text()?);
        }
        let (function, argument) = node.intrinsic()?;
        match function {
            "Fn::Equals" => {
                let [left, right] = argument.elements() else { return None };
                Some(self.eval(left)? == self.eval(right)?)
            }
            "Fn::Not" => {
                let [inner] = argument.elements() else { return None };
                self.condition(inner).map(|value| !value)
            }
            "Fn::And" | "Fn::Or" => {
                let decisive = function == "Fn::Or";
                let mut all_known = true;
                for inner in argument.elements() {
                    match self.condition(inner) {
                        Some(value) if value == decisive => return Some(decisive),
                        Some(_) => {}
                        None => all_known = false,
                    }
                }
                all_known.then_some(!decisive)
            }
            _ => None,
        }
    }
}

/// Identifiers of the loops among resources, and of those in them.
fn identifiers<'a>(resources: &'a Node, found: &mut Vec<&'a str>) {
    for member in resources.members().iter().filter(|member| member.name.starts_with(opaque::LOOP)) {
        found.extend(member.node.elements().first().and_then(Node::text));
        opaque::body(&member.node).into_iter().for_each(|body| identifiers(body, found));
    }
}

fn bounded(text: String) -> Option<Known> {
    (text.len() <= MAX_TEXT).then_some(Known::Text(text))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Known, Resolver};
    use crate::embed::yaml;

    const TEMPLATE: &str = r#"
Parameters:
  Tag: {Type: String, Default: "1.2"}
  Port: {Type: Number, Default: 8080}
  Words: {Type: CommaDelimitedList, Default: "a, b"}
  Needed: {Type: String}
  Stored: {Type: "AWS::SSM::Parameter::Value<String>", Default: /name}
Mappings:
  Images: {eu: {app: img-eu}}
Conditions:
  Is: !Equals [!Ref Tag, "1.2"]
  IsNot: !Not [!Condition Is]
  Both: !And [!Condition Is, !Condition IsNot]
  Any: !Or [!Equals [!Ref Needed, x], !Condition Is]
  Circle: !And [!Condition Circle, !Condition Circle]
"#;

    #[test]
    fn values_as_cloudformation_makes_them() {
        let template = yaml::parse(TEMPLATE).unwrap();
        let given = BTreeMap::from([("AWS::Region".to_owned(), "eu".to_owned())]);
        let text = |text: &str| Some(Known::Text(text.to_owned()));
        for (written, expected) in [
            ("!Ref Tag", text("1.2")),
            ("!Ref Port", text("8080")),
            ("!Ref Needed", None),
            ("!Ref Stored", None),
            ("!Ref AWS::NoValue", Some(Known::Nothing)),
            ("!Ref Words", Some(Known::List(vec!["a".into(), "b".into()]))),
            ("!Sub 'x:${Tag}-${!Tag}'", text("x:1.2-${Tag}")),
            ("!Sub ['${a}${Port}', {a: !Ref Tag}]", text("1.28080")),
            ("!Sub 'x:${Missing.Arn}'", None),
            ("!Join [':', [x, !Ref Tag, !Ref AWS::NoValue]]", text("x:1.2")),
            ("!Select [1, !Split ['/', a/b]]", text("b")),
            ("!FindInMap [Images, !Ref AWS::Region, app]", text("img-eu")),
            ("!FindInMap [Images, us, app]", None),
            ("!If [Is, a, b]", text("a")),
            ("!If [IsNot, a, b]", text("b")),
            ("!If [Both, a, b]", text("b")),
            ("!If [Any, a, b]", text("a")),
            ("!If [Circle, a, b]", None),
            ("!If [Unknown, a, a]", text("a")),
            ("!GetAtt A.B", None),
            ("!ImportValue x", None),
        ] {
            let node = yaml::parse(written).unwrap();
            assert_eq!(Resolver::new(&template, &given).value(&node), expected, "{written}");
        }
    }
}
