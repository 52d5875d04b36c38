//! How much one rule may become: a selection is put in wherever the condition names it, and one value may stand
//! for many.

/// Most comparisons of one converted rule.
pub(crate) const MAX_TESTS: usize = 20_000;

/// What is left.
#[derive(Debug)]
pub(crate) struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(MAX_TESTS)
    }
}

impl Budget {
    /// Comparisons that may still be taken.
    pub(crate) fn left(&self) -> usize {
        self.0
    }

    /// Takes some comparisons; the reason when there are not as many left.
    pub(crate) fn take(&mut self, tests: usize) -> Result<(), String> {
        self.0 = self
            .0
            .checked_sub(tests)
            .ok_or_else(|| format!("the rule becomes more than {MAX_TESTS} comparisons"))?;
        Ok(())
    }
}
