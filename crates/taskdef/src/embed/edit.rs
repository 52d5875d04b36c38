//! Changes to a document's text that touch nothing but the changed members.

use std::{ops::Range, rc::Rc};

use super::{
    tree::{Node, Style, Value},
    write::{self, Layout, New},
};

/// Why a place cannot be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Other places of the document refer to it.
    Shared,
    /// It is written in a way that leaves no room: several values on a line that is not in brackets.
    Layout,
}

struct Edit {
    range: Range<usize>,
    text: String,
    /// Of two insertions at one place the one deeper in the document comes first.
    depth: usize,
}

/// How a text is laid out; found out once.
struct Shape {
    newline: &'static str,
    unit: String,
    /// JSON without space after colons.
    compact: bool,
    /// Bytes at which lines begin.
    lines: Vec<usize>,
}

/// Collects changes of one text. Places are those of the unchanged text.
pub(crate) struct Editor<'a> {
    text: &'a str,
    edits: Vec<Edit>,
    shape: Rc<Shape>,
}

impl<'a> Editor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let first = text.find('\n').and_then(|end| text.get(..end)).unwrap_or_default();
        let newline = if first.ends_with('\r') { "\r\n" } else { "\n" };
        let unit = text.lines().map(indentation).find(|indent| !indent.is_empty()).unwrap_or("  ").to_owned();
        let compact = !text.contains(": ") && text.contains("\":");
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, edits: Vec::new(), shape: Rc::new(Shape { newline, unit, compact, lines }) }
    }

    /// Another one of the same text, without changes.
    pub(crate) fn fresh(&self) -> Self {
        Self { text: self.text, edits: Vec::new(), shape: Rc::clone(&self.shape) }
    }

    /// Puts members at the end of a mapping.
    pub(crate) fn add_members(&mut self, map: &Node, members: &[(String, New)]) -> Result<(), Refused> {
        refuse_shared(map)?;
        if members.is_empty() {
            return Ok(());
        }
        let children: Vec<Range<usize>> = children(self.text, map);
        let (Some(first), Some(last)) = (children.first(), children.last()) else {
            self.replace(map, &New::Map(members.to_vec()))?;
            return Ok(());
        };
        if map.style == Style::Block {
            let column = self.column(first.start);
            let lines: Vec<String> = members
                .iter()
                .map(|(name, value)| write::yaml_member(name, value, column, self.shape.newline))
                .collect();
            return self.add_lines(last.end, column, 2 * column, &lines);
        }
        let layout = self.layout(map, &children);
        let parts = members.iter().map(|(name, value)| {
            format!("{}{}{}", write::quoted(name), layout.colon, write::json(value, &layout))
        });
        let text: String = parts.map(|part| format!("{}{part}", layout.separator())).collect();
        self.insert(last.end, text, 0);
        Ok(())
    }

    /// Puts items at the end of a list.
    pub(crate) fn append(&mut self, list: &Node, items: &[New]) -> Result<(), Refused> {
        refuse_shared(list)?;
        if items.is_empty() {
            return Ok(());
        }
        let children = children(self.text, list);
        let (Some(first), Some(last)) = (children.first(), children.last()) else {
            return self.replace(list, &New::List(items.to_vec()));
        };
        if list.style == Style::Block {
            let column = self.column(first.start);
            let lines: Vec<String> =
                items.iter().map(|item| write::yaml_item(item, column, self.shape.newline)).collect();
            // A list's dashes may stand under the name of its member: then the list is still the deeper of both.
            return self.add_lines(last.end, column, 2 * column + 1, &lines);
        }
        let layout = self.layout(list, &children);
        let text: String = items
            .iter()
            .map(|item| format!("{}{}", layout.separator(), write::json(item, &layout)))
            .collect();
        self.insert(last.end, text, 0);
        Ok(())
    }

    /// Puts items at the beginning of a list that is not empty.
    pub(crate) fn prepend(&mut self, list: &Node, items: &[New]) -> Result<(), Refused> {
        refuse_shared(list)?;
        let children = children(self.text, list);
        let Some(first) = children.first() else { return self.replace(list, &New::List(items.to_vec())) };
        let text: String = if list.style == Style::Block {
            let column = self.column(first.start);
            let lines = items.iter().map(|item| write::yaml_item(item, column, self.shape.newline));
            lines.map(|line| format!("{line}{}{:column$}", self.shape.newline, "")).collect()
        } else {
            let layout = self.layout(list, &children);
            items.iter().map(|item| format!("{}{}", write::json(item, &layout), layout.separator())).collect()
        };
        self.insert(first.start, text, 0);
        Ok(())
    }

    /// Puts a value in another's place.
    pub(crate) fn replace(&mut self, node: &Node, value: &New) -> Result<(), Refused> {
        refuse_shared(node)?;
        let layout = self.line_layout();
        let text = write::json(value, &layout);
        self.replace_raw(node, &text)
    }

    /// Puts text in a value's place.
    pub(crate) fn replace_raw(&mut self, node: &Node, text: &str) -> Result<(), Refused> {
        refuse_shared(node)?;
        // A text by lines begins with a mark that is not its own; lists and mappings can stand in brackets anywhere.
        if node.style == Style::Block && matches!(node.value, Value::Text(_)) {
            return Err(Refused::Layout);
        }
        // After the colon of a member without a value.
        let space = if node.span.is_empty() && !text.is_empty() { " " } else { "" };
        let mut range = node.span.clone();
        if text.is_empty() && self.text.get(..range.start).is_some_and(|before| before.ends_with(' ')) {
            range.start -= 1;
        }
        self.edits.push(Edit { range, text: format!("{space}{text}"), depth: 0 });
        Ok(())
    }

    /// Takes children of a mapping or list out, by their index; some must remain.
    pub(crate) fn remove(&mut self, parent: &Node, gone: &[usize]) -> Result<(), Refused> {
        refuse_shared(parent)?;
        let children = children(self.text, parent);
        let mut index = 0;
        while let Some(child) = children.get(index) {
            if !gone.contains(&index) {
                index += 1;
                continue;
            }
            let length = (index..children.len()).take_while(|index| gone.contains(index)).count();
            let end = children.get(index + length - 1).map_or(child.end, |last| last.end);
            let before = index.checked_sub(1).and_then(|index| children.get(index));
            let range = match (before, children.get(index + length)) {
                (Some(_), _) if parent.style == Style::Block => {
                    let line = self.line_start(child.start);
                    self.line_end_before(line)..self.line_end(end)
                }
                (Some(before), _) => before.end..end,
                (None, Some(after)) => child.start..after.start,
                (None, None) => return Err(Refused::Layout),
            };
            self.edits.push(Edit { range, text: String::new(), depth: 0 });
            index += length;
        }
        Ok(())
    }

    /// Takes over another's changes of the same text.
    pub(crate) fn absorb(&mut self, mut other: Self) {
        self.edits.append(&mut other.edits);
    }

    /// Bytes that all changes put in.
    pub(crate) fn added(&self) -> usize {
        self.edits.iter().map(|edit| edit.text.len()).sum()
    }

    /// The text with all changes; `None` if two of them touch.
    pub(crate) fn finish(mut self) -> Option<String> {
        self.edits.sort_by_key(|edit| (edit.range.start, std::cmp::Reverse(edit.depth)));
        let mut text = String::with_capacity(self.text.len() + 4096);
        let mut done = 0;
        for edit in &self.edits {
            text.push_str(self.text.get(done..edit.range.start)?);
            text.push_str(&edit.text);
            done = edit.range.end;
        }
        text.push_str(self.text.get(done..)?);
        Some(text)
    }

    fn insert(&mut self, at: usize, text: String, depth: usize) {
        self.edits.push(Edit { range: at..at, text, depth });
    }

    /// Lines after the one on which a value ends.
    fn add_lines(
        &mut self,
        end: usize,
        column: usize,
        depth: usize,
        lines: &[String],
    ) -> Result<(), Refused> {
        let at = self.line_end(end);
        let rest = self.text.get(end..at).unwrap_or_default().trim();
        if !rest.is_empty() && !rest.starts_with('#') {
            return Err(Refused::Layout);
        }
        let text: String =
            lines.iter().map(|line| format!("{}{:column$}{line}", self.shape.newline, "")).collect();
        self.insert(at, text, depth);
        Ok(())
    }

    fn line_start(&self, at: usize) -> usize {
        let line = self.shape.lines.partition_point(|start| *start <= at);
        line.checked_sub(1).and_then(|index| self.shape.lines.get(index)).copied().unwrap_or_default()
    }

    /// Bytes between a place and the start of its line.
    fn column(&self, at: usize) -> usize {
        at - self.line_start(at)
    }

    /// The end of a line without what ends it.
    fn line_end(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        at + line.strip_suffix('\r').unwrap_or(line).len()
    }

    /// The end of the line before the one that starts at `start`.
    fn line_end_before(&self, start: usize) -> usize {
        let before = self.text.get(..start).unwrap_or_default();
        let before = before.strip_suffix('\n').unwrap_or(before);
        before.strip_suffix('\r').unwrap_or(before).len()
    }

    /// How what stands in brackets is laid out: by lines if its first child has a line of its own.
    fn layout(&self, parent: &Node, children: &[Range<usize>]) -> Layout {
        let mut layout = self.line_layout();
        let Some(first) = children.first() else { return layout };
        let written = self.text.get(parent.span.clone()).unwrap_or_default();
        let indent = self.text.get(self.line_start(first.start)..first.start).unwrap_or_default();
        if indent.trim().is_empty() && first.start > 0 {
            layout.line = Some(format!("{}{indent}", self.shape.newline));
        } else if let Some(gap) = gap(self.text, children) {
            layout.comma = if gap.trim_start().len() == gap.len() && gap == "," { "," } else { ", " };
            layout.colon = if written.contains("\": ") || written.contains(": ") { ": " } else { ":" };
        } else if !written.contains(": ") && written.contains("\":") {
            layout = Layout { comma: ",", colon: ":", ..layout };
        }
        layout
    }

    fn line_layout(&self) -> Layout {
        let (comma, colon) = if self.shape.compact { (",", ":") } else { (", ", ": ") };
        Layout { line: None, unit: self.shape.unit.clone(), comma, colon }
    }
}

fn gap<'a>(text: &'a str, children: &[Range<usize>]) -> Option<&'a str> {
    let [first, second, ..] = children else { return None };
    text.get(first.end..second.start)
}

fn indentation(line: &str) -> &str {
    let end = line.find(|found| found != ' ' && found != '\t').unwrap_or(0);
    line.get(..end).unwrap_or_default()
}

fn refuse_shared(node: &Node) -> Result<(), Refused> {
    if node.shared { Err(Refused::Shared) } else { Ok(()) }
}

/// The bytes of members and items; an item by lines has its dash.
fn children(text: &str, parent: &Node) -> Vec<Range<usize>> {
    let members = parent.members().iter().map(|member| member.start..member.node.span.end.max(member.start));
    let items = parent.elements().iter().map(|item| {
        let start = if parent.style == Style::Block { dash(text, item.span.start) } else { item.span.start };
        start..item.span.end.max(start)
    });
    members.chain(items).collect()
}

fn dash(text: &str, start: usize) -> usize {
    let before = text.get(..start).unwrap_or_default().trim_end();
    if before.ends_with('-') { before.len() - 1 } else { start }
}
