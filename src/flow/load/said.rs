//! The prompts that a flow names, and what each may read out where it is heard.

use super::Loading;
use crate::audio::spoken::{self, Reading};
use crate::context::Class;
use crate::flow::fact::Kind;
use crate::flow::model::Use;
use crate::flow::prompts::{Form, NOT_GIVEN, Placeholder, Prompt, value_prompt};
use crate::yaml::{Node, Word};

/// Digits of a card's number that are not read beside those that are, at least.
const LEFT_UNREAD: usize = 4;

/// Who hears a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hearer {
    /// The caller; perhaps others in the room.
    Caller,
    /// The caller, who waits in a line of ours.
    Waiting,
    /// The agent, alone. Which destination may hear what is a caller's own is decided when it is called.
    Agent,
}

impl Loading<'_> {
    /// A prompt that reads nothing out.
    pub fn prompt(&mut self, node: &Node) -> Option<Word> {
        let word = self.any_prompt(node)?;
        self.placeholders(&word)?;
        if self.prompts.first().prompt(&word.text)?.reads() {
            let message = format!("prompt `{}` reads a value out", word.text);
            self.faults.error("value-spoken", word.span, message).remedy(
                "a value is read in the `confirm:` prompt of its fact, in a `whisper:`, and by `say:` if it is public or \
                 masked as {card.last4}",
            );
            return None;
        }
        self.in_every_language(&word);
        Some(word)
    }

    /// The prompt of a `say:`: what it reads is public, or masked.
    pub fn saying(&mut self, word: &Word) -> Option<Word> {
        let word = self.known_prompt(word)?;
        self.reading_out(word, Hearer::Caller)
    }

    /// The prompt that those hear who wait in a line: as `saying`, and of the line.
    pub fn announcement(&mut self, node: &Node) -> Option<Word> {
        let word = self.any_prompt(node)?;
        self.reading_out(word, Hearer::Waiting)
    }

    /// The prompt that an agent hears before the caller: it reads entries that an agent may have.
    pub fn whisper(&mut self, node: &Node) -> Option<Word> {
        let word = self.any_prompt(node)?;
        self.reading_out(word, Hearer::Agent)
    }

    /// The prompt that reads a fact back to who gave it: that fact, and no other, in every language.
    pub fn readback(&mut self, node: &Node, fact: &str, kind: &Kind, class: Class) -> Option<Word> {
        let word = self.any_prompt(node)?;
        let placeholders = self.placeholders(&word)?;
        let remedy = match class {
            Class::Pci => format!("write `{{{fact}.last4}}` in its text"),
            Class::Public | Class::Pii | Class::Secret => format!("write `{{{fact}}}` in its text"),
        };
        let at = self.facts.position(fact);
        let other = placeholders.iter().find(|p| self.spoken(&p.name) != at || p.not_given);
        if let Some(other) = other.map(|other| format!("{{{}{}}}", other.name, if other.not_given { "?" } else { "" }))
        {
            let message = format!("prompt `{}` confirms `{fact}` and speaks `{other}`", word.text);
            self.faults.error("value-spoken", word.span, message).remedy(remedy);
            return None;
        }
        if self.of_the_line(&word, Hearer::Caller) {
            return None;
        }
        if placeholders.is_empty() {
            let message = format!("prompt `{}` confirms `{fact}` without reading it", word.text);
            self.faults.error("not-read", word.span, message).remedy(remedy);
            return None;
        }
        let read = placeholders.iter().all(|placeholder| {
            self.may_be_read(&word, placeholder, class, kind) && self.can_be_read(&word, placeholder, kind)
        });
        if read {
            self.in_every_language(&word);
        }
        read.then_some(word)
    }

    fn reading_out(&mut self, word: Word, hearer: Hearer) -> Option<Word> {
        if self.of_the_line(&word, hearer) {
            return None;
        }
        for placeholder in self.placeholders(&word)? {
            let Some(question) = self.spoken(&placeholder.name).and_then(|fact| self.facts.get(fact)) else { continue };
            let (class, kind) = (question.class, question.kind.clone());
            if hearer == Hearer::Agent && matches!(kind, Kind::Recording { .. }) {
                let message = format!("prompt `{}` plays the recording `{}` to an agent", word.text, placeholder.name);
                self.faults
                    .error("value-spoken", word.span, message)
                    .remedy("it is played to its caller in its `confirm:`, and to others by `announce:`");
                return None;
            }
            if hearer != Hearer::Agent && class == Class::Pii && !matches!(placeholder.form, Form::Last(_)) {
                let name = &placeholder.name;
                let message = format!("prompt `{}` speaks `{{{name}}}`, which is pii", word.text);
                self.faults.error("value-spoken", word.span, message).remedy(
                    "it is read to its caller in its `confirm:` prompt, and to an agent in a `whisper:`; or mask it: {phone.last4}",
                );
                return None;
            }
            let read =
                self.may_be_read(&word, &placeholder, class, &kind) && self.can_be_read(&word, &placeholder, &kind);
            if !read {
                return None;
            }
            if placeholder.not_given {
                self.speaks(NOT_GIVEN, &word);
            }
        }
        self.in_every_language(&word);
        Some(word)
    }

    /// Whether the prompt tells of a line where nobody waits in one, and nothing can be told; that is reported.
    fn of_the_line(&mut self, word: &Word, hearer: Hearer) -> bool {
        if !self.prompts.first().prompt(&word.text).is_some_and(Prompt::reads_queue) {
            return false;
        }
        if hearer == Hearer::Waiting {
            self.readings.push((Reading::Number, word.clone()));
            return false;
        }
        let message = format!("prompt `{}` tells of a line, and nobody waits in one here", word.text);
        self.faults
            .error("value-spoken", word.span, message)
            .remedy("{queue.position} is for those who wait in a line of ours");
        true
    }

    /// Of a card's number the last digits only, and of a secret nothing.
    fn may_be_read(&mut self, word: &Word, placeholder: &Placeholder, class: Class, kind: &Kind) -> bool {
        let unread = match placeholder.form {
            Form::Last(count) => kind.least_length() >= count + LEFT_UNREAD,
            Form::Whole | Form::Weekday => false,
        };
        let remedy = match class {
            Class::Public | Class::Pii => return true,
            Class::Pci if unread => return true,
            Class::Pci => "its last digits may be read, {card.last4}, if it has at least four more",
            Class::Secret => "take it out of the prompt",
        };
        let (name, class) = (&placeholder.name, format!("{class:?}").to_lowercase());
        let message = format!("prompt `{}` speaks `{{{name}}}`, which is {class}: it is never spoken", word.text);
        self.faults.error("secret-spoken", word.span, message).remedy(remedy);
        false
    }

    /// Whether there are words for a value in every language; they are needed then.
    fn can_be_read(&mut self, word: &Word, placeholder: &Placeholder, kind: &Kind) -> bool {
        let name = &placeholder.name;
        let reading = match (placeholder.form, kind.reading(), kind) {
            (Form::Last(_), _, Kind::Digits { .. } | Kind::Phone) => Reading::Digits,
            (Form::Last(_), ..) => {
                let message = format!("prompt `{}` speaks the last digits of `{name}`, which has none", word.text);
                self.faults
                    .error("value-spoken", word.span, message)
                    .remedy("only `digits` and `phone` have last digits");
                return false;
            }
            (Form::Weekday, Some(Reading::Date { .. }), _) => Reading::Date { weekday: true },
            (Form::Weekday, ..) => {
                let message = format!("prompt `{}` speaks a day of the week, and `{name}` is no date", word.text);
                let remedy = format!("write `{{{name}}}` in its text");
                self.faults.error("value-spoken", word.span, message).remedy(remedy);
                return false;
            }
            (Form::Whole, Some(reading), _) => reading,
            // Its sound is there as soon as it has a value.
            (Form::Whole, None, Kind::Recording { .. }) => return true,
            (Form::Whole, None, kind) if kind.named_values().next().is_none() => {
                let message = format!("prompt `{}` speaks `{{{name}}}`, of a type that nobody can read", word.text);
                self.faults.error("not-spoken", word.span, message).remedy("speak it nowhere");
                return false;
            }
            (Form::Whole, None, _) => {
                let unsaid = kind.named_values().filter(|value| !self.speaks(&value_prompt(name, value), word));
                return unsaid.count() == 0;
            }
        };
        let whole = self.prompts.books().filter(|book| book.is_whole());
        for language in whole.map(|book| book.language.as_str()) {
            if spoken::vocabulary(language, reading).is_none() {
                let known = spoken::languages().collect::<Vec<_>>().join(", ");
                let message = format!("nobody taught us to read a value of type {} in `{language}`", reading.name());
                self.faults.error("not-spoken", word.span, message).remedy(format!(
                    "languages with words for it: {known}; or speak it nowhere, or make the fact one of type digits"
                ));
            }
        }
        self.readings.push((reading, word.clone()));
        true
    }

    /// A prompt that another one needs: it is there in every language, and reads nothing.
    fn speaks(&mut self, id: &str, needed_by: &Word) -> bool {
        let needed = Word { text: id.to_owned(), span: needed_by.span };
        match self.prompts.first().prompt(id) {
            Some(prompt) if !prompt.reads() => {}
            Some(_) => {
                let message = format!("prompt `{id}`, which is a part of `{}`, reads a value itself", needed_by.text);
                self.faults.error("value-spoken", needed_by.span, message).remedy("write plain text for it");
                return false;
            }
            None => {
                let message = format!("prompt `{}` needs a prompt `{id}`, and there is none", needed_by.text);
                let remedy = format!("add it to the catalogue of each language: `{id}: …`");
                self.faults.error("no-wording", needed_by.span, message).remedy(remedy);
                return false;
            }
        }
        self.used(&needed);
        self.in_every_language(&needed);
        true
    }

    fn any_prompt(&mut self, node: &Node) -> Option<Word> {
        let word = node.word("a prompt id", &mut self.faults)?;
        self.known_prompt(&word)
    }

    fn known_prompt(&mut self, word: &Word) -> Option<Word> {
        let first = self.prompts.first();
        if first.prompt(&word.text).is_none() {
            if first.is_sure_of(&word.text) {
                self.faults.unknown("prompt", word, first.ids());
            }
            return None;
        }
        self.used(word);
        Some(word.clone())
    }

    fn used(&mut self, id: &Word) {
        self.uses.push(Use { prompt: id.text.clone(), place: self.place.clone() });
    }

    /// A prompt is in every language, and speaks the same values there.
    fn in_every_language(&mut self, id: &Word) {
        let prompts = self.prompts;
        let Some(prompt) = prompts.first().prompt(&id.text) else { return };
        for book in prompts.books().skip(1).filter(|book| book.is_sure_of(&id.text)) {
            let language = &book.language;
            let message = match book.prompt(&id.text) {
                None => format!("prompt `{}` is missing in `{language}`", id.text),
                Some(other) if other.values() != prompt.values() => {
                    format!("prompt `{}` speaks other values in `{language}`", id.text)
                }
                Some(_) => continue,
            };
            if self.lacking.insert((id.text.clone(), language.clone())) {
                let remedy = format!("its text is: {}", prompt.text);
                self.faults.error("not-in-language", id.span, message).remedy(remedy);
            }
        }
    }

    /// The placeholders of a prompt; `None`: one of them names no fact, which is reported.
    fn placeholders(&mut self, prompt: &Word) -> Option<Vec<Placeholder>> {
        let (mut found, mut known) = (Vec::new(), true);
        for placeholder in self.prompts.first().prompt(&prompt.text).into_iter().flat_map(Prompt::facts) {
            if self.spoken(&placeholder.name).is_some() {
                found.push(placeholder.clone());
                continue;
            }
            known = false;
            let word = Word { text: placeholder.name.clone(), span: prompt.span };
            self.faults.unknown("fact", &word, self.facts.names());
        }
        known.then_some(found)
    }
}

#[cfg(test)]
mod tests;
