//! The lab's few pages: plain HTML, no script, Chinese first.

use super::inbox::Message;
use crate::moment::Moment;
use axum::response::Html;

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn page(title: &str, body: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>body{{font-family:sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}}\
         td,th{{text-align:left;padding:.3rem .8rem .3rem 0;vertical-align:top}}</style></head><body><h1>{title}</h1>{body}\
         <p><small>模拟省级平台，仅供演示与测试 · A stand-in province for demonstration and tests</small></p></body></html>"
    ))
}

/// What is here.
pub fn index(links: &[(&str, String)]) -> Html<String> {
    let items: String = links.iter().map(|(text, link)| format!("<li><a href=\"{}\">{}</a></li>", escape(link), escape(text))).collect();
    page("模拟省级平台 · Stand-in province", &format!("<ul>{items}</ul>"))
}

/// Delivered messages, newest first.
pub fn inbox(messages: &[&Message]) -> Html<String> {
    let rows: String = messages
        .iter()
        .map(|message| {
            format!("<tr><td>{}</td><td>{}</td><td>{}</td></tr>", message.at.beijing(), escape(&message.phone), escape(&message.text))
        })
        .collect();
    let head = "<tr><th scope=\"col\">时间 Time</th><th scope=\"col\">手机 Phone</th><th scope=\"col\">内容 Text</th></tr>";
    let empty = if messages.is_empty() { "<p>还没有短信 · No message yet</p>" } else { "" };
    page("收件箱 · Inbox", &format!("<table><thead>{head}</thead><tbody>{rows}</tbody></table>{empty}"))
}

/// The clock and a form to set it.
pub fn clock(now: Moment, machine: Moment, stopped: bool) -> Html<String> {
    let standing = if stopped { "（已停止 · stopped）" } else { "" };
    let checked = if stopped { " checked" } else { "" };
    let body = format!(
        "<p>模拟时间 · Lab time: <strong>{}</strong>{standing}<br>本机时间 · Machine time: {}</p>\
         <form method=\"post\" action=\"/lab/clock\"><p><label>设为 · Set to (RFC 3339)<br>\
         <input name=\"now\" size=\"30\" value=\"{now}\"></label></p><p><label><input type=\"checkbox\" name=\"stop\" value=\"true\"{checked}> \
         停在此刻 · Stand still there</label></p><p><button>设置 · Set</button></p></form>\
         <form method=\"post\" action=\"/lab/clock\"><button>跟随本机时间 · Follow the machine</button></form>",
        now.beijing(),
        machine.beijing(),
    );
    page("时钟 · Clock", &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        let message = Message { id: 1, at: Moment::from_secs(0), phone: "1".into(), text: "<script>'\"&".into() };
        assert!(inbox(&[&message]).0.contains("&lt;script&gt;&#39;&quot;&amp;"));
    }
}
