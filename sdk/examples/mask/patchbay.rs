//! patchbay - what Rust sees of the SDK: structs as they cross, and host calls. See LANGUAGE.md.
//!
//! Text that the host hands out is borrowed from the struct that has it, so that the borrow checker keeps
//! rule 1 of the contract. A call marked "parks" lets other turns run meanwhile, on the same instance.
#![allow(dead_code)] // a plugin uses some of it

use std::borrow::Cow;
use std::marker::PhantomData;
use std::os::raw::c_void;
use std::panic::{catch_unwind, set_hook, AssertUnwindSafe};
use std::sync::Once;

// --- status -------------------------------------------------------------------------------------------

pub type Status = i32;
pub const OK: Status = 0;
pub const INVALID: Status = 2;
pub const NOT_FOUND: Status = 5;
pub const INTERNAL: Status = 12;
pub const BAD_UPSTREAM: Status = 13;
pub const UNAVAILABLE: Status = 14;
pub const NO_MEMORY: Status = 16;

/// A status that is not OK, and whose sentence the host has: get one from `fail` or a host call, and `?`
/// returns it unchanged (rules 6 and 7).
#[derive(Debug)]
pub struct Failed(pub Status);

pub type Result<T> = std::result::Result<T, Failed>;

/// Fails with a sentence for the person who asked: no content, no secret.
pub fn fail<T>(status: Status, sentence: &str) -> Result<T> {
    Err(Failed(unsafe { patchbay_fail(status, Str::lend(sentence)) }))
}

pub fn checked(status: Status) -> Result<()> {
    if status == OK {
        Ok(())
    } else {
        Err(Failed(status))
    }
}

/// Does the work of a function that the host called. A panic ends here: it must not cross, and becomes
/// INTERNAL. Its message may have content in it, so only its place is logged.
pub fn guard(work: impl FnOnce() -> Result<()>) -> Status {
    static HOOK: Once = Once::new();

    HOOK.call_once(|| {
        set_hook(Box::new(|info| {
            if let Some(place) = info.location() {
                log(ERROR, &format!("panicked at {}:{}", place.file(), place.line()));
            }
        }))
    });
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => OK,
        Ok(Err(Failed(status))) => status,
        Err(_) => {
            unsafe { patchbay_fail(INTERNAL, Str::lend("the plugin panicked; the log has the place")) }
        }
    }
}

pub const INFO: i32 = 1;
pub const WARN: i32 = 2;
pub const ERROR: i32 = 3;

pub fn log(level: i32, line: &str) {
    unsafe { patchbay_log(level, Str::lend(line)) }
}

// --- values that cross --------------------------------------------------------------------------------

/// pb_str. Not Copy: what it shows is borrowed from where it stands.
#[repr(C)]
pub struct Str {
    data: *const u8,
    size: usize,
}

impl Str {
    /// For the length of one call. An empty `&str` has a pointer that is none.
    pub fn lend(text: &str) -> Str {
        Str { data: text.as_ptr(), size: text.len() }
    }

    pub const fn absent() -> Str {
        Str { data: std::ptr::null(), size: 0 }
    }

    pub fn bytes(&self) -> &[u8] {
        if self.data.is_null() {
            return &[];
        }
        unsafe { std::slice::from_raw_parts(self.data, self.size) }
    }

    /// What is not UTF-8, against the promise of the SDK, is replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.bytes())
    }
}

/// pb_list, of what the table in C says.
#[repr(C)]
pub struct List<T> {
    items: *const c_void,
    count: usize,
    of: PhantomData<T>,
}

impl<T> List<T> {
    /// # Safety
    /// `T` is laid out as the items that the option's table names.
    pub unsafe fn items(&self) -> &[T] {
        if self.count == 0 {
            return &[];
        }
        std::slice::from_raw_parts(self.items as *const T, self.count)
    }
}

/// pb_map, of what the table in C says: keys()[i] belongs to items()[i].
#[repr(C)]
pub struct Map<T> {
    keys: *const Str,
    items: *const c_void,
    count: usize,
    of: PhantomData<T>,
}

impl<T> Map<T> {
    /// # Safety
    /// As for a list.
    pub unsafe fn pairs(&self) -> impl Iterator<Item = (&Str, &T)> {
        (0..self.count).map(move |i| (&*self.keys.add(i), &*(self.items as *const T).add(i)))
    }
}

/// `text` in memory of the running scope, which is gone with it.
pub unsafe fn keep(text: &str) -> Result<Str> {
    let copy = patchbay_alloc(text.len() + 1) as *mut u8;
    if copy.is_null() {
        return Err(Failed(NO_MEMORY));
    }
    std::ptr::copy_nonoverlapping(text.as_ptr(), copy, text.len());
    Ok(Str { data: copy, size: text.len() })
}

pub unsafe fn keep_list<T>(items: impl ExactSizeIterator<Item = *const T>) -> Result<*const *const T> {
    let list = patchbay_alloc((items.len() + 1) * std::mem::size_of::<*const T>()) as *mut *const T;
    if list.is_null() {
        return Err(Failed(NO_MEMORY));
    }
    for (i, item) in items.enumerate() {
        *list.add(i) = item;
    }
    Ok(list)
}

// --- words, JSON --------------------------------------------------------------------------------------

#[repr(C)]
struct Word {
    text: Str,
    key: u64,
    common: bool,
}

/// The keys of the words of a text: the same for "desk" and "Desks".
pub fn words(text: &str) -> Vec<u64> {
    let mut found = Vec::new();
    let mut word = Word { text: Str::absent(), key: 0, common: false };
    let mut at = 0;

    while unsafe { patchbay_word_next(Str::lend(text), &mut at, &mut word) } {
        found.push(word.key);
    }
    found
}

const JSON_STRING: u32 = 4;
const JSON_OBJECT: u32 = 6;

/// One value of a tree, borrowed as long as the tree is.
#[repr(C)]
pub struct Json {
    kind: u32,
    count: u32,
    key: Str,
    text: Str,
    child: *const Json,
    next: *const Json,
    last: *const Json,
}

impl Json {
    /// Parses text into the running scope; so built, a tree needs no code of its own here.
    ///
    /// # Safety
    /// The tree is not kept longer than the call of the host that runs.
    pub unsafe fn parse<'scope>(text: &str) -> Result<&'scope Json> {
        let mut out = std::ptr::null();
        checked(patchbay_json_parse(Str::lend(text), &mut out))?;
        Ok(&*out)
    }

    pub fn members(&self) -> impl Iterator<Item = (Cow<'_, str>, &Json)> {
        let first = if self.kind == JSON_OBJECT { self.child } else { std::ptr::null() };
        let mut at = unsafe { first.as_ref() };
        std::iter::from_fn(move || {
            let here = at?;
            at = unsafe { here.next.as_ref() };
            Some((here.key.text(), here))
        })
    }

    pub fn get(&self, name: &str) -> Option<&Json> {
        self.members().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// A string's value.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        (self.kind == JSON_STRING).then(|| self.text.text())
    }

    /// A whole number's value.
    pub fn integer(&self, otherwise: i64) -> i64 {
        unsafe { patchbay_json_int(self, otherwise) }
    }
}

/// `text` as a JSON string with its quotes.
pub fn quoted(text: &str) -> String {
    let mut out = Str::absent();
    unsafe { patchbay_json_quote(Str::lend(text), &mut out) };
    out.text().into_owned()
}

/// Nanoseconds. Parks: others go on meanwhile, cancelling ends it.
pub fn sleep(duration: i64) -> Result<()> {
    checked(unsafe { patchbay_sleep(duration) })
}

// --- check --------------------------------------------------------------------------------------------

#[repr(C)]
pub struct Diagnostics {
    hidden: [u8; 0],
}

impl Diagnostics {
    /// `field` as written in YAML: "rules[2].words".
    pub fn problem(&self, field: &str, sentence: &str) {
        unsafe { patchbay_problem(self, 0, Str::lend(field), Str::lend(sentence)) }
    }

    pub fn warning(&self, field: &str, sentence: &str) {
        unsafe { patchbay_problem(self, 1, Str::lend(field), Str::lend(sentence)) }
    }
}

// --- calls.c ------------------------------------------------------------------------------------------

extern "C" {
    pub fn patchbay_alloc(size: usize) -> *mut c_void;
    fn patchbay_fail(status: Status, sentence: Str) -> Status;
    fn patchbay_log(level: i32, line: Str);
    fn patchbay_problem(to: *const Diagnostics, warning: i32, field: Str, sentence: Str);
    fn patchbay_sleep(duration: i64) -> Status;
    fn patchbay_json_parse(text: Str, out: *mut *const Json) -> Status;
    fn patchbay_json_quote(text: Str, out: *mut Str);
    fn patchbay_json_int(json: *const Json, otherwise: i64) -> i64;
    fn patchbay_word_next(text: Str, at: *mut usize, out: *mut Word) -> bool;
}
