//! YAML as a tree of nodes that know their place. Anchors are shared, not copied; depth, number of nodes and what
//! aliases would expand to are bounded.

use std::{collections::HashMap, ops::Range, rc::Rc};

use granit_parser::{Event, Options, Parser, ScalarStyle, Span};

/// Deepest nesting of sequences and mappings.
pub const MAX_DEPTH: usize = 32;
/// Most nodes of a file, each alias counted as all it stands for.
pub const MAX_NODES: usize = 500_000;

/// A node with its place.
#[derive(Debug)]
pub struct Node {
    /// Bytes of the file.
    pub span: Range<usize>,
    /// What it is.
    pub content: Content,
    /// Nodes below, aliases expanded.
    weight: usize,
}

/// What a node is.
#[derive(Debug)]
pub enum Content {
    /// Text, and whether it stood without quotes.
    Scalar(String, bool),
    /// Items.
    Sequence(Vec<Rc<Node>>),
    /// Keys and values in the order of the file; a key may stand twice.
    Mapping(Vec<(Rc<Node>, Rc<Node>)>),
}

/// Why a file is not YAML, or too much of it.
#[derive(Debug)]
pub struct YamlError {
    /// What is wrong.
    pub message: String,
    /// Bytes of the file.
    pub span: Range<usize>,
}

impl Node {
    /// The text of a scalar; `None` for null and for what is not a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(text, plain) if !(*plain && is_null(text)) => Some(text),
            _ => None,
        }
    }

    /// Null: `~`, `null` or nothing, without quotes.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar(text, true) if is_null(text))
    }

    /// The items of a sequence.
    #[must_use]
    pub fn items(&self) -> Option<&[Rc<Self>]> {
        match &self.content {
            Content::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a mapping.
    #[must_use]
    pub fn entries(&self) -> Option<&[(Rc<Self>, Rc<Self>)]> {
        match &self.content {
            Content::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a key; the first where a key stands twice.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Rc<Self>> {
        self.entries()?.iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Reads every document of a file.
///
/// # Errors
/// It is not YAML, nested deeper than [`MAX_DEPTH`], or holds more than [`MAX_NODES`].
pub fn documents(text: &str) -> Result<Vec<Rc<Node>>, YamlError> {
    let mut options = Options::default();
    options.emit_comments = false;
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| {
            let at = error.marker().byte_offset().unwrap_or_default();
            YamlError { message: error.info(), span: at..at + 1 }
        })?;
        builder.event(event, &bytes(&span))?;
    }
    Ok(builder.documents)
}

fn bytes(span: &Span) -> Range<usize> {
    let start = span.start.byte_offset().unwrap_or_default();
    start..span.end.byte_offset().unwrap_or(start).max(start)
}

/// A sequence or mapping that is being read. A mapping's keys and values follow each other.
struct Open {
    start: usize,
    anchor: usize,
    is_mapping: bool,
    children: Vec<Rc<Node>>,
    weight: usize,
}

#[derive(Default)]
struct Builder {
    documents: Vec<Rc<Node>>,
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    nodes: usize,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: &Range<usize>) -> Result<(), YamlError> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let content = Content::Scalar(text.into_owned(), style == ScalarStyle::Plain);
                self.add(Node { span: span.clone(), content, weight: 1 }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => self.open(span, anchor, false),
            Event::MappingStart(_, anchor, _) => self.open(span, anchor, true),
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => self.put(node, span),
                None => Err(error("this alias stands inside what it refers to", span)),
            },
            Event::DocumentStart(..) => {
                self.anchors.clear();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, span: &Range<usize>, anchor: usize, is_mapping: bool) -> Result<(), YamlError> {
        if self.open.len() == MAX_DEPTH {
            return Err(error(format!("nested deeper than {MAX_DEPTH} levels"), span));
        }
        self.open.push(Open { start: span.start, anchor, is_mapping, children: Vec::new(), weight: 1 });
        Ok(())
    }

    fn close(&mut self, span: &Range<usize>) -> Result<(), YamlError> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let content = if open.is_mapping {
            let mut entries = Vec::with_capacity(open.children.len() / 2);
            let mut children = open.children.into_iter();
            while let (Some(key), Some(value)) = (children.next(), children.next()) {
                entries.push((key, value));
            }
            Content::Mapping(entries)
        } else {
            Content::Sequence(open.children)
        };
        let span = open.start..span.end.max(open.start);
        self.add(Node { span, content, weight: open.weight }, open.anchor)
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), YamlError> {
        let span = node.span.clone();
        let node = Rc::new(node);
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.put(node, &span)
    }

    fn put(&mut self, node: Rc<Node>, span: &Range<usize>) -> Result<(), YamlError> {
        let total = match self.open.last_mut() {
            Some(open) => {
                open.weight = open.weight.saturating_add(node.weight);
                open.children.push(node);
                open.weight
            }
            None => {
                self.nodes = self.nodes.saturating_add(node.weight);
                self.documents.push(node);
                self.nodes
            }
        };
        if total > MAX_NODES {
            return Err(error(format!("more than {MAX_NODES} nodes, counting what aliases stand for"), span));
        }
        Ok(())
    }
}

fn error(message: impl Into<String>, span: &Range<usize>) -> YamlError {
    YamlError { message: message.into(), span: span.clone() }
}

#[cfg(test)]
mod tests {
    use super::documents;

    #[test]
    fn scalars_know_their_place() {
        let text = "- rule: é x\n  tags: [a, \"b\"]\n--- \n- null\n";
        let documents = documents(text).unwrap();
        let rule = documents[0].items().unwrap()[0].get("rule").unwrap();
        assert_eq!((rule.text(), &text[rule.span.clone()]), (Some("é x"), "é x"));
        assert!(documents[1].items().unwrap()[0].is_null());
    }

    #[test]
    fn bombs_are_refused_where_they_go_off() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..10 {
            let refs = vec![format!("*a{}", level - 1); 9].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{refs}]\n"));
        }
        let error = documents(&text).unwrap_err();
        assert!(error.message.contains("more than 500000 nodes"), "{}", error.message);
        assert!(error.span.start > 0);
        let error = documents(&"[".repeat(10_000)).unwrap_err();
        assert!(error.message.contains("nested") || error.message.contains("limit"), "{}", error.message);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "[-:>|{}\\[\\]&*!#'\" \\n\\ta-z0-9é]{0,80}") {
            let _ = documents(&text);
        }
    }
}
