//! Reports of `xinyin verify`: one file, one report; of several files each gets its own in the folder that `--out` names.

use crate::files::{self, Access};
use crate::report::Frame;
use crate::service::reports::{Format, Press};
use crate::verify::Verdict;
use std::{
    collections::HashMap,
    io::Write as _,
    path::{Path, PathBuf},
};

/// Where reports go.
enum Place {
    Stdout,
    File(PathBuf),
    Folder(PathBuf),
}

/// Makes the reports of one run.
pub struct Reports {
    format: Format,
    press: Press,
    place: Place,
    frame: Frame,
    names: HashMap<String, usize>,
}

impl Reports {
    /// Checks the place and the fonts before anything is judged.
    pub fn new(format: Format, out: Option<&Path>, files: usize, bare_trust: bool) -> Result<Self, String> {
        let place = match out {
            None if files == 1 => Place::Stdout,
            None => return Err(format!("each of {files} files gets its own report: name a folder for them with --out")),
            Some(path) if files == 1 && !path.is_dir() => Place::File(path.to_owned()),
            Some(path) => {
                files::folder(path, Access::Public).map_err(|error| format!("--out {}: {error}", path.display()))?;
                Place::Folder(path.to_owned())
            }
        };
        let press = Press::default();
        if format == Format::Pdf {
            press.fonts().map_err(|fault| format!("{fault}; {}", fault.code.remedy_en))?;
        }
        Ok(Self { format, press, place, frame: Frame { bare_trust, ..Frame::default() }, names: HashMap::new() })
    }

    /// Writes the report over one verdict, whole or not at all.
    pub fn write(&mut self, verdict: &Verdict) -> std::io::Result<()> {
        let json = serde_json::to_vec(verdict)?;
        let report = self.press.print(&json, &self.frame, self.format).map_err(|fault| std::io::Error::other(format!("{fault:?}")))?;
        match &self.place {
            Place::Stdout => {
                let mut out = std::io::stdout().lock();
                out.write_all(&report).and_then(|()| out.flush())
            }
            Place::File(path) => files::write_atomic(path, &report, Access::Public),
            Place::Folder(folder) => {
                let seen = self.names.entry(verdict.file.clone()).or_default();
                *seen = seen.saturating_add(1);
                let twice = if *seen > 1 { format!("-{seen}") } else { String::new() };
                let name = format!("{}{twice}.{}", verdict.file, self.format.ending());
                files::write_atomic(&folder.join(name), &report, Access::Public)
            }
        }
    }
}
