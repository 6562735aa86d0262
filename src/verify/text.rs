//! A verdict as text for people: Chinese first, English after each line.

use super::licence::LicenceVerdict;
use super::verdict::{Check, SignatureVerdict, SignerVerdict, Verdict};
use crate::moment::Moment;
use std::fmt::Write as _;

/// The whole verdict. `bare_trust`: the caller named the anchors.
pub fn render_text(verdict: &Verdict, bare_trust: bool) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_verdict(&mut text, verdict, bare_trust);
    text
}

/// What the caller chose, so that nobody takes the verdict for one under the service's own terms.
fn write_choices(out: &mut String, verdict: &Verdict, bare_trust: bool) -> std::fmt::Result {
    let mut chosen: Vec<String> = Vec::new();
    for choice in &verdict.policy.choices {
        chosen.push(match *choice {
            "policy" => format!("策略 policy {}", verdict.policy.id),
            "at" => format!("时点 time {}", verdict.at),
            _ => "吊销未知只作提示 unknown revocation is a warning".into(),
        });
    }
    if bare_trust {
        chosen.push("信任锚 trust anchors".into());
    }
    if !verdict.policy.relaxed.is_empty() {
        chosen.push(format!("放宽 relaxed {}", verdict.policy.relaxed.join(" ")));
    }
    if chosen.is_empty() { Ok(()) } else { writeln!(out, "  调用者选择 chosen by the caller: {}", chosen.join(" · ")) }
}

fn write_verdict(out: &mut String, verdict: &Verdict, bare_trust: bool) -> std::fmt::Result {
    writeln!(out, "{}", verdict.file)?;
    writeln!(out, "  结论 verdict: {} {}", verdict.indication.word_zh(), verdict.verdict)?;
    write!(out, "  {}", verdict.indication.name())?;
    match &verdict.sub_indication {
        Some(sub) => writeln!(out, " / {sub}")?,
        None => writeln!(out)?,
    }
    writeln!(out, "  截至 as of: {} （北京时间 +08:00）", verdict.at.beijing())?;
    writeln!(out, "  SHA-256: {}", verdict.sha256)?;
    writeln!(out, "  策略 policy: {} ({}), 吊销 revocation: {}", verdict.policy.id, verdict.policy.digest, verdict.policy.revocation)?;
    write_choices(out, verdict, bare_trust)?;
    if let Some(licence) = &verdict.licence {
        write_licence(out, licence)?;
    }
    for signature in &verdict.signatures {
        write_signature(out, signature)?;
    }
    for timestamp in &verdict.timestamps {
        let time = timestamp.time.map_or_else(|| "—".into(), Moment::beijing);
        writeln!(out, "\n  时间戳 {}: {} {}", timestamp.kind, time, timestamp.indication.word_zh())?;
        if let Some(authority) = &timestamp.authority {
            writeln!(out, "    机构 authority: {}", authority.subject)?;
        }
        write_checks(out, &timestamp.checks)?;
    }
    if !verdict.defects.is_empty() {
        writeln!(out, "\n  需要处理 to be fixed:")?;
        for defect in &verdict.defects {
            writeln!(out, "    {} {} → {}", defect.id, defect.what, defect.fix)?;
            writeln!(out, "            {} → {}", defect.what_en, defect.fix_en)?;
        }
    }
    Ok(())
}

fn write_signature(out: &mut String, signature: &SignatureVerdict) -> std::fmt::Result {
    let kind = match signature.kind {
        "seal" => "签章 seal",
        "document-timestamp" => "文档时间戳 document time-stamp",
        _ => "签名 signature",
    };
    writeln!(out, "\n  {kind} {}: {} {}", signature.id, signature.indication.word_zh(), signature.indication.word())?;
    if let Some(signer) = &signature.signer {
        write_signer(out, signer)?;
    }
    let source = match signature.best_time_source {
        "claimed" => "自述 claimed",
        "signature-timestamp" => "签名时间戳 signature time-stamp",
        "document-timestamp" => "文档时间戳 document time-stamp",
        other => other,
    };
    if let Some(time) = signature.best_time {
        writeln!(out, "    时间 time: {} （{source}）", time.beijing())?;
    }
    let state = |word| match word {
        "valid" => "有效 valid",
        "expired" => "已过期 expired",
        "revoked" => "已吊销 revoked",
        _ => "未知 unknown",
    };
    writeln!(out, "    证书 certificate: 签署时 at signing {} · 现在 now {}", state(signature.at_signing), state(signature.now))?;
    write_checks(out, &signature.checks)
}

fn write_signer(out: &mut String, signer: &SignerVerdict) -> std::fmt::Result {
    writeln!(out, "    签署人 signer: {}", signer.name.as_deref().unwrap_or("—"))?;
    if let Some(number) = &signer.id_masked {
        writeln!(out, "    证件号 number: {number}")?;
    }
    if let Some(code) = &signer.uscc {
        writeln!(out, "    统一社会信用代码 USCC: {code}")?;
    }
    writeln!(out, "    证书 subject: {}", signer.subject)?;
    writeln!(out, "    签发 issuer: {}", signer.issuer)
}

fn write_checks(out: &mut String, checks: &[Check]) -> std::fmt::Result {
    for check in checks {
        let mark = match check.status {
            "pass" => "✓",
            "warn" => "!",
            "fail" => "✗",
            _ => "?",
        };
        writeln!(out, "    {mark} {} {} {}", check.id, check.question, check.answer)?;
        writeln!(out, "              {} {}", check.question_en, check.answer_en)?;
    }
    Ok(())
}

fn write_licence(out: &mut String, licence: &LicenceVerdict) -> std::fmt::Result {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "—".into());
    writeln!(out, "\n  电子证照 licence: {} · {}", or_dash(&licence.name), or_dash(&licence.identifier.value))?;
    writeln!(out, "    颁发机构 issuer: {}", or_dash(&licence.issuer))?;
    writeln!(out, "    持证主体 holder: {}", licence.holders.join("、"))?;
    write_checks(out, &licence.checks)
}
