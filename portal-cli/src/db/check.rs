//! `db check`: looks at the file without touching it, and with `--fix` puts right what can do no harm.

use clap::Args;
use portal_core::upkeep::{self, Checked, Finding, Weight};
use serde_json::{Value, json};

use crate::exit::Failure;
use crate::grammar::Globals;
use crate::output::{self, Output};

/// What to do besides looking.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// Puts right what loses nothing by it; each in a transaction of its own, with a row in the audit log
    #[arg(long)]
    fix: bool,
}

pub(super) fn run(wanted: &Wanted, globals: &Globals, out: Output) -> Result<(), Failure> {
    let mut checked = globals.look_after(|options| upkeep::check(&globals.db, options))?;
    let mut fixed = None;
    if wanted.fix && checked.is_damaged() {
        output::note("The file is damaged, so nothing was put right in it.");
        fixed = Some(Vec::new());
    } else if wanted.fix {
        fixed = Some(fix(&checked, globals, out)?);
        if !globals.dry_run {
            checked = globals.look_after(|options| upkeep::check(&globals.db, options))?;
        }
    }
    show(&checked, fixed, out)?;
    if checked.ok {
        Ok(())
    } else {
        Err(Failure::Findings)
    }
}

/// Puts right what can be; answers what was.
fn fix(checked: &Checked, globals: &Globals, out: Output) -> Result<Vec<Value>, Failure> {
    let fixable = checked.findings.iter().filter(|finding| finding.fixable);
    let mut fixed = Vec::new();
    let desk = globals.open(out)?;
    for finding in fixable {
        let reply = desk.call("db.fix", json!({ "code": finding.code }))?;
        fixed.push(json!({ "code": finding.code, "rows": reply["rows"] }));
    }
    desk.portal.close();
    Ok(fixed)
}

fn show(checked: &Checked, fixed: Option<Vec<Value>>, out: Output) -> Result<(), Failure> {
    if out.is_json() {
        let mut document = document(checked)?;
        if let Some(fixed) = fixed {
            document["fixed"] = fixed.into();
        }
        return output::document(&document);
    }
    for row in fixed.into_iter().flatten() {
        output::line(&format!(
            "put right: {} ({} rows)",
            said(&row["code"]),
            row["rows"]
        ))?;
    }
    show_findings(&checked.findings)?;
    let verdict = if checked.ok {
        "The file keeps every rule"
    } else {
        "The file has problems"
    };
    output::note(&format!("{verdict}; {} checks.", checked.checks));
    Ok(())
}

fn said(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What a check found, as JSON.
pub(super) fn document(checked: &Checked) -> Result<Value, Failure> {
    serde_json::to_value(checked).map_err(|_| Failure::unexpected("findings"))
}

/// What a check found, for people.
pub(super) fn show_findings(findings: &[Finding]) -> Result<(), Failure> {
    for finding in findings {
        let weight = match finding.weight {
            Weight::Problem => "problem",
            Weight::Advice => "advice",
        };
        output::line(&format!("{weight}: {} ({}x)", finding.code, finding.count))?;
        output::line(&format!("  {}", finding.meaning))?;
        for example in &finding.examples {
            output::line(&format!("  - {example}"))?;
        }
        let also = if finding.fixable {
            " `db check --fix` puts it right."
        } else {
            ""
        };
        output::line(&format!("  What to do: {}{also}", finding.advice))?;
    }
    Ok(())
}

/// The same beside the data, before a question.
pub(super) fn show_problems_aside(findings: &[Finding]) {
    for finding in findings {
        if finding.weight == Weight::Problem {
            output::note(&format!("problem: {} ({}x)", finding.code, finding.count));
            output::note(&format!("  {}", finding.meaning));
        }
    }
}

/// Says after something was done that the file it was done to breaks rules: that is half a success.
pub(super) fn done_unless_broken(checked: &Checked, what: &str) -> Result<(), Failure> {
    if checked.ok {
        return Ok(());
    }
    let codes: Vec<_> = checked
        .findings
        .iter()
        .filter(|finding| finding.weight == Weight::Problem)
        .map(|finding| finding.code)
        .collect();
    Err(Failure::Partly(format!(
        "{what}, but it breaks rules ({}); `db check` says what to do.",
        codes.join(", ")
    )))
}
