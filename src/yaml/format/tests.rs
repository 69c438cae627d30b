use super::*;
use crate::random::Random;

fn laid(text: &str) -> Result<String, Vec<Diagnostic>> {
    format(&Source { path: "t.yaml".into(), text: text.into() })
}

const EXAMPLES: [(&str, &str); 11] = [
    ("account-desk", include_str!("../../../flows/account-desk.yaml")),
    ("after-hours", include_str!("../../../flows/after-hours.yaml")),
    ("announce-desk", include_str!("../../../flows/announce-desk.yaml")),
    ("bank-card", include_str!("../../../flows/bank-card.yaml")),
    ("clinic", include_str!("../../../flows/clinic.yaml")),
    ("contact-center", include_str!("../../../flows/contact-center.yaml")),
    ("multi-brand", include_str!("../../../flows/multi-brand.yaml")),
    ("pharmacy", include_str!("../../../flows/pharmacy.yaml")),
    ("utility-outage", include_str!("../../../flows/utility-outage.yaml")),
    ("prompts", include_str!("../../../flows/contact-center/es.yaml")),
    ("place", include_str!("../../../examples/place.yaml")),
];

#[test]
fn the_examples_are_laid_out() {
    for (name, text) in EXAMPLES {
        assert_eq!(laid(text).as_deref(), Ok(text), "{name}");
    }
}

#[test]
fn each_way_to_write_it_becomes_one() {
    let cases = [
        // Spaces and indentation.
        ("a:   1\nb :  2", "a: 1\nb: 2\n"),
        ("a:\n    b:\n        c: 1\n", "a:\n  b:\n    c: 1\n"),
        ("a:\n- b\n-   c\n", "a:\n  - b\n  - c\n"),
        ("a:\n    -   say: b\n        else:   c\n", "a:\n  - say: b\n    else: c\n"),
        ("- - a\n  - b\n-\n  c: d\n  e: f\n", "- - a\n  - b\n- c: d\n  e: f\n"),
        ("a: {b: 1,c:  [ d ,e ]}\n", "a: { b: 1, c: [d, e] }\n"),
        ("a: { }\nb: [ ]\nc:\n  d\n", "a: {}\nb: []\nc: d\n"),
        ("a: [b, c,]\n", "a: [b, c]\n"),
        ("a: { b, c: }\nd:\ne: ~\n", "a: { b, c: }\nd:\ne: ~\n"),
        // Quotes.
        ("a: \"b\"\n'c': 'd e'\n", "a: b\nc: 'd e'\n"),
        (
            "a: [\"*\", '#', \"08:00\", \"yes\", \"1\", \"true\"]\n",
            "a: [\"*\", '#', \"08:00\", \"yes\", \"1\", \"true\"]\n",
        ),
        // Lines and ends.
        ("\n\na: 1  \n\n\n\nb: 2\n\n\n", "a: 1\n\nb: 2\n"),
        ("a: 1\r\nb: 2\r\n", "a: 1\nb: 2\n"),
        ("---\na: 1", "a: 1\n"),
        ("a: [b,\n    c ]\nd: [\n  e\n  ]\n", "a: [b,\n  c]\nd: [\n  e\n  ]\n"),
        // Comments.
        ("#a\n\n# b\na: 1 #c\nb: {  c: 1 }   # d\n", "#a\n\n# b\na: 1 #c\nb: { c: 1 }    # d\n"),
        ("a:\n    # b\n    b: 1\n    # c\n\n# d\ne: 1\n# f", "a:\n  # b\n  b: 1\n  # c\n\n# d\ne: 1\n# f\n"),
        ("a: # b\n  - c\n  - # d\n    e: 1\n", "a: # b\n  - c\n  - # d\n    e: 1\n"),
        ("a: # b\n  c\n", "a: # b\n  c\n"),
        ("a: [ # b\n  c, # d\n  # e\n  f\n  ]\n", "a: [ # b\n  c, # d\n  # e\n  f\n  ]\n"),
        // Text of several lines.
        (
            "a:\n      b: |\n        c\n          d\n\n        e\n      f: 1\n",
            "a:\n  b: |\n    c\n      d\n\n    e\n  f: 1\n",
        ),
        (
            "a:\n    b: one\n      two\n    c: \"three\n      four\"\n",
            "a:\n  b: one\n    two\n  c: \"three\n    four\"\n",
        ),
    ];
    for (before, after) in cases {
        assert_eq!(laid(before).as_deref(), Ok(after), "{before}");
        assert_eq!(laid(after).as_deref(), Ok(after), "once more: {after}");
    }
}

#[test]
fn what_does_not_parse_or_would_lose_something_is_refused() {
    let cases = [
        ("a: [b\n", "yaml", 1),
        ("a: 1\na: 2\n", "duplicate-key", 2),
        ("a: &b 1\n", "anchor", 1),
        ("a: [b # c\n  , d]\n", "layout", 2),
        ("a: 1\n...\n", "layout", 2),
    ];
    for (text, code, line) in cases {
        let found = laid(text).expect_err(text);
        assert_eq!((found[0].code, found[0].span.line), (code, line), "{text}");
    }
}

/// Wherever a space can be, there may be more of them; it comes out the same.
#[test]
fn spaces_between_words_change_nothing() {
    let mut random = Random::from_seed(6);
    for (name, text) in EXAMPLES {
        for _ in 0..40 {
            let moved = spread(text, &mut random);
            let once = laid(&moved).unwrap_or_else(|found| panic!("{name}: {found:?}\n{moved}"));
            assert_eq!(laid(&once).as_deref(), Ok(once.as_str()), "{name}: {moved}");
            // Comments keep their column, which has moved.
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(words(&once), words(text), "{name}");
        }
    }
}

/// The file with every indentation multiplied, and spaces doubled here and there outside of quotes and comments.
fn spread(text: &str, random: &mut Random) -> String {
    let times = 1 + usize::try_from(random.below(3)).expect("small");
    let mut out = String::new();
    for line in text.lines() {
        let inner = line.trim_start();
        out.extend(std::iter::repeat_n(' ', (line.len() - inner.len()) * times));
        let inner = inner.strip_prefix("- ").map_or(inner, |item| {
            out.push('-');
            out.extend(std::iter::repeat_n(' ', 2 * times - 1));
            item
        });
        let mut free = !line.contains('"') && !line.contains('\'');
        for c in inner.chars() {
            free &= c != '#';
            out.push(c);
            if free && matches!(c, ' ' | '{' | ',') && random.below(3) == 0 {
                out.push(' ');
            }
        }
        out.push('\n');
    }
    out
}
