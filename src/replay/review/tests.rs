//! A review in a terminal: keys, and the text of the screen.

use super::screen::{Style, ansi, draw, text};
use super::view::{Act, Mode, Press, View};
use super::{Case, Review, Write};
use crate::record::compare::{Difference, Layer};
use crate::rerun::anchored::{Need, Wanted};
use crate::rerun::outcome::{Outcome, Replayed};
use std::path::PathBuf;
use std::rc::Rc;
use unicode_width::UnicodeWidthStr;

fn difference(layer: Layer, block: &str, recorded: &str, replayed: &str) -> Difference {
    Difference {
        layer,
        t: 7,
        place: Some((block.to_owned(), 2)),
        line: Some(41),
        subject: "what is heard".to_owned(),
        recorded: Some(recorded.to_owned()),
        replayed: Some(replayed.to_owned()),
    }
}

fn case(name: String, outcome: Outcome) -> Case {
    let replayed = Rc::new(Replayed { outcome, ran: None, edited: true });
    let (path, flow) = (PathBuf::from(&name), "desk".to_owned());
    Case { path, name, flow, fixture: None, replayed, answered: false }
}

/// 500 recordings: one prompt in all but two, a second difference in ten of them, one that asks, one that does not run.
fn review() -> Review {
    let prompt = || difference(Layer::Prompts, "main_menu", "en/main_menu", "en/main_menu_v2");
    let mut cases: Vec<Case> = (0..498)
        .map(|at| {
            let mut all = vec![prompt()];
            if at < 10 {
                all.push(difference(
                    Layer::Facts,
                    "desk",
                    "reason filled by keypad, try 1",
                    "reason forgotten by flow, try 0",
                ));
            }
            case(format!("fixtures/call-{at:03}/call.jsonl"), Outcome::Diff(all))
        })
        .collect();
    let what = Wanted::Lookup { name: "crm".to_owned(), values: vec!["tier".to_owned()] };
    let need = Need { t: 3, place: Some(("start".to_owned(), 1, 30)), what };
    cases.push(case("fixtures/\u{96fb}\u{8a71}/call.jsonl".to_owned(), Outcome::NeedsInput(vec![need])));
    cases
        .push(case("fixtures/broken/call.jsonl".to_owned(), Outcome::Broken("the file is \u{1b}[31mempty".to_owned())));
    Review::new(cases, 12)
}

fn screen(view: &View, review: &Review, size: (usize, usize)) -> String {
    let lines = draw(view, review, &|_| None, size);
    assert_eq!(lines.len(), size.1.max(5));
    let drawn = text(&lines);
    assert!(drawn.lines().all(|line| line.width() <= size.0), "{drawn}");
    assert!(!drawn.contains('\u{1b}'), "a terminal would obey that");
    drawn
}

fn press(view: &mut View, review: &mut Review, keys: &str) -> Act {
    let mut act = Act::None;
    for key in keys.chars() {
        let key = match key {
            '\n' => Press::Enter,
            '<' => Press::Escape,
            key => Press::Char(key),
        };
        act = view.press(key, review);
    }
    act
}

#[test]
fn the_screen_has_the_groups_at_the_left_and_what_the_chosen_one_is_at_the_right() {
    let (mut view, mut review) = (View::default(), review());
    let drawn = screen(&view, &review, (110, 14));
    assert_eq!(
        drawn,
        " askonce review   512 replayed, 12 as recorded, 500 not: 4 to decide, 0 recordings to be written
──────────────────────────────────────────────────────────────────────────────────────────────────────────────
    498 prompts     main_menu.2 en/main_menu -> …│ prompts in the flow desk   [ce7431ba]
     10 facts       desk.2 reason filled by keyp…│ what is heard
?     1 needs input start.1 the lookup `crm` is …│ recorded  en/main_menu
!     1 error       the file is ?[31mempty       │ replayed  en/main_menu_v2
                                                 │
                                                 │ in 498 recordings
                                                 │   fixtures/call-000/call.jsonl
                                                 │   fixtures/call-001/call.jsonl
                                                 │   fixtures/call-002/call.jsonl
                                                 │   fixtures/call-003/call.jsonl
──────────────────────────────────────────────────────────────────────────────────────────────────────────────
 a accept  o one recording  e recordings  d debug  Enter look  / filter  u undo  q quit  ? help
"
    );
    // A small terminal has the list alone, and the details where they are looked at.
    let small = screen(&view, &review, (60, 10));
    assert!(!small.contains('\u{2502}') && small.contains("498 prompts"), "{small}");
    press(&mut view, &mut review, "\n");
    assert!(screen(&view, &review, (60, 10)).contains("recorded  en/main_menu"));
    for size in [(1, 1), (20, 4), (300, 80)] {
        screen(&view, &review, size);
    }
    press(&mut view, &mut review, "\n?");
    assert!(screen(&view, &review, (80, 30)).contains("equal differences are one group"));
}

#[test]
fn a_recording_is_written_once_everything_in_it_is_accepted() {
    let (mut view, mut review) = (View::default(), review());
    press(&mut view, &mut review, "a");
    assert_eq!((review.writes().len(), review.undecided(), view.at), (488, 3, 1));
    press(&mut view, &mut review, "a");
    assert_eq!((review.writes().len(), review.undecided()), (498, 2));
    assert_eq!(review.writes()[0], (0, Write::Golden));
    press(&mut view, &mut review, "uu");
    assert_eq!((review.writes().len(), review.undecided()), (0, 4));
    press(&mut view, &mut review, "u");
    assert_eq!(view.told, "there is nothing to undo");
    // One alone: with everything that it has.
    view.at = 0;
    press(&mut view, &mut review, "ejjo");
    assert_eq!((review.writes(), review.undecided()), (vec![(1, Write::Golden)], 4));
    assert!(screen(&view, &review, (110, 14)).contains("\u{2713}         fixtures/call-001"));
    assert_eq!(press(&mut view, &mut review, "d"), Act::Debug(1));
}

#[test]
fn what_is_no_difference_cannot_be_accepted() {
    let (mut view, mut review) = (View::default(), review());
    view.at = 3;
    press(&mut view, &mut review, "a");
    assert!(view.told.contains("mend it"), "{}", view.told);
    view.at = 2;
    assert_eq!(press(&mut view, &mut review, "ao"), Act::None);
    assert_eq!(view.mode, Mode::Answer { group: 2, text: "o".to_owned() });
    assert!(screen(&view, &review, (110, 14)).contains("answer: o_    ok tier=.., none, refused, slow, failed"));
    let act = press(&mut view, &mut review, "k tier=gold\n");
    assert_eq!(act, Act::Answer { group: 2, text: "ok tier=gold".to_owned() });
    press(&mut view, &mut review, "o");
    assert_eq!(view.told, "this cannot be accepted: it wants an answer");
    assert!(review.writes().is_empty());
}

#[test]
fn a_filter_leaves_what_has_that_in_it() {
    let (mut view, mut review) = (View::default(), review());
    press(&mut view, &mut review, "/call-49");
    // By a recording: its groups, and when they are expanded no other recording.
    press(&mut view, &mut review, "\ne");
    assert_eq!(view.rows(&review).len(), 1 + 8);
    press(&mut view, &mut review, "</nothing of it");
    assert!(screen(&view, &review, (110, 14)).contains("nothing has that in it"));
    press(&mut view, &mut review, "</FORGOTTEN\n");
    assert_eq!(view.rows(&review).len(), 1);
}

#[test]
fn the_end_is_asked_for_where_something_is_at_stake() {
    let (mut view, mut review) = (View::default(), review());
    press(&mut view, &mut review, "aq");
    let asked = screen(&view, &review, (110, 14));
    assert!(asked.contains("write 488 recordings; 3 undecided? y: write"), "{asked}");
    assert_eq!(press(&mut view, &mut review, "j"), Act::None);
    assert_eq!(press(&mut view, &mut review, "qn"), Act::End { write: false });
    assert_eq!(press(&mut view, &mut review, "qy"), Act::End { write: true });
    assert_eq!(view.press(Press::Interrupt, &mut review), Act::None);
    assert_eq!(view.press(Press::Interrupt, &mut review), Act::End { write: false });
    let mut nothing = Review::new(Vec::new(), 3);
    assert!(screen(&view, &nothing, (110, 14)).contains("nothing is left to decide"));
    assert_eq!(press(&mut View::default(), &mut nothing, "aodeq"), Act::End { write: false });
}

#[test]
fn where_somebody_is_shows_without_colours_too() {
    let drawn = ansi(&[vec![(Style::Chosen, "here".to_owned()), (Style::Bad, "bad".to_owned())]], false);
    assert!(drawn.contains("\x1b[0;7mhere") && drawn.contains("\x1b[0;0mbad"), "{drawn:?}");
}
