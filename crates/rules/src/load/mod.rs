//! From rule files to definitions: lists, macros and rules with everything appended and overridden, each text with
//! its place in the files. [`crate::compile`] makes a ruleset of them.

mod apply;
mod change;
mod condition;
mod exception;
mod extension;
mod item;
mod order;
mod parsed;
mod read;
mod read_rule;
mod substitute;
mod version;

use std::ops::Range;

pub(crate) use apply::{Definitions, ListDef, RuleDef};
pub(crate) use condition::Condition;
pub(crate) use exception::exception_condition;
pub(crate) use extension::check as check_actions;
pub(crate) use extension::{Content, CorrelationDef, EventDef, FoldingDef, Kind, Part, TestDef, Wanted};
pub(crate) use item::{Exception, OneOrMany, Place, Text};
pub(crate) use parsed::{Parsed, exceptions};
pub(crate) use substitute::{Lists, Substituted};

use crate::{
    diagnostic::{Code, Diagnostic, has_room},
    source::{MAX_FILE, SourceFile},
    yaml,
};

/// Stops the reading of a file.
pub(crate) type Refused = Box<Diagnostic>;

/// Reads the files in order; a file's first error ends that file.
pub(crate) fn definitions(files: &[SourceFile], diagnostics: &mut Vec<Diagnostic>) -> Definitions {
    let mut definitions = Definitions::default();
    for (index, file) in files.iter().enumerate() {
        let mut reader = FileReader { index, file, diagnostics };
        if let Err(refused) = reader.read(&mut definitions) {
            reader.diagnostics.push(*refused);
        }
    }
    definitions
}

/// One file being read.
pub(crate) struct FileReader<'a> {
    index: usize,
    file: &'a SourceFile,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl FileReader<'_> {
    fn read(&mut self, definitions: &mut Definitions) -> Result<(), Refused> {
        if self.file.text.len() > MAX_FILE {
            let message =
                format!("the file is {} bytes long; at most {MAX_FILE} are read", self.file.text.len());
            return Err(self.refuse(Code::ErrFileRead, 0..0, message));
        }
        let documents = yaml::documents(&self.file.text)
            .map_err(|error| self.refuse(Code::ErrYamlParse, error.span, error.message))?;
        for document in &documents {
            if document.is_null() {
                continue;
            }
            let Some(items) = document.items() else {
                let span = document.span.start..document.span.start;
                let message = "rules content is not a YAML array of objects";
                return Err(Box::new(
                    Diagnostic::new(Code::ErrYamlValidate, self.file, span, message)
                        .with_help("begin each rule, macro and list with '- ' at the left margin"),
                ));
            };
            for node in items {
                self.item(node, definitions)?;
            }
        }
        Ok(())
    }

    fn diagnose(&self, code: Code, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, self.file, span, message)
    }

    fn refuse(&self, code: Code, span: Range<usize>, message: impl Into<String>) -> Refused {
        Box::new(self.diagnose(code, span, message))
    }

    fn warn(&mut self, code: Code, span: Range<usize>, message: impl Into<String>) {
        self.warn_with_help(code, span, message, None);
    }

    fn warn_with_help(
        &mut self,
        code: Code,
        span: Range<usize>,
        message: impl Into<String>,
        help: Option<&str>,
    ) {
        if !has_room(self.diagnostics, code) {
            return;
        }
        let mut diagnostic = self.diagnose(code, span, message);
        diagnostic.help = help.map(str::to_owned);
        self.diagnostics.push(diagnostic);
    }

    fn place(&self, span: &Range<usize>) -> Place {
        Place { file: self.index, span: span.clone() }
    }
}

#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;
