//! Whoever made a document chose how much work it is to draw: the process that draws it ends at its limits, and says so.

use std::time::{Duration, Instant};
use xinyin::preview::NotDrawn;
use xinyin::service::preview::draw_by;

/// A PDF of these objects, numbered from 1.
fn pdf(objects: &[String]) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut places = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        places.push(out.len());
        out.extend(format!("{} 0 obj\n{object}\nendobj\n", number + 1).into_bytes());
    }
    let start = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).into_bytes());
    places.iter().for_each(|place| out.extend(format!("{place:010} 00000 n \n").into_bytes()));
    out.extend(format!("trailer\n<</Size {}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1).into_bytes());
    out
}

/// Nine forms, each of which draws the next thirty times: more work than any machine does.
fn endless() -> Vec<u8> {
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</XObject<</F 5 0 R>>>>>>";
    let mut objects = vec!["<</Type/Catalog/Pages 2 0 R>>".to_owned(), "<</Type/Pages/Kids[3 0 R]/Count 1>>".into(), page.into()];
    let stream = |more: String, content: String| format!("<<{more}/Length {}>>\nstream\n{content}\nendstream", content.len());
    objects.push(stream(String::new(), "/F Do".into()));
    for next in 6..=14 {
        let resources = if next < 14 { format!("/Resources<</XObject<</F {next} 0 R>>>>") } else { String::new() };
        let content = if next < 14 { "/F Do ".repeat(30) } else { "0 0 200 200 re f ".repeat(30) };
        objects.push(stream(format!("/Type/XObject/Subtype/Form/BBox[0 0 200 200]{resources}"), content));
    }
    pdf(&objects)
}

/// A picture of more dots than the process may hold.
fn huge() -> Vec<u8> {
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>>>";
    let image =
        "<</Type/XObject/Subtype/Image/Width 60000/Height 60000/BitsPerComponent 8/ColorSpace/DeviceRGB/Length 3>>\nstream\nabc\nendstream";
    let content = "<</Length 26>>\nstream\n200 0 0 200 0 0 cm /I Do  \nendstream";
    let objects = ["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>", page, content, image];
    pdf(&objects.map(str::to_owned))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_ends_at_its_limits() {
    let program = || std::path::PathBuf::from(env!("CARGO_BIN_EXE_xinyin"));
    let started = Instant::now();
    let plain = include_bytes!("../data/one-page.pdf").to_vec();
    let good = draw_by(program(), &plain).await;
    assert!(good.len() == 1 && good[0].picture.is_ok(), "{good:?}");
    let (endless, huge) = (endless(), huge());
    let (endless, huge, beside) = tokio::join!(draw_by(program(), &endless), draw_by(program(), &huge), draw_by(program(), &plain));
    let why = endless[0].picture.as_ref().unwrap_err();
    assert_eq!(why.zh, NotDrawn::LIMIT.zh, "{endless:?}");
    assert!(started.elapsed() < Duration::from_secs(50), "{:?}", started.elapsed());
    // A picture that is not there to its end is left out, or the page is: either way there is an answer.
    assert_eq!(huge.len(), 1);
    assert!(beside[0].picture.is_ok(), "others are served meanwhile");
}
