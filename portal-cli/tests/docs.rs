//! `docs` and `completions`: what is made out of the grammar is in the tree as it is made, and works.

mod common;

use std::path::Path;
use std::process::Command;

use common::{Bench, grammar, hold, ran, verbs};

#[test]
fn the_json_of_every_verb_is_documented() {
    let bench = Bench::bare();
    let text = bench.run("docs json").exits(0).out;
    hold(
        "docs/cli-json.md",
        &format!("<!-- Made by `portal-cli docs json`; not written by hand. -->\n\n{text}"),
    );
    for verb in verbs(&bench) {
        assert!(text.contains(&format!("\n| `{verb}` | ")), "{verb}");
    }
}

#[test]
fn the_manual_has_a_page_for_the_program_and_each_noun() {
    let bench = Bench::bare();
    bench.run("docs --man man").exits(0);
    let mut pages: Vec<String> = grammar(&bench)
        .into_iter()
        .map(|(noun, _)| format!("portal-cli-{noun}.1"))
        .collect();
    pages.push("portal-cli.1".to_owned());
    pages.sort();
    let folder = bench.dir.path().join("man");
    let mut written: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    written.sort();
    assert_eq!(written, pages);
    for page in &pages {
        let text = std::fs::read_to_string(folder.join(page)).unwrap();
        hold(&format!("docs/reference/man/{page}"), &text);
    }
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/man");
    for file in std::fs::read_dir(kept).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(pages.contains(&name), "{name} is of no noun");
    }
    // Every verb has its section, with its own arguments and an example.
    let page = std::fs::read_to_string(folder.join("portal-cli-user.1")).unwrap();
    let section = page
        .split("\n.SH ")
        .find(|part| part.starts_with("\"USER CREATE\""));
    let section = section.unwrap();
    assert!(
        section.contains("tier") && section.contains("portal\\-cli user create ada"),
        "{section}"
    );
}

#[test]
fn the_reference_holds_every_verb_and_operation() {
    let bench = Bench::bare();
    let text = bench.run("docs").exits(0).out;
    for verb in verbs(&bench) {
        let head = if verb.contains(' ') { "###" } else { "##" };
        assert!(text.contains(&format!("\n{head} {verb}\n")), "{verb}");
    }
    let all = bench.run("op list --json").json();
    for entry in all.as_array().unwrap() {
        let name = entry["name"].as_str().unwrap();
        assert!(text.contains(&format!("\n## {name}\n")), "{name}");
    }
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/operations.md");
    let kept = std::fs::read_to_string(kept).unwrap();
    let operations = bench.run("docs operations").exits(0).out;
    assert!(kept.ends_with(&operations), "the same as in the tree");
}

/// What bash offers after these words; the last may be half a word.
fn offered_by_bash(bench: &Bench, words: &str) -> Vec<String> {
    let script = format!(
        "source complete.bash\n\
         COMP_WORDS=({words})\n\
         COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
         function=$(complete -p portal-cli | sed -E 's/.* -F ([^ ]*) .*/\\1/')\n\
         $function portal-cli \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
    );
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", &script])
        .current_dir(bench.dir.path());
    let offered = ran(&mut bash).exits(0).out;
    offered.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn bash_completes_nouns_verbs_and_options() {
    let bench = Bench::bare();
    let script = bench.run("completions bash").exits(0).out;
    std::fs::write(bench.dir.path().join("complete.bash"), script).unwrap();
    assert_eq!(offered_by_bash(&bench, "portal-cli us"), ["user"]);
    let verbs = offered_by_bash(&bench, "portal-cli user set-");
    assert_eq!(verbs, ["set-role", "set-tier"]);
    let options = offered_by_bash(&bench, "portal-cli user create --ti");
    assert_eq!(options, ["--tier"]);
    let values = offered_by_bash(&bench, "portal-cli user create ada --role m");
    assert_eq!(values, ["moderator"]);
}

/// Whether a shell is on this machine.
fn is_there(shell: &str) -> bool {
    Command::new(shell).arg("--version").output().is_ok()
}

#[test]
fn zsh_and_fish_read_their_scripts_where_they_are_installed() {
    let bench = Bench::bare();
    for (shell, check) in [("zsh", "-n"), ("fish", "--no-execute")] {
        let script = bench.run(&format!("completions {shell}")).exits(0).out;
        assert!(script.contains("set-role"), "{shell}");
        if is_there(shell) {
            let file = bench.dir.path().join(format!("complete.{shell}"));
            std::fs::write(&file, script).unwrap();
            ran(Command::new(shell).arg(check).arg(&file)).exits(0);
        }
    }
}
