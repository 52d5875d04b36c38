//! The text of a rules file, with its name.

/// A rules file in memory. Reading it is the caller's work, this crate does no I/O.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// What diagnostics call it: a path, or a name for built-in files.
    pub name: String,
    /// The whole content.
    pub text: String,
}

/// Most bytes of one rules file.
pub const MAX_FILE: usize = 16 << 20;

/// A line and a column, both counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineColumn {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// Where a byte offset lies in a text; an offset behind the end gives the end.
#[must_use]
pub fn line_column(text: &str, offset: usize) -> LineColumn {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = text.get(..end).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
    LineColumn { line, column: 1 + before.get(line_start..).unwrap_or_default().chars().count() }
}

#[cfg(test)]
mod tests {
    use super::{LineColumn, line_column};

    #[test]
    fn positions_count_from_one_and_by_characters() {
        let text = "a\nöb\n";
        assert_eq!(line_column(text, 0), LineColumn { line: 1, column: 1 });
        assert_eq!(line_column(text, 4), LineColumn { line: 2, column: 2 });
        assert_eq!(line_column(text, 99), LineColumn { line: 3, column: 1 });
    }
}
