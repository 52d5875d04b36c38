//! Documents as CloudTrail delivers them: an object whose member `Records` is an array of records.

use fargard_rules::json::{Fault, Scanner};

/// Where the items begin if this is an object whose first member is an array `Records`.
pub(crate) fn items(mut scanner: Scanner<'_>) -> Option<usize> {
    scanner.take(b'{');
    scanner.blanks();
    records_member(scanner)
}

/// Where the items begin if the scanner stands at a member `Records` that is an array.
fn records_member(mut scanner: Scanner<'_>) -> Option<usize> {
    let is_named = b"\"Records\"".iter().all(|byte| scanner.take(*byte));
    if !is_named {
        return None;
    }
    scanner.blanks();
    if !scanner.take(b':') {
        return None;
    }
    scanner.blanks();
    scanner.take(b'[').then(|| scanner.at())
}

/// The same where `Records` may be any member.
pub(crate) fn items_behind_others(mut scanner: Scanner<'_>) -> Option<usize> {
    scanner.take(b'{');
    loop {
        scanner.blanks();
        if let Some(items) = records_member(scanner) {
            return Some(items);
        }
        member(&mut scanner).ok()?;
        scanner.blanks();
        if !scanner.take(b',') {
            return None;
        }
    }
}

/// Steps over a name, a colon and a value.
fn member(scanner: &mut Scanner<'_>) -> Result<(), Fault> {
    let expect = |is_there: bool, at: usize| match is_there {
        true => Ok(()),
        false => Err(Fault { at, what: "the document is not ended as JSON: expected a member" }),
    };
    expect(scanner.peek() == Some(b'"'), scanner.at())?;
    scanner.value()?;
    scanner.blanks();
    expect(scanner.take(b':'), scanner.at())?;
    scanner.blanks();
    scanner.value()
}

/// Steps over what follows the records in a document.
pub(crate) fn rest(scanner: &mut Scanner<'_>) -> Result<(), Fault> {
    loop {
        scanner.blanks();
        if scanner.take(b'}') {
            return Ok(());
        }
        if !scanner.take(b',') {
            let what = "the document is not ended as JSON: expected ',' or '}'";
            return Err(Fault { at: scanner.at(), what });
        }
        scanner.blanks();
        member(scanner)?;
    }
}
