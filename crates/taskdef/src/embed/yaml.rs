//! YAML as a [`Node`] tree: tags of CloudFormation's short forms become calls, aliases copies that are marked as
//! shared. Depth, nodes and what aliases expand to are bounded.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use granit_parser::{Event, Options, Parser, ScalarStyle, Span, Tag};

use super::tree::{Member, Node, Style, Value};

/// Deepest nesting of lists and mappings.
pub(super) const MAX_DEPTH: usize = 64;
/// Most nodes of a file, each alias counted as all it stands for. A template of 1 MiB has some 100,000.
pub(super) const MAX_NODES: usize = 300_000;

/// Why a file is not YAML, or too much of it.
#[derive(Debug)]
pub(crate) struct YamlError {
    pub(crate) message: String,
    /// The byte of the file.
    pub(crate) at: usize,
}

fn error(message: impl Into<String>, at: usize) -> YamlError {
    YamlError { message: message.into(), at }
}

/// Reads a file of one document.
pub(crate) fn parse(text: &str) -> Result<Node, YamlError> {
    let mut builder = Builder { text, ..Builder::default() };
    builder.aliased = aliased(text)?;
    events(text, |event, span| builder.event(event, span))?;
    match (builder.documents.len(), builder.documents.pop()) {
        (1, Some((node, _))) => Ok(node),
        (0, _) | (_, None) => Err(error("the document is empty", 0)),
        (_, Some((node, _))) => Err(error("more than one document in the file; give one", node.span.start)),
    }
}

fn events<'a>(
    text: &'a str,
    mut each: impl FnMut(Event<'a>, Range<usize>) -> Result<(), YamlError>,
) -> Result<(), YamlError> {
    let mut options = Options::default();
    options.emit_comments = false;
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) =
            event.map_err(|found| error(found.info(), found.marker().byte_offset().unwrap_or_default()))?;
        each(event, bytes(&span))?;
    }
    Ok(())
}

fn bytes(span: &Span) -> Range<usize> {
    let start = span.start.byte_offset().unwrap_or_default();
    start..span.end.byte_offset().unwrap_or(start).max(start)
}

/// The anchors some alias refers to.
fn aliased(text: &str) -> Result<BTreeSet<usize>, YamlError> {
    let (mut found, mut depth) = (BTreeSet::new(), 0_usize);
    events(text, |event, span| {
        match event {
            Event::Alias(anchor) => {
                found.insert(anchor);
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => depth += 1,
            Event::SequenceEnd | Event::MappingEnd => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(error(format!("nested deeper than {MAX_DEPTH} levels"), span.start));
        }
        Ok(())
    })?;
    Ok(found)
}

/// A list or mapping that is being read. A mapping's names and values follow each other.
struct Open {
    start: usize,
    anchor: usize,
    tag: Option<String>,
    style: Style,
    is_mapping: bool,
    children: Vec<Node>,
    weight: usize,
}

#[derive(Default)]
struct Builder<'a> {
    text: &'a str,
    documents: Vec<(Node, usize)>,
    open: Vec<Open>,
    aliased: BTreeSet<usize>,
    anchors: BTreeMap<usize, (Node, usize)>,
    /// Nodes kept for aliases to come.
    kept: usize,
    /// End of what was read last.
    last: usize,
}

impl<'a> Builder<'a> {
    fn event(&mut self, event: Event<'a>, span: Range<usize>) -> Result<(), YamlError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let start = self.start(&span, anchor, tag.is_some());
                let node = self.scalar(&text, style, start, &span);
                self.last = node.span.end.max(self.last);
                self.add(tagged(node, tag.as_deref().and_then(function)), anchor, 1)
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.enter(&span, style, anchor, tag.as_deref(), false)
            }
            Event::MappingStart(style, anchor, tag) => self.enter(&span, style, anchor, tag.as_deref(), true),
            Event::SequenceEnd | Event::MappingEnd => self.close(&span),
            Event::Alias(anchor) => {
                let Some((mut node, weight)) = self.anchors.get(&anchor).cloned() else {
                    return Err(error("this alias stands inside what it refers to", span.start));
                };
                node.span = span.clone();
                self.last = span.end;
                self.put(node, weight)
            }
            Event::DocumentStart(..) => {
                self.anchors.clear();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Where a value begins, its tag and anchor included.
    fn start(&self, span: &Range<usize>, anchor: usize, tagged: bool) -> usize {
        if anchor == 0 && !tagged {
            return span.start;
        }
        let region = self.text.get(self.last..span.start).unwrap_or_default();
        properties(region).map_or(span.start, |at| self.last + at)
    }

    fn scalar(&self, text: &str, style: ScalarStyle, start: usize, span: &Range<usize>) -> Node {
        let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let written = self.text.get(span.clone()).unwrap_or_default();
        let end = if is_block { span.start + written.trim_end().len() } else { span.end };
        let value = if style == ScalarStyle::Plain { plain(text) } else { Value::Text(text.to_owned()) };
        let style = if is_block { Style::Block } else { Style::Flow };
        Node { span: start..end.max(start), style, value, shared: false }
    }

    fn enter(
        &mut self,
        span: &Range<usize>,
        style: granit_parser::StructureStyle,
        anchor: usize,
        tag: Option<&Tag>,
        is_mapping: bool,
    ) -> Result<(), YamlError> {
        let start = self.start(span, anchor, tag.is_some());
        let style = if style == granit_parser::StructureStyle::Flow { Style::Flow } else { Style::Block };
        let tag = tag.and_then(function);
        self.last = span.end.max(self.last);
        self.open.push(Open { start, anchor, tag, style, is_mapping, children: Vec::new(), weight: 1 });
        Ok(())
    }

    fn close(&mut self, span: &Range<usize>) -> Result<(), YamlError> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let end = match (open.style, open.children.last()) {
            (Style::Flow, _) => span.end,
            (Style::Block, Some(last)) => last.span.end,
            (Style::Block, None) => span.start,
        };
        self.last = self.last.max(end);
        let value = if open.is_mapping {
            Value::Map(self.members(open.children)?)
        } else {
            Value::List(open.children)
        };
        let node = Node { span: open.start..end.max(open.start), style: open.style, value, shared: false };
        self.add(tagged(node, open.tag), open.anchor, open.weight)
    }

    fn members(&self, children: Vec<Node>) -> Result<Vec<Member>, YamlError> {
        let mut members: Vec<Member> = Vec::with_capacity(children.len() / 2);
        let mut names = BTreeSet::new();
        let mut children = children.into_iter();
        while let (Some(name), Some(mut node)) = (children.next(), children.next()) {
            let start = name.span.start;
            let text = match name.value {
                Value::Text(text) => text,
                Value::List(_) | Value::Map(_) => {
                    return Err(error("a member's name must be a string", start));
                }
                // `on`, `1`, `no` are names as they are written.
                _ => self.text.get(name.span.clone()).unwrap_or_default().to_owned(),
            };
            if !names.insert(text.clone()) {
                return Err(error(format!("member {text:?} is given twice"), start));
            }
            // A value that is not written has the place of its name.
            if node.value == Value::Null && node.span.is_empty() {
                let after = self.text.get(name.span.end..).unwrap_or_default();
                let colon = name.span.end + after.find(':').map_or(0, |at| at + 1);
                node.span = colon..colon;
            }
            members.push(Member { name: text, start, node });
        }
        Ok(members)
    }

    fn add(&mut self, mut node: Node, anchor: usize, weight: usize) -> Result<(), YamlError> {
        if anchor != 0 && self.aliased.contains(&anchor) {
            self.kept = self.kept.saturating_add(weight);
            if self.kept > MAX_NODES {
                return Err(too_many(node.span.start));
            }
            share(&mut node);
            self.anchors.insert(anchor, (node.clone(), weight));
        }
        self.put(node, weight)
    }

    fn put(&mut self, node: Node, weight: usize) -> Result<(), YamlError> {
        let at = node.span.start;
        let total = match self.open.last_mut() {
            Some(open) => {
                open.weight = open.weight.saturating_add(weight);
                open.children.push(node);
                // What is still open above holds this too.
                self.open.iter().map(|open| open.weight).fold(0, usize::saturating_add)
            }
            None => {
                self.documents.push((node, weight));
                weight
            }
        };
        if total > MAX_NODES {
            return Err(too_many(at));
        }
        Ok(())
    }
}

fn too_many(at: usize) -> YamlError {
    error(format!("more than {MAX_NODES} nodes, counting what aliases stand for"), at)
}

/// The start of a tag or anchor in what lies between two values; comments are passed over.
fn properties(region: &str) -> Option<usize> {
    let (mut comment, mut before) = (false, ' ');
    for (at, found) in region.char_indices() {
        match found {
            '\n' => comment = false,
            '#' if before.is_whitespace() => comment = true,
            '!' | '&' if !comment => return Some(at),
            _ => {}
        }
        before = found;
    }
    None
}

/// CloudFormation's long name of a short form.
fn function(tag: &Tag) -> Option<String> {
    if tag.handle() != "!" {
        return None;
    }
    match tag.suffix() {
        name @ ("Ref" | "Condition") => Some(name.to_owned()),
        name => Some(format!("Fn::{name}")),
    }
}

fn tagged(node: Node, function: Option<String>) -> Node {
    let Some(name) = function else { return node };
    let argument = Node { style: node.style, ..node.clone() };
    let start = node.span.start;
    let value = Value::Map(vec![Member { name, start, node: argument }]);
    Node { span: node.span, style: Style::Flow, value, shared: false }
}

fn share(node: &mut Node) {
    node.shared = true;
    match &mut node.value {
        Value::List(elements) => elements.iter_mut().for_each(share),
        Value::Map(members) => members.iter_mut().for_each(|member| share(&mut member.node)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
}

/// A scalar without quotes, as YAML 1.1 and CloudFormation understand it.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Value::Bool(false),
        _ if is_number(text) => Value::Number(text.to_owned()),
        _ => Value::Text(text.to_owned()),
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && digits.bytes().any(|byte| byte.is_ascii_digit())
        && digits.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::{Node, Value, parse};

    fn at<'a>(node: &'a Node, path: &[&str]) -> &'a Node {
        path.iter().fold(node, |node, name| match name.parse::<usize>() {
            Ok(index) => &node.elements()[index],
            Err(_) => &node.member(name).unwrap().node,
        })
    }

    #[test]
    fn values_know_their_bytes() {
        let text = "a: !Ref  B # c\nb: |\n  hi\n  ho\n\n# cm!\nc:\n  - k: v\n    l: !Sub # !x\n      - '${a}'\n      - {q: 1}\n  \
                    - !If [x, y]\nd:\nf:\n- 1\n- \n-   x: y\n# end\n";
        let root = parse(text).unwrap();
        for (path, bytes) in [
            (&["a"][..], "!Ref  B"),
            (&["a", "Ref"], "!Ref  B"),
            (&["b"], "hi\n  ho"),
            (&["c", "0"], "k: v\n    l: !Sub # !x\n      - '${a}'\n      - {q: 1}"),
            (&["c", "0", "l", "Fn::Sub", "1", "q"], "1"),
            (&["c", "1"], "!If [x, y]"),
            (&["d"], ""),
            (&["f"], "1\n- \n-   x: y"),
        ] {
            assert_eq!(&text[at(&root, path).span.clone()], bytes, "{path:?}");
        }
        assert_eq!(at(&root, &["d"]).span.start, text.find("d:").unwrap() + 2);
        assert_eq!(at(&root, &["f", "1"]).value, Value::Null);
    }

    #[test]
    fn what_aliases_refer_to_is_shared() {
        let root = parse("a: &x {b: 1}\nc: *x\nd: &y 2\n").unwrap();
        assert!(at(&root, &["a", "b"]).shared && at(&root, &["c", "b"]).shared);
        assert!(!at(&root, &["d"]).shared && !root.shared);
    }

    #[test]
    fn hostile_files_are_refused_where_they_go_wrong() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..10 {
            let refs = vec![format!("*a{}", level - 1); 9].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{refs}]\n"));
        }
        let nested: String = (0..60).map(|level| format!("&a{level} [")).collect();
        let all = "x, ".repeat(20_000) + &"]".repeat(60);
        let aliases: String = (0..60).map(|level| format!(", *a{level}")).collect();
        for (text, part) in [
            (bomb.as_str(), "nodes"),
            (&format!("[{nested}{all}{aliases}]"), "nodes"),
            (&"[".repeat(10_000), ""),
            ("a: 1\nb: 2\na: 3\n", "\"a\" is given twice"),
            ("a: &x [*x]\n", "inside what it refers to"),
            ("? [a]\n: b\n", "name must be a string"),
            ("a: 1\n---\nb: 1\n", "more than one document"),
            ("", "empty"),
            ("a: *nowhere\n", ""),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.message.contains(part), "{}: {}", part, error.message);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "[-:>|{}\\[\\]&*!#'\" \\n\\ta-z0-9é]{0,80}") {
            if let Ok(node) = parse(&text) {
                proptest::prop_assert!(text.get(node.span).is_some());
            }
        }
    }
}
