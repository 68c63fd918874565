//! What can happen, and what happens next: drawn from the seed, with an eye on what the model says is
//! possible, so that most steps do something.

use rand::RngExt;
use rand::rngs::StdRng;

use super::model::{HOUR, Id, MINUTE, Model, NEVER, SECOND};

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Connect(Id),
    /// A connection is lost, and that is written down at once.
    Disconnect(Id),
    /// A connection is lost, and that is written down later.
    Forget(Id),
    Join(Id, Id),
    LeaveRoom(Id, Id),
    Enqueue(Id, Vec<String>),
    Dequeue(Id),
    Leave(Id, Option<Id>),
    Block(Id, Id),
    Unblock(Id, Id),
    /// For so many days; 0 is without end.
    Premium(Id, i64),
    Basic(Id),
    HardMute(Id),
    TimeOut(Id, i64),
    LiftTimeout(Id),
    SignUp,
    Delete(Id),
    /// A stranger comes.
    Come,
    LogOut(Id),
    BlockStranger(Id, bool),
    Pause(bool),
    PauseLength(i64),
    /// The clock goes on.
    Pass(i64),
    Tick,
    /// Another process opens the file, with presence or without.
    Restart(bool),
    /// Everybody gets a new session: they do not last for ever.
    Renew,
}

/// How large the world is. A small one has everybody meet everybody again, a large one has queues.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene {
    pub(crate) people: usize,
    pub(crate) strangers: usize,
    pub(crate) interests: usize,
    /// Of a hundred steps, so many are somebody asking to be matched, or connecting for that.
    pub(crate) rush: u32,
    /// Of a hundred steps of time, so many are housekeeping: the fewer, the later it is.
    pub(crate) housekeeping: u32,
}

impl Scene {
    /// A small one, unlike that of another seed.
    pub(crate) fn small(random: &mut StdRng) -> Self {
        Self {
            people: one_of(random, &[3, 6, 12, 30]),
            strangers: one_of(random, &[0, 2, 6]),
            interests: one_of(random, &[1, 2, 4, 8]),
            rush: one_of(random, &[30, 40, 50]),
            housekeeping: one_of(random, &[6, 20, 40]),
        }
    }

    /// Thousands of people, most of whom wait or talk.
    pub(crate) fn crowd() -> Self {
        Self {
            people: 2_000,
            strangers: 100,
            interests: 60,
            rush: 80,
            housekeeping: 40,
        }
    }

    pub(crate) fn draw(self, random: &mut StdRng, model: &Model, nth: u64) -> Step {
        let mut draw = Draw {
            scene: self,
            random,
            model,
            nth,
        };
        // Until something is drawn that can be done at this moment.
        loop {
            if let Some(step) = draw.step() {
                return step;
            }
        }
    }
}

/// Drawing one step.
struct Draw<'a> {
    scene: Scene,
    random: &'a mut StdRng,
    model: &'a Model,
    /// Which step it is.
    nth: u64,
}

impl Draw<'_> {
    fn step(&mut self) -> Option<Step> {
        if self.random.random_range(0..100) < self.scene.rush {
            return self.ask();
        }
        match self.random.random_range(0..1_000) {
            0..380 => self.time(),
            380..600 => self.connection(),
            600..850 => self.wish(),
            _ => self.staff(),
        }
    }

    /// Somebody asks to be matched, mostly one who can.
    fn ask(&mut self) -> Option<Step> {
        let model = self.model;
        for _ in 0..5 {
            let who = self.somebody();
            let person = model.person(who);
            if person.waits(model.now).is_some() || !model.has_free_slot(who) {
                continue;
            }
            return match self.connect(who) {
                Some(step) if !person.is_connected() => Some(step),
                _ => Some(Step::Enqueue(who, self.interests())),
            };
        }
        let who = self.somebody();
        (self.random.random_range(0..8) == 0).then(|| Step::Enqueue(who, self.interests()))
    }

    fn time(&mut self) -> Option<Step> {
        if self.random.random_range(0..100) < self.scene.housekeeping {
            return Some(Step::Tick);
        }
        Some(match self.random.random_range(0..100) {
            0..38 => Step::Pass(one_of(self.random, &[1, 1, 400, SECOND, 3 * SECOND])),
            38..52 => Step::Pass(self.random.random_range(1..40 * SECOND)),
            52..88 => Step::Pass(self.until_something()?),
            88 => Step::Pass(one_of(self.random, &[11 * MINUTE, 3 * HOUR, 26 * HOUR])),
            89..91 => Step::Restart(self.random.random_range(0..5) > 0),
            _ => Step::Pause(self.random.random_range(0..3) == 0),
        })
    }

    fn connection(&mut self) -> Option<Step> {
        // Whoever waits and is gone has something to come back for.
        if self.random.random_range(0..4) == 0 {
            let people = self.model.people.iter();
            let gone = people.filter(|(_, p)| p.entry.is_some() && !p.is_connected());
            let who = any_of(self.random, gone.map(|(id, _)| id))?;
            return self.connect(who);
        }
        let who = self.somebody();
        let matches = self.model.chats_of(who);
        let connections = self.model.person(who).connections.keys();
        let connection = any_of(self.random, connections);
        Some(match self.random.random_range(0..100) {
            0..35 => self.connect(who)?,
            35..52 => Step::Disconnect(connection?),
            52..70 => Step::Forget(connection?),
            70..88 => Step::Join(connection?, any_of(self.random, &matches)?),
            88..91 => Step::Join(connection?, self.any_chat()),
            91..98 => Step::LeaveRoom(connection?, any_of(self.random, &matches)?),
            _ => Step::LogOut(self.spare()?),
        })
    }

    /// Somebody connects, where presence is kept; nobody can for a stranger whose session is over.
    fn connect(&self, who: Id) -> Option<Step> {
        let person = self.model.person(who);
        let can = !person.is_stranger || person.has_session;
        (can && self.model.keeps_presence).then_some(Step::Connect(who))
    }

    fn wish(&mut self) -> Option<Step> {
        let model = self.model;
        let (who, other) = (self.somebody(), self.somebody());
        let waits = |who: Id| model.people.get(&who).is_some_and(|p| p.entry.is_some());
        Some(match self.random.random_range(0..100) {
            0..4 => Step::Enqueue(who, self.interests()),
            4..14 => Step::Dequeue(who),
            14..22 => Step::Leave(who, self.which(&model.chats_of(who))),
            22..52 => {
                let chat = &model.chats[&any_of(self.random, model.chats.keys())?];
                let who = one_of(self.random, &chat.pair);
                Step::Leave(who, self.which(&model.chats_of(who)))
            }
            52..70 => Step::Block(who, other),
            70..75 => Step::Unblock(who, other),
            _ => {
                // Best where it brings two together.
                let blocks = model.blocks.iter();
                let apart = blocks.filter(|(by, whom)| waits(*by) && waits(*whom));
                let block = any_of(self.random, apart);
                let (by, whom) = block.or_else(|| any_of(self.random, &model.blocks))?;
                Step::Unblock(by, whom)
            }
        })
    }

    fn staff(&mut self) -> Option<Step> {
        let (who, model) = (self.somebody(), self.model);
        let strangers = model.people.iter().filter(|(_, person)| person.is_stranger);
        let strangers: Vec<Id> = strangers.map(|(id, _)| *id).collect();
        Some(match self.random.random_range(0..100) {
            0..30 => Step::Premium(who, one_of(self.random, &[0, 1, 2])),
            30..50 => Step::Basic(who),
            50..54 => Step::HardMute(who),
            54..58 => Step::TimeOut(self.spare()?, one_of(self.random, &[60, 600, 86_400])),
            58..64 => {
                let people = model.people.iter();
                let out = people.filter(|(_, person)| person.timed_out_until > model.now);
                Step::LiftTimeout(any_of(self.random, out.map(|(id, _)| id)).unwrap_or(who))
            }
            64..72 if model.people.len() - strangers.len() < self.scene.people => Step::SignUp,
            72..74 => {
                let who = self.spare().filter(|who| !strangers.contains(who));
                Step::Delete(who?)
            }
            74..84 if strangers.len() < self.scene.strangers => Step::Come,
            84..94 => {
                let blocked = self.random.random_range(0..3) > 0;
                Step::BlockStranger(any_of(self.random, &strangers)?, blocked)
            }
            // Whoever has an account cannot be blocked so.
            94 => Step::BlockStranger(who, true),
            95..97 => Step::PauseLength(one_of(self.random, &[0, 1, 60, 60, 300, 3_600])),
            _ => return None,
        })
    }

    /// As long as it takes until something ends, or a millisecond more or less. What ends soon is drawn
    /// oftener, so that the clock does not leap over everything.
    fn until_something(&mut self) -> Option<i64> {
        let model = self.model;
        let soon = if self.random.random_range(0..12) == 0 {
            NEVER
        } else {
            model.now + 11 * MINUTE
        };
        let people = model.people.values();
        let mut ends: Vec<_> = people
            .flat_map(|person| [person.premium_until, person.timed_out_until])
            .chain(model.ends())
            .filter(|end| *end > model.now && *end < soon)
            .collect();
        ends.sort_unstable();
        ends.truncate(self.random.random_range(1..=6));
        let end = any_of(self.random, &ends)?;
        let pass = end - model.now + self.random.random_range(-1..=1);
        (pass > 0).then_some(pass)
    }

    /// Which match to leave: mostly the only one, or one that is named.
    fn which(&mut self, matches: &[Id]) -> Option<Id> {
        match self.random.random_range(0..8) {
            0 => Some(self.any_chat()),
            1..5 => any_of(self.random, matches),
            _ => None,
        }
    }

    /// Perhaps one of others, or one that is over, or one that never was.
    fn any_chat(&mut self) -> Id {
        self.random.random_range(0..=self.model.last_chat) + 1
    }

    /// 1 to 3 interests, the first ones oftener; now and then something that is none.
    fn interests(&mut self) -> Vec<String> {
        let many = self.random.random_range(1..=3.min(self.scene.interests));
        let mut words = Vec::new();
        while words.len() < many {
            let most = self.random.random_range(1..=self.scene.interests);
            let word = format!("tag{}", self.random.random_range(0..most));
            if !words.contains(&word) {
                words.push(word);
            }
        }
        match self.random.random_range(0..200) {
            0 => words.clear(),
            1 => words.push(words[0].clone()),
            2 => {
                words.push(one_of(self.random, &["ab", "Tag", "ta-g", "thirteenchars"]).to_owned());
            }
            3 => words = (0..4).map(|n| format!("tag{n}")).collect(),
            _ => {}
        }
        words
    }

    /// Anybody; half of the time one of a few, to whom much happens for a while.
    fn somebody(&mut self) -> Id {
        let people = self.model.people.keys();
        if self.random.random() {
            return any_of(self.random, people).expect("there are people");
        }
        let first = usize::try_from(self.nth / 40 * 7).unwrap_or_default() % people.len();
        let few: Vec<_> = people.skip(first).take(3).collect();
        any_of(self.random, few).expect("there are people")
    }

    /// Somebody whom the others can do without.
    fn spare(&mut self) -> Option<Id> {
        (self.model.people.len() > 2).then(|| self.somebody())
    }
}

fn one_of<T: Copy>(random: &mut StdRng, choices: &[T]) -> T {
    choices[random.random_range(0..choices.len())]
}

fn any_of<'a, T: Copy + 'a>(
    random: &mut StdRng,
    choices: impl IntoIterator<Item = &'a T>,
) -> Option<T> {
    let choices: Vec<_> = choices.into_iter().collect();
    if choices.is_empty() {
        return None;
    }
    Some(*choices[random.random_range(0..choices.len())])
}
