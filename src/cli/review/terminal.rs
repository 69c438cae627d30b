//! A review in a terminal: what is drawn and what keys do is the review's, the terminal is crossterm's.

use super::{Desk, Failed, fail};
use crate::cli::debug;
use crate::replay::review::Review;
use crate::replay::review::screen::{ansi, draw};
use crate::replay::review::view::{Act, Press, View};
use crossterm::cursor::{Hide, Show};
use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, read};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size};
use std::io::{Write, stdout};
use std::path::Path;

pub fn review(review: &mut Review, desk: &Desk, flows: &Path) -> Result<(), Failed> {
    let mut view = View::default();
    let end = {
        let mut screen = Some(Screen::take().map_err(fail)?);
        loop {
            let (wide, high) = size().map_err(fail)?;
            let lines = draw(&view, review, &|flow| desk.quotes.get(flow).cloned(), (wide.into(), high.into()));
            let colours = std::env::var_os("NO_COLOR").is_none();
            stdout().write_all(ansi(&lines, colours).as_bytes()).and_then(|()| stdout().flush()).map_err(fail)?;
            let Some(press) = press(&read().map_err(fail)?) else { continue };
            match view.press(press, review) {
                Act::None => {}
                Act::End { write } => break write,
                Act::Answer { group, text } => {
                    let told = review.answer(group, &text, |flow, fixture| desk.again(flow, fixture));
                    view.told = told.unwrap_or_else(|why| why);
                }
                Act::Debug(case) => {
                    // The debugger has the terminal line by line.
                    drop(screen.take());
                    let case = &review.cases[case];
                    println!("{}  (q: back to the review)", case.name);
                    view.told = match &case.fixture {
                        None => "this recording cannot be read: there is nothing to debug".to_owned(),
                        Some(fixture) => match debug::session(fixture.as_ref().clone(), flows) {
                            Ok(session) if session.reloaded => {
                                "the flow was edited: this review is of the flow as it was when it began".to_owned()
                            }
                            Ok(_) => String::new(),
                            Err(why) => why,
                        },
                    };
                    screen = Some(Screen::take().map_err(fail)?);
                }
            }
        }
    };
    if end {
        desk.write(review)?;
    }
    // As without a terminal: done is what has nothing left to decide, and is written.
    if review.undecided() == 0 && (end || review.writes().is_empty()) { Ok(()) } else { Err(Failed) }
}

/// The terminal as a screen, until this is dropped.
struct Screen;

impl Screen {
    fn take() -> std::io::Result<Screen> {
        enable_raw_mode()?;
        let screen = Screen;
        execute!(stdout(), EnterAlternateScreen, Hide)?;
        Ok(screen)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone has nothing to be put back.
        let _ = execute!(stdout(), Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
    }
}

fn press(event: &Event) -> Option<Press> {
    let Event::Key(key) = event else { return None };
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(match key.code {
        KeyCode::Up => Press::Up,
        KeyCode::Down => Press::Down,
        KeyCode::PageUp => Press::PageUp,
        KeyCode::PageDown => Press::PageDown,
        KeyCode::Home => Press::Home,
        KeyCode::End => Press::End,
        KeyCode::Enter => Press::Enter,
        KeyCode::Esc => Press::Escape,
        KeyCode::Backspace => Press::Backspace,
        // Ctrl-C asks as `q` does, and while it is asked ends without writing.
        KeyCode::Char('c') if control => Press::Interrupt,
        KeyCode::Char(typed) if !control => Press::Char(typed),
        _ => return None,
    })
}
