//! What `browser_config` asks of the browser itself (SPEC 3.9): its first page, kiosk mode, and no blocker of
//! advertisements where none is wanted. And what no browser is to have: the files of its container, and the token that
//! opens its neko.
//!
//! neko has no settings for these. Its images start the browser by a file for supervisord, and tell it by a file of
//! policies what to install; both are read out of the fresh container, changed and put back before it starts, so that
//! the rest of them stays the image's own.
//!
//! The surprise: this keeps people from reading the token by the address bar, and nothing more. A program of the browser's
//! user still finds it in what neko itself was started with; see `listing` for what is done about that.

use portal_core::backend::{Fault, FaultKind};
use portal_core::model::BrowserConfig;
use serde_json::Value;

use super::container::TOKEN;
use super::engine::Engine;

/// Blockers of advertisements as neko's images install them: for Firefox, for Chromium, its lighter successor.
const BLOCKERS: [&str; 3] = [
    "uBlock0@raymondhill.net",
    "cjpalhdlnbpafiamejdnhcphjbkeiagm",
    "ddkjiahejlhfcafbddmgiahcphecmpfh",
];

/// Where the browsers of neko's images have their policies.
fn policies_of(browser: &str) -> Option<&'static str> {
    Some(match browser {
        "firefox" => "/usr/lib/firefox/distribution/policies.json",
        "tor-browser" => "/opt/tor-browser_en-US/Browser/distribution/policies.json",
        "waterfox" => "/usr/lib/waterfox/distribution/policies.json",
        "chromium" | "ungoogled-chromium" => "/etc/chromium/policies/managed/policies.json",
        "google-chrome" => "/etc/opt/chrome/policies/managed/policies.json",
        "microsoft-edge" => "/etc/opt/edge/policies/managed/policies.json",
        "brave" => "/etc/brave/policies/managed/policies.json",
        "vivaldi" => "/etc/opt/vivaldi/policies/managed/policies.json",
        _ => return None,
    })
}

/// Changes a container that does not run yet.
pub(super) async fn fit(engine: &Engine, name: &str, config: &BrowserConfig) -> Result<(), Fault> {
    let browser = config.browser.as_str();
    let path = format!("/etc/neko/supervisord/{browser}.conf");
    let file = engine.read_file(name, &path).await?;
    let mut changed = file.as_deref().map(without_token);
    if config.start_url.is_some() || config.kiosk {
        changed = changed.and_then(|file| with_arguments(&file, config));
        if changed.is_none() {
            let detail = format!(
                "the image of {browser} cannot be told a start page or kiosk mode: \
                 no command of [program:{browser}] in {path}"
            );
            return Err(Fault::new(FaultKind::Misconfigured, detail));
        }
    }
    if let Some(changed) = changed {
        engine.write_file(name, &path, &changed).await?;
    }
    // Of one that is not known nothing is known to be blocked, nor how to block anything.
    if let Some(path) = policies_of(browser)
        && let Some(file) = engine.read_file(name, path).await?
        && let Some(changed) = with_policies(&file, config.adblock)
    {
        engine.write_file(name, path, &changed).await?;
    }
    Ok(())
}

/// The supervisor's file, with the token emptied in the environment of each of its programs, which the supervisor
/// would hand on with the rest of its own.
fn without_token(file: &str) -> String {
    let emptied = format!("{TOKEN}=\"\"");
    let lines: Vec<&str> = file.lines().collect();
    let mut changed: Vec<String> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        changed.push(lines[at].to_owned());
        at += 1;
        if !lines[at - 1].trim().starts_with("[program:") {
            continue;
        }
        let section = at..at
            + lines[at..]
                .iter()
                .take_while(|line| !line.starts_with('['))
                .count();
        let is_environment = |line: &&str| {
            line.strip_prefix("environment")
                .is_some_and(|rest| rest.trim_start().starts_with('='))
        };
        let Some(first) = lines[section.clone()].iter().position(is_environment) else {
            changed.push(format!("environment={emptied}"));
            continue;
        };
        let last = at + first + more(&lines[at + first + 1..section.end]);
        changed.extend(lines[at..last].iter().map(|line| (*line).to_owned()));
        let told = lines[last].trim_end().trim_end_matches(',');
        let comma = if told.ends_with('=') { "" } else { "," };
        changed.push(format!("{told}{comma}{emptied}"));
        at = last + 1;
    }
    changed.join("\n") + "\n"
}

/// How many lines go on with what stands before them: those that are set in.
fn more(lines: &[impl AsRef<str>]) -> usize {
    let goes_on = |line: &&_| {
        let line: &str = AsRef::as_ref(*line);
        line.starts_with([' ', '\t']) && !line.trim().is_empty()
    };
    lines.iter().take_while(goes_on).count()
}

/// The supervisor's file, with the browser's command going on with more arguments. None if there is no such command.
fn with_arguments(file: &str, config: &BrowserConfig) -> Option<String> {
    let mut arguments = String::new();
    if config.kiosk {
        arguments.push_str(" --kiosk");
    }
    if let Some(url) = &config.start_url {
        // Read first by the supervisor, which replaces %(..), then split as a shell does.
        let url = String::from(url.clone())
            .replace('"', "%22")
            .replace('\\', "%5C")
            .replace('%', "%%");
        arguments = format!("{arguments} \"{url}\"");
    }
    let program = format!("[program:{}]", config.browser.as_str());
    let mut lines: Vec<String> = file.lines().map(str::to_owned).collect();
    let section = lines.iter().position(|line| line.trim() == program)?;
    let is_command = |line: &String| line.starts_with("command=") || line.starts_with("command =");
    let ends = lines[section + 1..]
        .iter()
        .position(|line| line.starts_with('['));
    let end = ends.map_or(lines.len(), |ends| section + 1 + ends);
    let first = section + 1 + lines[section + 1..end].iter().position(is_command)?;
    let last = first + more(&lines[first + 1..end]);
    let last = &mut lines[last];
    *last = format!("{}{arguments}", last.trim_end());
    Some(lines.join("\n") + "\n")
}

/// The policies, as they are to be. None if that is nothing new.
fn with_policies(file: &str, adblock: bool) -> Option<String> {
    let mut policies: Value = serde_json::from_str(file).ok()?;
    let mut changed = block_files(&mut policies);
    if !adblock {
        changed |= remove_blocker(&mut policies);
    }
    changed.then(|| policies.to_string())
}

/// No page of files, of which one is the environment. Firefox takes `view-source:` of a page for the page.
fn block_files(policies: &mut Value) -> bool {
    let (list, pattern) = match policies {
        Value::Object(all) if all.get("policies").is_some_and(Value::is_object) => {
            let filter = &mut policies["policies"]["WebsiteFilter"];
            if !filter.is_object() {
                *filter = Value::Object(serde_json::Map::new());
            }
            (&mut filter["Block"], "file:///*")
        }
        Value::Object(all) => (all.entry("URLBlocklist").or_insert(Value::Null), "file://*"),
        _ => return false,
    };
    if !list.is_array() {
        *list = Value::Array(Vec::new());
    }
    let Value::Array(list) = list else {
        return false;
    };
    let is_new = !list.iter().any(|entry| entry == pattern);
    if is_new {
        list.push(pattern.into());
    }
    is_new
}

/// Installs nothing that blocks advertisements.
fn remove_blocker(policies: &mut Value) -> bool {
    let mut changed = false;
    if let Some(Value::Object(extensions)) = policies.pointer_mut("/policies/ExtensionSettings") {
        for id in BLOCKERS {
            changed |= extensions.remove(id).is_some();
        }
    }
    if let Some(Value::Array(installed)) = policies.pointer_mut("/ExtensionInstallForcelist") {
        let before = installed.len();
        installed.retain(|entry| {
            let id = entry.as_str().and_then(|entry| entry.split(';').next());
            id.is_none_or(|id| !BLOCKERS.contains(&id))
        });
        changed |= installed.len() != before;
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIREFOX: &str = "[program:firefox]\nenvironment=HOME=\"/home/%(ENV_USER)s\"\n\
        command=/usr/bin/firefox --no-remote -P default\nautorestart=true\n\n[program:openbox]\ncommand=/usr/bin/openbox\n";

    fn config(browser: &str, url: Option<&str>, kiosk: bool) -> BrowserConfig {
        BrowserConfig {
            browser: browser.to_owned().try_into().unwrap(),
            start_url: url.map(|url| url.to_owned().try_into().unwrap()),
            kiosk,
            adblock: true,
        }
    }

    #[test]
    fn the_browsers_own_command_goes_on_spec_3_9() {
        let url = "https://a.example/?q=%20\"'\\;$(x)`y`";
        let told = with_arguments(FIREFOX, &config("firefox", Some(url), true)).unwrap();
        let line = told
            .lines()
            .find(|line| line.contains("firefox --no"))
            .unwrap();
        assert_eq!(
            line,
            "command=/usr/bin/firefox --no-remote -P default --kiosk \
             \"https://a.example/?q=%%20%%22'%%5C;$(x)`y`\""
        );
        assert!(told.contains("command=/usr/bin/openbox\n"));
        assert_eq!(told.lines().count(), FIREFOX.lines().count());
    }

    #[test]
    fn a_command_of_several_lines_goes_on_at_its_end() {
        let file = "[program:chromium]\ncommand=/usr/bin/chromium\n  --no-sandbox\n  --bwsi\nstopsignal=INT\n";
        let told = with_arguments(file, &config("chromium", None, true)).unwrap();
        assert!(
            told.contains("  --bwsi --kiosk\nstopsignal=INT\n"),
            "{told}"
        );
    }

    #[test]
    fn a_file_without_that_program_is_not_guessed_at() {
        for file in [
            "",
            "[program:firefox]\n[program:x]\ncommand=y\n",
            "command=z\n",
        ] {
            assert_eq!(with_arguments(file, &config("firefox", None, true)), None);
        }
    }

    #[test]
    fn only_the_blocker_goes_spec_3_9() {
        let without = |file: &str| {
            let mut policies = serde_json::from_str(file).unwrap();
            remove_blocker(&mut policies).then(|| policies.to_string())
        };
        let firefox = r#"{"policies":{"A":1,"ExtensionSettings":{"*":{},"uBlock0@raymondhill.net":{},"s@b":{}}}}"#;
        assert_eq!(
            without(firefox).unwrap(),
            r#"{"policies":{"A":1,"ExtensionSettings":{"*":{},"s@b":{}}}}"#
        );
        let chromium = r#"{"ExtensionInstallForcelist":["cjpalhdlnbpafiamejdnhcphjbkeiagm;https://u","mn;https://u"]}"#;
        assert_eq!(
            without(chromium).unwrap(),
            r#"{"ExtensionInstallForcelist":["mn;https://u"]}"#
        );
        assert_eq!(without("{}"), None);
    }

    #[test]
    fn no_browser_shows_files_and_the_rest_stays() {
        for (image, told) in [
            (
                r#"{"policies":{"A":1}}"#,
                Some(r#"{"policies":{"A":1,"WebsiteFilter":{"Block":["file:///*"]}}}"#),
            ),
            (
                r#"{"policies":{"WebsiteFilter":{"Block":["https://x.example/*"],"Exceptions":[]}}}"#,
                Some(
                    r#"{"policies":{"WebsiteFilter":{"Block":["https://x.example/*","file:///*"],"Exceptions":[]}}}"#,
                ),
            ),
            (
                r#"{"policies":{"WebsiteFilter":{"Block":["file:///*"]}}}"#,
                None,
            ),
            (
                r#"{"A":1,"URLBlocklist":["chrome://policy"]}"#,
                Some(r#"{"A":1,"URLBlocklist":["chrome://policy","file://*"]}"#),
            ),
            (r#"{"URLBlocklist":["file://*"]}"#, None),
            ("{}", Some(r#"{"URLBlocklist":["file://*"]}"#)),
            ("[]", None),
            ("no json", None),
        ] {
            assert_eq!(with_policies(image, true).as_deref(), told, "{image}");
        }
    }

    #[test]
    fn the_token_is_kept_from_each_program_of_the_file() {
        let file = "[program:firefox]\nenvironment=HOME=\"/h\",\n  USER=\"n\"\ncommand=f\n\n\
            [program:openbox]\ncommand=o\n[program:x]\nenvironment = A=\"1\",\n[group:y]\nenvironment=B=\"2\"\n";
        let told = "[program:firefox]\nenvironment=HOME=\"/h\",\n  USER=\"n\",NEKO_SESSION_API_TOKEN=\"\"\ncommand=f\n\n\
            [program:openbox]\nenvironment=NEKO_SESSION_API_TOKEN=\"\"\ncommand=o\n\
            [program:x]\nenvironment = A=\"1\",NEKO_SESSION_API_TOKEN=\"\"\n[group:y]\nenvironment=B=\"2\"\n";
        assert_eq!(without_token(file), told);
    }
}
