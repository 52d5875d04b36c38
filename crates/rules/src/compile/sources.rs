//! Fields belong to sources: a call has no `ct.name`, a CloudTrail record no `proc.name`. Macros are written for no
//! source, so this is judged where a rule uses them.

use fargard_model::Source;

use super::{
    Output,
    lower::Trouble,
    program::{NodeId, Program},
};
use crate::{
    diagnostic::Code,
    load::{Condition, Place},
    source::SourceFile,
};

/// Refuses a condition with a field that its source does not have.
pub(super) fn condition_fits(
    program: &Program,
    node: NodeId,
    source: Source,
    written: &Condition,
    files: &[SourceFile],
) -> Result<(), Trouble> {
    let Some(name) = foreign(program, node, source) else { return Ok(()) };
    let text = written.text();
    let at = text.find(name);
    let place = written.locate(files, at.map_or(0..text.len(), |at| at..at + name.len()));
    let trouble = trouble(Code::ErrCompileCondition, name, source, place);
    let by_macro = Some("a macro brings this field in".to_owned());
    Err(Trouble { help: if at.is_none() { by_macro } else { trouble.help.clone() }, ..trouble })
}

/// Refuses an exception with a field that its rule's source does not have.
pub(super) fn exception_fits(
    program: &Program,
    node: NodeId,
    source: Source,
    place: &Place,
) -> Result<(), Trouble> {
    match foreign(program, node, source) {
        Some(name) => Err(trouble(Code::ErrValidate, name, source, place.clone())),
        None => Ok(()),
    }
}

/// Refuses an output with a field that its source does not have.
pub(super) fn output_fits(output: &Output, source: Source, place: &Place) -> Result<(), Trouble> {
    match output.fields().iter().find(|field| !field.is_of(source)) {
        Some(field) => Err(trouble(Code::ErrCompileOutput, field.field.name, source, place.clone())),
        None => Ok(()),
    }
}

fn trouble(code: Code, name: &str, source: Source, place: Place) -> Trouble {
    Trouble {
        code,
        message: format!("events of source '{source}' have no field '{name}'"),
        place,
        help: Some("name the rule's source with 'source:'; without it a rule is for system calls".into()),
        unknown_field: true,
        is_syntax: false,
    }
}

/// The first field that the source does not have.
fn foreign(program: &Program, condition: NodeId, source: Source) -> Option<&'static str> {
    let mut fields = program.checks_of([condition]).flat_map(|(_, check)| check.fields());
    fields.find(|field| !field.is_of(source)).map(|field| field.field.name)
}
