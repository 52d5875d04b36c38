//! One file: what it was, what it is, what differs, who did it.

use std::{
    sync::{MutexGuard, PoisonError},
    time::Instant,
};

use fargard_model::{
    Change, Container, FileChange, FileKind, FimStatus, FoundBy, Task, Timestamp, file_change::MAX_PATH,
};

use super::{
    baseline::Known,
    held::Waiting,
    monitor::{Host, MAX_TRIES, Monitor, Pending, Scan},
    policy::Entry,
    state::{Hashing, Look, State},
};

/// When and how a change was seen.
#[derive(Clone, Copy, Debug)]
struct Seen {
    first: Timestamp,
    last: Timestamp,
    found_by: FoundBy,
}

/// What a look at a path came to.
pub(super) enum Found {
    /// Nothing is there, or it cannot be looked at.
    Nothing,
    /// This is there.
    State(State),
    /// Its content changes while it is read.
    InFlux,
    /// It may be anything: it cannot be looked at.
    Unreadable,
}

impl<H: Host> Monitor<H> {
    /// Looks at a path that something was done to.
    pub(super) fn examine_pending(&mut self, path: Vec<u8>, pending: Pending) {
        let seen = Seen { first: pending.first, last: pending.last, found_by: FoundBy::Watch };
        let covered = self.policy.entry_of(&path);
        let before = self.baseline.get(&path).map(|known| known.state);
        let hashing = self.hashing(covered, before, false);
        let found = match self.look(&path, hashing) {
            Found::InFlux if pending.tries < MAX_TRIES => return self.again(path, pending),
            found => found,
        };
        let state = match found {
            Found::State(state) => Some(state),
            Found::InFlux => {
                self.unhashed();
                self.plain(&path)
            }
            Found::Nothing => None,
            Found::Unreadable => return,
        };
        let directory = state.is_some_and(|state| state.kind() == FileKind::Directory);
        let renamed = pending.from.as_deref().and_then(|from| self.renamed(from, state));
        match (&pending.from, renamed, covered) {
            (Some(from), Some((old, below)), Some(entry)) => {
                self.take_over(from, &path, entry, state, old, below, seen);
            }
            (from, _, _) => {
                if let Some(from) = from.clone() {
                    self.look_again_at(&from, seen);
                }
                match state {
                    Some(state) if before.is_none() && self.begins() => {
                        self.first_seen(&path, covered, state);
                    }
                    _ => {
                        let lost = self.begins() && pending.vanished && !pending.appeared;
                        self.compare(&path, covered, state, seen, lost);
                    }
                }
            }
        }
        // Its content may have changed before it was watched; moved in, it was never watched.
        if directory && (pending.appeared || before.is_none()) && self.policy.reaches(&path) {
            self.enqueue(path.clone(), Scan { found_by: Some(FoundBy::Watch), rehash: false });
        }
        // A call that came after the change was seen belongs to it.
        while let Some(waited) = self.explained(&path) {
            self.let_go(waited);
        }
        self.writers.settle(&path, pending.last);
    }

    /// What was known of something that was renamed, if it is the same thing now, and of what lies below.
    fn renamed(&mut self, from: &[u8], now: Option<State>) -> Option<(Known, u64)> {
        let known = *self.baseline.get(from)?;
        let same = now.is_some_and(|now| now.inode == known.state.inode && now.kind() == known.state.kind());
        if !same || !matches!(self.look(from, Hashing { most: 0, known: None }), Found::Nothing) {
            return None;
        }
        self.forget(from);
        let below = self.forget_below(from);
        Some((known, below))
    }

    /// A path got what another one was.
    #[expect(clippy::too_many_arguments, reason = "each is a part of one rename")]
    fn take_over(
        &mut self,
        from: &[u8],
        path: &[u8],
        entry: usize,
        state: Option<State>,
        old: Known,
        below: u64,
        seen: Seen,
    ) {
        let Some(state) = state else { return };
        let replaced = self.keep(path, state, entry);
        let before = replaced.map_or(old.state, |known| known.state);
        let mut changes = vec![Change::Rename];
        if let Some(entry) = self.policy.entries.get(entry) {
            changes.extend(differences(&before, &state, entry.hashes()));
        }
        changes.sort_unstable();
        let change = ChangeOf { before: Some(before), after: Some(state), from: Some(from), below };
        self.report(path, entry, changes, &change, seen);
    }

    /// What was renamed is not what was known under the old name: that one is looked at by itself.
    fn look_again_at(&mut self, from: &[u8], seen: Seen) {
        let covered = self.policy.entry_of(from);
        let before = self.baseline.get(from).map(|known| known.state);
        let hashing = self.hashing(covered, before, false);
        let state = match self.look(from, hashing) {
            Found::State(state) => Some(state),
            Found::InFlux => self.plain(from),
            Found::Nothing => None,
            Found::Unreadable => return,
        };
        self.compare(from, covered, state, seen, false);
    }

    /// Looks at a path because its directory is compared. Returns the state.
    pub(super) fn examine_listed(&mut self, path: &[u8], scan: Scan) -> Option<State> {
        let covered = self.policy.entry_of(path);
        let before = self.baseline.get(path).map(|known| known.state);
        let hashing = self.hashing(covered, before, scan.rehash);
        let state = match self.look(path, hashing) {
            Found::State(state) => state,
            Found::InFlux => {
                self.in_flux(path);
                let state = self.plain(path)?;
                if before.is_none()
                    && scan.found_by.is_none()
                    && let Some(entry) = covered
                {
                    self.keep(path, state, entry);
                }
                return Some(state);
            }
            Found::Nothing => {
                // With notices on the way it is theirs.
                if before.is_some() && !self.pending.contains_key(path) {
                    self.compare(path, covered, None, now(scan.found_by), false);
                }
                return None;
            }
            Found::Unreadable => return None,
        };
        if self.pending.contains_key(path) && before.is_some() {
            return Some(state);
        }
        match (scan.found_by, before) {
            (None, None) => self.first_seen(path, covered, state),
            (None, Some(_)) => {
                self.compare(path, covered, Some(state), now(Some(FoundBy::Comparison)), false);
            }
            (Some(found_by), _) => {
                let at = Timestamp(state.ctime).min(Timestamp::now());
                self.compare(path, covered, Some(state), Seen { first: at, last: at, found_by }, false);
            }
        }
        Some(state)
    }

    /// The first look at a file without anything to compare it with: but what was changed after the container's
    /// start is not as it was in the image.
    fn first_seen(&mut self, path: &[u8], covered: Option<usize>, state: State) {
        let Some(entry) = covered else { return };
        self.keep(path, state, entry);
        if state.ctime <= self.started || state.kind() == FileKind::Directory {
            return;
        }
        let change = if state.mtime > self.started { Change::Content } else { Change::Mode };
        let at = Timestamp(state.ctime).min(Timestamp::now());
        let seen = Seen { first: at, last: at, found_by: FoundBy::Start };
        let of = ChangeOf { before: None, after: Some(state), from: None, below: 0 };
        self.report(path, entry, vec![change], &of, seen);
    }

    /// Compares with what was known and keeps what is. `lost` says that something unknown is gone.
    fn compare(&mut self, path: &[u8], covered: Option<usize>, state: Option<State>, seen: Seen, lost: bool) {
        let Some(entry) = covered else {
            if state.is_none() {
                self.forget_below(path);
            }
            return;
        };
        let Some(state) = state else {
            let known = self.forget(path);
            let below = self.forget_below(path);
            if known.is_some() || lost {
                let of = ChangeOf { before: known.map(|known| known.state), after: None, from: None, below };
                self.report(path, entry, vec![Change::Delete], &of, seen);
            }
            return;
        };
        let before = self.keep(path, state, entry).map(|known| known.state);
        let hashes = self.policy.entries.get(entry).is_some_and(Entry::hashes);
        let changes = match &before {
            Some(before) => differences(before, &state, hashes),
            None => vec![Change::Create],
        };
        if before.is_some_and(|before| before.kind() == FileKind::Directory)
            && state.kind() != FileKind::Directory
        {
            self.forget_below(path);
        }
        let of = ChangeOf { before, after: Some(state), from: None, below: 0 };
        self.report(path, entry, changes, &of, seen);
    }

    /// Reports those changes that the entry names.
    fn report(&mut self, path: &[u8], entry: usize, mut changes: Vec<Change>, of: &ChangeOf<'_>, seen: Seen) {
        let Some(entry) = self.policy.entries.get(entry) else { return };
        changes.retain(|change| entry.changes.contains(change));
        if changes.is_empty() {
            return;
        }
        let writer = self.writers.find(path, &changes, seen.first, seen.last);
        let text = |path: &[u8]| String::from_utf8_lossy(path.get(..MAX_PATH).unwrap_or(path)).into_owned();
        let change = FileChange {
            id: String::new(),
            time: seen.first,
            entry: entry.name.clone(),
            path: text(path),
            from: of.from.map(text),
            changes,
            before: of.before.map(State::to_record),
            after: of.after.map(State::to_record),
            found_by: seen.found_by,
            writer,
            below: of.below,
            severity: entry.severity,
            tags: entry.tags.clone(),
            task: Task::default(),
            container: Container::default(),
        };
        if !self.rate.take() {
            self.host.lost("fim_rate", 1);
            return;
        }
        self.status().changes += 1;
        if change.writer.is_some() {
            self.host.change(change);
        } else if let Some(waited) = self.held.put(path.to_vec(), seen.last, change) {
            self.let_go(waited);
        }
    }

    /// Reports what has waited for its writer long enough, or all of it.
    pub(super) fn release(&mut self, now: Option<Instant>) {
        while let Some(waited) = self.held.pop(now) {
            self.let_go(waited);
        }
    }

    /// A change that waited for its writer, which is known by now.
    fn explained(&mut self, path: &[u8]) -> Option<Waiting> {
        let waiting = self.held.find(path)?;
        let change = &waiting.change;
        self.writers.find(path, &change.changes, change.time, waiting.last)?;
        self.held.take(path)
    }

    fn let_go(&mut self, mut waited: Waiting) {
        let change = &mut waited.change;
        change.writer = self.writers.find(&waited.path, &change.changes, change.time, waited.last);
        self.writers.settle(&waited.path, waited.last);
        self.host.change(waited.change);
    }

    fn hashing(&self, covered: Option<usize>, known: Option<State>, rehash: bool) -> Hashing {
        let entry = covered.and_then(|at| self.policy.entries.get(at)).filter(|entry| entry.hashes());
        Hashing { most: entry.map_or(0, |entry| entry.max_hash), known: known.filter(|_| !rehash) }
    }

    fn look(&mut self, path: &[u8], hashing: Hashing) -> Found {
        match self.root.look(path, hashing, &mut self.pace) {
            Look::Gone => Found::Nothing,
            Look::Is { state, complete } => {
                if !complete {
                    self.unhashed();
                }
                Found::State(state)
            }
            Look::InFlux => Found::InFlux,
            Look::Unreadable => {
                self.gaps.unreadable += 1;
                self.host.lost("fim_unreadable", 1);
                Found::Unreadable
            }
        }
    }

    /// The state without content.
    fn plain(&mut self, path: &[u8]) -> Option<State> {
        match self.look(path, Hashing { most: 0, known: None }) {
            Found::State(state) => Some(state),
            _ => None,
        }
    }

    fn unhashed(&mut self) {
        self.gaps.unhashed += 1;
    }

    /// Keeps a state; what was known before.
    fn keep(&mut self, path: &[u8], state: State, entry: usize) -> Option<Known> {
        let before = self.baseline.get(path).copied();
        let known = Known { state, entry: u16::try_from(entry).unwrap_or(u16::MAX) };
        if self.baseline.put(path, known) {
            self.count(before.as_ref(), -1);
            self.count(Some(&known), 1);
        } else {
            self.gaps.left_out += 1;
            self.host.lost("fim_files", 1);
        }
        before
    }

    fn forget(&mut self, path: &[u8]) -> Option<Known> {
        let known = self.baseline.remove(path);
        self.count(known.as_ref(), -1);
        known
    }

    /// Forgets what lies below a directory that is gone; how many files it was.
    fn forget_below(&mut self, path: &[u8]) -> u64 {
        let removed = self.baseline.remove_below(path);
        for (_, known) in &removed {
            self.count(Some(known), -1);
        }
        self.watches.remove(path);
        removed.len() as u64
    }

    fn count(&mut self, known: Option<&Known>, by: i64) {
        let Some(known) = known else { return };
        if let Some((files, hashed)) = self.counts.get_mut(usize::from(known.entry)) {
            *files = files.saturating_add_signed(by);
            *hashed = hashed.saturating_add_signed(if known.state.hash.is_some() { by } else { 0 });
        }
    }

    pub(super) fn status(&self) -> MutexGuard<'_, FimStatus> {
        self.shared.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The two sides of a change.
struct ChangeOf<'a> {
    before: Option<State>,
    after: Option<State>,
    from: Option<&'a [u8]>,
    below: u64,
}

fn now(found_by: Option<FoundBy>) -> Seen {
    let at = Timestamp::now();
    Seen { first: at, last: at, found_by: found_by.unwrap_or(FoundBy::Comparison) }
}

/// What differs between two states.
fn differences(before: &State, after: &State, hashes: bool) -> Vec<Change> {
    let mut changes = Vec::new();
    let same_kind = before.kind() == after.kind();
    let content = match (before.hash, after.hash) {
        (Some(before), Some(after)) => before != after,
        // Without a hash, another length or time of change has to do.
        _ => hashes && (before.size, before.mtime) != (after.size, after.mtime),
    };
    let has_content = matches!(after.kind(), FileKind::File | FileKind::Symlink);
    if same_kind && has_content && content {
        changes.push(Change::Content);
    }
    if same_kind && after.kind() == FileKind::File && after.size < before.size {
        changes.push(Change::Shrink);
    }
    if before.mode != after.mode {
        changes.push(Change::Mode);
    }
    if (before.uid, before.gid) != (after.uid, after.gid) {
        changes.push(Change::Owner);
    }
    if same_kind && after.kind() == FileKind::File && before.links != after.links {
        changes.push(Change::Link);
    }
    changes
}
