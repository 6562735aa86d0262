//! The README's commands are executed as written, in both languages.

use crate::peers;
use crate::running::Demo;
use std::process::Command;

/// The blocks marked to be run, with the status that they promise. A block without a mark fails the test: every command
/// of a README is either run here or says why not.
fn blocks(text: &str) -> Vec<(i32, String)> {
    let mut found = Vec::new();
    let mut mark = None;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("<!--") {
            mark = Some(line.trim_start_matches("<!--").trim_end_matches("-->").trim().to_owned());
        } else if line.trim_start().starts_with("```") {
            let body: Vec<_> = lines.by_ref().take_while(|line| !line.trim_start().starts_with("```")).collect();
            let mark = mark.take().unwrap_or_else(|| panic!("an unmarked block: {body:?}"));
            match mark.split_once(':').map_or((mark.as_str(), ""), |(word, rest)| (word.trim(), rest.trim())) {
                ("run", "") => found.push((0, body.join("\n"))),
                ("run", status) => found.push((status.parse().expect("a status"), body.join("\n"))),
                ("not run", why) if !why.is_empty() => {}
                _ => panic!("a mark that says nothing: {mark}"),
            }
        }
    }
    found
}

#[test]
fn the_commands_of_both_readmes_do_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join(".local/share")).unwrap();
    let demo = Demo::start(&folder.path().join(".local/share/xinyin-demo"));
    let bin = folder.path().join("target/debug");
    std::fs::create_dir_all(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_xinyin"), bin.join("xinyin")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut seen = Vec::new();
    for name in ["README.md", "README.zh-CN.md"] {
        let text = std::fs::read_to_string(peers::root().join(name)).unwrap();
        let blocks = blocks(&text);
        assert!(blocks.len() >= 5, "{name} has lost its commands");
        for (status, block) in &blocks {
            // The README speaks of the default ports; this demo was given free ones.
            let mut script = block.clone();
            for offset in 0..4u16 {
                script = script.replace(&format!(":{}", 8440 + offset), &format!(":{}", demo.port + offset));
            }
            let output = peers::run(
                Command::new("bash")
                    .args(["-euo", "pipefail", "-c", &script])
                    .current_dir(folder.path())
                    .env("PATH", &path)
                    .env("HOME", folder.path()),
                60,
            );
            assert_eq!(output.status.code(), Some(*status), "{name}:\n{block}\n{}", peers::said(&output));
        }
        seen.push(blocks);
    }
    assert_eq!(seen[0], seen[1], "the two READMEs give different commands");
}
