//! What somebody would talk about.

use std::collections::BTreeSet;

use super::Interest;

/// The interests of one person, or those that two share: 1 to 3 different ones, in alphabetical order
/// (SPEC 9.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interests(BTreeSet<Interest>);

/// Why a list is none of interests: which of them is wrong, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadInterest {
    /// The place in the list; none if it is the list.
    pub place: Option<usize>,
    /// What is wrong.
    pub why: String,
}

impl Interests {
    /// As many as there can be.
    pub const MOST: usize = 3;

    /// From the words as they were said.
    pub fn parse(words: &[String]) -> Result<Self, BadInterest> {
        let bad = |place, why: &str| BadInterest {
            place,
            why: why.to_owned(),
        };
        if !(1..=Self::MOST).contains(&words.len()) {
            return Err(bad(None, "name 1 to 3 interests"));
        }
        let mut interests = BTreeSet::new();
        for (place, word) in words.iter().enumerate() {
            let interest =
                Interest::try_from(word.clone()).map_err(|why| bad(Some(place), &why))?;
            if !interests.insert(interest) {
                return Err(bad(Some(place), "this interest is named twice"));
            }
        }
        Ok(Self(interests))
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Interest> {
        self.0.iter()
    }

    /// Those that are among the others too; none if none is.
    pub fn shared_with(&self, others: &Self) -> Option<Self> {
        let shared: BTreeSet<_> = self.0.intersection(&others.0).cloned().collect();
        (!shared.is_empty()).then_some(Self(shared))
    }
}

impl From<Interests> for Vec<Interest> {
    fn from(interests: Interests) -> Self {
        interests.0.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Interests, BadInterest> {
        let words: Vec<_> = words.iter().map(ToString::to_string).collect();
        Interests::parse(&words)
    }

    #[test]
    fn interests_are_what_spec_9_2_says() {
        for good in [&["abc"][..], &["abcdefghijkl"], &["a1b", "123", "zzz"]] {
            assert!(parse(good).is_ok(), "{good:?}");
        }
        let places = [
            (&[][..], None),
            (&["abc", "abd", "abe", "abf"], None),
            (&["ab"], Some(0)),
            (&["abc", "abcdefghijklm"], Some(1)),
            (&["Abc"], Some(0)),
            (&["abc", "a-c"], Some(1)),
            (&["abé"], Some(0)),
            (&["abc", "abd", "abc"], Some(2)),
        ];
        for (bad, place) in places {
            assert_eq!(parse(bad).unwrap_err().place, place, "{bad:?}");
        }
    }
}
