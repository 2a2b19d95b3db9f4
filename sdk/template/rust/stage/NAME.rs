//! @NAME@ - a stage that explains a team's own words to the model.
//!
//! When terms of the glossary occur in the question, their meanings go before it as a system message.
mod patchbay;
mod turn;

use patchbay::*;
use turn::*;

/// The instance, filled by the host from YAML; tables.c has the same members in the same order.
#[repr(C)]
pub struct Glossary {
    terms: Map<Str>,
    intro: Str,
}

const _: () = assert!(std::mem::size_of::<Glossary>() == 40, "change tables.c as well");

impl Glossary {
    fn terms(&self) -> impl Iterator<Item = (&Str, &Str)> {
        unsafe { self.terms.pairs() } // the table says PB_KIND_STR
    }

    /// The meanings of the terms in the question; None when there are none.
    fn meanings(&self, question: &str) -> Option<String> {
        let asked = words(question);
        let mut note = String::new();

        for (term, meaning) in self.terms() {
            if has_term(&asked, &term.text()) {
                note += &format!("\n{}: {}", term.text(), meaning.text());
            }
        }
        (!note.is_empty()).then(|| self.intro.text().into_owned() + &note)
    }

    fn run(&self, turn: &Turn, next: &Next) -> Result<()> {
        if let Some(note) = turn.question().and_then(|asked| self.meanings(&asked.text.text())) {
            let mut all = vec![turn.message(SYSTEM, &note)?];
            all.extend_from_slice(turn.messages());
            turn.set_messages(&all)?;
        }
        run_next(next, turn)
    }

    fn check(&self, diagnostics: &Diagnostics) {
        for (term, _) in self.terms() {
            if words(&term.text()).is_empty() {
                diagnostics.problem("terms", &format!("the term '{}' has no word in it", term.text()));
            }
        }
    }
}

/// Do all words of the term occur? A term without words never does.
fn has_term(question: &[u64], term: &str) -> bool {
    let wanted = words(term);
    !wanted.is_empty() && wanted.iter().all(|key| question.contains(key))
}

// What tables.c names. The host keeps its promises (CONTRACT.md): pointers are valid for the call.

#[no_mangle]
pub extern "C" fn @ID@_run(own: &Glossary, turn: &Turn, next: &Next) -> Status {
    guard(|| own.run(turn, next))
}

#[no_mangle]
pub extern "C" fn @ID@_check(own: &Glossary, diagnostics: &Diagnostics) {
    guard(|| {
        own.check(diagnostics);
        Ok(())
    });
}
