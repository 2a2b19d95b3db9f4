//! mask - a stage that masks e-mail addresses before a model sees them.
//!
//! Messages are immutable: one that has an address gets another in its place. What the client sent and what is
//! stored stay as they are.
mod address;
mod patchbay;
mod turn;

use patchbay::*;
use turn::*;

/// The instance, filled by the host from YAML; tables.c has the same members in the same order.
#[repr(C)]
pub struct Mask {
    with: Str,
    keep: List<Str>,
}

const _: () = assert!(std::mem::size_of::<Mask>() == 32, "change tables.c as well");

impl Mask {
    fn keep(&self) -> &[Str] {
        unsafe { self.keep.items() } // the table says PB_KIND_STR
    }

    /// The text without addresses; None when it has none that must go.
    fn masked(&self, text: &str) -> Option<String> {
        let stays = |domain: &str| self.keep().iter().any(|one| one.text().eq_ignore_ascii_case(domain));
        let mut out = String::new();
        let mut done = 0;

        for (begin, end) in address::all(text) {
            let domain = text[begin..end].rsplit('@').next().unwrap_or_default();
            if !stays(domain) {
                out += &text[done..begin];
                out += &self.with.text();
                done = end;
            }
        }
        (done > 0).then(|| out + &text[done..])
    }

    fn run(&self, turn: &Turn, next: &Next) -> Result<()> {
        let mut all = turn.messages().to_vec();
        let mut changed = false;

        for message in all.iter_mut() {
            // Only what people and systems wrote: other messages have more than their text.
            if message.role != USER && message.role != SYSTEM || message.has_parts() {
                continue;
            }
            if let Some(text) = self.masked(&message.text.text()) {
                *message = turn.message(message.role, &text)?;
                changed = true;
            }
        }
        if changed {
            turn.set_messages(&all)?;
        }
        run_next(next, turn)
    }

    fn check(&self, diagnostics: &Diagnostics) {
        for (i, domain) in self.keep().iter().enumerate() {
            if !address::is_domain(&domain.text()) {
                let sentence = format!("'{}' is no domain: 'example.com' is", domain.text());
                diagnostics.problem(&format!("keep[{}]", i), &sentence);
            }
        }
    }
}

// What tables.c names. The host keeps its promises (CONTRACT.md): pointers are valid for the call.

#[no_mangle]
pub extern "C" fn mask_run(own: &Mask, turn: &Turn, next: &Next) -> Status {
    guard(|| own.run(turn, next))
}

#[no_mangle]
pub extern "C" fn mask_check(own: &Mask, diagnostics: &Diagnostics) {
    guard(|| {
        own.check(diagnostics);
        Ok(())
    });
}
