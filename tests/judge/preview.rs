//! Previews: pages as pictures with their seals where they stand, bounded, and silent about nothing.

use crate::authority::Authority;
use crate::ofd::{Files, zip};
use crate::ofd_signing::{esl_with, holder, ofd_request, plain};
use crate::signing::signed;
use image::{GenericImageView as _, Rgba};
use std::path::Path;
use std::sync::Arc;
use xinyin::crypto::KeyKind;
use xinyin::files::fonts::{Style, chinese};
use xinyin::pki::build::seal::{ListKind, Version};
use xinyin::preview::{LONGER_SIDE, NotDrawn, Page, pages};
use xinyin::sign::{Level, Place, Request};

const PDF: &[u8] = include_bytes!("../data/one-page.pdf");

fn font() -> Option<Arc<Vec<u8>>> {
    chinese(None, Style::Sans).unwrap().map(Arc::new)
}

fn drawn(octets: &[u8]) -> Result<Vec<Page>, NotDrawn> {
    pages(&octets.to_vec(), font(), 1, 20)
}

fn picture(page: &Page) -> image::DynamicImage {
    let picture = page.picture.as_ref().unwrap();
    let read = image::load_from_memory(&picture.png).unwrap();
    assert_eq!((read.width(), read.height()), (picture.width, picture.height));
    read
}

/// Share of the dots in a part of the page (in millimetres on A4) for which something holds.
fn share(image: &image::DynamicImage, [left, top, width, height]: [f64; 4], is: impl Fn(Rgba<u8>) -> bool) -> f64 {
    let scale = f64::from(image.height()) / 297.0;
    let at = |length: f64| (length * scale) as u32;
    let (mut met, mut all) = (0.0, 0.0);
    for x in at(left)..at(left + width) {
        for y in at(top)..at(top + height) {
            met += f64::from(u8::from(is(image.get_pixel(x, y))));
            all += 1.0;
        }
    }
    met / all
}

fn is_red(dot: Rgba<u8>) -> bool {
    dot[0] > 200 && dot[1] < 90 && dot[2] < 90
}

fn is_dark(dot: Rgba<u8>) -> bool {
    dot[0] < 120 && dot[1] < 120 && dot[2] < 120
}

fn png(color: [u8; 4]) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    image::RgbaImage::from_pixel(40, 40, Rgba(color)).write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

/// Two pages: text, a filled square, a picture; a template behind both.
fn package(content: &str) -> Files {
    let xmlns = "xmlns:ofd='http://www.ofdspec.org/2016'";
    [
        ("OFD.xml", format!("<ofd:OFD {xmlns}><ofd:DocBody><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>").into_bytes()),
        ("Doc_0/Document.xml", format!("<ofd:Document {xmlns}><ofd:CommonData><ofd:PageArea><ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox></ofd:PageArea><ofd:PublicRes>Res.xml</ofd:PublicRes><ofd:TemplatePage ID='9' BaseLoc='Tpl.xml'/></ofd:CommonData><ofd:Pages><ofd:Page ID='1' BaseLoc='One.xml'/><ofd:Page ID='2' BaseLoc='Two.xml'/></ofd:Pages></ofd:Document>").into_bytes()),
        ("Doc_0/Res.xml", format!("<ofd:Res {xmlns} BaseLoc='Res'><ofd:MultiMedias><ofd:MultiMedia ID='5' Type='Image'><ofd:MediaFile>red.png</ofd:MediaFile></ofd:MultiMedia><ofd:MultiMedia ID='6' Type='Image'><ofd:MediaFile>broken.png</ofd:MediaFile></ofd:MultiMedia></ofd:MultiMedias></ofd:Res>").into_bytes()),
        ("Doc_0/Res/red.png", png([255, 0, 0, 255])),
        ("Doc_0/Res/broken.png", png([255, 0, 0, 255])[..60].to_vec()),
        ("Doc_0/Tpl.xml", format!("<ofd:Page {xmlns}><ofd:Content><ofd:Layer><ofd:PathObject Boundary='0 280 210 5' Fill='true' Stroke='false'><ofd:AbbreviatedData>M 0 0 L 210 0 L 210 5 L 0 5 C</ofd:AbbreviatedData></ofd:PathObject></ofd:Layer></ofd:Content></ofd:Page>").into_bytes()),
        ("Doc_0/One.xml", format!("<ofd:Page {xmlns}><ofd:Template TemplateID='9'/><ofd:Content><ofd:Layer>{content}</ofd:Layer></ofd:Content></ofd:Page>").into_bytes()),
        ("Doc_0/Two.xml", format!("<ofd:Page {xmlns}><ofd:Area><ofd:PhysicalBox>0 0 100 50</ofd:PhysicalBox></ofd:Area><ofd:Content/></ofd:Page>").into_bytes()),
    ]
    .map(|(name, octets)| (name.to_owned(), octets))
    .into()
}

const CONTENT: &str = "<ofd:TextObject Boundary='20 20 100 30' Font='3' Size='20'><ofd:TextCode X='0' Y='22' DeltaX='20 20'>批准书</ofd:TextCode></ofd:TextObject>\
    <ofd:PathObject Boundary='20 100 50 50' Fill='true' Stroke='false'><ofd:FillColor Value='0 0 255'/><ofd:AbbreviatedData>M 0 0 L 50 0 L 50 50 L 0 50 C</ofd:AbbreviatedData></ofd:PathObject>\
    <ofd:ImageObject Boundary='100 100 50 50' CTM='50 0 0 50 0 0' ResourceID='5'/>\
    <ofd:ImageObject Boundary='100 200 50 50' CTM='50 0 0 50 0 0' ResourceID='6'/>\
    <ofd:PathObject Boundary='160 20 30 30' Visible='false' Fill='true'><ofd:AbbreviatedData>M 0 0 L 30 0 L 30 30 C</ofd:AbbreviatedData></ofd:PathObject>";

#[test]
fn text_paths_and_pictures_stand_where_the_package_says() {
    let found = drawn(&zip(&package(CONTENT))).unwrap();
    assert_eq!(found.iter().map(|page| (page.number, page.pages)).collect::<Vec<_>>(), [(1, 2), (2, 2)]);
    let first = picture(&found[0]);
    assert_eq!(first.height(), LONGER_SIDE as u32);
    assert!(share(&first, [22.0, 102.0, 46.0, 46.0], |dot| dot == Rgba([0, 0, 255, 255])) > 0.99);
    assert!(share(&first, [102.0, 102.0, 46.0, 46.0], is_red) > 0.99);
    assert!(share(&first, [0.0, 281.0, 209.0, 3.0], is_dark) > 0.99, "the template");
    assert!(share(&first, [160.0, 20.0, 30.0, 30.0], is_dark) < 0.001, "what is not visible");
    let frame = share(&first, [100.0, 200.0, 50.0, 50.0], |dot| dot != Rgba([255, 255, 255, 255]));
    assert!((0.001..0.2).contains(&frame), "a picture that cannot be read shows a frame: {frame}");
    if font().is_some() {
        for letter in 0..3 {
            let ink = share(&first, [20.0 + 20.0 * f64::from(letter), 22.0, 20.0, 22.0], is_dark);
            assert!((0.05..0.6).contains(&ink), "character {letter}: {ink}");
        }
    }
    let second = picture(&found[1]);
    assert_eq!((second.width(), second.height()), (1200, 600));
    let only = pages(&zip(&package(CONTENT)), font(), 2, 1).unwrap();
    assert_eq!(only.iter().map(|page| page.number).collect::<Vec<_>>(), [2]);
    assert!(pages(&zip(&package(CONTENT)), font(), 3, 1).unwrap().is_empty());
}

/// Seals bear pictures of several kinds; each is seen where the seal stands.
#[test]
fn seals_of_every_kind_of_picture_are_drawn() {
    let authority = Authority::new(KeyKind::Sm2);
    let maker = holder(&authority, 0x21, "制章单位");
    for kind in [image::ImageFormat::Png, image::ImageFormat::Jpeg, image::ImageFormat::Gif, image::ImageFormat::Bmp] {
        let mut octets = std::io::Cursor::new(Vec::new());
        image::RgbImage::from_pixel(40, 40, image::Rgb([255, 0, 0])).write_to(&mut octets, kind).unwrap();
        let octets = octets.into_inner();
        let sealed = |picture: &[u8]| {
            let seal = esl_with(&authority, &maker, Version::V4, ListKind::Certificates, picture.to_vec());
            let places = vec![Place::Rectangle { page: 1, sides: [100.0, 200.0, 142.0, 242.0] }];
            let request = Request { places, ..ofd_request(&authority, Some(&seal), Level::B) };
            drawn(&signed(&authority, &authority.signer, &zip(&plain()), &request).unwrap()).unwrap()
        };
        let first = picture(&sealed(&octets)[0]);
        assert!(share(&first, [102.0, 202.0, 38.0, 38.0], is_red) > 0.9, "{kind:?}");
        // Cut off anywhere, or with other numbers in its head, the seal is drawn or not, and nothing else happens.
        for at in [20, octets.len() / 2] {
            let mut broken = octets.clone();
            broken[at] ^= 0xff;
            for broken in [&broken[..], &octets[..at]] {
                assert!(sealed(broken)[0].picture.is_ok(), "{kind:?} {at}");
            }
        }
    }
}

#[test]
fn a_pdf_is_drawn_with_its_visible_mark() {
    let found = drawn(PDF).unwrap();
    assert_eq!((found.len(), found[0].pages), (1, 1));
    assert_eq!(picture(&found[0]).height(), 1200);
}

#[test]
fn what_cannot_be_drawn_says_so() {
    assert_eq!(drawn(b"plain text"), Err(NotDrawn::KIND));
    assert_eq!(drawn(b"%PDF-1.7\nnothing"), Err(NotDrawn::UNREADABLE));
    assert_eq!(drawn(b"PK\x03\x04nothing"), Err(NotDrawn::UNREADABLE));
    // A page of nonsense, with everything that is written strangely.
    for content in [
        "<ofd:TextObject Boundary='x' Size='1e9' CTM='0 0 0 0 0 0'><ofd:TextCode X='nan' DeltaX='g 99999999 1'>字</ofd:TextCode></ofd:TextObject>".to_owned(),
        "<ofd:PathObject Boundary='0 0 1e300 1'><ofd:AbbreviatedData>M 0 0 L 1e5 1e5 A 1e-9 1 0 1 1 1 1 B</ofd:AbbreviatedData></ofd:PathObject>".into(),
        "<ofd:PageBlock>".repeat(30) + &"</ofd:PageBlock>".repeat(30),
        "<ofd:ImageObject Boundary='0 0 0 0' CTM='1e5 0 0 1e5 0 0' ResourceID='5'/>".into(),
        "<ofd:PathObject LineWidth='999999' Boundary='0 0 1 1'><ofd:AbbreviatedData>M 0 0 L 1 1</ofd:AbbreviatedData></ofd:PathObject>".into(),
    ] {
        let found = drawn(&zip(&package(&content))).unwrap();
        assert_eq!(found.len(), 2, "{content}");
    }
    let mut broken = package(CONTENT);
    broken[6].1 = b"<Page".to_vec();
    let found = drawn(&zip(&broken));
    assert!(found.is_err() || found.unwrap()[0].picture == Err(NotDrawn::PAGE));
}

/// Octets flipped all over a package and a PDF: a picture or a reason, never a crash.
#[test]
fn broken_files_never_crash() {
    let package = zip(&package(CONTENT));
    for octets in [&package, &PDF.to_vec()] {
        for at in (0..octets.len()).step_by(octets.len() / 25) {
            let mut broken = octets.clone();
            broken[at] ^= 0x41;
            let _ = pages(&broken, None, 1, 1);
            let _ = pages(&octets[..at].to_vec(), None, 1, 1);
        }
    }
}

#[test]
fn seals_of_packages_in_the_field_are_drawn() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/files/ofd-real");
    let Ok(files) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    };
    let mut paths: Vec<_> =
        files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|ending| ending == "ofd")).collect();
    paths.sort();
    let mut red = 0;
    for path in paths.iter().take(4) {
        let found = pages(&std::fs::read(path).unwrap(), font(), 1, 1).unwrap();
        let image = picture(&found[0]);
        let dots = image.pixels().filter(|(_, _, dot)| is_red(*dot)).count();
        red += usize::from(dots > 500);
        assert!(image.pixels().any(|(_, _, dot)| is_dark(dot)) || dots > 0, "{} is empty", path.display());
    }
    assert!(red >= 3, "{red} of {} show a seal", paths.len());
}
