//! @NAME@ - functions with which a model reckons with dates, which models do badly.
//!
//! list() tells the model what there is, call() runs one: arguments and results are JSON.
mod patchbay;
mod tool;

use patchbay::*;
use tool::*;

/// The instance, filled by the host from YAML; tables.c has the same members in the same order.
#[repr(C)]
pub struct Dates {
    holidays: List<Str>,
}

const _: () = assert!(std::mem::size_of::<Dates>() == 16, "change tables.c as well");

const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

// --- days ---------------------------------------------------------------------------------------------

/// Of the Gregorian calendar: days since 0000-03-01, a Wednesday.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month < 3 { year - 1 } else { year };
    let month = (month + 9) % 12; // from March on: the leap day is the last of the year
    365 * year + year / 4 - year / 100 + year / 400 + (month * 306 + 5) / 10 + day - 1
}

fn weekday(day: i64) -> usize {
    ((day + 2) % 7) as usize // 0: Monday
}

/// Year, month and day of YYYY-MM-DD.
fn split(text: &str) -> Option<(i64, i64, i64)> {
    let digits = |from: usize, to: usize| {
        let part = text.get(from..to)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let dashes = text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
    dashes.then_some(())?;
    Some((digits(0, 4)?, digits(5, 7)?, digits(8, 10)?))
}

/// The day's number, or the sentence that says why it is none.
fn read_day(text: &str) -> std::result::Result<i64, String> {
    match split(text) {
        Some((year, month, day)) if year >= 1 && (1..=12).contains(&month) && day >= 1 => {
            let (number, next) = (day_number(year, month, day), (year + month / 12, month % 12 + 1));
            if number >= day_number(next.0, next.1, 1) {
                return Err(format!("there is no {}: the month is shorter", text));
            }
            Ok(number)
        }
        _ => Err(format!("'{}' is no date: YYYY-MM-DD is", text)),
    }
}

// --- the functions ------------------------------------------------------------------------------------

fn day_argument(arguments: Option<&Json>, name: &str) -> Result<i64> {
    let text = arguments.and_then(|all| all.get(name)).and_then(Json::text).unwrap_or_default();
    read_day(&text).or_else(|sentence| fail(INVALID, &sentence))
}

impl Dates {
    fn holidays(&self) -> &[Str] {
        unsafe { self.holidays.items() } // the table says PB_KIND_STR
    }

    fn days_between(&self, from: i64, to: i64) -> Result<String> {
        if to < from || to - from > 3700 {
            return fail(INVALID, "'to' is a day after 'from', at most ten years later");
        }
        let holidays: Vec<i64> =
            self.holidays().iter().filter_map(|one| read_day(&one.text()).ok()).collect();
        let works = |day: &i64| weekday(*day) < 5 && !holidays.contains(day);
        let working = (from..to).filter(works).count();
        Ok(format!("{{\"days\": {}, \"working_days\": {}}}", to - from, working))
    }

    fn call(&self, name: &str, arguments: Option<&Json>) -> Result<String> {
        match name {
            "weekday" => Ok(quoted(WEEKDAYS[weekday(day_argument(arguments, "date")?)])),
            "days_between" => {
                self.days_between(day_argument(arguments, "from")?, day_argument(arguments, "to")?)
            }
            _ => fail(NOT_FOUND, &format!("there is no function '{}'", name)),
        }
    }

    fn check(&self, diagnostics: &Diagnostics) {
        for (i, holiday) in self.holidays().iter().enumerate() {
            if let Err(sentence) = read_day(&holiday.text()) {
                diagnostics.problem(&format!("holidays[{}]", i), &sentence);
            }
        }
    }
}

const FUNCTIONS: [(&str, &str, &str); 2] = [
    (
        "weekday",
        "The day of the week of a date.",
        r#"{"type": "object", "required": ["date"],
            "properties": {"date": {"type": "string", "format": "date"}}}"#,
    ),
    (
        "days_between",
        "How many days and working days lie between two dates, the first included.",
        r#"{"type": "object", "required": ["from", "to"],
            "properties": {"from": {"type": "string", "format": "date"},
                           "to": {"type": "string", "format": "date"}}}"#,
    ),
];

// What tables.c names. The host keeps its promises (CONTRACT.md): pointers are valid for the call.

#[no_mangle]
pub extern "C" fn @ID@_list(_: &Dates, out: &mut ToolList) -> Status {
    guard(|| out.offer(&FUNCTIONS))
}

#[no_mangle]
pub extern "C" fn @ID@_call(own: &Dates, name: Str, arguments: Option<&Json>, out: JsonOut) -> Status {
    guard(|| out.put(&own.call(&name.text(), arguments)?))
}

#[no_mangle]
pub extern "C" fn @ID@_check(own: &Dates, diagnostics: &Diagnostics) {
    guard(|| {
        own.check(diagnostics);
        Ok(())
    });
}
