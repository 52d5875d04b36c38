//! Unified diffs, as `patch` reads them.

use std::fmt::Write;

/// Lines of context.
const CONTEXT: usize = 3;
/// Most different lines looked for one by one; beyond that the middle is one change.
const MAX_STEPS: usize = 2_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Keep,
    Remove,
    Add,
}

/// The diff of two texts; empty if they are the same.
pub(crate) fn unified(name: &str, old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let (old, new): (Vec<&str>, Vec<&str>) =
        (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let mut text = format!("--- {name}\n+++ {name}\n");
    for hunk in hunks(&script(&old, &new)) {
        write_hunk(&mut text, &hunk, &old, &new);
    }
    text
}

/// What turns one list of lines into the other: shortest edit script (Myers, 1986), beginnings and ends set aside.
fn script(old: &[&str], new: &[&str]) -> Vec<Op> {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - start;
    let end = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let old_middle = old.get(start..old.len() - end).unwrap_or_default();
    let new_middle = new.get(start..new.len() - end).unwrap_or_default();
    let mut ops = vec![Op::Keep; start];
    ops.extend(shortest(old_middle, new_middle).unwrap_or_else(|| {
        let removed = std::iter::repeat_n(Op::Remove, old_middle.len());
        removed.chain(std::iter::repeat_n(Op::Add, new_middle.len())).collect()
    }));
    ops.extend(std::iter::repeat_n(Op::Keep, end));
    ops
}

fn shortest(old: &[&str], new: &[&str]) -> Option<Vec<Op>> {
    let most = (old.len() + new.len()).min(MAX_STEPS);
    // The furthest place in `old` on each diagonal, for every number of steps.
    let mut furthest = vec![0_usize; 2 * most + 3];
    let mut trail = Vec::new();
    for steps in 0..=most {
        trail.push(furthest.clone());
        for index in (0..=2 * steps).step_by(2) {
            let at = most + 1 + index - steps;
            let (below, above) = (*furthest.get(at - 1)?, *furthest.get(at + 1)?);
            let adds = index == 0 || (index != 2 * steps && below < above);
            let mut x = if adds { above } else { below + 1 };
            let Some(mut y) = (x + steps).checked_sub(index) else { continue };
            while old.get(x).is_some_and(|line| new.get(y) == Some(line)) {
                (x, y) = (x + 1, y + 1);
            }
            *furthest.get_mut(at)? = x;
            if x >= old.len() && y >= new.len() {
                return walk_back(&trail, most, old.len(), new.len());
            }
        }
    }
    None
}

fn walk_back(trail: &[Vec<usize>], most: usize, mut x: usize, mut y: usize) -> Option<Vec<Op>> {
    let mut ops = Vec::new();
    for (steps, furthest) in trail.iter().enumerate().rev() {
        let at = (most + 1 + x).checked_sub(y)?;
        let (below, above) = (*furthest.get(at - 1)?, *furthest.get(at + 1)?);
        let adds = x + steps == y || (x != y + steps && below < above);
        let before_x = if adds { above } else { below };
        let before_y = (before_x + most + 1).checked_sub(if adds { at + 1 } else { at - 1 });
        while x > 0 && y > 0 && (steps == 0 || x > before_x + usize::from(!adds)) {
            ops.push(Op::Keep);
            (x, y) = (x - 1, y - 1);
        }
        if steps > 0 {
            ops.push(if adds { Op::Add } else { Op::Remove });
            (x, y) = (before_x, before_y?);
        }
    }
    ops.reverse();
    Some(ops)
}

/// Operations with the lines at which they begin.
struct Hunk {
    old_start: usize,
    new_start: usize,
    ops: Vec<Op>,
}

/// Changes with their context; those that are near each other together.
fn hunks(ops: &[Op]) -> Vec<Hunk> {
    let changed: Vec<usize> =
        ops.iter().enumerate().filter(|(_, op)| **op != Op::Keep).map(|(index, _)| index).collect();
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for index in changed {
        let (start, end) = (index.saturating_sub(CONTEXT), (index + CONTEXT + 1).min(ops.len()));
        match ranges.last_mut() {
            Some(last) if start <= last.1 => last.1 = end,
            _ => ranges.push((start, end)),
        }
    }
    let count = |range: &[Op], gone: Op| range.iter().filter(|op| **op != gone).count();
    ranges
        .into_iter()
        .map(|(start, end)| {
            let before = ops.get(..start).unwrap_or_default();
            Hunk {
                old_start: count(before, Op::Add),
                new_start: count(before, Op::Remove),
                ops: ops.get(start..end).unwrap_or_default().to_vec(),
            }
        })
        .collect()
}

fn write_hunk(text: &mut String, hunk: &Hunk, old: &[&str], new: &[&str]) {
    let count = |gone: Op| hunk.ops.iter().filter(|op| **op != gone).count();
    let range =
        |start: usize, count: usize| format!("{},{count}", if count == 0 { start } else { start + 1 });
    let (before, after) = (count(Op::Add), count(Op::Remove));
    let _ = writeln!(text, "@@ -{} +{} @@", range(hunk.old_start, before), range(hunk.new_start, after));
    let (mut x, mut y) = (hunk.old_start, hunk.new_start);
    for op in &hunk.ops {
        let (sign, line) = match op {
            Op::Keep => (' ', old.get(x)),
            Op::Remove => ('-', old.get(x)),
            Op::Add => ('+', new.get(y)),
        };
        x += usize::from(*op != Op::Add);
        y += usize::from(*op != Op::Remove);
        let line = line.copied().unwrap_or_default();
        text.push(sign);
        text.push_str(line);
        if !line.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, process::Command};

    use super::unified;

    #[test]
    fn changes_have_context_and_places() {
        let old: String = (1..=20).map(|line| format!("{line}\n")).collect();
        let new = old.replace("5\n6\n", "5\nx\n6\n").replace("20\n", "20");
        let text = unified("f", &old, &new);
        assert!(text.starts_with("--- f\n+++ f\n@@ -3,6 +3,7 @@\n 3\n 4\n 5\n+x\n 6\n 7\n 8\n@@ "), "{text}");
        assert!(text.ends_with("-20\n+20\n\\ No newline at end of file\n"), "{text}");
        assert_eq!(unified("f", &old, &old), "");
    }

    /// `patch` makes the new text of the old one, where it is installed.
    #[test]
    fn patch_agrees() {
        let lines = |seed: u32| -> String {
            let mut state = seed;
            (0..40)
                .map(|_| {
                    state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
                    format!("{}\n", (state >> 16) % 7)
                })
                .collect()
        };
        for seed in 0..30 {
            let (old, new) = (lines(seed), lines(seed + 1));
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("f");
            std::fs::write(&path, &old).unwrap();
            let patch =
                Command::new("patch").arg("-s").arg(&path).stdin(std::process::Stdio::piped()).spawn();
            let Ok(mut patch) = patch else {
                eprintln!("skipped: patch is not installed");
                return;
            };
            patch.stdin.take().unwrap().write_all(unified("f", &old, &new).as_bytes()).unwrap();
            assert!(patch.wait().unwrap().success(), "{seed}");
            assert_eq!(fargard_model::bounded::read_to_string(&path, 1 << 20).unwrap(), new, "{seed}");
        }
    }
}
