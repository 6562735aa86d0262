//! `xinyin preview`: pages of a PDF or OFD as pictures.

use crate::doc::source::ByteSource;
use crate::files::fonts::{Style, chinese};
use crate::files::{self, Access, FileSource};
use crate::preview::{LARGEST, NotDrawn, Page, pages};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Arguments of `xinyin preview`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  xinyin preview --page 1 --out licence.png licence.ofd\n\n\
A picture shows what a page looks like and proves nothing: `xinyin verify` does.\n\
Exit status: 0 drawn, 2 a page or the file cannot be drawn, 3 wrong use or the file could not be read.")]
pub struct Args {
    /// PDF or OFD; `-` reads standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Which page first
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    page: u32,
    /// How many pages from there on
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=20))]
    count: u16,
    /// Where the picture goes (PNG); of several pages NAME-1.png, NAME-2.png, …
    #[arg(long, value_name = "FILE.png")]
    out: Option<PathBuf>,
    /// json: one object a line for each page, the picture in Base64
    #[arg(long, default_value = "text", value_parser = ["text", "json"])]
    format: String,
    /// A font file for text whose font the document does not bring
    #[arg(long, value_name = "FILE")]
    font: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    let json = args.format == "json";
    if args.out.is_none() && !json {
        eprintln!("xinyin preview: name a file with --out, or use --format json");
        return ExitCode::from(super::FAILED);
    }
    match draw(args) {
        Ok(Ok(pages)) => shown(args, &pages, json).unwrap_or_else(|text| {
            eprintln!("xinyin preview: {text}");
            ExitCode::from(super::FAILED)
        }),
        Ok(Err(why)) => {
            if json {
                println!("{}", json!({ "error": { "zh": why.zh, "en": why.en } }));
            }
            eprintln!("xinyin preview: {}", why.en);
            ExitCode::from(2)
        }
        Err(text) => {
            eprintln!("xinyin preview: {text}");
            ExitCode::from(super::FAILED)
        }
    }
}

fn draw(args: &Args) -> Result<Result<Vec<Page>, NotDrawn>, String> {
    let named = |error: std::io::Error| format!("{}: {error}", args.file.display());
    let document: Box<dyn ByteSource> = if args.file == Path::new("-") {
        let mut octets = Vec::new();
        std::io::stdin().lock().take(LARGEST + 1).read_to_end(&mut octets).map_err(named)?;
        Box::new(octets)
    } else {
        Box::new(FileSource::open(&args.file).map_err(named)?)
    };
    let font = chinese(args.font.as_deref(), Style::Sans).map_err(|error| format!("font: {error}"))?.map(Arc::new);
    let from = usize::try_from(args.page).unwrap_or(usize::MAX);
    Ok(pages(&*document, font, from, args.count.into()))
}

fn shown(args: &Args, pages: &[Page], json: bool) -> Result<ExitCode, String> {
    let mut exit = if pages.is_empty() { 2 } else { 0 };
    if pages.is_empty() {
        eprintln!("xinyin preview: the document has no page {}", args.page);
    }
    let mut out = std::io::stdout().lock();
    for page in pages {
        match &page.picture {
            Ok(picture) if json => {
                let line = json!({ "page": page.number, "pages": page.pages, "width": picture.width, "height": picture.height, "png": BASE64_STANDARD.encode(&picture.png) });
                writeln!(out, "{line}").map_err(|error| error.to_string())?;
            }
            Ok(picture) => {
                let path = named(args, page.number);
                files::write_atomic(&path, &picture.png, Access::Public).map_err(|error| format!("{}: {error}", path.display()))?;
            }
            Err(why) => {
                exit = 2;
                if json {
                    let line = json!({ "page": page.number, "pages": page.pages, "error": { "zh": why.zh, "en": why.en } });
                    writeln!(out, "{line}").map_err(|error| error.to_string())?;
                }
                eprintln!("xinyin preview: page {}: {}", page.number, why.en);
            }
        }
    }
    Ok(ExitCode::from(exit))
}

/// The file of a page.
fn named(args: &Args, number: usize) -> PathBuf {
    let out = args.out.clone().unwrap_or_default();
    if args.count == 1 {
        return out;
    }
    let stem = out.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    out.with_file_name(format!("{stem}-{number}.png"))
}
