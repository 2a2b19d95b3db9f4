//! llm - what a model is asked.
#![allow(dead_code)]

use crate::patchbay::*;
use crate::turn::Message;
use std::os::raw::c_void;

#[repr(C)]
pub struct LlmRequest {
    size: u32,
    pub stream: u32,
    messages: *const *const Message,
    message_count: usize,
    params: *const Json,
    dialect: Str,
    passages: *const c_void,
}

impl LlmRequest {
    pub fn messages(&self) -> &[&Message] {
        if self.message_count == 0 {
            return &[];
        }
        unsafe { std::slice::from_raw_parts(self.messages as *const &Message, self.message_count) }
    }

    pub fn params(&self) -> &Json {
        unsafe { &*self.params }
    }
}

pub fn param_is_standard(name: &str) -> bool {
    unsafe { patchbay_llm_param_is_standard(Str::lend(name)) }
}

/// The client learns that this parameter had no effect.
pub fn ignore(name: &str) {
    unsafe { patchbay_llm_ignore(Str::lend(name)) }
}

extern "C" {
    fn patchbay_llm_param_is_standard(name: Str) -> bool;
    fn patchbay_llm_ignore(name: Str);
}
