//! What `--help` says, held to `tests/help/*.txt`.
//!
//! After a change of the words: `UPDATE=1 cargo test --workspace --test help`, and read the diff.

use std::path::Path;
use std::process::{Command, Stdio};

const COMMANDS: [&str; 23] = [
    "",
    "train",
    "resume",
    "sweep",
    "eval",
    "predict",
    "embed",
    "compare",
    "report",
    "models",
    "data",
    "data check",
    "data stats",
    "data synth",
    "weights",
    "weights inspect",
    "weights convert",
    "probe",
    "bench",
    "bench step",
    "bench loader",
    "help data",
    "help",
];

/// The help of a command, as it is where the output is no terminal.
fn help(command: &str) -> String {
    let mut words: Vec<&str> = command.split_whitespace().collect();
    if words.first() != Some(&"help") {
        words.push("--help");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_ocelli"))
        .args(&words)
        // A terminal at any of the three would set the width.
        .stdin(Stdio::null())
        .env_remove("COLUMNS")
        .output()
        .unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().replace("ocelli.exe", "ocelli")
}

#[test]
fn help_says_what_it_said() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help");
    let update = std::env::var_os("UPDATE").is_some();
    let mut different = Vec::new();
    for command in COMMANDS {
        let name = if command.is_empty() { "ocelli" } else { command };
        let path = folder.join(format!("{}.txt", name.replace(' ', "-")));
        let found = help(command);
        if update {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &found).unwrap();
            continue;
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
        if found != expected {
            different
                .push(format!("{}\n--- expected\n{expected}\n--- found\n{found}", path.display()));
        }
    }
    assert!(
        different.is_empty(),
        "UPDATE=1 writes the files anew, if the words are meant to change:\n{}",
        different.join("\n")
    );
}

#[test]
fn every_command_has_its_help_checked() {
    let listed = |command: &str| -> Vec<String> {
        let text = help(command);
        let commands = text.split("Commands:\n").nth(1).unwrap_or_default();
        let lines = commands.lines().take_while(|line| !line.is_empty());
        lines
            .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
            .filter(|name| !name.is_empty() && *name != "help")
            .map(|name| format!("{command} {name}").trim().to_owned())
            .collect()
    };
    for command in ["", "data", "weights", "bench"].into_iter().flat_map(listed) {
        assert!(COMMANDS.contains(&command.as_str()), "{command} is missing here");
    }
}
