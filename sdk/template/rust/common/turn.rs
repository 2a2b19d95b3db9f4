//! turn - messages, and what streams back. Opaque types are only borrowed; none is made here.
#![allow(dead_code)]

use crate::patchbay::*;
use std::os::raw::c_void;

// --- messages --------------------------------------------------------------------------------------

pub const SYSTEM: i32 = 0;
pub const USER: i32 = 1;

#[repr(C)]
pub struct Message {
    size: u32,
    pub role: i32,
    pub text: Str,
    pub name: Str,
    pub tool_call_id: Str,
    parts: *const c_void,
    part_count: usize,
    tool_calls: *const c_void,
    tool_call_count: usize,
    source: *const Json,
    dialect: Str,
}

impl Message {
    /// Is it more than text: images, files, calls of tools?
    pub fn has_parts(&self) -> bool {
        self.part_count > 0 || self.tool_call_count > 0
    }
}

#[repr(C)]
pub struct Turn {
    hidden: [u8; 0],
}

#[repr(C)]
pub struct Next {
    hidden: [u8; 0],
}

impl Turn {
    pub fn messages(&self) -> &[&Message] {
        let mut count = 0;
        unsafe {
            let list = patchbay_turn_messages(self, &mut count);
            if count == 0 {
                return &[];
            }
            std::slice::from_raw_parts(list as *const &Message, count)
        }
    }

    /// The last message of the user.
    pub fn question(&self) -> Option<&Message> {
        self.messages().iter().rev().find(|one| one.role == USER).copied()
    }

    /// A new message in the running stage's memory, as messages of a turn must be.
    pub fn message(&self, role: i32, text: &str) -> Result<&Message> {
        unsafe { patchbay_message_new(role, keep(text)?).as_ref().ok_or(Failed(NO_MEMORY)) }
    }

    pub fn set_messages(&self, all: &[&Message]) -> Result<()> {
        let list = all.as_ptr() as *const *const Message;
        checked(unsafe { patchbay_turn_set_messages(self, list, all.len()) })
    }

    /// A piece of the reply. Parks.
    pub fn text(&self, text: &str) -> Result<()> {
        checked(unsafe { patchbay_emit(self, &Event::text(text)) })
    }
}

/// The rest of the pipeline. Parks.
pub fn run_next(next: &Next, turn: &Turn) -> Result<()> {
    checked(unsafe { patchbay_run_next(next, turn) })
}

// --- events -------------------------------------------------------------------------------

const EVENT_TEXT: i32 = 1;
const EVENT_USAGE: i32 = 6;
const EVENT_FINISH: i32 = 7;

pub const FINISH_STOP: i32 = 1;
pub const FINISH_LENGTH: i32 = 2;

#[repr(C)]
pub struct Usage {
    size: u32,
    pub calls: u32,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cached_tokens: i64,
    pub reasoning_tokens: i64,
    pub cost: f64,
}

impl Usage {
    pub fn of_one_call() -> Usage {
        let size = std::mem::size_of::<Usage>() as u32;
        Usage { size, calls: 1, input_tokens: 0, output_tokens: 0, cached_tokens: 0, reasoning_tokens: 0, cost: 0.0 }
    }
}

#[repr(C)]
struct Event {
    size: u32,
    kind: i32,
    branch: i32,
    finish: i32,
    index: u32,
    flags: u32,
    text: Str,
    id: Str,
    name: Str,
    data: *const Json,
    usage: *const Usage,
    result: *const c_void,
    number: u64,
}

impl Event {
    fn new(kind: i32) -> Event {
        let mut event: Event = unsafe { std::mem::zeroed() };
        event.size = std::mem::size_of::<Event>() as u32;
        event.kind = kind;
        event
    }

    fn text(text: &str) -> Event {
        Event { text: Str::lend(text), ..Event::new(EVENT_TEXT) }
    }
}

#[repr(C)]
pub struct Sink {
    hidden: [u8; 0],
}

/// Each parks, and what it returns other than Ok goes back unchanged: use `?`.
impl Sink {
    fn emit(&self, event: &Event) -> Result<()> {
        checked(unsafe { patchbay_sink_emit(self, event) })
    }

    pub fn text(&self, text: &str) -> Result<()> {
        self.emit(&Event::text(text))
    }

    pub fn usage(&self, usage: &Usage) -> Result<()> {
        self.emit(&Event { usage, ..Event::new(EVENT_USAGE) })
    }

    pub fn finish(&self, why: i32, model: &str) -> Result<()> {
        self.emit(&Event { finish: why, text: Str::lend(model), ..Event::new(EVENT_FINISH) })
    }
}

extern "C" {
    fn patchbay_turn_messages(turn: *const Turn, count: *mut usize) -> *const *const Message;
    fn patchbay_turn_set_messages(turn: *const Turn, list: *const *const Message, count: usize) -> Status;
    fn patchbay_message_new(role: i32, text: Str) -> *const Message;
    fn patchbay_emit(turn: *const Turn, event: *const Event) -> Status;
    fn patchbay_run_next(next: *const Next, turn: *const Turn) -> Status;
    fn patchbay_sink_emit(sink: *const Sink, event: *const Event) -> Status;
}
