//! @NAME@ - a model that answers from rules, word by word.
//!
//! The first rule whose words all occur in the question answers. generate() emits text as it comes, usage,
//! and one finish; what emit returns goes back unchanged, which is what `?` does.
mod llm;
mod patchbay;
mod turn;

use llm::*;
use patchbay::*;
use turn::*;

#[repr(C)]
pub struct Rule {
    words: Str,
    reply: Str,
}

/// The instance, filled by the host from YAML; tables.c has the same members in the same order.
#[repr(C)]
pub struct Rules {
    rules: List<Rule>,
    otherwise: Str,
    pause: i64,
}

const _: () = assert!(std::mem::size_of::<Rules>() == 40, "change tables.c as well");

impl Rules {
    fn rules(&self) -> &[Rule] {
        unsafe { self.rules.items() } // the table says struct rule
    }

    fn choose(&self, asked: &[u64]) -> String {
        let fits = |rule: &&Rule| words(&rule.words.text()).iter().all(|key| asked.contains(key));
        let reply = self.rules().iter().find(fits).map_or(&self.otherwise, |rule| &rule.reply);
        reply.text().into_owned()
    }

    /// Emits at most `most` words; tokens are words here. They are counted in usage.
    fn say(&self, reply: &str, most: i64, usage: &mut Usage, sink: &Sink) -> Result<()> {
        let mut rest = reply;

        while !rest.is_empty() && usage.output_tokens < most {
            let begin = rest.chars().next().map_or(0, char::len_utf8);
            let end = rest[begin..].find(' ').map_or(rest.len(), |at| begin + at);
            if usage.output_tokens > 0 && self.pause > 0 {
                sleep(self.pause)?;
            }
            sink.text(&rest[..end])?; // with the space before it
            usage.output_tokens += 1;
            rest = &rest[end..];
        }
        Ok(())
    }

    fn generate(&self, request: &LlmRequest, sink: &Sink) -> Result<()> {
        let question = request.messages().iter().rev().find(|one| one.role == USER);
        let asked = words(&question.map(|one| one.text.text()).unwrap_or_default());
        let most = request.params().get("max_tokens").map_or(i64::MAX, |most| most.integer(i64::MAX));
        let mut usage = Usage::of_one_call();

        name_ignored(request.params());
        usage.input_tokens = asked.len() as i64;
        self.say(&self.choose(&asked), most, &mut usage, sink)?;
        sink.usage(&usage)?;
        let whole = usage.output_tokens < most;
        sink.finish(if whole { FINISH_STOP } else { FINISH_LENGTH }, "@NAME@-1")
    }

    fn check(&self, diagnostics: &Diagnostics) {
        for (i, rule) in self.rules().iter().enumerate() {
            if i + 1 < self.rules().len() && words(&rule.words.text()).is_empty() {
                diagnostics.warning(
                    &format!("rules[{}].words", i),
                    "without a word it answers all questions: the rules after it never do",
                );
            }
        }
    }
}

/// The client learns which parameters had no effect.
fn name_ignored(params: &Json) {
    for (name, _) in params.members() {
        if param_is_standard(&name) && name != "model" && name != "max_tokens" {
            ignore(&name);
        }
    }
}

// What tables.c names. The host keeps its promises (CONTRACT.md): pointers are valid for the call.

#[no_mangle]
pub extern "C" fn @ID@_generate(own: &Rules, request: &LlmRequest, sink: &Sink) -> Status {
    guard(|| own.generate(request, sink))
}

#[no_mangle]
pub extern "C" fn @ID@_check(own: &Rules, diagnostics: &Diagnostics) {
    guard(|| {
        own.check(diagnostics);
        Ok(())
    });
}
