//! address - where e-mail addresses stand in a text. Plain Rust, without Patchbay: `rustc --test address.rs`.

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._%+-".contains(&byte)
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Two labels or more, the last of letters.
pub fn is_domain(text: &str) -> bool {
    let last = text.rsplit('.').next().unwrap_or_default();

    text.contains('.')
        && text.split('.').all(is_label)
        && last.len() >= 2
        && last.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Begin and end of each, in bytes, in their order.
pub fn all(text: &str) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut found: Vec<(usize, usize)> = Vec::new();

    for (at, _) in text.match_indices('@') {
        let floor = found.last().map_or(0, |last| last.1);
        let mut begin = at;
        while begin > floor && is_local(bytes[begin - 1]) {
            begin -= 1;
        }
        while begin < at && bytes[begin] == b'.' {
            begin += 1; // "...ann@example.com"
        }
        let in_domain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'.' || *byte == b'-';
        let mut end = at + 1 + bytes[at + 1..].iter().take_while(|byte| in_domain(byte)).count();
        while end > at + 1 && !is_domain(&text[at + 1..end]) {
            end -= 1; // a full stop behind it belongs to the sentence
        }
        if begin < at && end > at + 1 {
            found.push((begin, end));
        }
    }
    found
}

#[test]
fn addresses_are_found() {
    let found = |text: &str| -> Vec<String> {
        all(text).iter().map(|&(begin, end)| text[begin..end].to_string()).collect()
    };

    assert_eq!(found("Ask ann@example.com."), ["ann@example.com"]);
    assert_eq!(found("<a.b+c@mail.example.co.uk>,d@e.org"), ["a.b+c@mail.example.co.uk", "d@e.org"]);
    assert_eq!(found("für émile@exämple.com, @home, me@localhost"), Vec::<String>::new());
    assert_eq!(found("a@b@example.com"), ["b@example.com"]);
}
