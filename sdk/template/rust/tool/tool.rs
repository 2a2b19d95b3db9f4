//! tool - the functions that are offered, and where a result goes.

use crate::patchbay::*;

#[repr(C)]
struct ToolFunction {
    size: u32,
    reserved: u32,
    name: Str,
    description: Str,
    parameters: *const Json,
}

#[repr(C)]
pub struct ToolList {
    size: u32,
    reserved: u32,
    functions: *const *const ToolFunction,
    count: usize,
}

impl ToolList {
    /// Name, description and JSON Schema of the arguments of each.
    pub fn offer(&mut self, functions: &[(&str, &str, &str)]) -> Result<()> {
        let mut made = Vec::new();
        for (name, description, parameters) in functions {
            unsafe {
                let size = std::mem::size_of::<ToolFunction>();
                let function = patchbay_alloc(size) as *mut ToolFunction;
                if function.is_null() {
                    return Err(Failed(NO_MEMORY));
                }
                function.write(ToolFunction {
                    size: size as u32,
                    reserved: 0,
                    name: keep(name)?,
                    description: keep(description)?,
                    parameters: Json::parse(parameters)?,
                });
                made.push(function as *const ToolFunction);
            }
        }
        self.functions = unsafe { keep_list(made.iter().copied())? };
        self.count = made.len();
        Ok(())
    }
}

/// Where a result goes. The host reads it when the function returns OK.
#[repr(transparent)]
pub struct JsonOut(*mut *const Json);

impl JsonOut {
    pub fn put(&self, text: &str) -> Result<()> {
        unsafe { *self.0 = Json::parse(text)? };
        Ok(())
    }
}
