//! A second reader of OFD signatures: the sofd crates.
//!
//!     sofd-judge LIST      one package's path a line; one answer a line: "yes ..." or "no ..."
//!
//! Yes: every signature of the package is valid by its proof alone and its references hold. No: one is not, or cannot be read.

use sofd_package::Package;
use sofd_sign::{VerifyStatus, read_sign_list, read_signature, verify_signature};

/// The lists of signatures that OFD.xml names.
fn lists(main: &str) -> Vec<String> {
    let mut lists = Vec::new();
    for piece in main.split("Signatures>").skip(1) {
        if let Some(end) = piece.find("</")
            && !piece[..end].trim().is_empty()
        {
            lists.push(piece[..end].trim().to_owned());
        }
    }
    lists
}

fn judge(path: &str) -> Result<usize, String> {
    let octets = std::fs::read(path).map_err(|error| error.to_string())?;
    let mut package = Package::from_bytes(&octets).map_err(|error| error.to_string())?;
    let main = package.read_string("OFD.xml").map_err(|error| error.to_string())?;
    let mut count = 0;
    for list in lists(&main) {
        let list = list.trim_start_matches('/').to_owned();
        for one in read_sign_list(&mut package, &list).map_err(|error| error.to_string())? {
            let signature = read_signature(&mut package, &one.base_loc).map_err(|error| error.to_string())?;
            match verify_signature(&mut package, &signature).map_err(|error| error.to_string())? {
                VerifyStatus::Valid => count += 1,
                other => return Err(format!("{:?} is {other:?}", one.id.unwrap_or_default())),
            }
        }
    }
    if count == 0 { Err("no signature".into()) } else { Ok(count) }
}

fn main() {
    let list = std::env::args().nth(1).expect("a list of packages");
    for line in std::fs::read_to_string(list).expect("the list").lines() {
        match judge(line) {
            Ok(count) => println!("yes {count}"),
            Err(why) => println!("no {}", why.replace('\n', " ")),
        }
    }
}
