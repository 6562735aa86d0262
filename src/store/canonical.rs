//! Canonical JSON (RFC 8785) for what the audit chain hashes: objects, arrays, strings, booleans, null and whole numbers.

use serde_json::Value;

/// The canonical text of a value. `None` for numbers that are not whole or beyond ±(2^53 − 1): the log holds none, and their
/// text is where implementations differ.
pub fn canonical(value: &Value) -> Option<String> {
    let mut text = String::new();
    write(value, &mut text)?;
    Some(text)
}

fn write(value: &Value, out: &mut String) -> Option<()> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => {
            let whole = number.as_i64().filter(|n| n.unsigned_abs() < 1 << 53)?;
            out.push_str(&whole.to_string());
        }
        // serde_json escapes as section 3.2.2.2 asks: the short forms, otherwise \u00xx in lower case, nothing else.
        Value::String(text) => out.push_str(&Value::from(text.as_str()).to_string()),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out)?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            // Section 3.2.3: by UTF-16 code units, which is not the order of UTF-8 octets.
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (at, (key, item)) in sorted.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write(item, out)?;
            }
            out.push('}');
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_by_utf16_and_strings_escaped() {
        // The example of RFC 8785 section 3.2.3.
        let text = r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#;
        let canonical = canonical(&serde_json::from_str(text).unwrap()).unwrap();
        let order = ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"].map(|word| canonical.find(word).unwrap());
        assert!(order.is_sorted(), "{canonical}");
        assert!(canonical.starts_with(r#"{"\r":"#));
    }

    #[test]
    fn literals_and_numbers() {
        let value = serde_json::json!({"b": [true, false, null, -1, 9_007_199_254_740_991_i64], "a": "\u{0}\u{1f}\"\\/\n€"});
        assert_eq!(canonical(&value).unwrap(), "{\"a\":\"\\u0000\\u001f\\\"\\\\/\\n€\",\"b\":[true,false,null,-1,9007199254740991]}");
        assert_eq!(canonical(&serde_json::json!(1.5)), None);
        assert_eq!(canonical(&serde_json::json!(1_u64 << 53)), None);
    }
}
