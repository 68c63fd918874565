//! What `browser_config` asks of the browser itself (SPEC 3.9): its first page, kiosk mode, and no blocker of
//! advertisements where none is wanted.
//!
//! neko has no settings for these. Its images start the browser by a file for supervisord, and tell it by a file of
//! policies what to install; both are read out of the fresh container, changed and put back before it starts, so that
//! the rest of them stays the image's own.

use portal_core::backend::{Fault, FaultKind};
use portal_core::model::BrowserConfig;
use serde_json::Value;

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
    if config.start_url.is_some() || config.kiosk {
        let path = format!("/etc/neko/supervisord/{browser}.conf");
        let file = engine.read_file(name, &path).await?;
        let changed = file.and_then(|file| with_arguments(&file, config));
        let Some(changed) = changed else {
            let detail = format!(
                "the image of {browser} cannot be told a start page or kiosk mode: \
                 no command of [program:{browser}] in {path}"
            );
            return Err(Fault::new(FaultKind::Misconfigured, detail));
        };
        engine.write_file(name, &path, &changed).await?;
    }
    // Of one that is not known nothing is known to be blocked.
    if let Some(path) = policies_of(browser).filter(|_| !config.adblock)
        && let Some(file) = engine.read_file(name, path).await?
        && let Some(changed) = without_blocker(&file)
    {
        engine.write_file(name, path, &changed).await?;
    }
    Ok(())
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
    // Lines that are set in go on with the command.
    let more = lines[first + 1..end]
        .iter()
        .take_while(|line| line.starts_with([' ', '\t']) && !line.trim().is_empty())
        .count();
    let last = &mut lines[first + more];
    *last = format!("{}{arguments}", last.trim_end());
    Some(lines.join("\n") + "\n")
}

/// The policies, without installing what blocks advertisements. None if that is nothing new.
fn without_blocker(file: &str) -> Option<String> {
    let mut policies: Value = serde_json::from_str(file).ok()?;
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
    changed.then(|| policies.to_string())
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
        let firefox = r#"{"policies":{"A":1,"ExtensionSettings":{"*":{},"uBlock0@raymondhill.net":{},"s@b":{}}}}"#;
        assert_eq!(
            without_blocker(firefox).unwrap(),
            r#"{"policies":{"A":1,"ExtensionSettings":{"*":{},"s@b":{}}}}"#
        );
        let chromium = r#"{"ExtensionInstallForcelist":["cjpalhdlnbpafiamejdnhcphjbkeiagm;https://u","mn;https://u"]}"#;
        assert_eq!(
            without_blocker(chromium).unwrap(),
            r#"{"ExtensionInstallForcelist":["mn;https://u"]}"#
        );
        assert_eq!(without_blocker("{}"), None);
        assert_eq!(without_blocker("no json"), None);
    }
}
