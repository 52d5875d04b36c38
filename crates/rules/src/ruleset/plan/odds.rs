//! Guesses on which the choice of guards rests: how often a test passes, and what reading a field costs. A wrong
//! guess costs time, never a match.

use super::{probe::Atom, text::TextAtom};
use crate::{
    compile::{
        check::{Check, Test},
        matcher::Matcher,
        operand::Operand,
    },
    fields::{FieldType, ResolvedField},
    syntax::ast::Op,
};

/// How often, of 1, an event passes some of these atoms.
pub(super) fn of_atoms(field: &ResolvedField, atoms: &[Atom]) -> f32 {
    let of_field = of_value(field);
    let each = |atom: &Atom| match atom {
        // What most connections go to.
        Atom::Int(53 | 80 | 443) if field.kind() == FieldType::Port => 0.2,
        Atom::Text(TextAtom::Is(name)) if field.field.name == "fd.l4proto" && **name != *"tcp" => 0.3,
        Atom::Bool(_) | Atom::Int(_) | Atom::Ip(_) | Atom::Text(TextAtom::Is(_)) => of_field,
        Atom::Text(TextAtom::Directory(_) | TextAtom::FileName(_)) => 0.003,
        Atom::Text(TextAtom::Begins(text)) => match text.len() {
            0..=1 => 0.9,
            2..=4 => 0.1,
            _ => 0.03,
        },
        Atom::Text(TextAtom::Ends(text)) => match text.len() {
            0..=1 => 0.5,
            2..=3 => 0.1,
            _ => 0.03,
        },
        // Not that likely, but dear.
        Atom::Text(TextAtom::Contains(text)) => match text.len() {
            0..=1 => 0.5,
            2 => 0.2,
            _ => 0.06,
        },
        Atom::Text(TextAtom::Below(path)) => {
            if path.len() == 1 {
                0.1
            } else {
                0.03
            }
        }
    };
    1.0 - atoms.iter().map(|atom| 1.0 - each(atom)).product::<f32>()
}

/// How often a field has one certain value, unless that is special.
fn of_value(field: &ResolvedField) -> f32 {
    match field.field.name {
        "fd.typechar" | "fd.type" | "fd.sockfamily" | "evt.source" => 0.8,
        "fd.l4proto" | "evt.is_open_read" | "evt.failed" => 0.6,
        "fd.num" | "user.name" | "user.uid" | "user.loginuid" | "group.gid" | "container.id" | "proc.tty"
        | "evt.res" | "evt.rawres" | "evt.is_open_write" | "evt.is_open_create" => 0.3,
        "proc.is_exe_upper_layer" | "evt.is_open_exec" | "proc.is_exe_writable" => 0.1,
        "proc.is_exe_from_memfd" | "container.privileged" | "proc.vpid" => 0.02,
        _ => 0.003,
    }
}

/// What reading a field costs, in the cost of reading a plain member; `None` for what is made anew for each
/// reading, and for several values.
pub(super) fn of_reading(field: &ResolvedField) -> Option<f32> {
    const CHEAP: [&str; 47] = [
        "fd.cip.name",
        "fd.sip.name",
        "fd.lip.name",
        "fd.rip.name",
        "fd.sip",
        "fd.rip",
        "proc.vpid",
        "proc.pid",
        "container.privileged",
        "fd.name",
        "fd.nameraw",
        "fd.typechar",
        "fd.type",
        "fd.l4proto",
        "fd.sockfamily",
        "fd.num",
        "fd.sport",
        "fd.cport",
        "fd.lport",
        "fd.rport",
        "proc.name",
        "proc.exe",
        "proc.exepath",
        "proc.pname",
        "proc.pexe",
        "proc.pexepath",
        "proc.sname",
        "proc.tty",
        "proc.cwd",
        "proc.is_exe_upper_layer",
        "proc.is_exe_from_memfd",
        "proc.is_exe_writable",
        "user.name",
        "user.uid",
        "user.loginuid",
        "group.gid",
        "container.id",
        "container.name",
        "container.image",
        "container.image.repository",
        "evt.res",
        "evt.rawres",
        "evt.failed",
        "evt.is_open_read",
        "evt.is_open_write",
        "evt.is_open_create",
        "evt.is_open_exec",
    ];
    const FURTHER: [&str; 20] = [
        "fd.ip",
        "fd.directory",
        "fd.filename",
        "fd.port",
        "evt.arg",
        "evt.rawarg",
        "fs.path.name",
        "fs.path.nameraw",
        "fs.path.source",
        "fs.path.sourceraw",
        "fs.path.target",
        "fs.path.targetraw",
        "proc.args",
        "proc.cmdline",
        "proc.exeline",
        "proc.pcmdline",
        "proc.aname",
        "proc.aexe",
        "proc.aexepath",
        "proc.acmdline",
    ];
    let name = field.field.name;
    if CHEAP.contains(&name) {
        Some(1.0)
    } else if FURTHER.contains(&name) {
        Some(3.0)
    } else if ["ct.name", "ct.src", "ct.error", "ct.user.identitytype"].contains(&name) {
        Some(2.0)
    } else if name.starts_with("ct.") || name.starts_with("json.") {
        Some(10.0)
    } else {
        None
    }
}

/// How often a comparison holds, and what it costs; `None` when it is not worth asking on its own.
pub(super) fn of_check(check: &Check, wanted: bool) -> Option<(f32, f32)> {
    let (Operand::Field(field), Test::Matches(matcher)) = (&check.left, &check.test) else { return None };
    let read = of_reading(field)?;
    let (matcher, wanted) = match matcher {
        Matcher::Not(inner) => (&**inner, !wanted),
        other => (other, wanted),
    };
    let odds = match (field.field.name, matcher) {
        ("evt.is_open_write" | "evt.is_open_create", Matcher::Bool(true)) => 0.3,
        ("evt.is_open_exec", Matcher::Bool(true)) => 0.05,
        ("evt.is_open_read" | "evt.failed", Matcher::Bool(true)) => 0.7,
        ("container.id", Matcher::TextIs(_)) => 0.5,
        ("fd.typechar", _) => 0.9,
        ("proc.tty", Matcher::Int(Op::Eq, 0)) => 0.9,
        ("fd.num" | "evt.rawres", Matcher::Int(Op::Ge, _)) => 0.95,
        (_, Matcher::TextIs(_) | Matcher::Bool(true) | Matcher::Int(Op::Eq, _)) => of_value(field).max(0.1),
        (_, Matcher::Bool(false)) => 1.0 - of_value(field),
        _ => return None,
    };
    Some((if wanted { odds } else { 1.0 - odds }, read))
}
