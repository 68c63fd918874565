//! The words that strangers' names are made of (SPEC 1.8): kind ones, 128 each, so that seven random bits
//! choose one.

/// The first word.
#[rustfmt::skip]
pub(crate) const FIRST_WORDS: [&str; 128] = [
    "agile", "amber", "ample", "ancient", "apt", "arctic", "ashen", "astral", "autumn", "azure",
    "bold", "brave", "bright", "brisk", "bronze", "calm", "candid", "careful", "cheerful", "chilly",
    "civil", "clear", "clever", "cloudy", "cobalt", "cool", "copper", "coral", "cosmic", "cosy",
    "crimson", "crisp", "curious", "dapper", "daring", "dawn", "deep", "deft", "dewy", "distant",
    "dreamy", "dusty", "eager", "early", "earnest", "easy", "electric", "emerald", "fabled", "fair",
    "famous", "fast", "fern", "fleet", "floral", "fluffy", "fond", "frank", "free", "fresh",
    "frosty", "gentle", "giant", "gilded", "glad", "gleaming", "golden", "graceful", "grand",
    "granite", "green", "happy", "hardy", "hazel", "hearty", "hidden", "honest", "humble", "icy",
    "indigo", "inner", "ivory", "jade", "jolly", "jovial", "keen", "kind", "lasting", "light",
    "lilac", "lively", "logical", "lone", "lucky", "lunar", "magnetic", "maple", "marble", "mellow",
    "merry", "mighty", "mild", "misty", "modest", "mossy", "native", "neat", "nimble", "noble",
    "northern", "olive", "open", "orange", "patient", "pearl", "placid", "plucky", "polar",
    "polite", "quick", "quiet", "radiant", "ready", "royal", "rustic", "scarlet", "serene",
    "silver",
];

/// The second word.
#[rustfmt::skip]
pub(crate) const SECOND_WORDS: [&str; 128] = [
    "acorn", "albatross", "alder", "alpaca", "anchor", "antelope", "aspen", "aurora", "badger",
    "bamboo", "basil", "beacon", "beaver", "birch", "bison", "bobcat", "breeze", "brook", "canyon",
    "caribou", "cedar", "cheetah", "cherry", "cinder", "clover", "comet", "compass", "condor",
    "cove", "coyote", "crane", "creek", "cricket", "cypress", "dolphin", "dove", "dragonfly",
    "dune", "eagle", "echo", "egret", "elk", "ember", "falcon", "feather", "fennel", "ferret",
    "finch", "firefly", "fjord", "forest", "fox", "gazelle", "gecko", "geyser", "glacier", "gopher",
    "grove", "gull", "harbor", "hare", "harrier", "hawk", "hedgehog", "heron", "hickory", "ibex",
    "ibis", "iris", "island", "jackdaw", "jaguar", "juniper", "kestrel", "kingfisher", "kite",
    "koala", "lagoon", "lark", "laurel", "lemur", "lichen", "lily", "linden", "llama", "lotus",
    "lynx", "magnolia", "magpie", "mallard", "marmot", "marten", "meadow", "meerkat", "meteor",
    "mink", "moose", "moth", "nebula", "newt", "nightjar", "oak", "ocelot", "orchid", "oriole",
    "osprey", "otter", "owl", "panda", "panther", "pebble", "pelican", "pepper", "petrel", "pine",
    "plover", "poplar", "puffin", "quail", "raven", "river", "robin", "rowan", "salmon", "sparrow",
    "swift", "tulip", "willow",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::Username;

    #[test]
    fn any_two_words_are_a_name_of_their_own() {
        let mut names = BTreeSet::new();
        for first in FIRST_WORDS {
            for second in SECOND_WORDS {
                let name = format!("{first}-{second}-0000");
                assert!(Username::try_from(name.clone()).is_ok(), "{name}");
                names.insert(name);
            }
        }
        assert_eq!(names.len(), FIRST_WORDS.len() * SECOND_WORDS.len());
    }
}
