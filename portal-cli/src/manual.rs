//! What the help and the reference say of every verb beside its arguments: an example, and what it prints
//! with `--json`. A test holds this list against the grammar.

use clap::{Command, CommandFactory};

use crate::grammar::Cli;
use Document::{Own, Reply};

/// The program's name.
pub(crate) const NAME: &str = "portal-cli";

/// A verb of the grammar.
pub(crate) struct Verb {
    /// Noun and verb.
    pub(crate) name: &'static str,
    /// Command lines to begin with, without the program's name.
    examples: &'static [&'static str],
    /// What it prints with `--json`.
    pub(crate) document: Document,
}

/// What a verb prints with `--json`.
#[derive(Clone, Copy)]
pub(crate) enum Document {
    /// The reply of the operation or query that it is.
    Reply(&'static str),
    /// Something else, out of these operations and queries.
    Own(&'static str, &'static [&'static str]),
}

impl Document {
    /// What the verb runs.
    pub(crate) fn operations(&self) -> &[&'static str] {
        match self {
            Reply(operation) => std::slice::from_ref(operation),
            Own(_, operations) => operations,
        }
    }
}

const fn verb(name: &'static str, examples: &'static [&'static str], document: Document) -> Verb {
    Verb {
        name,
        examples,
        document,
    }
}

/// Every verb, in the order of the grammar.
#[rustfmt::skip]
pub(crate) const VERBS: &[Verb] = &[
    verb("db init", &["db init", "--db /var/lib/portal/portal.db db init"], Own("`{\"file\"}`", &[])),
    verb("db check", &["db check", "db check --fix"], Own("the reply of `db.check`, and `fixable` at each finding; with `--fix` also `\"fixed\": [{\"code\", \"rows\"}]`", &[])),
    verb("db backup", &["db backup /var/backups/portal --keep 14"], Own("what `db check` says of the copy, with `\"file\"`, `\"bytes\"`, `\"contents\": {\"users\", \"chats\", \"messages\", \"newest_event_at\"}` and `\"removed\"`, the older ones that went", &[])),
    verb("db restore", &["db restore /var/backups/portal/portal-20260131-030000-000.db --dry-run"], Own("what `db check` says of the restored file, with `\"file\"`, `\"contents\"`, `\"replaced\"` (where the old file is now, or null), `\"chats_moved_on\"`, `\"log_id\"`; with `--dry-run` `{\"contents\", \"present\", \"replaced\"}`", &[])),
    verb("db vacuum", &["db vacuum"], Own("`{\"bytes_before\", \"bytes_after\", \"freed_bytes\", \"in_use\", \"log_is_empty\"}`; with `--dry-run` `{\"bytes_before\", \"freed_bytes\"}`, at least so many", &[])),
    verb("db migrate", &["db migrate --dry-run", "db migrate"], Own("`{\"file_version\", \"program_version\", \"steps\", \"backup\"}`", &[])),
    verb("db stats", &["db stats"], Reply("db.stats")),

    verb("user create", &["user create ada --role admin", "user create pia --tier premium --days 365"], Reply("user.create")),
    verb("user import", &["user import people.csv", "user import - --dry-run"],
        Own("a list of replies of `user.create`", &["user.create"])),
    verb("user list", &["user list --search ann"], Reply("user.list")),
    verb("user show", &["user show ada"],
        Own("the reply of `user.get`, and beside it `trial_used`, `tier_history`, `sessions`, `chats`, `offers`, `match` (of \
             `match.status`, without its chats), `matches`, `punishments`, `reports_about`, `reports_by`, `done_to_them`, \
             `done_by_them` (each the rows of the query of that kind, the newest 20 of a log), and `withheld`: the names of the \
             parts that are null because whoever asks may not see them", &["user.get"])),
    verb("user set-role", &["user set-role mona moderator", "user set-role ada user --chats-to olga"], Reply("user.set_role")),
    verb("user set-tier", &["user set-tier pia premium --days 30"], Reply("user.set_tier")),
    verb("user subscription", &["user subscription pia"], Reply("user.subscription")),
    verb("user rename", &["user rename ben benno"], Reply("user.update")),
    verb("user sign-in-code", &["user sign-in-code ben"], Reply("login_code.create")),
    verb("user block", &["--as ben user block carl"], Reply("user.block")),
    verb("user unblock", &["--as ben user unblock carl"], Reply("user.unblock")),
    verb("user blocks", &["--as ben user blocks"], Reply("user.blocks")),
    verb("user inspect", &["--as ada user inspect ben --reason 'Asked for by mail'"], Reply("user.inspect")),
    verb("user export", &["user export ben --output ben.json"],
        Own("the reply of `user.export`, with or without `--json`; with `--output FILE` the reply goes into the file, and \
             `{\"file\"}` is the document", &["user.export"])),
    verb("user delete", &["user delete ben --dry-run", "user delete pia --chats-to ada --yes"], Reply("user.delete")),

    verb("session create", &["session create ben"], Reply("session.create")),
    verb("session list", &["session list ben"], Reply("session.list")),
    verb("session destroy", &["session destroy ben 3f9a1c", "session destroy ben --all --yes"],
        Own("the reply of `session.destroy`; with `--all` a list of them", &["session.destroy"])),

    verb("signup create", &["signup create --expires-in 7d --max-uses 1", "signup create --count 20 --max-uses 1"],
        Own("the reply of `signup.create`; with `--count` a list of them", &["signup.create"])),
    verb("signup list", &["signup list"], Reply("signup.list")),
    verb("signup revoke", &["signup revoke abcdefgh12345678"], Reply("signup.revoke")),

    verb("chat create", &["chat create --type OFFICIAL --slug lobby --name 'The lobby' --owner ada"], Reply("chat.create")),
    verb("chat list", &["chat list", "chat list --user ben"],
        Own("the reply of `directory.list`; with `--user` that of `chat.list`", &["directory.list", "chat.list"])),
    verb("chat show", &["chat show lobby"],
        Own("the reply of `chat.get`, and beside it `owner_username`, `counts` (of `chat.count`, of messages no more than 5000), `distributor`, \
             `key_sessions` (of `key.list`), `members`, `invites`, `activity`, `reports`, `done_to_it` (each the rows of the query of that \
             kind, the newest 20 of a log), and `withheld`: the names of the parts that are null because whoever asks may not \
             see them, or a chat of this type has none", &["chat.get"])),
    verb("chat inspect", &["--as ada chat inspect 7 --reason 'Report 12'"], Reply("chat.inspect")),
    verb("chat update", &["chat update lobby --name 'The hall' --config wipe_preset=24h", "chat update 7 --no-slug"], Reply("chat.update")),
    verb("chat label", &["chat label lobby 'Staff pick'", "chat label lobby --none"], Reply("chat.set_label")),
    verb("chat transfer", &["chat transfer lobby ada"], Reply("chat.transfer")),
    verb("chat accept-transfer", &["--as ada chat accept-transfer lobby"], Reply("chat.accept_transfer")),
    verb("chat leave", &["--as ben chat leave 7"], Reply("chat.leave")),
    verb("chat clear", &["chat clear lobby --dry-run", "chat clear lobby --yes"], Reply("chat.clear")),
    verb("chat destroy", &["chat destroy 7 --dry-run", "chat destroy 7 --yes"], Reply("chat.destroy")),

    verb("browser list", &["browser list"], Reply("browser.list")),
    verb("browser start", &["browser start lobby"], Reply("browser.start")),
    verb("browser stop", &["browser stop lobby"], Reply("browser.stop")),

    verb("member list", &["member list 7"], Reply("member.list")),
    verb("member add", &["member add 7 ben", "member add 7 --from friends.csv"],
        Own("the reply of `member.add`; with `--from` a list of them", &["member.add"])),
    verb("member remove", &["member remove 7 ben"],
        Own("the reply of `member.remove`; with `--from` a list of them", &["member.remove"])),

    verb("mod kick", &["mod kick lobby ben --reason Shouting", "mod kick lobby --from - --reason Raid"],
        Own("the reply of `mod.kick`; with `--from` a list of them", &["mod.kick"])),
    verb("mod mute", &["mod mute lobby ben --for 15m --reason Shouting"],
        Own("the reply of `mod.mute`; with `--from` a list of them", &["mod.mute"])),
    verb("mod unmute", &["mod unmute lobby ben"],
        Own("the reply of `mod.unmute`; with `--from` a list of them", &["mod.unmute"])),
    verb("mod ban", &["mod ban lobby ben --for 7d --reason Spam", "mod ban lobby --from raiders.csv"],
        Own("the reply of `mod.ban`; with `--from` a list of them", &["mod.ban"])),
    verb("mod unban", &["mod unban lobby ben"],
        Own("the reply of `mod.unban`; with `--from` a list of them", &["mod.unban"])),
    verb("mod hard-mute", &["mod hard-mute ben --for 1h --reason Shouting"],
        Own("the reply of `mod.hard_mute`; with `--from` a list of them", &["mod.hard_mute"])),
    verb("mod hard-unmute", &["mod hard-unmute ben"],
        Own("the reply of `mod.hard_unmute`; with `--from` a list of them", &["mod.hard_unmute"])),
    verb("mod timeout", &["mod timeout ben --for 12h --reason 'Sleep on it'"],
        Own("the reply of `mod.timeout`; with `--from` a list of them", &["mod.timeout"])),
    verb("mod lift-timeout", &["mod lift-timeout ben"],
        Own("the reply of `mod.lift_timeout`; with `--from` a list of them", &["mod.lift_timeout"])),
    verb("mod platform-ban", &["mod platform-ban ben --reason Spam --yes", "mod platform-ban --from raiders.csv --yes"],
        Own("the reply of `mod.platform_ban`; with `--from` a list of them", &["mod.platform_ban"])),
    verb("mod platform-unban", &["mod platform-unban ben"],
        Own("the reply of `mod.platform_unban`; with `--from` a list of them", &["mod.platform_unban"])),
    verb("mod warn", &["mod warn ben --reason 'Mind your words'"], Reply("mod.warn")),
    verb("mod punishments", &["mod punishments ben"], Reply("user.punishments")),
    verb("mod list", &["mod list lobby"], Reply("mod.list")),
    verb("mod activity", &["mod activity lobby --limit 20"], Reply("activity.list")),

    verb("invite create", &["invite create 7 --expires-in 7d --max-uses 5"], Reply("invite.create")),
    verb("invite list", &["invite list 7"], Reply("invite.list")),
    verb("invite revoke", &["invite revoke 7 abcdefgh12345678"], Reply("invite.revoke")),
    verb("invite resolve", &["--as ben invite resolve abcdefgh12345678"], Reply("invite.resolve")),

    verb("message list", &["message list lobby --limit 20"], Reply("message.history")),
    verb("message delete", &["message delete lobby 41 42 --yes"], Reply("message.delete")),
    verb("message delete-last", &["message delete-last lobby 5 --dry-run"], Reply("message.delete_last")),
    verb("message delete-mine", &["--as ben message delete-mine lobby --yes"], Reply("message.delete_mine")),

    verb("report list", &["report list --state open"], Reply("report.list")),
    verb("report show", &["report show 12"], Reply("report.get")),
    verb("report resolve", &["--as ada report resolve 12 actioned --note 'Muted for a day'"], Reply("report.resolve")),

    verb("match status", &["match status ben"], Reply("match.status")),
    verb("match enqueue", &["--as ben match enqueue tea chess"], Reply("match.enqueue")),
    verb("match dequeue", &["--as ben match dequeue"], Reply("match.dequeue")),
    verb("match leave", &["--as ben match leave --yes"], Reply("match.leave")),
    verb("match stats", &["match stats --limit 10"], Reply("match.stats")),
    verb("match watch", &["match watch --every 5"],
        Own("one document a line, the reply of `match.stats` each", &["match.stats"])),
    verb("match pause", &["match pause"], Reply("match.pause")),
    verb("match resume", &["match resume"], Reply("match.resume")),

    verb("stranger list", &["stranger list"], Reply("stranger.list")),
    verb("stranger block", &["stranger block 31 --reason Rude"], Reply("stranger.block")),
    verb("stranger unblock", &["stranger unblock 31"], Reply("stranger.unblock")),

    verb("bot add", &["bot add telegram 'Door man'"], Reply("bot.add")),
    verb("bot list", &["bot list"], Reply("bot.list")),
    verb("bot rotate", &["bot rotate 1"], Reply("bot.rotate")),
    verb("bot remove", &["bot remove 1 --yes"], Reply("bot.remove")),

    verb("event tail", &["event tail --last 50", "event tail --follow --json"],
        Own("one document a line, an event each: `{\"seq\", \"at\", \"name\", \"data\"}`", &["event.list"])),

    verb("audit list", &["audit list --action mod. --target ben", "audit list --follow"],
        Own("the reply of `audit.list`; with `--follow` one document a line, a row each, the oldest first", &["audit.list"])),

    verb("config get", &["config get", "config get registration"],
        Own("the reply of `config.get`; with KEY the value itself", &["config.get"])),
    verb("config set", &["config set registration open"], Reply("config.set")),
    verb("config unset", &["config unset registration"], Reply("config.unset")),

    verb("server status", &["server status", "server status --watch --every 5"],
        Own("what `/health` answers (`status`, `database`, `disk_free_bytes`, `tick_age_seconds`), `url`, and `metrics`: the \
             numbers of `/metrics` by name without `portal_`, or null where it does not tell them; with `--watch` one document a \
             line", &[])),

    verb("op list", &["op list"], Own("`[{\"name\", \"writes\", \"doc\", \"parameters\", \"reply\"}]`, the last two JSON schemas", &[])),
    verb("op show", &["op show chat.create"], Own("one of those", &[])),
    verb("op call", &["op call user.get '{\"user_id\": 1}'", "op call session.sign_in -"],
        Own("the reply, with or without `--json`", &[])),

    verb("completions", &["completions bash"], Own("a script for the shell, with or without `--json`", &[])),
    verb("docs", &["docs verbs", "docs --man /usr/local/share/man/man1"], Own("Markdown, with or without `--json`; nothing with `--man`", &[])),
];

/// The grammar, with the examples in its help.
pub(crate) fn command() -> Command {
    VERBS.iter().fold(Cli::command(), |command, verb| {
        match verb.name.split_once(' ') {
            Some((noun, name)) => command.mut_subcommand(noun, |noun| {
                noun.mut_subcommand(name, |command| with_examples(command, verb))
            }),
            None => command.mut_subcommand(verb.name, |command| with_examples(command, verb)),
        }
    })
}

fn with_examples(command: Command, verb: &Verb) -> Command {
    let title = match verb.examples {
        [_] => "Example:",
        _ => "Examples:",
    };
    let lines = verb
        .examples
        .iter()
        .map(|example| format!("\n  {NAME} {example}"));
    let mut text: String = std::iter::once(title.to_owned()).chain(lines).collect();
    if let Some(more) = command.get_after_help() {
        text = format!("{more}\n\n{text}");
    }
    command.after_help(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noun and verb of everything that the grammar runs.
    fn verbs(grammar: &Command) -> Vec<String> {
        let mut verbs = Vec::new();
        for noun in grammar.get_subcommands() {
            if noun.get_subcommands().next().is_none() {
                verbs.push(noun.get_name().to_owned());
            }
            let names = noun.get_subcommands().map(Command::get_name);
            verbs.extend(names.map(|verb| format!("{} {verb}", noun.get_name())));
        }
        verbs
    }

    /// The words of an example, as a shell would have them: only single quotes.
    fn words(example: &str) -> Vec<String> {
        let mut words = vec![NAME.to_owned()];
        for (nth, part) in example.split('\'').enumerate() {
            if nth % 2 == 1 {
                words.push(part.to_owned());
            } else {
                words.extend(part.split_whitespace().map(str::to_owned));
            }
        }
        words
    }

    #[test]
    fn every_verb_is_described_here_once_and_in_order() {
        let described: Vec<_> = VERBS.iter().map(|verb| verb.name.to_owned()).collect();
        assert_eq!(described, verbs(&Cli::command()));
    }

    #[test]
    fn every_example_is_understood_and_is_of_its_verb() {
        for verb in VERBS {
            assert!(!verb.examples.is_empty(), "{}", verb.name);
            for example in verb.examples {
                let matches = command()
                    .try_get_matches_from(words(example))
                    .unwrap_or_else(|error| panic!("{example}: {error}"));
                let (noun, rest) = matches.subcommand().unwrap();
                let name = match rest.subcommand_name() {
                    Some(verb) => format!("{noun} {verb}"),
                    None => noun.to_owned(),
                };
                assert_eq!(name, verb.name, "{example}");
            }
        }
    }

    #[test]
    fn every_operation_that_a_verb_runs_is_in_the_catalogue() {
        for verb in VERBS {
            for operation in verb.document.operations() {
                assert!(
                    portal_core::catalogue::find(operation).is_ok(),
                    "{operation}"
                );
            }
        }
    }

    #[test]
    fn what_is_there_of_help_stays_before_the_examples() {
        let mut command = command();
        let check = command
            .find_subcommand_mut("db")
            .and_then(|db| db.find_subcommand_mut("check"))
            .unwrap();
        let help = check.render_help().to_string();
        assert!(
            help.contains("Exits 0") && help.contains("Examples:"),
            "{help}"
        );
    }
}
