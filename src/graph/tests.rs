//! What the pictures say of the example flows, and that nothing in them lies on anything else.

use super::chart::{Chart, Goal};
use super::layout::{Layout, Point, Polyline};
use super::letters;
use super::svg::Drawing;
use super::{html, mermaid, svg};
use crate::flow::load::load_with;
use crate::flow::{Flow, PromptBook, Prompts};
use crate::yaml::Source;

/// A flow with its prompts and its files.
struct Example {
    flow: Flow,
    prompts: Prompts,
    files: Vec<Source>,
}

fn example(name: &str, texts: &[(&str, &str)], books: &[(&str, &str)]) -> Example {
    let source = |(path, text): &(&str, &str)| Source { path: (*path).to_owned(), text: (*text).to_owned() };
    let book = |(language, text): &(&str, &str)| PromptBook::read(language, &source(&(*language, *text))).0;
    let mut read = books.iter().map(book);
    let prompts = Prompts::new(read.next().expect("a language"), read.collect());
    let files: Vec<Source> = texts.iter().map(source).collect();
    let loaded = load_with(&files[0], &files[1..], &prompts);
    let (flow, _) = loaded.unwrap_or_else(|found| panic!("{name}: {found:?}"));
    Example { flow, prompts, files }
}

macro_rules! examples {
    ($($name:literal: $($language:literal)+ in $folder:literal),+ $(,)?) => {
        /// The flows that come with the program.
        fn examples() -> Vec<Example> {
            vec![$(example(
                $name,
                &[($name, include_str!(concat!("../../flows/", $name, ".yaml")))],
                &[$(($language, include_str!(concat!("../../flows/", $folder, "/", $language, ".yaml")))),+],
            )),+]
        }
    };
}

examples! {
    "account-desk": "en" in "prompts",
    "after-hours": "en" in "after-hours",
    "bank-card": "en" in "bank-card",
    "clinic": "en" "es" in "clinic",
    "contact-center": "en" "es" in "contact-center",
    "multi-brand": "en" in "multi-brand",
    "pharmacy": "en" in "pharmacy",
    "utility-outage": "en" "es" in "utility-outage",
}

/// A module that is run, rounds that are bounded, text that tries to be markup, a block for who hung up.
fn odd() -> Example {
    let flow = r#"
askonce: 1
flow: odd
use: [verify.yaml]
escape: { menu: 0, to: desk }
always: { error: desk, hangup: note }
facts:
  more: { type: choice, keys: { 1: else, 2: done }, ask: [p] }
  size: { type: number, ask: [p], default: 1 }
queues: { desk: { to: desk } }
lookups: { note: { post: "crm:/note", timeout: 1s } }
blocks:
  start:
    - run: verify.check
    - collect: size
    - if: size < 3 and size > 1 or more == 'else' and not (size == 17 or size == 18 or size == 19 or size == 20)
      then: desk
    - collect: more
    - route: more
      to: { else: again, done: desk }
  again:
    - forget: more
      at_most: 3
      else: desk
    - collect: more
    - route: more
      to: { else: again, done: start }
  desk:
    - agent: desk
      else: bye
  bye:
    - hangup
  note:
    - lookup: note
      else: continue
"#;
    let module = r#"
askonce: 1
module: verify
facts: { code: { type: digits, length: 4, ask: [p] } }
blocks:
  check:
    - run: twice
    - return
  twice:
    - collect: code
      else: return
    - return
"#;
    example("odd", &[("odd.yaml", flow), ("verify.yaml", module)], &[("en", "p: \"<b>&\\\"'</b>\"\n")])
}

/// So many blocks that lead to and fro.
fn generated(count: usize) -> Example {
    let mut text = String::from(
        "askonce: 1\nflow: large\nescape: { menu: 0, to: b0 }\nalways: { error: b0 }\nfacts: { a: { type: digits, length: 4, \
         ask: [p] } }\nlookups: { l: { get: \"crm:/x\", timeout: 1s, gives: { ok: { type: bool, default: true } } } }\n\
         queues: { q: { to: q } }\nblocks:\n  start:\n    - goto: b0\n",
    );
    for at in 0..count {
        let on = |step: usize| (at + step).min(count - 1);
        let [one, two, three] = [on(1), on(at * 7 % 13 + 1), on(at * 31 % 97 + 1)];
        text += &format!(
            "  b{at}:\n    - lookup: l\n      slow: b{three}\n      else: b{two}\n    - if: l.ok\n      then: b{one}\n    - agent: q\n      done: b{}\n      else: b{one}\n",
            at * 5 % count.min(at + 7)
        );
    }
    // The last one has nowhere to go on.
    let last = text.rfind("    - lookup").expect("a last block");
    text.truncate(last);
    text += "    - say: p\n    - hangup\n";
    example("large", &[("large.yaml", &text)], &[("en", "p: x\n")])
}

fn all() -> Vec<Example> {
    let mut all = examples();
    all.extend([odd(), generated(7), generated(23), generated(60)]);
    all
}

/// Every way out that `Step::ways` tells, as pictures name it.
fn ways(flow: &Flow) -> Vec<String> {
    let mut ways = Vec::new();
    for block in &flow.blocks {
        for (at, placed) in block.steps.iter().enumerate() {
            let name = |way: crate::flow::model::Way| format!("{}:{}:{}", block.name.text, at + 1, way.exit);
            ways.extend(placed.step.ways().into_iter().map(name));
        }
    }
    ways
}

#[test]
fn every_block_and_every_way_out_is_in_the_picture_once() {
    for Example { flow, .. } in all() {
        let picture = svg(&flow, None);
        for block in &flow.blocks {
            let marker = format!("data-block=\"{}\"", block.name.text);
            assert_eq!(picture.matches(&marker).count(), 1, "{}: {marker}", flow.name.text);
        }
        let mut ways = ways(&flow);
        let count = ways.len();
        for way in &ways {
            let marker = format!("data-way=\"{way}\"");
            assert_eq!(picture.matches(&marker).count(), 1, "{}: {marker}", flow.name.text);
        }
        ways.sort();
        ways.dedup();
        assert_eq!(ways.len(), count, "{}: two ways are called the same", flow.name.text);
        let escapes = usize::from(flow.escape.is_some());
        assert_eq!(picture.matches("data-way=\"escape\"").count(), escapes, "{}", flow.name.text);
    }
}

#[test]
fn the_offer_of_a_line_is_a_way_out() {
    let center =
        examples().into_iter().find(|example| example.flow.name.text == "contact-center").expect("it is there");
    for block in ["billing", "desk", "tier2_desk"] {
        let marker = format!("data-way=\"{block}:1:instead\"");
        assert_eq!(svg(&center.flow, None).matches(&marker).count(), 1, "{marker}");
    }
}

/// Elements are closed in their order, and no sign of markup stands where text is.
fn well_formed(xml: &str) -> Result<usize, String> {
    let (mut open, mut elements, mut rest) = (Vec::new(), 0, xml);
    while let Some((before, after)) = rest.split_once('<') {
        if before.contains('>') && !before.trim_start().starts_with("svg {") {
            return Err(format!("a loose > in {before}"));
        }
        let (tag, behind) = after.split_once('>').ok_or_else(|| format!("no end of {after}"))?;
        rest = behind;
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or("");
        if tag.matches('"').count() % 2 > 0 || name.is_empty() {
            return Err(format!("a broken element: {tag}"));
        }
        if tag.starts_with('/') {
            if open.pop() != Some(name) {
                return Err(format!("</{name}> closes another one"));
            }
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        elements += 1;
    }
    if open.is_empty() { Ok(elements) } else { Err(format!("left open: {open:?}")) }
}

#[test]
fn the_picture_is_well_formed_and_always_the_same() {
    for Example { flow, .. } in all() {
        let picture = svg(&flow, None);
        let elements = well_formed(&picture).unwrap_or_else(|why| panic!("{}: {why}", flow.name.text));
        assert!(elements > 40, "{}: {elements}", flow.name.text);
        assert_eq!(picture, svg(&flow, None));
        assert_eq!(mermaid(&flow), mermaid(&flow));
        assert!(
            !picture.contains("<script") && !picture.contains("http://") || picture.matches("http://").count() == 1
        );
    }
    let planted = ["<a><b></a></b>", "<a>", "<a>x > y</a>", "<a b=\"></a>"];
    assert!(planted.iter().all(|text| well_formed(text).is_err()));
}

/// Left, top, right, bottom.
type Rect = (i32, i32, i32, i32);

fn rects(drawing: &Drawing) -> Vec<Rect> {
    let sized = drawing.layout.cards.iter().zip(drawing.sizes());
    sized.map(|(at, (width, height))| (at.x, at.y, at.x + width, at.y + height)).collect()
}

/// Whether a level or upright piece of a line touches a card's inside.
fn touches((one, other): (Point, Point), (left, top, right, bottom): Rect) -> bool {
    let (low, high) = (
        Point { x: one.x.min(other.x), y: one.y.min(other.y) },
        Point { x: one.x.max(other.x), y: one.y.max(other.y) },
    );
    low.x < right && high.x > left && low.y < bottom && high.y > top
}

fn pieces(line: &Polyline) -> impl Iterator<Item = (Point, Point)> {
    line.points.windows(2).map(|pair| (pair[0], pair[1]))
}

#[test]
fn no_card_lies_on_another_and_no_line_on_a_card() {
    for Example { flow, .. } in all() {
        let drawing = Drawing::of(&flow, None);
        let rects = rects(&drawing);
        for (at, one) in rects.iter().enumerate() {
            assert!(one.0 >= 0 && one.1 >= 0 && one.2 <= drawing.layout.width && one.3 <= drawing.layout.height);
            for other in &rects[at + 1..] {
                let apart = one.2 <= other.0 || other.2 <= one.0 || one.3 <= other.1 || other.3 <= one.1;
                assert!(apart, "{}: {one:?} and {other:?}", flow.name.text);
            }
        }
        for line in &drawing.layout.lines {
            for piece in pieces(line) {
                assert!(piece.0.x == piece.1.x || piece.0.y == piece.1.y, "a slanted line: {piece:?}");
                let card = rects.iter().position(|rect| touches(piece, *rect));
                assert_eq!(card, None, "{}: {line:?}", flow.name.text);
            }
        }
    }
}

/// Where a line leads, by the card that its last point stands at.
fn end(drawing: &Drawing, line: &Polyline) -> Option<usize> {
    let last = line.points.last()?;
    rects(drawing).iter().position(|(left, top, _, bottom)| *left == last.x && (*top..*bottom).contains(&last.y))
}

#[test]
fn a_line_leads_where_its_way_out_does() {
    for Example { flow, .. } in all() {
        let drawing = Drawing::of(&flow, None);
        let goals = drawing.chart.cards.iter().flat_map(|card| card.lines.iter().flat_map(|line| &line.forks));
        let goals = goals.filter_map(|fork| match fork.to {
            Goal::Card { card, .. } => Some(Some(card)),
            Goal::Far(_) | Goal::Word(_) => None,
        });
        let ends: Vec<_> = drawing.layout.lines.iter().map(|line| end(&drawing, line)).collect();
        assert_eq!(ends, goals.collect::<Vec<_>>(), "{}", flow.name.text);
    }
}

/// Pieces of lines to different cards that lie on each other: nobody could tell them apart.
fn covered(layout: &Layout, drawing: &Drawing) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let overlap = |one: (Point, Point), other: (Point, Point)| {
        let span = |a: i32, b: i32| (a.min(b), a.max(b));
        let meets = |(a, b): (i32, i32), (c, d): (i32, i32)| a.max(c) < b.min(d);
        let level = one.0.y == one.1.y && other.0.y == other.1.y && one.0.y == other.0.y;
        let upright = one.0.x == one.1.x && other.0.x == other.1.x && one.0.x == other.0.x;
        level && meets(span(one.0.x, one.1.x), span(other.0.x, other.1.x))
            || upright && meets(span(one.0.y, one.1.y), span(other.0.y, other.1.y))
    };
    for (at, one) in layout.lines.iter().enumerate() {
        for (behind, other) in layout.lines.iter().enumerate().skip(at + 1) {
            let apart = end(drawing, one) != end(drawing, other);
            if apart && pieces(one).any(|one| pieces(other).any(|other| overlap(one, other))) {
                found.push((at, behind));
            }
        }
    }
    found
}

#[test]
fn lines_to_different_cards_never_lie_on_each_other() {
    for Example { flow, .. } in all() {
        let drawing = Drawing::of(&flow, None);
        assert_eq!(covered(&drawing.layout, &drawing), [], "{}", flow.name.text);
    }
}

#[test]
fn two_thousand_blocks_are_laid_out() {
    let Example { flow, .. } = generated(1_990);
    let drawing = Drawing::of(&flow, None);
    assert_eq!(drawing.layout.cards.len(), flow.blocks.len() + 1);
    // What leads far away is a word, so that lines cost what there is of blocks and not its square.
    let passes: usize = drawing.layout.lines.iter().map(|line| line.points.len()).sum();
    assert!(passes < 60 * flow.blocks.len(), "{passes}");
}

#[test]
fn mermaid_tells_a_small_flow() {
    let desk = examples().into_iter().next().expect("the first one");
    assert_eq!(mermaid(&desk.flow), include_str!("tests/account-desk.mmd"));
}

#[test]
fn authors_text_is_text_everywhere() {
    let Example { flow, prompts, files } = odd();
    let page = html(&flow, &prompts, &files.iter().collect::<Vec<_>>(), None);
    assert!(page.contains("&lt;b&gt;&amp;&quot;&#39;&lt;/b&gt;") && !page.contains("<b>&"));
    assert!(page.contains("size &lt; 3 and size &gt; 1"), "a condition");
    assert!(mermaid(&flow).contains("size #lt; 3 and size #gt; 1"));
    assert!(Chart::of(&flow).cards.iter().any(|card| card.module.as_deref() == Some("verify")));
    assert_eq!(letters::escape("a\u{0}<\u{1b}b"), "a&lt;b");
}

#[test]
fn the_page_shows_a_blocks_lines_and_what_is_heard_there() {
    let center =
        examples().into_iter().find(|example| example.flow.name.text == "contact-center").expect("it is there");
    let page = html(&center.flow, &center.prompts, &center.files.iter().collect::<Vec<_>>(), None);
    let section = |block: &str| {
        let from = page.find(&format!("<section id=\"block-{block}\">")).expect("a section");
        page[from..].split("</section>").next().expect("its end").to_owned()
    };
    let call_me = section("call_me");
    for text in ["- collect: callback", "- hangup", "callback_offer_number", "callback_booked", "<dd lang=\"es\">"] {
        assert!(call_me.contains(text), "{text}: {call_me}");
    }
    assert!(!call_me.contains("after_hours:"), "the next block begins: {call_me}");
    // What is heard while one waits belongs to who sends there.
    assert!(section("billing").contains("queue_position"));
    assert!(page.contains("<a href=\"#block-call_me\">"));
    assert!(!page.contains("<script"));
}
